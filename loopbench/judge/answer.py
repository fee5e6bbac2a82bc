"""The answer in one sentence, as far as one run a variant carries it: what stood out, and what is too close to rank."""

from collections.abc import Callable
from typing import Final, NamedTuple

from loopbench.judge.figures import listed, ratio, rounded
from loopbench.judge.published import NEAR
from loopbench.judge.session_report import SessionReport
from loopbench.judge.table import end_of_load
from loopbench.showable import showable

ONE_RUN_EACH: Final = "One run each, so no interval: a picture, not a verdict."

MOST_NAMES: Final = 4
"""In one sentence."""

Show = Callable[[str], str]
"""How a foreign name is written in the medium at hand."""


class _Held(NamedTuple):
    name: str
    rps: float


def answer(report: SessionReport, show: Show = showable) -> str:
    """Who gave how many good answers a second at full load; variants within a factor of `NEAR` are not ranked."""
    users = report.record.scenario.users
    if not report.runs:
        return "No run is complete: there is nothing to answer with."
    held = [_Held(show(run.variant.name), run.goodput_rps) for run in report.runs if run.goodput_rps is not None]
    if not held:
        return f"No run held {users} users for long enough: how many answers a second they get is not known."
    held.sort(key=lambda each: -each.rps)
    best = held[0].rps
    if best == 0:
        return f"At {users} users not one good answer came, under any variant."
    near = [each for each in held if each.rps * NEAR >= best]
    behind = [each for each in held if each.rps * NEAR < best]
    unknown = [show(run.variant.name) for run in report.runs if run.goodput_rps is None]
    parts = (_leaders(users, near, alone=len(held) == 1), _behind(behind, best), _not_held(unknown))
    return " ".join(part for part in parts if part)


def neighbour_answer(report: SessionReport, show: Show = showable) -> str:
    """What the variants did to the first neighbour, in one sentence; empty when nothing is known of it."""
    known = [
        (request.hold.p99_ms, show(request.name), show(run.variant.name))
        for run in report.runs
        for request in run.requests[1:2]
        if request.hold.p99_ms is not None
    ]
    if not known:
        return ""
    (low_ms, name, mildest), (high_ms, _, harshest) = min(known), max(known)
    most = f"Meanwhile 99 of 100 {name} requests were answered within {rounded(low_ms)} ms under {mildest}"
    return f"{most}." if len(known) == 1 else f"{most}, within {rounded(high_ms)} ms under {harshest}."


def served_answer(report: SessionReport, show: Show = showable) -> str:
    """Whom nobody answered, in one sentence: without it, no response time is worth reading."""
    ends = [(show(run.variant.name), end_of_load(run)) for run in report.runs]
    known = [(name, end.moment) for name, end in ends if end is not None]
    if not known:
        return ""
    unserved = [f"{now.never_served} of {now.users} under {name}" for name, now in known if now.never_served]
    if not unserved:
        return "Every user was served."
    return f"Users who were never served at all: {listed(unserved)}."


def _leaders(users: int, near: list[_Held], *, alone: bool) -> str:
    if alone:
        return f"At {users} users {near[0].name} gave {rounded(near[0].rps)} good answers a second."
    if len(near) == 1:
        return f"At {users} users {near[0].name} gave the most good answers, {rounded(near[0].rps)} a second."
    names = listed([each.name for each in near]) if len(near) <= MOST_NAMES else f"{len(near)} variants"
    lowest, highest = rounded(near[-1].rps), rounded(near[0].rps)
    return (
        f"At {users} users {names} gave {lowest} to {highest} good answers a second, "
        "too close to rank from one run each."
    )


def _behind(behind: list[_Held], best: float) -> str:
    if not behind:
        return ""
    if len(behind) > MOST_NAMES:
        return f"The other {len(behind)} gave {rounded(behind[-1].rps)} to {rounded(behind[0].rps)}."
    return f"{listed([_less(each, best) for each in behind])}."


def _less(each: _Held, best: float) -> str:
    if each.rps == 0:
        return f"{each.name} gave none"
    return f"{each.name} gave {rounded(each.rps)} ({ratio(each.rps / best)} times the most)"


def _not_held(names: list[str]) -> str:
    return f"Not known at full load: {listed(names)}." if names else ""
