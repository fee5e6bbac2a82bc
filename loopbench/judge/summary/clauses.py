"""The parts of a sentence that all answers share: names, intervals, and what is not well with a variant's target."""

from collections.abc import Callable, Sequence
from typing import Final

from loopbench.judge.diagnosis.findings import Kind
from loopbench.judge.figures import listed, ratio
from loopbench.judge.session.session_report import SessionReport
from loopbench.judge.stamp.health import trouble_of
from loopbench.judge.stamp.stamp_checks import State
from loopbench.showable import showable

MAX_NAMES: Final = 4  # in one sentence

MAX_PAIRS: Final = 2  # of variants in one sentence: the table has all

Show = Callable[[str], str]  # how a foreign name is written in the medium at hand


def named(name: str) -> str:
    """A variant's name in a sentence: in quotes where a comma or a semicolon would seem to end it."""
    shown = showable(name)
    return f'"{shown}"' if {",", ";"} & set(shown) else shown


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


def unwell(report: SessionReport, variants: list[str], show: Show) -> str:
    """A sentence on each of these variants whose target is not well; empty if there is none."""
    clauses = [(name, health_clause(report, name, show)) for name in variants]
    return " ".join(f"{show(name)}: {clause}." for name, clause in clauses if clause)


def blocked_at(report: SessionReport, variant: str, show: Show) -> str:
    """The file and line that blocks a variant's event loop; empty where none does."""
    diagnoses = [run.diagnosis for run in report.runs if run.variant.name == variant and run.is_valid]
    lines = (each.guilty for each in diagnoses if each.kind is Kind.LOOP_BLOCKED)
    return next((show(line.short_place.partition(" in ")[0]) for line in lines if line is not None), "")


def blocking(report: SessionReport, variants: Sequence[str], show: Show) -> str:
    """A sentence on the variants that block their event loop, with the line; empty if none does."""
    lines = [(name, line) for name in variants if (line := blocked_at(report, name, show))]
    clauses = [f"{show(name)} blocks the event loop at {line}" for name, line in lines[:MAX_PAIRS]]
    more = f", and {len(lines) - MAX_PAIRS} more do" if len(lines) > MAX_PAIRS else ""
    return f"{listed(clauses)}{more}." if clauses else ""


def bracketed(ends: tuple[float, float] | None) -> str:
    """The ends of an interval, as all sentences write them."""
    return "without an interval" if ends is None else f"[{ratio(ends[0])}, {ratio(ends[1])}]"
