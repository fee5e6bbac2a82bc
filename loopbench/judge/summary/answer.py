"""The answer in one sentence, as far as one run a variant carries it: what stood out, and what is too close to rank."""

import math
from collections.abc import Callable
from typing import Final, NamedTuple

from loopbench.judge.figures import interval, listed, plural, ratio, rounded
from loopbench.judge.session.session_report import SessionReport
from loopbench.judge.statistics.verdict import Verdict, Word
from loopbench.judge.summary.table import end_of_load
from loopbench.records.load_order import MODE_OPEN
from loopbench.showable import showable

ONE_RUN_EACH: Final = "One run each, so no interval: a picture, not a verdict."

NEAR: Final = 1.25
"""Variants within this factor are not ranked from one run each: identical runs on a shared 2-core machine differ by
4 to 14 %, so the ratio of two can be off by a fifth without meaning anything."""

SHARES: Final = (("99 of 100", "p99_ms"), ("95 of 100", "p95_ms"), ("half the", "p50_ms"))

MAX_NAMES: Final = 4
"""In one sentence."""

WEIGHT: Final = {word: rank for rank, word in enumerate((Word.INVALID, Word.SLOWER, Word.FASTER, Word.EQUIVALENT))} | {
    Word.NOT_RESOLVED: 4
}

Show = Callable[[str], str]
"""How a foreign name is written in the medium at hand."""


class _Held(NamedTuple):
    name: str
    rps: float


def answer(report: SessionReport, show: Show = showable) -> str:
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
        return f"At {load} not one good answer came, under any variant."
    near = [each for each in held if each.rps * NEAR >= best]
    behind = [each for each in held if each.rps * NEAR < best]
    unknown = [show(run.variant.name) for run in report.runs if run.goodput_rps is None or not run.is_valid]
    parts = (_leaders(load, near, alone=len(held) == 1), _behind(behind, best), _not_held(unknown))
    return " ".join(part for part in parts if part)


def full_load(report: SessionReport) -> str:
    """What the variants were under when their figures were taken: users or, in open mode, the rate that was due."""
    scenario = report.record.scenario
    if scenario.mode == MODE_OPEN:
        return f"{rounded(max(scenario.rate_rps))} requests due a second"
    return f"{scenario.users} users"


def headline(report: SessionReport, show: Show = showable) -> str:
    """The sentence a page begins with: the verdicts where there are rounds, else what the ramp showed."""
    return verdict_answer(report, show) or answer(report, show)


def certainty(report: SessionReport) -> str:
    """What the answer rests on, in one sentence."""
    if report.rounds is None:
        return ONE_RUN_EACH
    widest = report.rounds.goodput.half_width
    width = "no interval" if widest is None else f"every ratio of goodput within +-{100 * widest:.2g} % or better"
    return f"{plural(report.rounds.count, 'round')} of fresh targets, paired: {width} (95 % intervals)."


def verdict_answer(report: SessionReport, show: Show = showable) -> str:
    """What the rounds decided about goodput in one sentence; empty without rounds, or when every pair is INVALID.

    The baseline's pairs if there is one, else the strongest words first; INVALID ones are only counted.
    """
    if report.rounds is None:
        return ""
    verdicts = report.rounds.goodput.verdicts
    names = {each.slug: each.name for each in report.record.scenario.variants}
    baseline = names.get(report.record.scenario.baseline)
    decided = [each for each in verdicts if each.word is not Word.INVALID]
    if not decided:
        return ""
    first = [each for each in decided if baseline is None or each.comparison.b == baseline]
    shown = sorted(first or decided, key=lambda each: WEIGHT[each.word])[:MAX_NAMES]
    clauses = "; ".join(_verdict_clause(each, show) for each in shown)
    invalid = len(verdicts) - len(decided)
    rest = [f"{plural(len(decided) - len(shown), 'more pair')} below"] * (len(decided) > len(shown))
    rest += [f"{plural(invalid, 'pair')} INVALID"] * bool(invalid)
    return f"In {report.rounds.goodput.quantity.name}: {clauses}{' (' + ', '.join(rest) + ')' if rest else ''}."


def _verdict_clause(verdict: Verdict, show: Show) -> str:
    a, b = show(verdict.comparison.a), show(verdict.comparison.b)
    words = {Word.FASTER: "FASTER than", Word.SLOWER: "SLOWER than", Word.EQUIVALENT: "EQUIVALENT to"}
    times = f"{ratio(verdict.shown_ratio)} times, {interval(verdict.shown_interval)}"
    return f"{a} is {words.get(verdict.word, 'NOT RESOLVED against')} {b} ({times})"


def neighbour_answer(report: SessionReport, show: Show = showable) -> str:
    """What the variants did to the first neighbour, in one sentence; empty when there is none, or nothing is known.

    Told at the highest percentile that is known under every variant: the worst one answers least, so its p99 is the
    first to be missing, and a sentence without it would read as if all were well.
    """
    runs = [run for run in report.runs if run.is_valid and len(run.requests) > 1]
    held = [(run, run.requests[1].hold, run.requests[1].name) for run in runs]
    for share, key in SHARES:
        times_ms = sorted((getattr(hold, key) or math.inf, show(run.variant.name)) for run, hold, _ in held)
        if times_ms and times_ms[-1][0] < math.inf:
            shown = times_ms if len(times_ms) <= MAX_NAMES else [times_ms[0], times_ms[-1]]
            parts = [f"{rounded(time_ms)} ms under {name}" for time_ms, name in shown]
            hint = "" if key == "p99_ms" else " (too few answers under one of them to know more: hold longer)"
            return f"Meanwhile {share} {show(held[0][2])} requests were answered within {listed(parts)}{hint}."
    return ""


def served_answer(report: SessionReport, show: Show = showable) -> str:
    """One sentence on users that never got a response (survivorship bias in the latencies)."""
    ends = [(show(run.variant.name), end_of_load(run)) for run in report.runs]
    known = [(name, end.moment) for name, end in ends if end is not None]
    if not known:
        return ""
    unserved = [f"{now.never_served} of {now.users} under {name}" for name, now in known if now.never_served]
    if not unserved:
        return "Every user was served."
    return f"Users who were never served at all: {listed(unserved)}."


def _leaders(load: str, near: list[_Held], *, alone: bool) -> str:
    if alone:
        return f"At {load} {near[0].name} gave {rounded(near[0].rps)} good answers a second."
    if len(near) == 1:
        return f"At {load} {near[0].name} gave the most good answers, {rounded(near[0].rps)} a second."
    names = listed([each.name for each in near]) if len(near) <= MAX_NAMES else f"{len(near)} variants"
    lowest, highest = rounded(near[-1].rps), rounded(near[0].rps)
    return f"At {load} {names} gave {lowest} to {highest} good answers a second, too close to rank from one run each."


def _behind(behind: list[_Held], best: float) -> str:
    if not behind:
        return ""
    if len(behind) > MAX_NAMES:
        return f"The other {len(behind)} gave {rounded(behind[-1].rps)} to {rounded(behind[0].rps)}."
    return f"{listed([_less(each, best) for each in behind])}."


def _less(each: _Held, best: float) -> str:
    if each.rps == 0:
        return f"{each.name} gave none"
    return f"{each.name} gave {rounded(each.rps)} ({ratio(each.rps / best)} times the most)"


def _not_held(names: list[str]) -> str:
    return f"Not known at full load: {listed(names)}." if names else ""
