"""The gates of a scenario, judged from its session: rounds for what has an interval, the ramp for loop and lines.

Nothing is MET on what is not known. A run that is INVALID decides nothing. A round in which a figure could not be had
from a valid run (too few answers for a p99, or one in a hundred that never came) may be the very one that breaks the
limit, so such a round can leave a gate NOT MET or open, but not MET.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from loopbench.judge.diagnosis.limits import LIMITS, MIN_SECONDS
from loopbench.judge.diagnosis.loop_figures import LoopFigures
from loopbench.judge.diagnosis.loop_lines import LoopLine, Owner
from loopbench.judge.rounds.plateau_run import PlateauRun
from loopbench.judge.rounds.rounds import NEVER_RUN, Rounds
from loopbench.judge.session.gates import NOT_SETTLED, OUTCOMES, SURE, GateAnswer, Outcome, region_of
from loopbench.judge.session.run_report import RunReport
from loopbench.judge.stamp.stamp import Stamp
from loopbench.judge.stamp.stamp_checks import Level
from loopbench.judge.statistics.decision import decide
from loopbench.judge.statistics.intervals import Estimate, Interval, TEstimate, UnpairedEstimate
from loopbench.records import gates as figures
from loopbench.records.gates import RecordedGate
from loopbench.records.samples import PHASE_HOLD
from loopbench.records.session import RecordedScenario

NO_ROUNDS: Final = "there are no rounds, so no interval"
ONE_ROUND: Final = "one round has no spread, so no interval"
NO_BASELINE: Final = "no baseline session was given (--baseline DIR)"

SHARE_ERROR: Final = 0.01
"""To which the share of a blocked loop is known: the largest error of the utilization in docs/probe.md."""
LOOK_MS: Final = 5.0
"""Between two looks of the probe: to which it knows when a block began or ended, beside a loop that is busy."""
OVERDUE_MS: Final = 10.0
"""The probe names no line for shorter steps."""
MAX_FACTS: Final = 4
"""Named of those in which two sessions differ."""


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


@dataclass(frozen=True)
class _Series:
    """One figure a valid run of one variant; one that cannot be had is endless or unknown."""

    values: tuple[float | str, ...]
    nothing: str  # why there is no valid run at all; empty if there is

    @property
    def estimate(self) -> Estimate:
        """Over the runs that have one."""
        return Estimate(
            tuple(math.log(each) for each in self.values if isinstance(each, float) and math.isfinite(each))
        )

    @property
    def is_endless(self) -> bool:
        """More than one run, and in none of them an end."""
        return len(self.values) > 1 and all(each == math.inf for each in self.values)

    @property
    def doubt(self) -> str:
        """Why the estimate may be too good; empty if every run has a figure."""
        endless = sum(each == math.inf for each in self.values)
        if endless:
            return f"one in a hundred was never answered, in {endless} of {len(self.values)} rounds"
        return self.nothing or next((each for each in self.values if isinstance(each, str)), "")


def session_gates(
    scenario: RecordedScenario, runs: Sequence[RunReport], rounds: Rounds | None, baseline: Baseline | None = None
) -> tuple[GateAnswer, ...]:
    """An answer to each gate under each variant it is about, in the scenario's order.

    Args:
        scenario: what was expected, of which variants.
        runs: the ramp runs.
        rounds: the plateau runs; None: there are none.
        baseline: the earlier session; None: none was given.
    """
    ramps = {run.variant.name: run for run in runs}
    return tuple(
        _answer(scenario, gate, variant.name, _gate_figure(gate, variant.name, ramps, rounds, baseline))
        for gate in scenario.expect
        for variant in scenario.variants
        if gate.variant in {None, variant.name}
    )


def _answer(scenario: RecordedScenario, gate: RecordedGate, variant: str, figure: GateFigure) -> GateAnswer:
    outcome = Outcome.CANNOT_TELL if figure.interval is None else OUTCOMES[decide(figure.interval, region_of(gate))]
    if figure.doubt and outcome is Outcome.MET:
        outcome = Outcome.CANNOT_TELL
    reason = figure.doubt or figure.note or (NOT_SETTLED if outcome is Outcome.CANNOT_TELL else "")
    subject = _subject(scenario, gate, variant)
    return GateAnswer(gate, variant, outcome, subject, figure.value, figure.interval, reason, figure.line)


def _subject(scenario: RecordedScenario, gate: RecordedGate, variant: str) -> str:
    neighbour = next(iter(scenario.neighbours), "the neighbour")
    return {
        figures.GOODPUT: f"goodput of {variant} at {scenario.users} users",
        figures.P99_MS: f"the p99 of {variant}",
        figures.NEIGHBOUR_P99_MS: f"the p99 of {neighbour} beside {variant}",
        figures.LOOP_BLOCKED_SHARE: f"blocked loop under {variant}",
        figures.LINE_MS: f"the longest block by a line of the app's own under {variant}",
        figures.FAILURES: f"failures under {variant}",
        figures.NEVER_SERVED: f"users never served under {variant}",
    }[gate.figure]


def _gate_figure(
    gate: RecordedGate, variant: str, ramps: dict[str, RunReport], rounds: Rounds | None, baseline: Baseline | None
) -> GateFigure:
    if gate.figure in figures.FROM_ROUNDS:
        if rounds is None:
            return GateFigure(doubt=NO_ROUNDS)
        now = _series(gate.figure, variant, rounds)
        return _from_rounds(gate, now) if gate.of is None else _against(baseline, gate, variant, now)
    run = ramps.get(variant)
    if run is None:
        return GateFigure(doubt="there is no complete ramp run of it")
    return _from_ramp(gate, run, rounds) if run.is_valid else GateFigure(doubt=_invalid(run.stamp))


def _from_rounds(gate: RecordedGate, now: _Series) -> GateFigure:
    if now.is_endless and gate.highest is not None:
        return GateFigure(Interval(math.inf, math.inf, SURE), doubt=now.doubt)
    return _estimated(now.estimate, now.doubt)


def _against(baseline: Baseline | None, gate: RecordedGate, variant: str, now: _Series) -> GateFigure:
    if baseline is None:
        return GateFigure(doubt=NO_BASELINE)
    if baseline.unlike:
        more = f"; and {len(baseline.unlike) - MAX_FACTS} more" if len(baseline.unlike) > MAX_FACTS else ""
        facts = "; ".join(baseline.unlike[:MAX_FACTS])
        return GateFigure(doubt=f"the baseline session differs in more than the code: {facts}{more}")
    if baseline.rounds is None:
        return GateFigure(doubt="the baseline session has no rounds, so no interval")
    then = _series(gate.figure, variant, baseline.rounds)
    of_then = then.doubt and f"in the baseline session: {then.doubt}"
    return _estimated(UnpairedEstimate(now.estimate, then.estimate, baseline.drift or 0.0), now.doubt or of_then)


def _from_ramp(gate: RecordedGate, run: RunReport, rounds: Rounds | None) -> GateFigure:
    if gate.figure == figures.FAILURES:
        return _failures(run, rounds)
    end = run.end_of(PHASE_HOLD)
    if end is None:
        return GateFigure(doubt="the run held no load")
    if gate.figure == figures.NEVER_SERVED:
        return _counted(end.never_served)
    seen = run.insights.diagnosis.figures
    if seen is None or seen.blocked is None or seen.seconds_seen < MIN_SECONDS:
        why = "; ".join(run.insights.diagnosis.notes) or f"fewer than {MIN_SECONDS:g} s of the hold were seen"
        return GateFigure(doubt=f"the loop was not observed: {why}")
    return _share(seen) if gate.figure == figures.LOOP_BLOCKED_SHARE else _line(seen)


def _estimated(estimate: TEstimate, doubt: str) -> GateFigure:
    interval = estimate.interval()
    return GateFigure(interval, estimate.value, doubt=doubt or ("" if interval else ONE_ROUND))


def _series(figure: str, variant: str, rounds: Rounds) -> _Series:
    runs = [run for run in rounds.runs if run.variant.name == variant]
    valid = [run for run in runs if run.stamp.level is not Level.INVALID]
    nothing = "" if valid else _invalid(runs[0].stamp) if runs else NEVER_RUN
    return _Series(tuple(_value(figure, run) for run in valid), nothing)


def _value(figure: str, run: PlateauRun) -> float | str:
    if figure == figures.GOODPUT:
        return run.goodput_rps or "not one good answer came in a round"
    if figure == figures.NEIGHBOUR_P99_MS and not run.neighbours:
        return "there is no neighbour"
    times = run.own if figure == figures.P99_MS else run.neighbours[0]
    return times.p99_ms or f"the {times.samples} answers of a round are too few for a p99"


def _failures(run: RunReport, rounds: Rounds | None) -> GateFigure:
    """Of every run of the variant: those of a round count as much as those of the ramp."""
    counts = [run.failures, *(each.failures for each in _plateaus(run.variant.name, rounds))]
    known = [count for count in counts if count is not None]
    return _counted(sum(known), "" if len(known) == len(counts) else "not every round's failures are known")


def _plateaus(variant: str, rounds: Rounds | None) -> Iterator[PlateauRun]:
    yield from (each for each in (rounds.runs if rounds else ()) if each.variant.name == variant)


def _counted(count: int, doubt: str = "") -> GateFigure:
    return GateFigure(Interval(count, count, SURE), float(count), doubt=doubt)


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
