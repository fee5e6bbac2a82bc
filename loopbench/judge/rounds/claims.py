"""A source's claims, answered: REPRODUCED, NOT REPRODUCED or NOT DECIDED, with what was measured and why.

A claim names a region of ratios: above 1, below 1, around the published figure. Runs give an interval. Inside the
region the claim is reproduced, outside it is not, across its edge nothing is decided. Each claim is a question of its
own, asked before anything was measured, and answered at its own 5 %: no correction over all of them.

Receipts are counts of what happened, not samples of it: every run of the variant must say the same.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from loopbench.judge.statistics.replicates import Replicates
from loopbench.judge.statistics.comparisons import MIN_ROUNDS, compare
from loopbench.judge.statistics.intervals import Estimate, Interval, TEstimate
from loopbench.judge.statistics.verdict import EQUIVALENCE_CONFIDENCE, MARGIN, decimals
from loopbench.records.claims import ABOUT, HIGHER, LOWER, RecordedClaim

DEFAULT_TOLERANCE: Final = 0.1
"""What `about` means for a measured ratio when the scenario does not say: articles quote two digits at best."""

ReceiptValues = Mapping[str, int | float | bool | str]


class Answer(StrEnum):
    """All that may be said of a claim."""

    REPRODUCED = "REPRODUCED"
    NOT_REPRODUCED = "NOT REPRODUCED"
    NOT_DECIDED = "NOT DECIDED"


@dataclass(frozen=True)
class ClaimAnswer:
    """One claim and what the measurement says of it.

    Args:
        claim: what was claimed.
        answer: the word.
        measured: a over b, or over the claimed value; of a receipt: a's median count. None: nothing was measured.
        interval: 95 %, of that ratio; None for receipts, and where there are fewer than two rounds.
        reason: one clause, why this word.
    """

    claim: RecordedClaim
    answer: Answer
    measured: float | None
    interval: Interval | None
    reason: str

    @property
    def sentence(self) -> str:
        """For the console and the page."""
        return f"{self.answer}: {self.numbers}{self.reason}"

    @property
    def numbers(self) -> str:
        """Ratio, interval and published figure, each if there is one, and a semicolon."""
        if self.measured is None or self.claim.receipt_key is not None:
            return ""
        interval = "without an interval" if self.interval is None else _shown(self.interval)
        published = "" if self.claim.ratio is None else f", published {self.claim.ratio:.2g}"
        places = 2 if self.interval is None else decimals(self.interval)
        return f"{_subject(self.claim)} {self.measured:.{places}f} ({interval}{published}); "


class _Region(NamedTuple):
    """Ratios a claim allows, both ends included."""

    low: float
    high: float


def answer_claims(
    claims: Sequence[RecordedClaim],
    replicates: Mapping[str, Replicates],
    receipts: Mapping[str, Sequence[ReceiptValues]],
) -> tuple[ClaimAnswer, ...]:
    """An answer to each claim, in order.

    Args:
        claims: of one scenario.
        replicates: one figure a run, by quantity (`loopbench.records.claims.QUANTITIES`); an absent one was not
            measured.
        receipts: by variant, what the target said after each run.
    """
    return tuple(
        _by_rounds(claim, replicates.get(claim.compare))
        if claim.receipt_key is None
        else _by_receipts(claim, claim.receipt_key, receipts)
        for claim in claims
    )


def _by_rounds(claim: RecordedClaim, replicates: Replicates | None) -> ClaimAnswer:
    if replicates is None or not {claim.a, claim.b or claim.a} <= set(replicates.variants):
        return ClaimAnswer(claim, Answer.NOT_DECIDED, None, None, "no rounds were measured")
    estimate = _estimate(claim, replicates)
    interval = estimate.interval()
    if interval is None:
        return ClaimAnswer(claim, Answer.NOT_DECIDED, estimate.value, None, _too_few(claim, estimate, replicates))
    word, reason = _decided(claim, estimate, interval)
    return ClaimAnswer(claim, word, estimate.value, interval, reason)


def _estimate(claim: RecordedClaim, replicates: Replicates) -> TEstimate:
    """Of the ratio the claim is about: paired inside rounds, or to the claimed value."""
    if claim.b is not None:
        return compare(replicates, claim.a, claim.b).estimate
    if not claim.value:  # nothing has a ratio to 0
        return Estimate(())
    return Estimate(tuple(math.log(figure / claim.value) for figure in replicates.by_round(claim.a).values()))


def _too_few(claim: RecordedClaim, estimate: TEstimate, replicates: Replicates) -> str:
    if estimate.count:
        return "one round has no spread, so no interval"
    concerned = (each for each in replicates.missing if each.variant in {claim.a, claim.b})
    return next((f"{each.variant}: {each.reason}" for each in concerned), "nothing to compare with")


def _decided(claim: RecordedClaim, estimate: TEstimate, interval: Interval) -> tuple[Answer, str]:
    region, narrow = _region(claim), estimate.interval(EQUIVALENCE_CONFIDENCE)
    enough = estimate.count >= MIN_ROUNDS
    assert narrow is not None, "a 95 % interval comes with a 90 % one"
    if interval.high < region.low or interval.low > region.high:
        return Answer.NOT_REPRODUCED, f"it was claimed to be {_wanted(claim, region)}"
    if claim.expect == ABOUT:
        if narrow.lies_inside(*region) and enough:
            return Answer.REPRODUCED, f"it is {_wanted(claim, region)}"
        few = "" if enough else f"; saying so takes {MIN_ROUNDS} rounds"
        return Answer.NOT_DECIDED, f"the interval does not settle whether it is {_wanted(claim, region)}{few}"
    if interval.lies_inside(*region):
        return Answer.REPRODUCED, f"it is {_wanted(claim, region)}"
    if claim.within is None and enough and narrow.lies_inside(1 / (1 + MARGIN), 1 + MARGIN):
        return Answer.NOT_REPRODUCED, f"there is no difference of {MARGIN:.0%} or more"
    return Answer.NOT_DECIDED, f"the interval does not settle whether it is {_wanted(claim, region)}"


def _region(claim: RecordedClaim, tolerance: float = DEFAULT_TOLERANCE) -> _Region:
    published = claim.ratio or 1.0
    slack = 1 + (tolerance if claim.within is None else claim.within)
    edges = {
        HIGHER: _Region(1.0 if claim.within is None else published / slack, math.inf),
        LOWER: _Region(0.0, 1.0 if claim.within is None else published * slack),
        ABOUT: _Region(published / slack, published * slack),
    }
    return edges[claim.expect]


def _by_receipts(claim: RecordedClaim, key: str, receipts: Mapping[str, Sequence[ReceiptValues]]) -> ClaimAnswer:
    counts = _counts(receipts.get(claim.a, ()), key)
    against = [claim.value or 0.0] if claim.b is None else _counts(receipts.get(claim.b, ()), key)
    if not counts or not against:
        silent = claim.a if not counts else claim.b
        return ClaimAnswer(claim, Answer.NOT_DECIDED, None, None, f"no receipt of {silent} says anything of {key!r}")
    said = [_holds(claim, count, other) for count in counts for other in against]
    median = sorted(counts)[len(counts) // 2]
    reason = f"{key} was {_range(counts)} in {_runs(len(counts))} of {claim.a}, against {_range(against)}"
    if all(said):
        return ClaimAnswer(claim, Answer.REPRODUCED, median, None, reason)
    if not any(said):
        return ClaimAnswer(claim, Answer.NOT_REPRODUCED, median, None, reason)
    return ClaimAnswer(claim, Answer.NOT_DECIDED, median, None, f"not all runs agree: {reason}")


def _counts(receipts: Sequence[ReceiptValues], key: str) -> list[float]:
    """One number a run; a run whose receipt has none says nothing."""
    values = (receipt.get(key) for receipt in receipts)
    return [float(value) for value in values if isinstance(value, int | float)]


def _holds(claim: RecordedClaim, count: float, other: float) -> bool:
    """Whether one run says what was claimed. Counts are exact: without `within`, `about` means equal."""
    region = _region(claim, tolerance=0.0)
    if claim.expect == HIGHER:
        return count > other * region.low
    if claim.expect == LOWER:
        return count < other * region.high
    return other * region.low <= count <= other * region.high


def _subject(claim: RecordedClaim) -> str:
    against = f"{claim.value:g}" if claim.b is None else f"that of {claim.b}"
    return f"{claim.compare} of {claim.a} over {against}:"


def _wanted(claim: RecordedClaim, region: _Region) -> str:
    if claim.expect == ABOUT:
        return f"between {region.low:.2f} and {region.high:.2f}"
    return f"above {region.low:.2g}" if claim.expect == HIGHER else f"below {region.high:.2g}"


def _shown(interval: Interval) -> str:
    places = decimals(interval)
    return f"95 % interval {interval.low:.{places}f} to {interval.high:.{places}f}"


def _range(values: Sequence[float]) -> str:
    low, high = min(values), max(values)
    return f"{low:,.6g}" if low == high else f"{low:,.6g} to {high:,.6g}"


def _runs(count: int) -> str:
    return f"{count} run" + ("" if count == 1 else "s")
