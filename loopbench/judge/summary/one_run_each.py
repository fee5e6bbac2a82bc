"""The answer in a sentence or two where every variant ran once: who gave how many good answers, without a verdict."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from loopbench.judge.figures import listed, plural, ratio, rounded
from loopbench.judge.session.session_report import SessionReport
from loopbench.judge.summary.clauses import MAX_NAMES, Show, blocking, named, unwell
from loopbench.scenario.claims import GOODPUT

NEAR: Final = 1.25
"""Variants within this factor are not ranked from one run each: identical runs on a shared 2-core machine differ by
4 to 14 %, so the ratio of two can be off by a fifth without meaning anything."""

MAX_CLAIMED: Final = 6  # pairs in one sentence


class _Held(NamedTuple):
    name: str
    rps: float


def one_run_each(report: SessionReport, show: Show = named) -> str:
    """Who gave how many good answers a second at full load; variants within a factor of `NEAR` are not ranked."""
    load = full_load(report)
    if not report.runs:
        return "No run under load is complete: there is nothing to answer with."
    valid = [run for run in report.runs if run.is_valid]
    if not valid:
        return f"Every run is INVALID: how many answers a second {load} get is not known."
    held = [_Held(show(run.variant.name), run.goodput_rps) for run in valid if run.goodput_rps is not None]
    if not held:
        return f"No run held {load} for long enough: how many answers a second they get is not known."
    held.sort(key=lambda each: -each.rps)
    best = held[0].rps
    if best == 0:
        trouble = unwell(report, [run.variant.name for run in report.runs], show)
        return f"At {load} no variant gave a good answer. {trouble}".rstrip()
    unknown = [show(run.variant.name) for run in report.runs if run.goodput_rps is None or not run.is_valid]
    parts = (
        _claimed_pairs(report, held, show) or _ranked(load, held),
        blocking(report, [run.variant.name for run in valid], show),
        unwell(report, [run.variant.name for run in report.runs], show),
        _not_held(unknown),
    )
    return " ".join(part for part in parts if part)


def full_load(report: SessionReport) -> str:
    """What the variants were under when their figures were taken: users or, in open mode, the rate that was due."""
    scenario = report.record.scenario
    if scenario.load.rate is not None:
        return f"{rounded(max(scenario.load.rate))} requests due a second"
    return plural(scenario.load.users, "user")


def _claimed_pairs(report: SessionReport, held: list[_Held], show: Show) -> str:
    """The pairs that claims ask about, where there are too many variants for a list of all; empty without any."""
    rps = {each.name: each.rps for each in held}
    claims = [each for each in report.record.scenario.claims if each.compare == GOODPUT and each.b is not None]
    pairs = [(show(each.a), show(each.b or "")) for each in claims]
    clauses = [f"{a} gave {rounded(rps[a])} against {rounded(rps[b])} of {b}" for a, b in pairs if {a, b} <= rps.keys()]
    if len(list(_near_each_other(held))) <= MAX_NAMES or not clauses:
        return ""
    return f"Good answers a second at {full_load(report)}, from one run each: {'; '.join(clauses[:MAX_CLAIMED])}."


def _ranked(load: str, held: list[_Held]) -> str:
    near = [each for each in held if each.rps * NEAR >= held[0].rps]
    behind = held[len(near) :]
    return f"{_leaders(load, near, alone=len(held) == 1)} {_behind(behind, held[0].rps)}".rstrip()


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
