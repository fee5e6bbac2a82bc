"""What the sensors and the canary show of the machine during a run, for the stamp.

The sensors' clock and the generator's are one: seconds after the generator's origin become the host's monotonic time
by adding that origin.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from statistics import median
from typing import Final

from loopbench.judge.run.run import NO_WINDOW, Run
from loopbench.judge.stamp.canaries import Canaries, canaries_of
from loopbench.judge.stamp.metrics import Measured, Metric, NotApplicable, NotObservable
from loopbench.records.samples import PHASE_WARMUP
from loopbench.records.sensors import ProcessUse, SensorRow
from loopbench.records.session import Phase, RunRecord

STEAL_ROWS: Final = 5  # one a second: five seconds, the shortest stretch in which a host's ticks say something
EVERYTHING: Final = (Phase("all", -math.inf, math.inf),)
NO_ROWS: Final = "the sensors have no row in it"

Rows = list[SensorRow]
Figure = Measured | str  # a figure, or the sensors' column in which no row has a value


def machine_metrics(run: Run, canaries: Canaries, usual_delay: float, *, remote: bool) -> dict[str, Metric]:
    """Figures by name; None (not measured) for all of the sensors' when they left no file.

    Args:
        run: the run.
        canaries: of the session; for its first run there are none, and its own two are compared with each other.
        usual_delay: `usual_delay` of the session.
        remote: the generators' clocks are not the sensors', so every row counts.
    """
    deviation = {"canary_deviation": _canary_deviation(run.record, canaries)}
    if run.sensors is None or run.origin_s is None:  # without an origin no row has a place in the run
        return deviation
    shown = EVERYTHING if remote else run.shown
    loaded = EVERYTHING if remote else tuple(each for each in run.record.phases if each.name != PHASE_WARMUP)
    return deviation | {
        "steal_share": _figure(run, shown, _steal_share),
        "foreign_cpu_share": _figure(run, shown, _foreign_cpu_share),
        "run_queue_share": _beyond(_figure(run, shown, partial(_target_delay, run)), usual_delay),
        "generator_busy_share": _figure(run, shown, _generator_busy_share),
        "generator_queue_share": _figure(run, shown, _generator_delay),
        "throttled_periods": _figure(run, loaded, _throttled_periods, shown),
        "listen_drops": _figure(run, loaded, _listen_drops, shown),
        "dirty_share": _figure(run, loaded, _dirty_share, shown),
    }


SCATTER: Final = 1.5
"""Times the usual delay: on a busy machine it differs from run to run (69 % were seen where 56 % were usual)."""


def usual_delay(runs: Iterable[Run], *, remote: bool) -> float:
    """The median share of time that others kept a run's target waiting (0 to 1); 0 of a single run.

    What reaches all variants alike is in the intervals: M3 reports it, and no single run is INVALID by it.
    """
    shares = [_target_delay(run, run.sensors_within(*(EVERYTHING if remote else run.shown))) for run in runs]
    known = [share.value for share in shares if isinstance(share, Measured)]
    return median(known) if len(known) > 1 else 0.0


def _beyond(share: Metric, usual: float) -> Metric:
    if not isinstance(share, Measured) or not usual:
        return share
    detail = f"{100 * share.value:.2g} % where the session's usual is {100 * usual:.2g} %"
    return Measured(max(0.0, share.value - SCATTER * usual), detail)


def _canary_deviation(record: RunRecord, canaries: Canaries) -> Metric:
    own_s = (record.canary_before_s, record.canary_after_s)
    known = [canary_s for canary_s in own_s if canary_s]
    median_s, scatter = canaries.median_s or canaries_of(own_s).median_s, canaries.scatter or 0.0
    if not known or not median_s:
        return None
    worst_s = max(known, key=lambda canary_s: abs(canary_s / median_s - 1))
    detail = f"{1000 * worst_s:.3g} ms against {1000 * median_s:.3g} +-{100 * scatter:.2g} %"
    return Measured(max(0.0, abs(worst_s / median_s - 1) - scatter), detail)


def _figure(
    run: Run, phases: Sequence[Phase], figure: Callable[[Rows], Figure], shown: Sequence[Phase] | None = None
) -> Metric:
    """A figure of the rows in some phases; without a value not observable if the sensors say why, else not measured."""
    rows = run.sensors_within(*phases)
    found = figure(rows)
    if isinstance(found, Measured):
        return found
    if not (phases if shown is None else shown):
        return NotApplicable(NO_WINDOW)
    if not rows:
        return NotApplicable(run.died) if run.died else Measured(math.nan, NO_ROWS)
    reason = run.unobservable.get(found)
    return None if reason is None else NotObservable(reason)


def _steal_share(rows: Rows) -> Figure:
    """Of all processor-seconds there were, in the worst `STEAL_ROWS` rows in a row (or in all, if there are fewer)."""
    known = _known((row.machine.steal_s, row.machine.cpu_total_s) for row in rows)
    if not known:
        return "machine_steal_s"
    stretches = [known[first : first + STEAL_ROWS] for first in range(max(1, len(known) - STEAL_ROWS + 1))]
    return Measured(max(_ratio(stretch) for stretch in stretches))


def _foreign_cpu_share(rows: Rows) -> Figure:
    known = _known((row.machine.foreign_cpu_s, row.machine.cpu_total_s) for row in rows)
    return Measured(_ratio(known)) if known else "machine_foreign_cpu_s"


def _throttled_periods(rows: Rows) -> Figure:
    known = [count for row in rows if (count := row.machine.throttled_periods) is not None]
    return Measured(sum(known)) if known else "machine_throttled_periods"


def _listen_drops(rows: Rows) -> Figure:
    """The larger of both counters' sums: the kernel counts an overflow among the drops as well."""
    counters = ([row.machine.listen_overflows for row in rows], [row.machine.listen_drops for row in rows])
    sums = [sum(known) for counts in counters if (known := [count for count in counts if count is not None])]
    return Measured(max(sums)) if sums else "machine_listen_overflows"


def _target_delay(run: Run, rows: Rows) -> Figure:
    """Of the target's loop thread, in the time in which its processes were not stopped."""
    known = _known((_kept_waiting_s(row.target, row.machine.services_cpu_s), run.awake_s(row)) for row in rows)
    return Measured(_ratio(known)) if known else "target_run_queue_delay_s"


def _generator_delay(rows: Rows) -> Figure:
    known = _known((_kept_waiting_s(row.generator), row.wall_s) for row in rows)
    return Measured(_ratio(known)) if known else "generator_run_queue_delay_s"


def _generator_busy_share(rows: Rows) -> Figure:
    """Of the busiest generator's loop: the share of time in which it computed, or was ready to and had no processor."""
    uses = ((row.generator, row.wall_s) for row in rows)
    known = _known((_sum(use.loop_cpu_s, use.run_queue_delay_s), wall_s) for use, wall_s in uses)
    return Measured(_ratio(known)) if known else "generator_run_queue_delay_s"


def _sum(*parts: float | None) -> float | None:
    known = [part for part in parts if part is not None]
    return sum(known) if len(known) == len(parts) else None


def _kept_waiting_s(use: ProcessUse, services_cpu_s: float | None = None) -> float | None:
    """Seconds the loop's thread was ready and somebody else's work had its processor.

    While threads, workers and services of its own side ran, it may have waited for them: that is the variant's doing,
    and what the measurement is about. So much is taken off, and what is left must have been others.
    """
    if use.run_queue_delay_s is None:
        return None
    own_s = max(0.0, (use.cpu_s or 0.0) - (use.loop_cpu_s or 0.0)) + (services_cpu_s or 0.0)
    return max(0.0, use.run_queue_delay_s - own_s)


def _dirty_share(rows: Rows) -> Figure:
    known = _known((row.machine.dirty_bytes, row.machine.dirty_background_threshold_bytes) for row in rows)
    return Measured(max(dirty / threshold for dirty, threshold in known)) if known else "machine_dirty_bytes"


def _known(pairs: Iterable[tuple[float | None, float | None]]) -> list[tuple[float, float]]:
    return [(part, whole) for part, whole in pairs if part is not None and whole]


def _ratio(pairs: Sequence[tuple[float, float]]) -> float:
    return sum(part for part, _ in pairs) / sum(whole for _, whole in pairs)
