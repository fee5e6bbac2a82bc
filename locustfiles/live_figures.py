"""The figures of the web UI's tab: one row a second about the users' answers and the target's event loop.

A separate greenlet adds the rows whether or not a page is open. A page opened late can show the past, and a page that
asks often costs only the copying.
"""

import time
from collections import deque
from pathlib import Path
from typing import Any, Final, NamedTuple

import gevent
from locust.env import Environment

from loopbench.locustfiles.loop_now import AnswerCounts, LoopNow
from loopbench.locustfiles.start_form import StartForm
from loopbench.records.probe_tail import ProbeTail

TICK_S: Final = 1.0
KEPT_ROWS: Final = 1800  # half an hour
KEPT_LOADS: Final = 50


class Row(NamedTuple):
    """One second. None: not measured, or there was nothing to measure."""

    at_s: float  # since the UI began
    load: int  # number of the current load, from 1; 0: none yet
    users: int
    good_rps: float | None  # good answers per second
    failed_rps: float | None
    utilization: float | None  # of the busiest loop
    anyio_borrowed: float | None  # sum over all processes, as are the next four
    anyio_total: float | None
    anyio_waiting: float | None
    executor_queue: float | None
    executor_threads: float | None
    blocked: float | None  # share of the time in which the most blocked loop was blocked


class Load(NamedTuple):
    """One press of the start button."""

    number: int
    variant: str


class LiveFigures:
    """The rows of the last half hour.

    Args:
        environment: Locust's environment.
        form: knows the variant of the current load.
        probe_folder: folder of the target's probe; None: the loop is not observed.
    """

    def __init__(self, environment: Environment, form: StartForm, probe_folder: str | None) -> None:
        self._environment = environment
        self._form = form
        self._tail = ProbeTail(Path(probe_folder)) if probe_folder else None
        self._loop = LoopNow()
        self._counts = AnswerCounts(time.perf_counter)
        self._rows: deque[Row] = deque(maxlen=KEPT_ROWS)
        self._loads: deque[Load] = deque(maxlen=KEPT_LOADS)
        self._made = self._begun = 0
        self._origin_s = time.perf_counter()
        environment.events.test_start.add_listener(self._begin)
        self._making = gevent.spawn(self._make_rows)

    def since(self, seen: int) -> dict[str, Any]:
        """Return what is new to a page that has seen `seen` rows; everything if there are fewer rows than that.

        Returns:
            `made`: number of rows ever added; `rows`: the new rows, lists in the order of `columns`; `loads`; `lines`.
        """
        new = self._made - seen if 0 <= seen <= self._made else self._made
        rows = list(self._rows)[-new:] if new else []
        return {
            "made": self._made,
            "columns": Row._fields,
            "rows": rows,
            "loads": [load._asdict() for load in self._loads],
            "lines": self._loop.lines(),
        }

    def tick(self) -> None:
        """Add one row."""
        runner = self._environment.runner
        assert runner is not None
        if self._tail is not None:
            self._loop.take(self._tail.read())
        total = runner.stats.total
        good_rps, failed_rps = self._counts.rates(total.num_requests, total.num_failures)
        at_s = round(time.perf_counter() - self._origin_s, 2)
        figures = [None if figure is None else round(figure, 3) for figure in self._loop.figures()]
        self._rows.append(Row(at_s, self._begun, runner.user_count, good_rps, failed_rps, *figures))
        self._made += 1

    def _make_rows(self) -> None:
        while True:
            gevent.sleep(TICK_S)
            self.tick()

    def _begin(self, **_: Any) -> None:
        self._begun += 1
        self._counts.begin()
        self._loads.append(Load(self._begun, self._form.variant))
