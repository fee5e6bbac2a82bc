"""The answer in a sentence or two: from receipts and claims where those are asked for, else from rounds or ramps."""

import math
from collections.abc import Iterator, Sequence
from typing import Final

from loopbench.judge.figures import half_width, interval, listed, plural, ratio
from loopbench.judge.rounds.claims import ClaimAnswer
from loopbench.judge.session.session_report import SessionReport
from loopbench.judge.statistics.verdict import MARGIN, Verdict, Word
from loopbench.judge.summary.clauses import (
    MAX_NAMES,
    MAX_PAIRS,
    Show,
    blocked_at,
    bracketed,
    health_clause,
    named,
    unwell,
)
from loopbench.judge.summary.one_run_each import one_run_each
from loopbench.judge.summary.request_times import NAMES, neighbour_answer, own_answer, served_answer
from loopbench.judge.summary.steps_answer import steps_answer
from loopbench.records.failures import VariantFailure
from loopbench.scenario.claims import GOODPUT, NEIGHBOUR_P50, NEIGHBOUR_P99, P50, P99, RECEIPT_PREFIX

ONE_RUN_EACH: Final = "One run each, so no interval: a picture, not a verdict."

QUANTITIES: Final = {
    P50: "median response time",
    P99: "p99 of the response time",
    NEIGHBOUR_P50: "median response time of {neighbour}",
    NEIGHBOUR_P99: "p99 of {neighbour}",
}
"""What claims compare, in words."""

MAX_ASKED: Final = 2  # quantities in the headline

DIFFERENT: Final = frozenset({Word.FASTER, Word.SLOWER})

MAX_WIDTH: Final = 4.0  # high end over low end of an interval around 1; a wider one says nothing in the headline


def headline(report: SessionReport, show: Show = named) -> str:
    """The sentences a page begins with: on the first two known quantities of the scenario's claims and goodput.

    Receipts are among them where the first claim is about one. Before them stands what a step load shows.
    """
    asked = dict.fromkeys([*(each.compare for each in report.record.scenario.claims), GOODPUT])
    receipts = [each for each in asked if each.startswith(RECEIPT_PREFIX)]
    left_out = [] if next(iter(asked)) in receipts else receipts
    known = {
        each: _load_answer(report, show) if each == GOODPUT else _asked_answer(report, each, show)
        for each in asked
        if each not in left_out
    }
    found = [answer for answer in known.values() if answer][:MAX_ASKED]
    if known[GOODPUT] not in found:
        found.insert(0, unwell(report, [each.name for each in report.record.scenario.variants], show))
    failed = (failed_answer(each, show) for each in report.failures.variants)
    return " ".join(filter(None, [steps_answer(report, show), *found, *failed]))


def others_answer(report: SessionReport, show: Show = named) -> str:
    """What the load did to others, as far as the headline does not say it."""
    neighbour = neighbour_answer(report, show)
    shown = "" if neighbour in headline(report, show) else neighbour
    return f"{shown} {served_answer(report, show)}".strip()


def _load_answer(report: SessionReport, show: Show) -> str:
    return verdict_answer(report, show) or one_run_each(report, show)


def _asked_answer(report: SessionReport, compare: str, show: Show) -> str:
    """What the claims about a quantity found; without rounds, the times of each variant's run."""
    found = claim_answer(report, compare, show)
    if found or report.rounds is not None:
        return found
    if compare in {NEIGHBOUR_P50, NEIGHBOUR_P99}:
        return neighbour_answer(report, show)
    return own_answer(report, NAMES if compare == P99 else ("p50",), show) if compare in {P50, P99} else ""


def claim_answer(report: SessionReport, compare: str, show: Show = named) -> str:
    """What was measured for the claims about one quantity or receipt, in one sentence; empty if nothing was."""
    known = [each for each in report.claims if each.claim.compare == compare]
    key = compare.removeprefix(RECEIPT_PREFIX)
    if key != compare:
        clauses = [f"{each.measured:,.6g} under {show(each.claim.a)}" for each in known if each.measured is not None]
        subject = f"In the receipts, {show(key)}"
    else:
        clauses = [clause for each in known if (clause := _ratio_clause(each, show))]
        neighbour = show(next(iter(report.record.scenario.neighbours), "the neighbour"))
        subject = f"In the {QUANTITIES[compare].format(neighbour=neighbour)}"
    clauses = list(dict.fromkeys(clauses))
    limit = MAX_PAIRS if key == compare else MAX_NAMES
    more = f" ({len(clauses) - limit} more in the report)" if len(clauses) > limit else ""
    return f"{subject}: {'; '.join(clauses[:limit])}{more}." if clauses else ""


def _ratio_clause(answered: ClaimAnswer, show: Show) -> str:
    """`a 0.50 times that of b [0.49, 0.51]`, or times a claimed figure; empty where no interval says something."""
    claim, ends = answered.claim, answered.interval
    if ends is None or not _says_something((ends.low, ends.high)):
        return ""
    against = f"{claim.value:g} ms" if claim.b is None else f"that of {show(claim.b)}"
    if answered.measured is None or math.isinf(ends.high):
        return f"{show(claim.a)} {interval((ends.low, ends.high))} times {against}"
    return f"{show(claim.a)} {ratio(answered.measured)} times {against} {bracketed((ends.low, ends.high))}"


def failed_answer(failure: VariantFailure, show: Show = named) -> str:
    """One sentence on a variant that was left out."""
    reason = show(failure.reason).strip('"')  # only names are quoted
    return f"{show(failure.variant)}: {failure.state}, left out: {reason}."


def certainty(report: SessionReport) -> str:
    """What the answer rests on, in one sentence."""
    if report.rounds is None:
        return ONE_RUN_EACH
    widest = report.rounds.goodput.half_width
    bounded = any(verdict.comparison.is_bounded for verdict in report.rounds.goodput.verdicts)
    width = "no interval" if widest is None else f"every ratio of goodput within +-{half_width(widest)} or better"
    if bounded:
        width = "bounds from all answers together" if widest is None else f"{width}, or bounded"
    return f"{plural(report.rounds.count, 'round')} of fresh targets, paired: {width} (95 % intervals)."


def verdict_answer(report: SessionReport, show: Show = named) -> str:
    """What the rounds decided about goodput in one sentence; empty without rounds, or when every pair is INVALID.

    It quotes two: pairs that a claim names, else the smallest and the largest ratio of the differences; those of a
    variant that is not well come first, and the table has the rest. Without a difference it names what is EQUIVALENT
    or NOT RESOLVED.
    """
    if report.rounds is None:
        return ""
    judged = report.rounds.goodput
    decided = [_unwell_first(each, report) for each in judged.verdicts if each.word is not Word.INVALID]
    if not decided:
        return ""
    differing = sorted((each for each in decided if each.word in DIFFERENT), key=_times)
    shown = _most_telling(differing, decided, report) if differing else []
    shown.sort(key=lambda each: not health_clause(report, each.comparison.a))
    clauses = [_verdict_clause(each, show, report) for each in shown] or list(_alike(decided, show))
    invalid = len(judged.verdicts) - len(decided)
    rest = [f"{plural(len(decided) - len(shown), 'more pair')} in the table"] * (len(decided) > len(shown) > 0)
    rest += [f"{plural(invalid, 'pair')} INVALID"] * bool(invalid)
    in_clauses = {each.comparison.a for each in shown if each.word in DIFFERENT}  # with its health, in its clause
    others = unwell(
        report, [each.name for each in report.record.scenario.variants if each.name not in in_clauses], show
    )
    more = f" ({', '.join(rest)})" if rest else ""
    return f"{others} In {judged.quantity.name}: {'; '.join(clauses)}{more}.".lstrip()


def _most_telling(differing: Sequence[Verdict], decided: Sequence[Verdict], report: SessionReport) -> list[Verdict]:
    """At most `MAX_PAIRS` of the verdicts: what claims ask about, differences first, then the ends of all differences.

    What the same variant is behind of is quoted once, unless claims ask for it.
    """
    claimed = [{each.a, each.b} for each in report.record.scenario.claims if each.compare == GOODPUT]
    asked = [each for each in decided if {each.comparison.a, each.comparison.b} in claimed]
    extremes = [differing[0], differing[-1]]
    if len({_slower(each) for each in extremes}) == 1:
        extremes.sort(key=_distance, reverse=True)
    shown = sorted(asked, key=lambda each: each.word not in DIFFERENT)[:MAX_PAIRS]
    for each in extremes:
        if _slower(each) not in map(_slower, shown):
            shown.append(each)
    return shown[:MAX_PAIRS]


def _distance(verdict: Verdict) -> float:
    """How far a ratio is from 1, up or down."""
    return abs(math.log(_times(verdict) or math.ulp(0)))


def _unwell_first(verdict: Verdict, report: SessionReport) -> Verdict:
    """A bounded verdict about the variant that is not well, where only the other side of the pair is."""
    a, b = verdict.comparison.a, verdict.comparison.b
    is_swapped = verdict.comparison.is_bounded and health_clause(report, b) and not health_clause(report, a)
    return verdict.swapped if is_swapped else verdict


def _times(verdict: Verdict) -> float:
    """The ratio, or the end of its bounds that is nearer to 1."""
    low, high = verdict.shown_interval or (1.0, 1.0)
    return verdict.shown_ratio or (high if high < 1 else low)


def _verdict_clause(verdict: Verdict, show: Show, report: SessionReport) -> str:
    """`a blocks the event loop at main.py:16 and is SLOWER than b: 0.028 times [0.025, 0.030]`."""
    if verdict.word not in DIFFERENT:
        return next(_alike([verdict], show))
    a, b = verdict.comparison.a, verdict.comparison.b
    times = verdict.bound or f"{ratio(verdict.shown_ratio)} times {bracketed(verdict.shown_interval)}"
    trouble, line = health_clause(report, a, show), blocked_at(report, _slower(verdict), show)
    blocks = f" blocks the event loop at {line}" if line else ""
    own = f"{blocks} and" if blocks and _slower(verdict) == a else ""
    other = f", which{blocks}" if blocks and not own else ""
    return f"{show(a)}{own} is {verdict.word} than {show(b)}{other}: {times}{', ' + trouble if trouble else ''}"


def _slower(verdict: Verdict) -> str:
    """The variant that is behind; of a pair without a difference the first."""
    return verdict.comparison.b if verdict.word is Word.FASTER else verdict.comparison.a


def _alike(verdicts: Sequence[Verdict], show: Show) -> Iterator[str]:
    """What no difference is shown between, by word; what is not resolved with an interval that says something."""
    within = f" (within {100 * MARGIN:g} %)"
    for word, claim, how in (
        (Word.EQUIVALENT, "EQUIVALENT to", within),
        (Word.NOT_RESOLVED, "NOT RESOLVED against", ""),
    ):
        found = [each for each in verdicts if each.word is word]
        for b in dict.fromkeys(each.comparison.b for each in found):
            pairs = [each for each in found if each.comparison.b == b]
            names = [show(each.comparison.a) if how else _with_interval(each, show) for each in pairs]
            shown = listed(names) if len(names) <= MAX_NAMES else f"{len(names)} variants"
            yield f"{shown} {'is' if len(pairs) == 1 else 'are'} {claim} {show(b)}{how}"


def _with_interval(verdict: Verdict, show: Show) -> str:
    ends = verdict.shown_interval
    return show(verdict.comparison.a) + (f" ({interval(ends)} times)" if ends and _says_something(ends) else "")


def _says_something(ends: tuple[float, float]) -> bool:
    """Whether an interval of a ratio excludes 1, or is narrow enough to be worth a place in the headline."""
    return not ends[0] <= 1 <= ends[1] or ends[1] <= MAX_WIDTH * ends[0]
