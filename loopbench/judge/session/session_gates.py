"""The gates of a scenario, judged from its session: rounds for what has an interval, the ramp for loop and lines.

Nothing is MET on what is not known. A run that is INVALID decides nothing. A figure that is only bounded (too few
answers, or some that never came) is decided from its bounds: it can break a limit, and keep one that it cannot reach.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from loopbench.judge.diagnosis.diagnosis import Diagnosis
from loopbench.judge.diagnosis.findings import LIMITS, MIN_SECONDS
from loopbench.judge.diagnosis.loop_figures import LoopFigures
from loopbench.judge.diagnosis.loop_lines import LoopLine, Owner
from loopbench.judge.rounds.plateau_run import PlateauRun
from loopbench.judge.rounds.rounds import FIGURES, NEVER_RUN, Rounds, places_of
from loopbench.judge.session.gates import NOT_SETTLED, OUTCOMES, SURE, GateAnswer, Outcome, region_of, subject_of
from loopbench.judge.session.run_report import RunReport
from loopbench.judge.stamp.stamp import Stamp
from loopbench.judge.statistics.bounds import unpaired
from loopbench.judge.statistics.comparisons import over_runs
from loopbench.judge.statistics.decision import decide
from loopbench.judge.statistics.intervals import Interval, TEstimate
from loopbench.judge.statistics.replicates import MissingRun, RunFigure
from loopbench.records.samples import PHASE_HOLD
from loopbench.scenario import Scenario
from loopbench.scenario import gates as figures
from loopbench.scenario.gates import Gate

NO_ROUNDS: Final = "there are no rounds, so no interval"
ONE_ROUND: Final = "one round has no spread, so no interval"
NO_BASELINE: Final = "no baseline session was given (--baseline DIR)"

SHARE_ERROR: Final = 0.01
"""To which the share of a blocked loop is known: the largest error of the utilization in docs/probe.md."""
LOOK_MS: Final = 5.0
"""Between two looks of the probe: to which it knows when a block began or ended, beside a loop that is busy."""
OVERDUE_MS: Final = 10.0  # the probe names no line for shorter steps
MAX_FACTS: Final = 4  # named of those in which two sessions differ


@dataclass(frozen=True)
class Baseline:
    """An earlier session that limits may be ratios to."""

    rounds: Rounds | None
    drift: float | None  # of the machine in between, as a logarithm; None: not known
    unlike: tuple[str, ...]  # facts besides the code in which it differs; empty also where that is wanted


@dataclass(frozen=True)
class GateFigure:
    """A gate's figure, as far as it is known."""

    interval: Interval | None = None
    value: float | None = None
    line: LoopLine | None = None
    doubt: str = ""  # why it is not known, or may be worse than it looks: such a gate is never MET
    note: str = ""  # a remark


def session_gates(
    scenario: Scenario, runs: Sequence[RunReport], rounds: Rounds | None, baseline: Baseline | None = None
) -> tuple[GateAnswer, ...]:
    """An answer to each gate under each variant it is about, in the scenario's order."""
    ramps = {run.variant.name: run for run in runs}
    return tuple(
        _answer(scenario, gate, variant.name, _gate_figure(gate, variant.name, ramps, rounds, baseline))
        for gate in scenario.expect
        for variant in scenario.variants
        if gate.variant in {None, variant.name}
    )


def _answer(scenario: Scenario, gate: Gate, variant: str, figure: GateFigure) -> GateAnswer:
    outcome = Outcome.CANNOT_TELL if figure.interval is None else OUTCOMES[decide(figure.interval, region_of(gate))]
    if figure.doubt and outcome is Outcome.MET:
        outcome = Outcome.CANNOT_TELL
    reason = figure.doubt or figure.note or (NOT_SETTLED if outcome is Outcome.CANNOT_TELL else "")
    subject = subject_of(gate, scenario, variant)
    return GateAnswer(gate, variant, outcome, subject, figure.value, figure.interval, reason, figure.line)


def _gate_figure(
    gate: Gate, variant: str, ramps: dict[str, RunReport], rounds: Rounds | None, baseline: Baseline | None
) -> GateFigure:
    if gate.figure in figures.FROM_ROUNDS:
        if rounds is None:
            return GateFigure(doubt=NO_ROUNDS)
        now, nothing = _over_runs(gate.figure, variant, rounds)
        return _against(baseline, gate, variant, now, nothing) if gate.of else _estimated(now, nothing)
    run = ramps.get(variant)
    if run is None:
        return GateFigure(doubt="there is no complete ramp run of it")
    return _from_ramp(gate, run, rounds) if run.is_valid else GateFigure(doubt=_invalid(run.stamp))


def _against(baseline: Baseline | None, gate: Gate, variant: str, now: TEstimate, nothing: str) -> GateFigure:
    if baseline is None:
        return GateFigure(doubt=NO_BASELINE)
    if baseline.unlike:
        more = f"; and {len(baseline.unlike) - MAX_FACTS} more" if len(baseline.unlike) > MAX_FACTS else ""
        facts = "; ".join(baseline.unlike[:MAX_FACTS])
        return GateFigure(doubt=f"the baseline session differs in more than the code: {facts}{more}")
    if baseline.rounds is None:
        return GateFigure(doubt="the baseline session has no rounds, so no interval")
    then, nothing_then = _over_runs(gate.figure, variant, baseline.rounds)
    of_then = nothing_then and f"in the baseline session: {nothing_then}"
    return _estimated(unpaired(now, then, baseline.drift or 0.0), nothing or of_then)


def _from_ramp(gate: Gate, run: RunReport, rounds: Rounds | None) -> GateFigure:
    if gate.figure == figures.FAILURES:
        return _failures(run, rounds)
    end = run.end_of(PHASE_HOLD)
    if end is None:
        return GateFigure(doubt="the run held no load")
    if gate.figure == figures.NEVER_SERVED:
        return _exact(end.never_served)
    return _of_the_target(gate, run.diagnosis)


def _of_the_target(gate: Gate, diagnosis: Diagnosis) -> GateFigure:
    """What the sensors and the probe saw in the hold."""
    seen = diagnosis.figures
    if gate.figure == figures.RSS_MB:
        rss_bytes = None if seen is None else seen.rss_bytes
        return GateFigure(doubt="the target's memory was not read") if rss_bytes is None else _exact(rss_bytes / 1e6)
    if seen is None or seen.blocked is None or seen.seconds_seen < MIN_SECONDS:
        why = "; ".join(diagnosis.notes) or f"fewer than {MIN_SECONDS:g} s of the hold were seen"
        return GateFigure(doubt=f"the loop was not observed: {why}")
    of_loop = {figures.LOOP_BLOCKED_SHARE: _share, figures.LINE_MS: _line, figures.LOOP_LAG_MS: _lag}
    return of_loop[gate.figure](seen)


def _estimated(estimate: TEstimate, doubt: str) -> GateFigure:
    interval = estimate.interval()
    return GateFigure(interval, estimate.value, doubt=doubt or ("" if interval else ONE_ROUND))


def _over_runs(figure: str, variant: str, rounds: Rounds) -> tuple[TEstimate, str]:
    """A variant's figure over its valid runs, and why there is none; empty if there is one."""
    runs = [run for run in rounds.runs if run.variant.name == variant]
    places = list(places_of(runs, FIGURES[figure.removesuffix("_ms")]))
    known = [place for place in places if isinstance(place, RunFigure)]
    missing = [place.reason for place in places if isinstance(place, MissingRun)]
    return over_runs(known), "" if known else (missing or [NEVER_RUN])[0]


def _failures(run: RunReport, rounds: Rounds | None) -> GateFigure:
    """Of every run of the variant: those of a round count as much as those of the ramp."""
    return _exact(run.failures + sum(each.health.failed for each in _plateaus(run.variant.name, rounds)))


def _plateaus(variant: str, rounds: Rounds | None) -> Iterator[PlateauRun]:
    yield from (each for each in (rounds.runs if rounds else ()) if each.variant.name == variant)


def _exact(value: float) -> GateFigure:
    return GateFigure(Interval(value, value, SURE), float(value))


def _lag(seen: LoopFigures) -> GateFigure:
    """The latest tick of the probe's heartbeat: a callback that came between two ticks waited up to one tick longer."""
    if seen.lag_max_s is None:
        return GateFigure(doubt="the probe's heartbeat did not tick")
    lag_ms = 1000 * seen.lag_max_s
    return GateFigure(Interval(lag_ms, lag_ms + OVERDUE_MS, SURE), lag_ms)


def _share(seen: LoopFigures) -> GateFigure:
    """Blocked with a line to blame, and without one."""
    share = (seen.blocked or 0.0) + (seen.blocked_unseen or 0.0)
    return GateFigure(Interval(max(0.0, share - SHARE_ERROR), min(1.0, share + SHARE_ERROR), SURE), min(1.0, share))


def _line(seen: LoopFigures) -> GateFigure:
    """A block is known to within one look, and the probe reports none below its limit."""
    own = [line for line in seen.lines if line.blocked and line.owner is Owner.USER]
    if any(line.longest_s is None for line in own):
        return GateFigure(doubt="the probe of that session did not write how long a line blocked at a time")
    unseen = LIMITS["blocked unseen"].value
    doubt = "too much of the blocking has no line to blame" if (seen.blocked_unseen or 0.0) >= unseen else ""
    worst = max(own, key=lambda line: line.longest_s or 0.0, default=None)
    if worst is None:
        none = f"none was seen to block for more than {OVERDUE_MS:g} ms"
        return GateFigure(Interval(0.0, OVERDUE_MS + LOOK_MS, SURE), doubt=doubt, note=none)
    longest_ms = 1000 * (worst.longest_s or 0.0)
    interval = Interval(max(0.0, longest_ms - LOOK_MS), max(longest_ms, OVERDUE_MS) + LOOK_MS, SURE)
    return GateFigure(interval, longest_ms, worst, doubt)


def _invalid(stamp: Stamp) -> str:
    return f"the run is INVALID by {', '.join(stamp.invalid_ids)}"
