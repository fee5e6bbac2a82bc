"""The rounds, judged: for each declared quantity a verdict on every declared pair, and each variant's own figure.

Declared before anything runs: goodput at N users, and the p99 of the first neighbour. The wanted precision is asked of
goodput; the tail of a neighbour's response times spreads several times as wide, and its interval is what it is.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Final, NamedTuple

from loopbench.judge.figures import plural
from loopbench.judge.rounds.plateau_run import PlateauRun
from loopbench.judge.run.latency import Percentiles
from loopbench.judge.statistics.bounds import MIN_EVENTS, Count, Ends
from loopbench.judge.statistics.comparisons import compare, compare_all, estimate, rounds_still_needed
from loopbench.judge.statistics.intervals import Estimate, TEstimate
from loopbench.judge.statistics.replicates import MissingRun, Replicates, RunFigure
from loopbench.judge.statistics.verdict import Better, Quantity, Verdict, judge
from loopbench.scenario import Scenario
from loopbench.scenario import claims as quantities

NEVER_RUN = "it was not measured"


class Known(NamedTuple):
    """One run's figure: its value, or only what bounds it."""

    value: float | None
    bounds: Count | Ends | None = None


Figure = Callable[[PlateauRun], Known | str]  # a run's figure, or why it has none


@dataclass(frozen=True)
class Judged:
    """One quantity over all rounds."""

    quantity: Quantity
    replicates: Replicates
    verdicts: tuple[Verdict, ...]

    def estimate(self, variant: str) -> TEstimate:
        """A variant's own figure over its runs, for charts; no comparison follows from two of them."""
        if variant not in self.replicates.variants:
            return Estimate(())
        return estimate(self.replicates, variant)

    @cached_property
    def every_pair(self) -> tuple[Verdict, ...]:
        """Verdicts over all pairs together, for what chooses its pairs by the figures; wider than the declared ones."""
        return judge(self.quantity, compare_all(self.replicates))

    def ratio(self, a: str, b: str) -> float | None:
        """Of a over b, paired inside rounds; None when no round has both."""
        if not {a, b} <= set(self.replicates.variants):
            return None
        return compare(self.replicates, a, b).ratio

    @cached_property
    def half_width(self) -> float | None:
        """The widest interval of all pairs that are estimated, as a part of the ratio; None when none is."""
        widths = [each.comparison.half_width for each in self.verdicts if not each.comparison.is_bounded]
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
        """Rounds until goodput is as precise as wanted; 0: enough; None: not known yet."""
        never_valid = {
            name for name in self.goodput.replicates.variants if not self.goodput.replicates.figures_of(name)
        }
        pairs = [each.comparison for each in self.goodput.verdicts]
        open_pairs = [pair for pair in pairs if not {pair.a, pair.b} & never_valid]
        return rounds_still_needed(open_pairs, self.precision) if open_pairs else 0


def judge_rounds(scenario: Scenario, runs: tuple[PlateauRun, ...], rejected: int) -> Rounds | None:
    """Verdicts over the plateau runs of a session; None when there is none."""
    if not runs:
        return None
    neighbour = None
    if scenario.neighbours:
        p99s = replicates_of(scenario, places_of(runs, FIGURES[quantities.NEIGHBOUR_P99]))
        neighbour = judge_quantity(neighbour_quantity(scenario), scenario, p99s)
    rates = replicates_of(scenario, places_of(runs, goodput_rps))
    return Rounds(
        runs=runs,
        goodput=judge_quantity(goodput_quantity(scenario), scenario, rates),
        neighbour=neighbour,
        rejected=rejected,
        precision=scenario.repeat.precision,
    )


def goodput_quantity(scenario: Scenario) -> Quantity:
    """Good answers per second of all requests together."""
    return Quantity(f"goodput at {plural(scenario.load.users, 'user')}", "1/s", Better.HIGHER)


def neighbour_quantity(scenario: Scenario) -> Quantity:
    """The p99 of the first neighbour."""
    name = next(iter(scenario.neighbours), "the neighbour")
    return Quantity(f"the p99 of {name} beside it", "ms", Better.LOWER)


def goodput_rps(run: PlateauRun) -> Known:
    """Of all requests together."""
    return rate(run.answers)


def rate(count: Count) -> Known:
    """An estimate from `MIN_EVENTS` on, else a bound."""
    return Known(count.events / count.seconds if count.events >= MIN_EVENTS else None, count)


def percentile_ms(times: Percentiles, quantile: str) -> Known | str:
    """One percentile, `p50` or `p99`."""
    value: float | None = getattr(times, f"{quantile}_ms")
    ends = times.between_ms.get(quantile)
    if value is None and ends is None:
        return f"no request of which a {quantile} could be known was sent"
    return Known(value or None, ends)


def _own(quantile: str) -> Figure:
    return lambda run: percentile_ms(run.own, quantile)


def _neighbour(quantile: str) -> Figure:
    return lambda run: percentile_ms(run.neighbours[0], quantile) if run.neighbours else "there is no neighbour"


FIGURES: Final[dict[str, Figure]] = {
    quantities.GOODPUT: goodput_rps,
    quantities.P50: _own("p50"),
    quantities.P99: _own("p99"),
    quantities.NEIGHBOUR_P50: _neighbour("p50"),
    quantities.NEIGHBOUR_P99: _neighbour("p99"),
}
"""What a claim or a gate can be about."""


def declared_pairs(scenario: Scenario) -> tuple[tuple[str, str], ...]:
    """The comparisons that are declared before the run: each pair costs the others some of their precision.

    Every variant over the baseline. Without one, the pairs that the claims name; without those, every pair.
    """
    names = [each.name for each in scenario.repeated_variants]
    if scenario.baseline in names:
        return tuple((name, scenario.baseline) for name in names if name != scenario.baseline)
    claimed = [(claim.a, claim.b) for claim in scenario.claims if claim.b and claim.receipt_key is None]
    pairs = {frozenset((a, b)): (a, b) for a, b in claimed if {a, b} <= set(names)}
    return tuple(pairs.values()) or tuple(combinations(names, 2))


def judge_quantity(quantity: Quantity, scenario: Scenario, replicates: Replicates) -> Judged:
    """Verdicts on every declared pair in one quantity."""
    invalid = {name: reason for name in replicates.variants if (reason := _never_valid(replicates, name))}
    pairs = declared_pairs(scenario)
    verdicts = judge(quantity, [compare(replicates, a, b) for a, b in pairs], invalid=invalid)
    return Judged(quantity, replicates, verdicts)


def replicates_of(scenario: Scenario, places: Iterable[RunFigure | MissingRun]) -> Replicates:
    """One figure for each variant and round, or the reason why there is none; in the order of rounds and variants."""
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
        yield place_of(run.record.number, run.round, run.variant.name, invalid_by, "" if invalid_by else figure(run))


def place_of(
    number: int, in_round: int, variant: str, invalid_by: Sequence[str], figure: Known | str
) -> RunFigure | MissingRun:
    """One run's place in the rounds."""
    if invalid_by:  # the findings say the rest, once for all runs
        return MissingRun(in_round, variant, f"INVALID by {', '.join(invalid_by)}")
    if isinstance(figure, str):
        return MissingRun(in_round, variant, figure)
    return RunFigure(number, in_round, variant, *figure)


def _never_valid(replicates: Replicates, variant: str) -> str:
    """Why a variant has no figure in any round; empty if it has one."""
    if replicates.figures_of(variant):
        return ""
    return next(each.reason for each in replicates.missing if each.variant == variant)
