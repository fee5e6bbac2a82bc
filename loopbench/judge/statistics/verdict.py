"""From intervals to one of five words, with the sentence that goes with it.

Owns the words and what each one takes; the numbers come from `statistics`, the reasons for INVALID from the stamp.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple

from loopbench.judge.statistics.comparisons import MIN_ROUNDS, Comparison, holm
from loopbench.judge.statistics.decision import NO_DIFFERENCE, Decision, Region, decide
from loopbench.judge.statistics.intervals import ALPHA, CONFIDENCE, Interval

MARGIN: Final = 0.05
"""Smaller differences do not matter: EQUIVALENT means inside [1/1.05, 1.05]."""
EQUIVALENCE_CONFIDENCE: Final = 1 - 2 * ALPHA
"""Two one-sided 5 % tests are one 90 % interval: Schuirmann, J. Pharmacokinetics and Biopharmaceutics 15 (1987)."""
NOTHING_INVALID: Final[Mapping[str, str]] = MappingProxyType({})


class Word(StrEnum):
    """The five verdicts. There is no word for "no difference": that cannot be measured."""

    FASTER = "FASTER"
    SLOWER = "SLOWER"
    EQUIVALENT = "EQUIVALENT"
    NOT_RESOLVED = "NOT RESOLVED"
    INVALID = "INVALID"


class Better(StrEnum):
    """Which way a quantity is good."""

    HIGHER = "higher"
    LOWER = "lower"


class Quantity(NamedTuple):
    """What is compared, declared before the run: "goodput at 100 users", "1/s", higher."""

    name: str
    unit: str
    better: Better


@dataclass(frozen=True)
class Verdict:
    """One comparison and its verdict.

    Args:
        quantity: what was compared.
        comparison: the numbers.
        word: the verdict on `comparison.a`, seen from `comparison.b`.
        reason: one clause, why this word and no stronger one.
        p_holm: the p-value of a difference, adjusted for all pairs judged together; None where there is none.
        detectable: the smallest difference (0.1: 10 %) that would have been shown; only where NOT RESOLVED.
    """

    quantity: Quantity
    comparison: Comparison
    word: Word
    reason: str
    p_holm: float | None = None
    detectable: float | None = None

    @property
    def sentence(self) -> str:
        """For the console and the page."""
        a, b = self.comparison.a, self.comparison.b
        claims = {
            Word.FASTER: f"{a} is FASTER than {b}",
            Word.SLOWER: f"{a} is SLOWER than {b}",
            Word.EQUIVALENT: f"{a} and {b} are EQUIVALENT",
            Word.NOT_RESOLVED: f"{a} against {b} is NOT RESOLVED",
            Word.INVALID: f"{a} against {b} is INVALID",
        }
        if self.word is Word.INVALID:  # its figures are not results: none is quoted
            return f"{claims[self.word]}: {self.reason}"
        return f"{claims[self.word]} in {self.quantity.name}: {self.numbers}; {self.reason}"

    @property
    def shown_ratio(self) -> float | None:
        """None where there is none, and where it is no result because it is INVALID."""
        return None if self.word is Word.INVALID else self.comparison.ratio

    @property
    def shown_interval(self) -> tuple[float, float] | None:
        """The ends of the ratio's 95 % interval; None as for `shown_ratio`."""
        interval = self.comparison.interval()
        return None if interval is None or self.word is Word.INVALID else (interval.low, interval.high)

    @property
    def numbers(self) -> str:
        """The ratio and its 95 % interval, in no more digits than the interval supports."""
        ratio, interval = self.comparison.ratio, self.comparison.interval()
        rounds = f"{self.comparison.rounds} round" + ("s" if self.comparison.rounds != 1 else "")
        if ratio is None:
            return f"ratio - ({rounds})"
        if interval is None:
            return f"ratio {ratio:.2g} without an interval ({rounds})"
        low, middle, high = (figure(value, interval) for value in (interval.low, ratio, interval.high))
        return f"ratio {middle} (95 % interval {low} to {high}, {rounds})"


def judge(
    quantity: Quantity,
    comparisons: Sequence[Comparison],
    *,
    margin: float = MARGIN,
    invalid: Mapping[str, str] = NOTHING_INVALID,
) -> tuple[Verdict, ...]:
    """A verdict for each comparison, in order.

    Args:
        quantity: what was compared, the same for all.
        comparisons: all that were declared before the run; a difference must survive Holm over all of them.
        margin: what counts as equivalent (0.05: within 5 % either way).
        invalid: variants whose figures may not be used, with the reason.
    """
    # One without a p-value still counts as looked at: leaving it out afterwards would make the others cheaper.
    adjusted = holm([1.0 if c.estimate.p_value is None else c.estimate.p_value for c in comparisons])
    return tuple(
        _invalid(quantity, comparison, invalid) or _judge_one(quantity, comparison, p, margin, len(comparisons))
        for comparison, p in zip(comparisons, adjusted, strict=True)
    )


def _invalid(quantity: Quantity, comparison: Comparison, invalid: Mapping[str, str]) -> Verdict | None:
    reasons = [f"{name}: {invalid[name]}" for name in (comparison.a, comparison.b) if name in invalid]
    if not reasons and comparison.rounds == 0:
        reasons = [f"{m.variant} in round {m.round}: {m.reason}" for m in comparison.missing[:1]] or ["no rounds"]
        reasons.insert(0, "no round has a valid run of both")
    return Verdict(quantity, comparison, Word.INVALID, "; ".join(reasons)) if reasons else None


def _judge_one(quantity: Quantity, comparison: Comparison, p: float, margin: float, family: int) -> Verdict:
    interval, narrow = comparison.interval(), comparison.interval(EQUIVALENCE_CONFIDENCE)
    if interval is None or narrow is None:
        return Verdict(quantity, comparison, Word.NOT_RESOLVED, "one round has no spread, so no interval")
    small = decide(narrow, Region.around(1.0, margin)) is Decision.INSIDE
    if p <= ALPHA:
        above = comparison.estimate.value is not None and comparison.estimate.value > 1
        word = Word.FASTER if above == (quantity.better is Better.HIGHER) else Word.SLOWER
        return Verdict(quantity, comparison, word, _difference(small, margin), p)
    if small and comparison.rounds >= MIN_ROUNDS:
        reason = f"the {_percent(EQUIVALENCE_CONFIDENCE)} interval lies within {_percent(margin)} either way"
        return Verdict(quantity, comparison, Word.EQUIVALENT, reason, p)
    detectable = comparison.detectable(ALPHA / family)
    return Verdict(quantity, comparison, Word.NOT_RESOLVED, _doubt(comparison, interval, detectable), p, detectable)


def _difference(small: bool, margin: float) -> str:
    if small:
        return f"a real difference, but smaller than the {_percent(margin)} that matter"
    return f"the {_percent(CONFIDENCE)} interval excludes 1"


def _doubt(comparison: Comparison, interval: Interval, detectable: float | None) -> str:
    seen = "" if detectable is None else f"a difference of {_percent(detectable)} or more would have been seen"
    if decide(interval, NO_DIFFERENCE) is Decision.OUTSIDE:
        return f"its own interval excludes 1, but not once all pairs are counted; {seen}"
    if comparison.rounds < MIN_ROUNDS:
        return f"{seen} (EQUIVALENT takes {MIN_ROUNDS} rounds)"
    return seen


def figure(value: float, interval: Interval) -> str:
    """Two significant digits where low and high differ by more than a factor of two, else the same places for all."""
    if interval.high <= 2 * interval.low:
        return f"{value:.{decimals(interval)}f}"
    return f"{value:#.2g}" if 1e-3 < value < 10 else f"{value:.0f}" if 10 <= value < 1e4 else f"{value:.0e}"


def _percent(part: float) -> str:
    if part >= 10:
        return f"a factor of {part + 1:.2g}" if part < 1e6 else "any factor"
    return f"{100 * part:.1f} %" if part < 0.1 and round(100 * part, 1) % 1 else f"{100 * part:.0f} %"


def decimals(interval: Interval) -> int:
    """Decimal places that show the interval's half-width with one digit, or with two when the first is a 1."""
    half = (interval.high - interval.low) / 2
    if half <= 0 or not math.isfinite(half):
        return 2
    return min(4, max(0, -math.floor(math.log10(half / 2))))
