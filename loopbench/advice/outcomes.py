"""What each what-if did to a route, against the route as written: its effects, and what it is worth."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from loopbench.advice.what_ifs import AS_WRITTEN, WhatIf
from loopbench.judge.figures import rounded
from loopbench.judge.rounds.rounds import FIGURES, Judged, judge_quantity, places_of, replicates_of
from loopbench.judge.session.session_report import SessionReport
from loopbench.judge.statistics.decision import Decision, Region, decide
from loopbench.judge.statistics.intervals import Interval
from loopbench.judge.statistics.verdict import MARGIN, Better, Quantity, Verdict, Word, figure, times
from loopbench.records.failures import SLOW
from loopbench.scenario.claims import NEIGHBOUR_P50

SMALL: Final = 0.15
"""An interval of the ratio inside this region, where EQUIVALENT would take more rounds, is called no difference."""
WORTH_IT: Final = 1.1  # how many times faster than a simpler variant an extension of it must be to be preferred
FAR: Final = 10  # an interval around 1 that is wider is not quoted
RELIEF: Final = 0.5  # of the neighbour's response time: at most so much is left where a loss of throughput is worth it
MIN_KEPT: Final = 0.8  # of the throughput, in that case


class Outcome(StrEnum):
    """What a what-if did, against the route as written."""

    BETTER = "better"
    LIKELY = "probably better"
    WORSE = "worse"
    TRADE_OFF = "trade-off"
    NO_DIFFERENCE = "no difference"
    NOT_RESOLVED = "not resolved"
    INVALID = "invalid"
    FAILED = "not possible"


@dataclass(frozen=True)
class Effect:
    """A ratio of a variant over another, with its verdict."""

    word: Word
    ratio: float | None  # None: only its interval is known
    interval: Interval | None

    @property
    def times(self) -> float:
        """The ratio, or the end of its interval that is nearer to 1."""
        if self.ratio is not None:
            return self.ratio
        if self.interval is None:
            return 1.0
        return self.interval.low if self.interval.low > 1 else min(1.0, self.interval.high)

    @property
    def text(self) -> str:
        """`36 times the throughput [33, 40]`."""
        if self.interval is None:
            return f"{self.times:#.2g} times the throughput, without an interval"
        if self.interval.low < 1 < self.interval.high and self.interval.high > FAR * self.interval.low:
            return f"the throughput is not known to a factor of {FAR}"
        if self.ratio is None:
            return f"{times(self.interval)} the throughput"
        low, high = (figure(each, self.interval) for each in self.interval[:2])
        return f"{figure(self.ratio, self.interval)} times the throughput [{low}, {high}]"


@dataclass(frozen=True)
class Tried:
    """A what-if and what it did."""

    what_if: WhatIf
    outcome: Outcome
    goodput: Effect | None = None
    neighbour: Effect | None = None
    neighbour_ms: str = ""
    reason: str = ""
    adds: bool = True  # whether it is a gain over the simpler variant that it extends


def best_of(tried: Sequence[Tried]) -> Tried | None:
    """The fastest of those that are better; the simpler one where an extension of it adds nothing."""
    better = {each.what_if.name: each for each in tried if each.outcome is Outcome.BETTER}
    best = max(better.values(), key=lambda each: each.goodput.times if each.goodput else 0.0, default=None)
    while best is not None and not best.adds and best.what_if.than in better:
        best = better[best.what_if.than]
    return best


def neighbour_of(report: SessionReport) -> tuple[str, Judged | None]:
    """The quantile of the neighbour that the rounds can compare, with its name; None without a neighbour.

    It is the p99. Where slow variants leave too few answers to bound it on both sides, it is the p50.
    """
    scenario, rounds = report.record.scenario, report.rounds
    if rounds is None or rounds.neighbour is None:
        return "", None
    against = [each for each in rounds.neighbour.verdicts if AS_WRITTEN in (each.comparison.a, each.comparison.b)]
    (name, *_) = scenario.neighbours
    if not all(each.comparison.is_bounded and each.word is Word.NOT_RESOLVED for each in against):
        return f"p99 of {name}", rounds.neighbour
    tried = scenario.without(report.failures.names)
    p50s = replicates_of(tried, places_of(rounds.runs, FIGURES[NEIGHBOUR_P50]))
    return f"p50 of {name}", judge_quantity(Quantity(f"the p50 of {name} beside it", "ms", Better.LOWER), tried, p50s)


def tried_in(report: SessionReport, what_if: WhatIf, beside: Judged | None) -> Tried:
    """What a what-if did in the session that compared it; `beside`: the neighbour's figures."""
    failed = next((each for each in report.failures.variants if each.variant == what_if.name), None)
    if failed is not None:
        return Tried(what_if, Outcome.WORSE if failed.state == SLOW else Outcome.FAILED, reason=failed.reason)
    if report.rounds is None:
        return Tried(what_if, Outcome.INVALID, reason="no round was measured in the time")
    goodput = effect(report.rounds.goodput, what_if.name, AS_WRITTEN)
    if goodput is None or goodput.word is Word.INVALID:
        return Tried(what_if, Outcome.INVALID, reason=_why(report.rounds.goodput, what_if.name))
    neighbour = effect(beside, what_if.name, AS_WRITTEN) if beside else None
    is_known = neighbour is None or neighbour.ratio is not None or neighbour.word is not Word.NOT_RESOLVED
    further = effect(report.rounds.goodput, what_if.name, what_if.than)
    return Tried(
        what_if,
        outcome_of(goodput, neighbour),
        goodput,
        neighbour,
        shown_ms(beside, what_if.name) if is_known else "",
        adds=further is None or (further.word is Word.FASTER and further.times >= WORTH_IT),
    )


def _why(judged: Judged, name: str) -> str:
    return next((each.reason for each in judged.verdicts if _is_about(each, name, AS_WRITTEN)), "it was not measured")


def _is_about(verdict: Verdict, a: str, b: str) -> bool:
    return {verdict.comparison.a, verdict.comparison.b} == {a, b}


def effect(judged: Judged, a: str, b: str) -> Effect | None:
    """Variant `a` over variant `b`; None if they were not compared."""
    pairs = (*judged.verdicts, *judged.every_pair)
    verdict = next((each for each in pairs if _is_about(each, a, b)), None)
    if verdict is None:
        return None
    seen = verdict if verdict.comparison.a == a else verdict.swapped
    is_open = seen.word is Word.NOT_RESOLVED  # then the pair alone may still make it LIKELY
    return Effect(
        seen.word, seen.shown_ratio, seen.comparison.estimate.interval() if is_open else seen.comparison.interval()
    )


def outcome_of(goodput: Effect, neighbour: Effect | None) -> Outcome:
    """From the verdicts on throughput and on the neighbour to what a what-if is worth."""
    words = {goodput.word, *([neighbour.word] if neighbour else [])}
    if {Word.FASTER, Word.SLOWER} <= words:
        relief = neighbour is not None and neighbour.word is Word.FASTER and neighbour.times <= RELIEF
        return Outcome.BETTER if relief and goodput.times >= MIN_KEPT else Outcome.TRADE_OFF
    kept = goodput.word is Word.EQUIVALENT or (goodput.interval is not None and goodput.interval.low >= MIN_KEPT)
    if goodput.word is Word.FASTER or (Word.FASTER in words and kept):
        return Outcome.BETTER
    if Word.SLOWER in words:
        return Outcome.WORSE
    if goodput.interval is not None and goodput.interval.low > 1 + MARGIN:  # but not once all pairs are counted
        return Outcome.LIKELY
    small = goodput.interval is not None and decide(goodput.interval, Region.around(1.0, SMALL)) is Decision.INSIDE
    return Outcome.NO_DIFFERENCE if small or goodput.word is Word.EQUIVALENT else Outcome.NOT_RESOLVED


def shown_ms(judged: Judged | None, variant: str) -> str:
    """A variant's own figure, or the bound of it; empty without one."""
    if judged is None:
        return ""
    estimate = judged.estimate(variant)
    if estimate.value is not None and not estimate.is_bounded:
        return rounded(estimate.value)
    ends = estimate.interval()
    return "" if ends is None else f"over {rounded(ends.low)}"
