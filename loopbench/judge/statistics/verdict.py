"""From the interval that is shown to one of five words, with the sentence that goes with it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple

from loopbench.judge.figures import plural
from loopbench.judge.statistics.bounds import BoundedRatio, inverse
from loopbench.judge.statistics.comparisons import Comparison
from loopbench.judge.statistics.decision import NO_DIFFERENCE, Decision, Region, decide
from loopbench.judge.statistics.intervals import ALPHA, Interval, TEstimate

MARGIN: Final = 0.05  # smaller differences do not matter: EQUIVALENT means inside [1/1.05, 1.05]
UNIT_WORDS: Final[Mapping[str, str]] = MappingProxyType({"1/s": "answers/s", "ms": "ms"})
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
    """One comparison and its verdict."""

    quantity: Quantity  # what was compared
    comparison: Comparison  # the numbers
    word: Word  # the verdict on `comparison.a`, seen from `comparison.b`
    reason: str  # one clause, why this word and no stronger one
    # the smallest difference (0.1: 10 %) that would have been shown; only where NOT RESOLVED
    detectable: float | None = None

    @property
    def sentence(self) -> str:
        """For the console and the page."""
        claim = claim_of(self.word, self.comparison.a, self.comparison.b)
        if self.word is Word.INVALID:  # its figures are not results: none is quoted
            return f"{claim}: {self.reason}"
        return f"{claim} in {self.quantity.name}: {self.numbers}; {self.reason}"

    @property
    def shown_ratio(self) -> float | None:
        """None where there is none, where only bounds are known, and where it is no result because it is INVALID."""
        return None if self.word is Word.INVALID or self.comparison.is_bounded else self.comparison.ratio

    @property
    def shown_interval(self) -> tuple[float, float] | None:
        """The ends of the interval that the word rests on; None where there is none, and where it is INVALID."""
        interval = self.comparison.interval()
        return None if interval is None or self.word is Word.INVALID else (interval.low, interval.high)

    @property
    def numbers(self) -> str:
        """The ratio and its 95 % interval, in no more digits than the interval supports; or its bounds."""
        ratio, interval = self.comparison.ratio, self.comparison.interval()
        if isinstance(self.comparison.estimate, BoundedRatio):
            return self.bound
        rounds = plural(self.comparison.rounds, "round")
        if ratio is None:
            return f"ratio - ({rounds})"
        if interval is None:
            return f"ratio {ratio:.2g} without an interval ({rounds})"
        low, middle, high = (figure(value, interval) for value in (interval.low, ratio, interval.high))
        return f"ratio {middle} (95 % interval {low} to {high}, {rounds})"

    @property
    def swapped(self) -> "Verdict":
        """The same about `comparison.b`, seen from `comparison.a`."""
        of, word = self.comparison, {Word.FASTER: Word.SLOWER, Word.SLOWER: Word.FASTER}.get(self.word, self.word)
        comparison = replace(of, a=of.b, b=of.a, estimate=inverse(of.estimate))
        return replace(self, comparison=comparison, word=word)

    @property
    def bound(self) -> str:
        """`at most 0.04 times (2 answers/s against 80)`; empty where the ratio is not bounded."""
        estimate, interval = self.comparison.estimate, self.comparison.interval()
        if not isinstance(estimate, BoundedRatio) or self.word is Word.INVALID:
            return ""
        unit = UNIT_WORDS[self.quantity.unit]
        ratio = "the ratio is not known" if _is_unknown(interval) else times(interval)
        return f"{ratio} ({shown(estimate.above)} {unit} against {shown(estimate.below)})"


def claim_of(word: Word, a: str, b: str) -> str:
    """The verdict on `a`, seen from `b`, without figures."""
    return {
        Word.FASTER: f"{a} is FASTER than {b}",
        Word.SLOWER: f"{a} is SLOWER than {b}",
        Word.EQUIVALENT: f"{a} and {b} are EQUIVALENT",
        Word.NOT_RESOLVED: f"{a} against {b} is NOT RESOLVED",
        Word.INVALID: f"{a} against {b} is INVALID",
    }[word]


FAR: Final = 30.0  # from a ratio of 1; an interval that reaches as far both ways says nothing


def times(interval: Interval | None) -> str:
    """A bounded ratio in words, from the end that is nearer to 1."""
    if interval is None or _is_unknown(interval):
        return "an unknown number of times"
    if interval.high < 1:
        return f"at most {digits(interval.high)} times"
    if interval.low > 1:
        return f"at least {digits(interval.low)} times"
    upper = f"to {digits(interval.high)} times" if math.isfinite(interval.high) else "times or more"
    return f"{digits(interval.low)} {upper}"


def _is_unknown(interval: Interval | None) -> bool:
    """Whether a ratio may be anything: both ends are far on either side of 1."""
    return interval is None or (interval.low < 1 / FAR and interval.high > FAR)


def shown(estimate: TEstimate) -> str:
    """A variant's own figure; where it has no value, the end that is known."""
    interval = estimate.interval()
    if estimate.value is not None:
        return digits(estimate.value)
    if interval is None:
        return "unknown"
    return f"over {digits(interval.low)}" if math.isinf(interval.high) else f"up to {digits(interval.high)}"


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
        comparisons: all that were declared before the run. Their intervals hold together with 95 % (Bonferroni).
        margin: what counts as equivalent (0.05: within 5 % either way).
        invalid: variants whose figures may not be used, with the reason.
    """
    # A pair that turned out INVALID still counts: to leave it out afterwards would make the others narrower.
    confidence = 1 - ALPHA / max(1, len(comparisons))
    return tuple(
        _invalid(quantity, comparison, invalid) or _judge_one(quantity, comparison, margin)
        for comparison in (replace(each, confidence=confidence) for each in comparisons)
    )


def _invalid(quantity: Quantity, comparison: Comparison, invalid: Mapping[str, str]) -> Verdict | None:
    reasons = [f"{name}: {invalid[name]}" for name in (comparison.a, comparison.b) if name in invalid]
    if not reasons and comparison.rounds == 0:
        reasons = [f"{m.variant} in round {m.round}: {m.reason}" for m in comparison.missing[:1]] or ["no rounds"]
        reasons.insert(0, "no round has a valid run of both")
    return Verdict(quantity, comparison, Word.INVALID, "; ".join(reasons)) if reasons else None


def _judge_one(quantity: Quantity, comparison: Comparison, margin: float) -> Verdict:
    """The word and why, from the one interval that is shown. Inside the margin no difference matters."""
    interval = comparison.interval()
    if interval is None:
        return Verdict(quantity, comparison, Word.NOT_RESOLVED, "one round has no spread, so no interval")
    if decide(interval, Region.around(1.0, margin)) is Decision.INSIDE:
        return Verdict(quantity, comparison, Word.EQUIVALENT, f"the interval lies within {_percent(margin)} either way")
    if decide(interval, NO_DIFFERENCE) is Decision.OUTSIDE:
        word = Word.FASTER if (interval.low > 1) == (quantity.better is Better.HIGHER) else Word.SLOWER
        return Verdict(quantity, comparison, word, _difference(comparison))
    detectable = comparison.detectable()
    return Verdict(quantity, comparison, Word.NOT_RESOLVED, _doubt(comparison, detectable), detectable)


def _difference(comparison: Comparison) -> str:
    if comparison.is_bounded:
        return f"bounds from all answers of {plural(comparison.rounds, 'round')} together"
    return "the interval excludes 1"


def _doubt(comparison: Comparison, detectable: float | None) -> str:
    if comparison.is_bounded:
        return "too few answers to tell"
    return "" if detectable is None else f"a difference of {_percent(detectable)} or more would have been seen"


def digits(value: float) -> str:
    """Two significant digits, or a whole number from 100 on."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.2g}"


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
