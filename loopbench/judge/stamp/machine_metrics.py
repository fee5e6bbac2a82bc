"""What the sensors and the canary say of the machine during a run, for the stamp.

The sensors' clock and the generator's are one: seconds after the generator's origin become the host's monotonic time
by adding that origin. Only rows that lie in a stretch by more than half count for it.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from loopbench.judge.run.load_view import NO_WINDOW
from loopbench.judge.stamp.metrics import Measured, Metric, NotApplicable, NotObservable
from loopbench.records.sensors import ProcessUse, SensorRow
from loopbench.records.session import Phase

STEAL_ROWS = 5
"""One a second: five seconds, the shortest stretch in which a host's ticks say something."""
NO_ROWS = "the sensors have no row in it"

Read = Callable[[SensorRow], float | None]


@dataclass(frozen=True)
class MachineView:
    """What was seen of the machine in one run.

    Args:
        rows: of the sensors, in order; None when there are none.
        unobservable: sensor column to the reason why its cells are empty.
        origin_s: of the generator, on the host's monotonic clock.
        shown: stretches that become figures, seconds after the origin.
        loaded: stretches under load, arrivals and drain included.
        canaries_s: fixed work before and after the run, seconds; None where it was not done.
        canary_median_s: of the session; None when nothing is known.
        canary_scatter: how far the session's canaries usually stray from it (0.05: 5 %).
    """

    rows: tuple[SensorRow, ...] | None
    unobservable: Mapping[str, str]
    origin_s: float
    shown: tuple[Phase, ...]
    loaded: tuple[Phase, ...]
    canaries_s: tuple[float | None, ...]
    canary_median_s: float | None
    canary_scatter: float

    def within(self, phases: Sequence[Phase]) -> list[SensorRow]:
        """Rows that lie in one of these stretches by more than half."""
        return [row for row in self.rows or () if any(_inside(row, phase, self.origin_s) for phase in phases)]


def machine_metrics(view: MachineView) -> dict[str, Metric]:
    """Figures of `RunMetrics` by name; None (not measured) for all of the sensors' when they left no file."""
    return {
        "canary_deviation": _canary_deviation(view),
        **({} if view.rows is None else _sensed(view)),
    }


def _sensed(view: MachineView) -> dict[str, Metric]:
    shown, loaded = view.within(view.shown), view.within(view.loaded)
    return {
        "steal_share": _steal_share(view, shown),
        "foreign_cpu_share": _share_of_cpu(view, shown, "machine_foreign_cpu_s", lambda row: row.machine.foreign_cpu_s),
        "throttled_periods": _total(
            view, loaded, {"machine_throttled_periods": lambda row: row.machine.throttled_periods}
        ),
        "run_queue_share": _run_queue_share(view, shown),
        "listen_drops": _total(
            view,
            loaded,
            {
                "machine_listen_overflows": lambda row: row.machine.listen_overflows,
                "machine_listen_drops": lambda row: row.machine.listen_drops,
            },
        ),
        "dirty_share": _dirty_share(view, loaded),
    }


def _canary_deviation(view: MachineView) -> Metric:
    known = [canary_s for canary_s in view.canaries_s if canary_s]
    if not known or not view.canary_median_s:
        return None
    worst_s = max(known, key=lambda canary_s: abs(canary_s / view.canary_median_s - 1) if view.canary_median_s else 0)
    detail = f"{1000 * worst_s:.3g} ms against {1000 * view.canary_median_s:.3g} +-{100 * view.canary_scatter:.2g} %"
    return Measured(max(0.0, abs(worst_s / view.canary_median_s - 1) - view.canary_scatter), detail)


def _steal_share(view: MachineView, rows: list[SensorRow]) -> Metric:
    """Of all processor-seconds there were, in the worst `STEAL_ROWS` rows in a row (or in all, if there are fewer)."""
    pairs = [(row.machine.steal_s, row.machine.cpu_total_s) for row in rows]
    known = [(steal_s, total_s) for steal_s, total_s in pairs if steal_s is not None and total_s]
    if not known:
        return _unseen(view, rows, "machine_steal_s")
    stretches = [known[first : first + STEAL_ROWS] for first in range(max(1, len(known) - STEAL_ROWS + 1))]
    return Measured(max(_ratio(stretch) for stretch in stretches))


def _share_of_cpu(view: MachineView, rows: list[SensorRow], column: str, read: Read) -> Metric:
    pairs = [(read(row), row.machine.cpu_total_s) for row in rows]
    known = [(spent_s, total_s) for spent_s, total_s in pairs if spent_s is not None and total_s]
    if not known:
        return _unseen(view, rows, column)
    return Measured(_ratio(known))


def _total(view: MachineView, rows: list[SensorRow], columns: Mapping[str, Read]) -> Metric:
    """The largest of these counters' sums (the kernel counts an overflow among the drops as well)."""
    sums = {name: [value for row in rows if (value := read(row)) is not None] for name, read in columns.items()}
    seen = {name: sum(values) for name, values in sums.items() if values}
    if not seen:
        return _unseen(view, rows, next(iter(columns)))
    return Measured(max(seen.values()))


def _run_queue_share(view: MachineView, rows: list[SensorRow]) -> Metric:
    """Of the target's loop thread and of the generator's, the one that was kept waiting longer."""
    sides: dict[str, Read] = {
        "target": lambda row: _kept_waiting_s(row.target),
        "generator": lambda row: _kept_waiting_s(row.generator),
    }
    shares = {}
    for side, read in sides.items():
        known = [(delay_s, row.wall_s) for row in rows if (delay_s := read(row)) is not None]
        if not known:
            return _unseen(view, rows, f"{side}_run_queue_delay_s")
        shares[side] = _ratio(known)
    worst = max(shares, key=lambda side: shares[side])
    return Measured(shares[worst], worst)


def _kept_waiting_s(use: ProcessUse) -> float | None:
    """Seconds the loop's thread was ready and somebody else's work had its processor.

    While threads and workers of its own side ran, it may have waited for them: that is the variant's doing, and what
    the measurement is about. So much is taken off, and what is left must have been others.
    """
    if use.run_queue_delay_s is None:
        return None
    own_s = max(0.0, (use.cpu_s or 0.0) - (use.loop_cpu_s or 0.0))
    return max(0.0, use.run_queue_delay_s - own_s)


def _dirty_share(view: MachineView, rows: list[SensorRow]) -> Metric:
    pairs = [(row.machine.dirty_bytes, row.machine.dirty_background_threshold_bytes) for row in rows]
    known = [dirty / threshold for dirty, threshold in pairs if dirty is not None and threshold]
    return Measured(max(known)) if known else _unseen(view, rows, "machine_dirty_bytes")


def _ratio(pairs: Sequence[tuple[float, float]]) -> float:
    return sum(part for part, _ in pairs) / sum(whole for _, whole in pairs)


def _unseen(view: MachineView, rows: list[SensorRow], column: str) -> Metric:
    """Not observable if the sensors say why, else not measured."""
    if not view.shown:
        return NotApplicable(NO_WINDOW)
    if not rows:
        return Measured(math.nan, NO_ROWS)
    reason = view.unobservable.get(column)
    return None if reason is None else NotObservable(reason)


def _inside(row: SensorRow, phase: Phase, origin_s: float) -> bool:
    start_s, end_s = row.t_s - row.wall_s, row.t_s
    overlap_s = min(end_s, origin_s + phase.end_s) - max(start_s, origin_s + phase.start_s)
    return overlap_s > row.wall_s / 2
