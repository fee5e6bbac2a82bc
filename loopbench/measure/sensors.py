"""Writes once a second what target, generator and machine used, into `sensors.csv`.

It is a thread of the harness and shares the processors with what it measures: `docs/sensors.md` gives its cost.
`records.sensors` owns the format; the judge interprets the numbers.
"""

import threading
import time
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Final, Self, TextIO

from loopbench.errors import EnvironmentRefusedError
from loopbench.measure.kernel_files import KernelFiles
from loopbench.measure.machine_use import Attributed, MachineMeter
from loopbench.measure.process_use import Pids, ProcessMeter
from loopbench.records.sensors import (
    HEADER,
    UNOBSERVABLE_FILE,
    SensorRow,
    write_row,
    write_unobservable,
)

INTERVAL_S: Final = 1.0


class Sensors(AbstractContextManager["Sensors"]):
    """Samples from entering to leaving. The last row covers the rest of its second.

    Args:
        path: the `sensors.csv` to write; `sensors.json` comes beside it at the end.
        target_pids: supervised processes of the target; everything below them belongs to it. Called every second.
        generator_pids: the same of the generator. It may start later and end earlier.
        serving_pids: the target's processes that run an event loop; None: any of them may.
        service_pids: supervised processes of services the scenario needs (a database).
        files: where the kernel's files are.
        interval_s: seconds between rows.
    """

    def __init__(  # noqa: PLR0913  the two sides, the services, and what a test replaces
        self,
        path: Path,
        *,
        target_pids: Pids,
        generator_pids: Pids,
        serving_pids: Pids | None = None,
        service_pids: Pids = tuple,
        files: KernelFiles = KernelFiles(),  # noqa: B008  immutable
        interval_s: float = INTERVAL_S,
    ) -> None:
        self._path = path
        self._files = files
        self._target = ProcessMeter(files, target_pids, serving_pids)
        self._generator = ProcessMeter(files, generator_pids)
        self._services = ProcessMeter(files, service_pids)
        self._machine = MachineMeter(files)
        self._interval_s = interval_s
        self._last_s = time.monotonic()
        self._ended = threading.Event()
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="loopbench-sensors", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._ended.set()
        self._thread.join()
        if error is None and self._failure is not None:
            raise EnvironmentRefusedError(
                f"the sensors of a run ended early: {self._failure}",
                slug="sensors",
                where=str(self._path),
                hints=("check the free space where the results go",),
            ) from self._failure

    def read(self) -> SensorRow:
        """Returns the row since the last one."""
        now_s = time.monotonic()
        wall_s, self._last_s = now_s - self._last_s, now_s
        alive = self._files.pids()
        target, generator = self._target.read(alive), self._generator.read(alive)
        services_cpu_s = self._services.read(alive).cpu_s
        meters = (self._target, self._generator, self._services)
        attributed = Attributed(
            cpu_s=(target.cpu_s or 0.0) + (generator.cpu_s or 0.0) + (services_cpu_s or 0.0),
            services_cpu_s=services_cpu_s,
            pids=frozenset().union(*(meter.pids for meter in meters)),
        )
        return SensorRow(now_s, wall_s, target, generator, self._machine.read(wall_s, attributed, alive))

    @property
    def unobservable(self) -> dict[str, str]:
        """Why cells have been empty so far, by column."""
        meters = (
            ("target", self._target.unobservable),
            ("generator", self._generator.unobservable),
            ("machine", self._machine.unobservable),
        )
        of_meters = {f"{group}_{column}": reason for group, reasons in meters for column, reason in reasons.items()}
        if "cpu_s" in self._services.unobservable:
            of_meters["machine_services_cpu_s"] = self._services.unobservable["cpu_s"]
        return of_meters

    def _run(self) -> None:
        try:
            with self._path.open("w", encoding="utf-8") as file:
                file.write(HEADER)
                self._write_rows(file)
            self._path.with_name(UNOBSERVABLE_FILE).write_text(write_unobservable(self.unobservable), encoding="utf-8")
        except Exception as failure:  # noqa: BLE001  raised again on leaving, in the thread that can act on it
            self._failure = failure

    def _write_rows(self, file: TextIO) -> None:
        due_s = self._last_s
        ended = False
        while not ended:
            due_s = max(due_s, time.monotonic() - self._interval_s / 2) + self._interval_s  # late once: no short row
            ended = self._ended.wait(due_s - time.monotonic())
            file.write(write_row(self.read()))
            file.flush()
