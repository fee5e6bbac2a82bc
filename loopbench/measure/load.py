"""One run's load: Locust as subprocesses, its progress, its end. Importing it here would patch our own sockets."""

import dataclasses
import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Final

from loopbench.errors import GeneratorError
from loopbench.measure.generators import GeneratorLayout, GeneratorProcesses
from loopbench.measure.order import for_the_record
from loopbench.measure.supervise import describe_exit, log_tail
from loopbench.records import load_order
from loopbench.records.generators import WORKER_LATE
from loopbench.records.session import LOAD_ORDER_FILE, LOCUST_LOG, samples_file
from loopbench.records.tail import LiveView, SampleTails

POLL_S: Final = 0.1
OVERDUE_S: Final = 30.0
"""A generator that runs this much longer than its phases and its drain together is hung."""

NO_LOCUST: Final = "No module named locust"
LOCUST_WANTED: Final = "'locust>=2.47,<2.48'"  # as in pyproject.toml

ALONE: Final = GeneratorLayout()


class Load(AbstractContextManager["Load"]):
    """One run's Locust. Enter to start it, `watch` it to its end; leaving kills what is left."""

    def __init__(
        self,
        order: load_order.LoadOrder,
        folder: Path,
        *,
        drain_s: float,
        cpus: tuple[int, ...],
        layout: GeneratorLayout = ALONE,
    ) -> None:
        order = dataclasses.replace(order, generators=layout.total)
        load_order.write_order(for_the_record(order), folder / LOAD_ORDER_FILE)
        self._folder = folder
        self._layout = layout
        self._limit_s = layout.connect_s + _phases_s(order) + drain_s + OVERDUE_S
        self._tails = SampleTails([folder / samples_file(index) for index in range(layout.total)])
        with _in_memory(order) as order_file:
            self._processes = GeneratorProcesses(folder, order_file, drain_s, cpus, layout)

    def __exit__(self, *error: object) -> None:
        self._processes.__exit__(*error)

    @property
    def command(self) -> tuple[str, ...]:
        """Its command line; with several generators, the master's."""
        return self._processes.command

    @property
    def pids(self) -> tuple[int, ...]:
        """Roots of its process trees on this machine."""
        return self._processes.pids

    def watch(self, between: Callable[[LiveView], None]) -> str:
        """Wait for the end, calling `between` ten times a second. Returns how it ended, in words.

        Raises:
            GeneratorError: Locust failed, hung, lost a worker, or left no samples.
        """
        deadline = time.monotonic() + self._limit_s
        while self._processes.exit_code is None:
            if time.monotonic() > deadline:
                raise self._failed(f"Locust was still running {OVERDUE_S:g} s after its load should have ended", "hung")
            self._processes.tend()
            between(self._tails.read())
            time.sleep(POLL_S)
        code, view = self._processes.exit_code, self._tails.read()
        self._check_master(code)
        if code != 0:
            raise self._failed(f"Locust failed ({describe_exit(code)})", "failed")
        if not view.closed:
            raise self._failed("Locust ended without closing its record", "torn")
        if view.samples == 0:
            raise self._failed("Locust ended without having sent a request", "no-samples")
        return describe_exit(code)

    def _check_master(self, code: int) -> None:
        """Raise the reason that the master reported, or name the workers that did not connect."""
        known, layout = self._processes.known, self._layout
        if known is None:
            return
        if known.problem:
            raise self._failed(f"the run is INVALID: {known.problem}", known.problem_slug)
        if code != 0 and len(known.workers) < layout.total:
            came = f"{len(known.workers)} of {layout.total} workers came within {layout.connect_s} s"
            raise self._failed(came, WORKER_LATE, *self._how_to_bring_workers())

    def _how_to_bring_workers(self) -> tuple[str, ...]:
        if not self._layout.elsewhere:
            return ()
        return (
            f"on each machine: loopbench worker --master {self._layout.master_bind} --port {self._layout.master_port}",
        )

    def _failed(self, what: str, slug: str, *hints: str) -> GeneratorError:
        log = log_tail(self._folder / LOCUST_LOG)
        if NO_LOCUST in log:
            hints = (f"{self.command[0]} -m pip install {LOCUST_WANTED}", *hints)
        return GeneratorError(
            what,
            slug=f"generator-{slug}",
            where=" ".join(self.command[:3]),
            hints=(*hints, "read locust.log in the run's folder", "run the scenario again"),
            detail=log,
        )


@contextmanager
def _in_memory(order: load_order.LoadOrder) -> Iterator[int]:
    """Yield the load as an open file without a name: it may hold passwords and is never on a disk."""
    with os.fdopen(os.memfd_create("load-order"), "w+", encoding="utf-8") as file:
        file.write(load_order.order_text(order))
        file.flush()
        yield file.fileno()


def _phases_s(order: load_order.LoadOrder) -> float:
    """Returns how long the phases take together, without the drain."""
    windows_s = [level.hold_s for level in order.steps] or [order.hold_s]
    return order.warmup_s + order.ramp_s + len(windows_s) * order.settle_s + sum(windows_s)
