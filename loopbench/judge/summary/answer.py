"""The answer in a sentence or two: from receipts and claims where those are asked for, else from rounds or ramps."""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

from loopbench.judge.diagnosis.findings import Kind
from loopbench.judge.figures import half_width, interval, listed, plural, ratio, rounded
from loopbench.judge.rounds.claims import ClaimAnswer
from loopbench.judge.session.session_report import SessionReport
from loopbench.judge.stamp.health import trouble_of
from loopbench.judge.stamp.stamp_checks import State
from loopbench.judge.statistics.verdict import MARGIN, Verdict, Word
from loopbench.judge.summary.table import end_of_load
from loopbench.records.failures import VariantFailure
from loopbench.scenario.claims import GOODPUT, NEIGHBOUR_P50, NEIGHBOUR_P99, P50, P99, RECEIPT_PREFIX
from loopbench.showable import showable

ONE_RUN_EACH: Final = "One run each, so no interval: a picture, not a verdict."

NEAR: Final = 1.25
"""Variants within this factor are not ranked from one run each: identical runs on a shared 2-core machine differ by
4 to 14 %, so the ratio of two can be off by a fifth without meaning anything."""

NAMES: Final = ("p99", "p95", "p50")

QUANTITIES: Final = {
    P50: "median response time",
    P99: "p99 of the response time",
    NEIGHBOUR_P50: "median response time of {neighbour}",
    NEIGHBOUR_P99: "p99 of {neighbour}",
}
"""What claims compare, in words."""

MAX_ASKED: Final = 2  # quantities in the headline

MAX_NAMES: Final = 4  # in one sentence

MAX_PAIRS: Final = 2  # of variants in one sentence: the table has all

MAX_WIDTH: Final = 4.0  # high end over low end of an interval around 1; a wider one says nothing in the headline

Show = Callable[[str], str]  # how a foreign name is written in the medium at hand


def named(name: str) -> str:
    """A variant's name in a sentence: in quotes where a comma or a semicolon would seem to end it."""
    shown = showable(name)
    return f'"{shown}"' if {",", ";"} & set(shown) else shown


class _Held(NamedTuple):
    name: str
    rps: float


def answer(report: SessionReport, show: Show = named) -> str:
    """Who gave how many good answers a second at full load; variants within a factor of `NEAR` are not ranked."""
    load = full_load(report)
    if not report.runs:
        return "No run is complete: there is nothing to answer with."
    valid = [run for run in report.runs if run.is_valid]
    if not valid:
        return f"Every run is INVALID: how many answers a second {load} get is not known."
    held = [_Held(show(run.variant.name), run.goodput_rps) for run in valid if run.goodput_rps is not None]
    if not held:
        return f"No run held {load} for long enough: how many answers a second they get is not known."
    held.sort(key=lambda each: -each.rps)
    best = held[0].rps
    if best == 0:
        unwell = _unwell(report, [run.variant.name for run in report.runs], show)
        return f"At {load} no variant gave a good answer. {unwell}".rstrip()
    near = [each for each in held if each.rps * NEAR >= best]
    behind = [each for each in held if each.rps * NEAR < best]
    unknown = [show(run.variant.name) for run in report.runs if run.goodput_rps is None or not run.is_valid]
    parts = (
        _leaders(load, near, alone=len(held) == 1),
        _behind(behind, best),
        _blocking(report, [run.variant.name for run in valid], show),
        _unwell(report, [run.variant.name for run in report.runs], show),
        _not_held(unknown),
    )
    return " ".join(part for part in parts if part)


def full_load(report: SessionReport) -> str:
    """What the variants were under when their figures were taken: users or, in open mode, the rate that was due."""
    scenario = report.record.scenario
    if scenario.load.rate is not None:
        return f"{rounded(max(scenario.load.rate))} requests due a second"
    return f"{scenario.load.users} users"


def headline(report: SessionReport, show: Show = named) -> str:
    """The sentences a page begins with: on the first two known quantities of the scenario's claims and goodput.

    Receipts are among them where the first claim is about one.
    """
    asked = dict.fromkeys([*(each.compare for each in report.record.scenario.claims), GOODPUT])
    receipts = [each for each in asked if each.startswith(RECEIPT_PREFIX)]
    left_out = [] if next(iter(asked)) in receipts else receipts
    known = {
        each: _load_answer(report, show) if each == GOODPUT else claim_answer(report, each, show)
        for each in asked
        if each not in left_out
    }
    found = [answer for answer in known.values() if answer][:MAX_ASKED]
    if known[GOODPUT] not in found:
        found.insert(0, _unwell(report, [each.name for each in report.record.scenario.variants], show))
    failed = (failed_answer(each, show) for each in report.failures.variants)
    return " ".join(filter(None, [*found, *failed]))


def _load_answer(report: SessionReport, show: Show) -> str:
    return verdict_answer(report, show) or answer(report, show)


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
    more = f" ({len(clauses) - limit} more below)" if len(clauses) > limit else ""
    return f"{subject}: {'; '.join(clauses[:limit])}{more}." if clauses else ""


def _ratio_clause(answered: ClaimAnswer, show: Show) -> str:
    """`a 0.50 times that of b [0.49, 0.51]`, or times a claimed figure; empty where no interval says something."""
    claim, ends = answered.claim, answered.interval
    if ends is None or not _says_something((ends.low, ends.high)):
        return ""
    against = f"{claim.value:g} ms" if claim.b is None else f"that of {show(claim.b)}"
    if answered.measured is None or math.isinf(ends.high):
        return f"{show(claim.a)} {interval((ends.low, ends.high))} times {against}"
    return f"{show(claim.a)} {ratio(answered.measured)} times {against} {_bracketed((ends.low, ends.high))}"


def failed_answer(failure: VariantFailure, show: Show = named) -> str:
    """One sentence on a variant that failed before anything was measured."""
    reason = show(failure.reason).strip('"')  # only names are quoted
    return f"{show(failure.variant)}: {failure.state}, not measured: {reason}."


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

    Of the differences it quotes the smallest and the largest ratio, those of a variant that is not well first; the
    table has the rest. Without a difference it names what is EQUIVALENT or NOT RESOLVED.
    """
    if report.rounds is None:
        return ""
    judged = report.rounds.goodput
    decided = [_unwell_first(each, report) for each in judged.verdicts if each.word is not Word.INVALID]
    if not decided:
        return ""
    differing = sorted((each for each in decided if each.word in {Word.FASTER, Word.SLOWER}), key=_times)
    shown = [differing[0], differing[-1]] if differing else []
    if len({_slower(each) for each in shown}) == 1:  # the same is behind in both
        shown = [max(shown, key=lambda each: abs(math.log(_times(each) or math.ulp(0))))]
    shown.sort(key=lambda each: not health_clause(report, each.comparison.a))
    clauses = [_verdict_clause(each, show, report) for each in shown] or list(_alike(decided, show))
    invalid = len(judged.verdicts) - len(decided)
    rest = [f"{plural(len(decided) - len(shown), 'more pair')} below"] * (len(decided) > len(shown) > 0)
    rest += [f"{plural(invalid, 'pair')} INVALID"] * bool(invalid)
    named = {each.comparison.a for each in shown}
    others = _unwell(report, [each.name for each in report.record.scenario.variants if each.name not in named], show)
    more = f" ({', '.join(rest)})" if rest else ""
    return f"{others} In {judged.quantity.name}: {'; '.join(clauses)}{more}.".lstrip()


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
    a, b = verdict.comparison.a, verdict.comparison.b
    times = verdict.bound or f"{ratio(verdict.shown_ratio)} times {_bracketed(verdict.shown_interval)}"
    unwell, line = health_clause(report, a, show), _blocked_at(report, _slower(verdict), show)
    blocks = f" blocks the event loop at {line}" if line else ""
    own = f"{blocks} and" if blocks and _slower(verdict) == a else ""
    other = f", which{blocks}" if blocks and not own else ""
    return f"{show(a)}{own} is {verdict.word} than {show(b)}{other}: {times}{', ' + unwell if unwell else ''}"


def _slower(verdict: Verdict) -> str:
    return verdict.comparison.a if verdict.word is Word.SLOWER else verdict.comparison.b


def _bracketed(ends: tuple[float, float] | None) -> str:
    return "without an interval" if ends is None else f"[{ratio(ends[0])}, {ratio(ends[1])}]"


def _blocked_at(report: SessionReport, variant: str, show: Show) -> str:
    """The file and line that blocks a variant's event loop; empty where none does."""
    diagnoses = [run.diagnosis for run in report.runs if run.variant.name == variant and run.is_valid]
    lines = (each.guilty for each in diagnoses if each.kind is Kind.LOOP_BLOCKED)
    return next((show(line.short_place.partition(" in ")[0]) for line in lines if line is not None), "")


def _blocking(report: SessionReport, variants: Sequence[str], show: Show) -> str:
    """A sentence on the variants that block their event loop, with the line; empty if none does."""
    lines = [(name, line) for name in variants if (line := _blocked_at(report, name, show))]
    clauses = [f"{show(name)} blocks the event loop at {line}" for name, line in lines[:MAX_PAIRS]]
    more = f", and {len(lines) - MAX_PAIRS} more do" if len(lines) > MAX_PAIRS else ""
    return f"{listed(clauses)}{more}." if clauses else ""


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


def health_clause(report: SessionReport, variant: str, show: Show = showable) -> str:
    """What is not well with a variant's target, for the end of a sentence; empty if nothing is."""
    health = report.health(variant)
    is_hung = health is not None and health.state is State.HUNG
    trouble = trouble_of(report.healths(variant), lambda text: show(text).strip('"'))  # only names are quoted
    return trouble + (_why(report, variant) if is_hung else "")


def _why(report: SessionReport, variant: str) -> str:
    """The class of the diagnosis of a hung target, if there is one."""
    runs = [run for run in report.runs if run.variant.name == variant and run.is_valid]
    kinds = [run.diagnosis.kind for run in runs]
    return "".join(f" ({kind})" for kind in kinds if kind not in (Kind.NO_BOTTLENECK, Kind.NOT_OBSERVED))


def _unwell(report: SessionReport, variants: list[str], show: Show) -> str:
    """A sentence on each of these variants whose target is not well; empty if there is none."""
    clauses = [(name, health_clause(report, name, show)) for name in variants]
    return " ".join(f"{show(name)}: {clause}." for name, clause in clauses if clause)


def neighbour_answer(report: SessionReport, show: Show = named) -> str:
    """What the variants did to the first neighbour, in one sentence; empty when there is none, or nothing is known.

    It uses the highest percentile that is known under every variant: the worst one answers least, so its p99 is the
    first to be missing, and a sentence without it would read as if all were well.
    """
    runs = [run for run in report.runs if run.is_valid and len(run.requests) > 1]
    held = [(run, run.requests[1].hold, run.requests[1].name) for run in runs]
    for name in NAMES:
        values = [math.inf if hold.is_endless(name) else getattr(hold, f"{name}_ms") for _, hold, _ in held]
        if held and None not in values:
            shown = [f"{hold.shown(name)} ms under {show(run.variant.name)}" for run, hold, _ in held]
            parts = [text for _, text in _ends(sorted(zip(values, shown, strict=True)))]
            hint = "" if name == "p99" else " (too few answers under one of them to know more: hold longer)"
            return f"Meanwhile the {name} of {show(held[0][2])} was {listed(parts)}{hint}."
    return ""


def _ends(known: list[tuple[float, str]]) -> list[tuple[float, str]]:
    """All of a few, else the least and the largest."""
    return known if len(known) <= MAX_NAMES else [known[0], known[-1]]


def served_answer(report: SessionReport, show: Show = named) -> str:
    """One sentence on users that never got a response (survivorship bias in the latencies)."""
    ends = [(show(run.variant.name), end_of_load(run)) for run in report.runs]
    known = [(name, end.moment) for name, end in ends if end is not None]
    if not known:
        return ""
    unserved = [f"{now.never_served} of {now.users} under {name}" for name, now in known if now.never_served]
    if not unserved:
        return "Every user of the ramps was served."
    return f"Users of the ramps without any answer: {listed(unserved)}."


def _leaders(load: str, near: list[_Held], *, alone: bool) -> str:
    if alone:
        return f"At {load} {near[0].name} gave {rounded(near[0].rps)} good answers a second."
    if len(near) == 1:
        return f"At {load} {near[0].name} gave the most good answers, {rounded(near[0].rps)} a second."
    return f"At {load} {_together(near, ' good answers a second')}, too close to rank from one run each."


def _behind(behind: list[_Held], best: float) -> str:
    if not behind:
        return ""
    groups = [[each] for each in behind] if len(behind) <= MAX_NAMES else list(_near_each_other(behind))
    if len(groups) > MAX_NAMES:
        return f"The other {len(behind)} gave {rounded(behind[-1].rps)} to {rounded(behind[0].rps)}."
    return f"{listed([_together(each) if len(each) > 1 else _less(each[0], best) for each in groups])}."


def _near_each_other(held: list[_Held]) -> Iterator[list[_Held]]:
    """Yield the variants in groups that one run each cannot rank: within a factor of `NEAR` of the group's first."""
    while held:
        group = [each for each in held if each.rps * NEAR >= held[0].rps]
        yield group
        held = held[len(group) :]


def _together(group: list[_Held], unit: str = "") -> str:
    names = listed([each.name for each in group]) if len(group) <= MAX_NAMES else f"{len(group)} variants"
    lowest, highest = rounded(group[-1].rps), rounded(group[0].rps)
    figures = f"{lowest} to {highest}" if group[0].rps else "none"
    return f"{names} gave {figures}{unit}"


def _less(each: _Held, best: float) -> str:
    if each.rps == 0:
        return f"{each.name} gave none"
    return f"{each.name} gave {rounded(each.rps)} ({ratio(each.rps / best)} times the most)"


def _not_held(names: list[str]) -> str:
    return f"Not known at full load: {listed(names)}." if names else ""
