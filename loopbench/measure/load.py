"""Locust as a subprocess: its command, its progress, its end. Importing it here would patch our own sockets."""

import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from loopbench.errors import GeneratorError
from loopbench.measure import environment
from loopbench.measure.log_tail import log_tail
from loopbench.measure.supervise import Supervised, describe_exit
from loopbench.records import load_order
from loopbench.records.session import LOAD_ORDER_FILE, LOCUST_CSV_PREFIX, LOCUST_LOG, samples_file
from loopbench.records.tail import LiveView, SampleTail

LOCUSTFILE = Path(__file__).resolve().parents[2] / "locustfiles" / "bench.py"
POLL_S = 0.1
GRACE_S = 2.0
OVERDUE_S = 30.0
"""A generator that runs this much longer than its phases and its drain together is hung."""


class Load(AbstractContextManager["Load"]):
    """One run's Locust. Enter to start it, `watch` it to its end; leaving kills what is left."""

    def __init__(self, order: load_order.LoadOrder, folder: Path, *, drain_s: float, cpus: tuple[int, ...]) -> None:
        load_order.write_order(order, folder / LOAD_ORDER_FILE)
        self._folder = folder
        self._drain_s = drain_s
        self._ramp_s = (order.users - 1) / order.spawn_rate
        self._limit_s = order.warmup_s + self._ramp_s + order.hold_s + drain_s + OVERDUE_S
        self._tail = SampleTail(folder / samples_file(0))
        self._process = Supervised(
            command(folder, drain_s),
            env=environment.for_generator({load_order.PATH_VARIABLE: str((folder / LOAD_ORDER_FILE).resolve())}),
            cwd=folder,  # ours: a json.py or a [tool.locust] in the user's folder must not be found
            log=folder / LOCUST_LOG,
            cpus=cpus,
        )

    def __exit__(self, *_: object) -> None:
        self._process.stop(GRACE_S)  # when it has not ended by itself: what it has recorded is written

    @property
    def command(self) -> tuple[str, ...]:
        """Its command line."""
        return self._process.command

    def watch(self, between: Callable[[LiveView], None]) -> str:
        """Wait for the end, calling `between` ten times a second. Returns how it ended, in words.

        Raises:
            GeneratorError: Locust failed, hung, or left no samples.
        """
        deadline = time.monotonic() + self._limit_s
        while self._process.exit_code is None:
            if time.monotonic() > deadline:
                raise self._failed(f"Locust was still running {OVERDUE_S:g} s after its load should have ended", "hung")
            between(self._tail.read())
            time.sleep(POLL_S)
        code, view = self._process.exit_code, self._tail.read()
        if code != 0:
            raise self._failed(f"Locust failed ({describe_exit(code)})", "failed")
        if not view.closed:
            raise self._failed("Locust ended without closing its record", "torn")
        if view.samples == 0:
            raise self._failed("Locust ended without having sent a request", "no-samples")
        return describe_exit(code)

    def _failed(self, what: str, slug: str) -> GeneratorError:
        return GeneratorError(
            what,
            slug=f"generator-{slug}",
            where=" ".join(self.command[:3]),
            hints=("read locust.log in the run's folder", "run the scenario again"),
            detail=log_tail(self._folder / LOCUST_LOG),
        )


def command(folder: Path, drain_s: float) -> list[str]:
    """Locust's command line; everything that a variable or a file could set is given explicitly."""
    return [
        sys.executable,
        "-P",  # the working directory is no place to import from
        "-m",
        "locust",
        "--locustfile",
        str(LOCUSTFILE),
        "--headless",
        "--csv",
        str((folder / LOCUST_CSV_PREFIX).resolve()),
        "--csv-full-history",
        "--only-summary",
        "--stop-timeout",
        f"{drain_s:g}",  # its default of 0 drops what is in flight, and what is in flight is the slowest
        "--exit-code-on-error",
        "0",  # failed requests are counted and judged, they are no failure of Locust
        "--loglevel",
        "INFO",
    ]
