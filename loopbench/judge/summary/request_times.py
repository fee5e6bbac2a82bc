"""How long requests took under each variant where there are no rounds, and which users never got an answer."""

import math
from collections.abc import Sequence
from typing import Final

from loopbench.judge.figures import listed
from loopbench.judge.session.session_report import SessionReport
from loopbench.judge.summary.clauses import MAX_NAMES, Show, named
from loopbench.judge.summary.table import end_of_load

NAMES: Final = ("p99", "p95", "p50")


def neighbour_answer(report: SessionReport, show: Show = named) -> str:
    """What the variants did to the first neighbour, in one sentence; empty when there is none, or nothing is known."""
    return _times_answer(report, 1, NAMES, show)


def own_answer(report: SessionReport, names: Sequence[str], show: Show = named) -> str:
    """How long the variants' own requests took, in one sentence; empty when nothing is known."""
    return _times_answer(report, 0, names, show)


def _times_answer(report: SessionReport, place: int, names: Sequence[str], show: Show) -> str:
    """The highest percentile that is known under every variant, of the request at a place in the scenario.

    The worst variant answers least, so its p99 is the first to be missing, and a sentence without it would read as if
    all were well.
    """
    runs = [run for run in report.runs if run.is_valid and len(run.requests) > place]
    held = [(run, run.requests[place].hold) for run in runs]
    for name in names:
        values = [math.inf if hold.is_endless(name) else getattr(hold, f"{name}_ms") for _, hold in held]
        if held and None not in values:
            shown = [f"{hold.shown(name)} ms under {show(run.variant.name)}" for run, hold in held]
            parts = [text for _, text in _ends(sorted(zip(values, shown, strict=True)))]
            hint = "" if name == names[0] else " (too few answers under one of them to know more: hold longer)"
            subject = show(held[0][0].requests[place].name) if place else "the response time"
            return f"The {name} of {subject} was {listed(parts)}{hint}."
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
