"""A source's claims, answered: REPRODUCED, NOT REPRODUCED or NOT DECIDED, with the measured figures and the reason.

A claim names a region of ratios: above 1, below 1, around the published figure. Runs give an interval. Inside the
region the claim is reproduced, outside it is not, across its edge nothing is decided. Each claim is a question of its
own, asked before anything was measured, and answered at its own 5 %: no correction over all of them.

Receipts are counts of what happened, not samples of it: every run of the variant must say the same, those too whose
rates are not to be trusted. Only where the wrong process answered, or the counts themselves disagree, is a receipt no
evidence.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, NamedTuple

from loopbench.judge.figures import percent, plural, span
from loopbench.judge.statistics.bounds import unpaired
from loopbench.judge.statistics.comparisons import compare, over_runs
from loopbench.judge.statistics.decision import Decision, Region, decide
from loopbench.judge.statistics.intervals import Estimate, Interval, TEstimate
from loopbench.judge.statistics.replicates import Replicates
from loopbench.judge.statistics.verdict import MARGIN, figure, times
from loopbench.scenario.claims import ABOUT, HIGHER, LOWER, Claim

DEFAULT_TOLERANCE: Final = 0.1
"""What `about` means for a measured ratio when the scenario does not say: articles quote two digits at best."""

EQUIVALENT: Final = Region.around(1.0, MARGIN)

NO_EVIDENCE: Final = frozenset({"T1", "T2", "C1"})
"""Rules of the stamp that no receipt survives: another process, other settings, counts that differ."""

ReceiptValues = Mapping[str, int | float | bool | str]


class Receipt(NamedTuple):
    """What the target reported after one run (empty: nothing), and by which rules that run is INVALID."""

    values: ReceiptValues
    invalid_by: tuple[str, ...] = ()


class _Count(NamedTuple):
    """The values of one key in those runs of a variant that are evidence."""

    values: tuple[float, ...]
    doubt: str  # why that is not enough; empty if it is
    note: str  # what else a reader should know; empty if nothing


class Answer(StrEnum):
    """The three answers to a claim."""

    REPRODUCED = "REPRODUCED"
    NOT_REPRODUCED = "NOT REPRODUCED"
    NOT_DECIDED = "NOT DECIDED"


MEANING: Final[Mapping[Answer, str]] = {
    Answer.REPRODUCED: "the 95 % interval of the ratio lies inside the claimed region, or a count agrees in every run",
    Answer.NOT_REPRODUCED: (
        "the interval lies outside, or two variants that should differ are equal within "
        f"{percent(MARGIN)}, or a count disagrees in every run"
    ),
    Answer.NOT_DECIDED: (
        "the interval crosses the edge of the region, or there is none, or there are only INVALID runs, or "
        "the counts of the runs disagree; the reason is given"
    ),
}
"""The definition of each answer, for every page that shows answers. `docs/claims.md` repeats it."""


@dataclass(frozen=True)
class ClaimAnswer:
    """One claim and its answer."""

    claim: Claim  # what was claimed
    answer: Answer  # the word
    # a over b, or over the claimed value; of a receipt: a's median count. None: nothing was measured
    measured: float | None
    interval: Interval | None  # 95 %, of that ratio; None for receipts, and where there are fewer than two rounds
    reason: str  # one clause, why this word

    @property
    def sentence(self) -> str:
        """For the console and the page."""
        return f"{self.answer}: {self.numbers}{self.reason}"

    @property
    def numbers(self) -> str:
        """Ratio, interval and published figure, each if there is one, and a semicolon."""
        if self.claim.receipt_key is not None or (self.measured is None and self.interval is None):
            return ""
        if self.measured is None:
            return f"{_subject(self.claim)} {times(self.interval)}; "
        interval = "without an interval" if self.interval is None else _shown(self.interval)
        published = "" if self.claim.ratio is None else f", published {self.claim.ratio:.2g}"
        measured = f"{self.measured:.2f}" if self.interval is None else figure(self.measured, self.interval)
        return f"{_subject(self.claim)} {measured} ({interval}{published}); "


def answer_claims(
    claims: Sequence[Claim],
    replicates: Mapping[str, Replicates],
    receipts: Mapping[str, Sequence[Receipt]],
) -> tuple[ClaimAnswer, ...]:
    """An answer to each claim, in order."""
    return tuple(
        _explained(
            _by_rounds(claim, replicates.get(claim.compare))
            if claim.receipt_key is None
            else _by_receipts(claim, claim.receipt_key, receipts)
        )
        for claim in claims
    )


def _explained(answer: ClaimAnswer) -> ClaimAnswer:
    """The answer, with the scenario's explanation if the claim is not reproduced."""
    if answer.answer is not Answer.NOT_REPRODUCED or not answer.claim.otherwise:
        return answer
    return replace(answer, reason=f"{answer.reason}. {answer.claim.otherwise.removesuffix('.')}")


def _by_rounds(claim: Claim, replicates: Replicates | None) -> ClaimAnswer:
    if replicates is None or not {claim.a, claim.b or claim.a} <= set(replicates.variants):
        return ClaimAnswer(claim, Answer.NOT_DECIDED, None, None, "no rounds were measured")
    estimate = _estimate(claim, replicates)
    interval = estimate.interval()
    if interval is None:
        return ClaimAnswer(claim, Answer.NOT_DECIDED, estimate.value, None, _too_few(claim, estimate, replicates))
    word, reason = _decided(claim, interval)
    gaps = [each for each in replicates.missing if each.variant in {claim.a, claim.b}]
    if gaps:
        rounds = {each.round for each in gaps}
        reason += (
            f"; {len(rounds)} of {len(replicates.rounds)} rounds are left out ({gaps[0].variant}: {gaps[0].reason})"
        )
    return ClaimAnswer(claim, word, estimate.value, interval, reason)


def _estimate(claim: Claim, replicates: Replicates) -> TEstimate:
    """Of the ratio the claim is about: paired inside rounds, or to the claimed value."""
    if claim.b is not None:
        return compare(replicates, claim.a, claim.b).estimate
    if not claim.value:  # nothing has a ratio to 0
        return Estimate(())
    own = over_runs(replicates.figures_of(claim.a).values())
    return unpaired(own, Estimate((math.log(claim.value),) * max(2, own.count)))


def _too_few(claim: Claim, estimate: TEstimate, replicates: Replicates) -> str:
    if estimate.count:
        return "one round has no spread, so no interval"
    concerned = (each for each in replicates.missing if each.variant in {claim.a, claim.b})
    return next((f"{each.variant}: {each.reason}" for each in concerned), "nothing to compare with")


def _decided(claim: Claim, interval: Interval) -> tuple[Answer, str]:
    """The interval that is shown decides."""
    wanted, decision = _wanted(claim), decide(interval, region_of(claim))
    if decision is Decision.OUTSIDE:
        return Answer.NOT_REPRODUCED, f"it was claimed to be {wanted}"
    if _wants_a_difference(claim) and decide(interval, EQUIVALENT) is Decision.INSIDE:
        return Answer.NOT_REPRODUCED, f"there is no difference of {percent(MARGIN)} or more"
    if decision is Decision.INSIDE:
        return Answer.REPRODUCED, f"it is {wanted}"
    return Answer.NOT_DECIDED, f"the interval does not settle whether it is {wanted}"


def _wants_a_difference(claim: Claim) -> bool:
    """Of two variants, and it does not say how large; a limit that is kept by little is kept."""
    return claim.expect != ABOUT and claim.within is None and claim.b is not None


def region_of(claim: Claim, tolerance: float = DEFAULT_TOLERANCE) -> Region:
    """The ratios that a claim allows."""
    published = claim.ratio or 1.0
    slack = 1 + (tolerance if claim.within is None else claim.within)
    edges = {
        HIGHER: Region(1.0 if claim.within is None else published / slack, math.inf),
        LOWER: Region(0.0, 1.0 if claim.within is None else published * slack),
        ABOUT: Region.around(published, slack - 1),
    }
    return edges[claim.expect]


def _by_receipts(claim: Claim, key: str, receipts: Mapping[str, Sequence[Receipt]]) -> ClaimAnswer:
    own = _counted(claim.a, key, receipts)
    other = _Count((claim.value or 0.0,), "", "") if claim.b is None else _counted(claim.b, key, receipts)
    doubt = own.doubt or other.doubt
    if doubt:
        return ClaimAnswer(claim, Answer.NOT_DECIDED, None, None, doubt)
    counts, against = own.values, other.values
    held = [_holds(claim, count, each) for count in counts for each in against]
    median = sorted(counts)[len(counts) // 2]
    reason = f"{key} was {span(counts)} in {plural(len(counts), 'run')} of {claim.a}{own.note}, against {span(against)}"
    if all(held):
        return ClaimAnswer(claim, Answer.REPRODUCED, median, None, reason)
    if not any(held):
        return ClaimAnswer(claim, Answer.NOT_REPRODUCED, median, None, reason)
    return ClaimAnswer(claim, Answer.NOT_DECIDED, median, None, f"not all runs agree: {reason}")


def _counted(variant: str, key: str, receipts: Mapping[str, Sequence[Receipt]]) -> _Count:
    """One number a run, of every run that is evidence."""
    runs = receipts.get(variant, ())
    evidence = [each for each in runs if NO_EVIDENCE.isdisjoint(each.invalid_by)]
    values = [each.values.get(key) for each in evidence]
    numbers = tuple(float(value) for value in values if isinstance(value, int | float))
    if runs and not evidence:
        return _Count((), f"every run of {variant} is INVALID by {', '.join(runs[-1].invalid_by)}", "")
    if not numbers:
        return _Count((), f"no receipt of {variant} holds {key!r}", "")
    if len(numbers) < len(values):
        return _Count(
            (), f"{len(values) - len(numbers)} of {plural(len(values), 'run')} of {variant} do not hold {key!r}", ""
        )
    invalid = [each for each in evidence if each.invalid_by]
    rules = ", ".join(sorted({rule for each in invalid for rule in each.invalid_by}))
    return _Count(numbers, "", f" ({len(invalid)} INVALID by {rules}, which counts survive)" if invalid else "")


def _holds(claim: Claim, count: float, other: float) -> bool:
    """Whether one run agrees with the claim. Counts are exact: without `within`, `about` means equal."""
    region = region_of(claim, tolerance=0.0)
    if claim.within is None and claim.expect != ABOUT:
        return count > other if claim.expect == HIGHER else count < other
    return other * region.low <= count <= other * region.high


def _subject(claim: Claim) -> str:
    against = f"{claim.value:g}" if claim.b is None else f"that of {claim.b}"
    return f"{claim.compare} of {claim.a} over {against}:"


def _wanted(claim: Claim) -> str:
    region = region_of(claim)
    if claim.expect == ABOUT:
        return f"between {region.low:.2f} and {region.high:.2f}"
    return f"above {region.low:.2g}" if claim.expect == HIGHER else f"below {region.high:.2g}"


def _shown(interval: Interval) -> str:
    return f"95 % interval {figure(interval.low, interval)} to {figure(interval.high, interval)}"
