"""The rounds, judged: for each declared quantity a verdict on every pair, and each variant's own figure.

Declared before anything runs: goodput at N users, and the p99 of the first neighbour. The wanted precision is asked of
goodput; the tail of a neighbour's response times spreads several times as wide, and its interval is what it is.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from loopbench.judge.rounds.plateau_run import PlateauRun
from loopbench.judge.run.latency import Percentiles
from loopbench.judge.stamp.stamp_rules import OUTCOMES
from loopbench.judge.statistics.comparisons import compare, compare_all, estimate, rounds_still_needed
from loopbench.judge.statistics.intervals import Estimate
from loopbench.judge.statistics.replicates import MissingReason, MissingRun, Replicates, RunFigure
from loopbench.judge.statistics.verdict import Better, Quantity, Verdict, judge
from loopbench.records.session import RecordedScenario

NEVER_RUN = "it was not measured"


class NoFigure(NamedTuple):
    """A valid run without the figure that is asked for."""

    reason: str
    kind: MissingReason = MissingReason.UNKNOWN


Figure = Callable[[PlateauRun], float | NoFigure]


@dataclass(frozen=True)
class Judged:
    """One quantity over all rounds."""

    quantity: Quantity
    replicates: Replicates
    verdicts: tuple[Verdict, ...]

    def estimate(self, variant: str) -> Estimate:
        """A variant's own figure over its runs (geometric mean), for charts; no comparison follows from two of them."""
        if variant not in self.replicates.variants:
            return Estimate(())
        return estimate(self.replicates, variant)

    def ratio(self, a: str, b: str) -> float | None:
        """Of a over b, paired inside rounds; None when no round has both."""
        if not {a, b} <= set(self.replicates.variants):
            return None
        return compare(self.replicates, a, b).ratio

    @cached_property
    def half_width(self) -> float | None:
        """The widest 95 % interval of all pairs that have one, as a part of the ratio; None when none has."""
        widths = [verdict.comparison.half_width for verdict in self.verdicts]
        return max((width for width in widths if width is not None), default=None)


@dataclass(frozen=True)
class Rounds:
    """All rounds of a session."""

    runs: tuple[PlateauRun, ...]  # in the order they ran
    goodput: Judged
    neighbour: Judged | None  # p99; None without a neighbour
    rejected: int  # runs that came out INVALID and were repeated
    precision: float

    @cached_property
    def count(self) -> int:
        """Rounds begun."""
        return len({run.round for run in self.runs})

    @property
    def judged(self) -> tuple[Judged, ...]:
        """Every declared quantity."""
        return (self.goodput,) if self.neighbour is None else (self.goodput, self.neighbour)

    @cached_property
    def still_needed(self) -> int | None:
        """Rounds until goodput is as precise as wanted; 0: enough; None: not known yet.

        A variant that is INVALID in every run will not become precise: its pairs are left out.
        """
        never_valid = {name for name in self.goodput.replicates.variants if not self.goodput.replicates.by_round(name)}
        pairs = [each.comparison for each in self.goodput.verdicts]
        open_pairs = [pair for pair in pairs if not {pair.a, pair.b} & never_valid]
        return rounds_still_needed(open_pairs, self.precision) if open_pairs else 0


def judge_rounds(scenario: RecordedScenario, runs: tuple[PlateauRun, ...], rejected: int) -> Rounds | None:
    """Verdicts over the plateau runs of a session; None when there is none."""
    if not runs:
        return None
    neighbour = None
    if scenario.neighbours:
        p99s = replicates_of(scenario, places_of(runs, _neighbour_p99_ms))
        neighbour = judge_quantity(neighbour_quantity(scenario), scenario, p99s)
    rates = replicates_of(scenario, places_of(runs, goodput_rps))
    return Rounds(
        runs=runs,
        goodput=judge_quantity(goodput_quantity(scenario), scenario, rates),
        neighbour=neighbour,
        rejected=rejected,
        precision=scenario.repeat.precision,
    )


def goodput_quantity(scenario: RecordedScenario) -> Quantity:
    """Good answers per second of all requests together."""
    return Quantity(f"goodput at {scenario.users} users", "1/s", Better.HIGHER)


def neighbour_quantity(scenario: RecordedScenario) -> Quantity:
    """The p99 of the first neighbour."""
    name = next(iter(scenario.neighbours), "the neighbour")
    return Quantity(f"the p99 of {name} beside it", "ms", Better.LOWER)


def goodput_rps(run: PlateauRun) -> float | NoFigure:
    """Of all requests together."""
    return run.goodput_rps or NoFigure("not one good answer came")


def percentile_ms(times: Percentiles, quantile: str) -> float | NoFigure:
    """One percentile, `p50` or `p99`."""
    value: float | None = getattr(times, f"{quantile}_ms")
    if value is None:
        return NoFigure(f"{times.samples} answers are too few for a {quantile}")
    return value if math.isfinite(value) else NoFigure(f"the {quantile} was never answered", MissingReason.CENSORED)


def _neighbour_p99_ms(run: PlateauRun) -> float | NoFigure:
    return percentile_ms(run.neighbours[0], "p99")


def judge_quantity(quantity: Quantity, scenario: RecordedScenario, replicates: Replicates) -> Judged:
    """Verdicts on every declared pair in one quantity."""
    baseline = next((each.name for each in scenario.variants if each.slug == scenario.baseline), None)
    invalid = {name: reason for name in replicates.variants if (reason := _never_valid(replicates, name))}
    verdicts = judge(quantity, compare_all(replicates, baseline), invalid=invalid)
    return Judged(quantity, replicates, verdicts)


def replicates_of(scenario: RecordedScenario, places: Iterable[RunFigure | MissingRun]) -> Replicates:
    """One figure for each variant and round, or the reason why there is none; in the order of rounds and variants.

    Args:
        scenario: names the variants that rounds are about.
        places: one for each run that counts.
    """
    known = {(each.round, each.variant): each for each in places}
    variants = [each.name for each in scenario.repeated_variants]
    found = [
        known.get((number, variant), MissingRun(number, variant, NEVER_RUN))
        for number in sorted({number for number, _ in known})
        for variant in variants
    ]
    return Replicates(
        tuple(each for each in found if isinstance(each, RunFigure)),
        tuple(each for each in found if isinstance(each, MissingRun)),
    )


def places_of(runs: Iterable[PlateauRun], figure: Figure) -> Iterator[RunFigure | MissingRun]:
    """One figure of each run, or why it has none."""
    for run in runs:
        invalid_by = run.stamp.invalid_ids
        value = NoFigure("") if invalid_by else figure(run)
        yield place_of(run.record.number, run.round, run.variant.name, invalid_by, value)


def place_of(
    number: int, in_round: int, variant: str, invalid_by: Sequence[str], value: float | NoFigure
) -> RunFigure | MissingRun:
    """One run's place in the rounds.

    Args:
        number: of the run in its session.
        in_round: its round.
        variant: its name.
        invalid_by: the rules that make the run INVALID.
        value: its figure, or why it has none.
    """
    if invalid_by:  # the findings say the rest, once for all runs
        kind = MissingReason.EXCLUDED if OUTCOMES.isdisjoint(invalid_by) else MissingReason.UNKNOWN
        return MissingRun(in_round, variant, f"INVALID by {', '.join(invalid_by)}", kind)
    if isinstance(value, NoFigure):
        return MissingRun(in_round, variant, value.reason, value.kind)
    return RunFigure(number, in_round, variant, value)


def _never_valid(replicates: Replicates, variant: str) -> str:
    """Why a variant has no figure in any round; empty if it has one."""
    if replicates.by_round(variant):
        return ""
    return next(each.reason for each in replicates.missing if each.variant == variant)
