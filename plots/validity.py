"""The validity of a chart: the stamp in a few words, and which variants are drawn struck out."""

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from loopbench.judge.session.run_report import RunReport
from loopbench.judge.session.session_report import SessionReport
from loopbench.judge.stamp.stamp import Stamp
from loopbench.judge.stamp.stamp_checks import Level
from loopbench.plots import style
from loopbench.showable import showable

MAX_RULES: Final = 4  # named in a stamp; the page has all of them
MAX_IN_A_HEAD: Final = 2

STRUCK_NOTE: Final = "Grey and dashed: the run is INVALID. It is drawn to be seen; its figures are no results."


def session_words(report: SessionReport) -> str:
    """`VALID`, `VALID (DEGRADED): M3, X1`, `INVALID: C1`: with the rules that made it so."""
    stamp = report.stamp
    return _words(stamp.label, (each.worst.id for each in stamp.faults if each.level is stamp.level), MAX_RULES)


def run_words(stamp: Stamp, most: int = MAX_RULES) -> str:
    """The same of one run."""
    return _words(stamp.label, (each.id for each in stamp.faults if each.level is stamp.level), most)


def struck(run: RunReport) -> str:
    """`INVALID: C1` of a ramp that is; empty of any other."""
    return run_words(run.stamp, MAX_IN_A_HEAD) if run.stamp.level is Level.INVALID else ""


def of_valid(run: RunReport, words: str) -> str:
    """These words of a run or, if it is INVALID, that they would be no result."""
    return f"{struck(run)}, no result" if struck(run) else words


def described(runs: Iterable[RunReport], words: Callable[[RunReport], str]) -> str:
    """`name: words.` of each run; of one that is INVALID, that it is no result."""
    return " ".join(f"{showable(run.variant.name)}: {of_valid(run, words(run))}." for run in runs)


def palette(report: SessionReport) -> style.Palette:
    """Every variant's stroke; those with an INVALID ramp are struck out."""
    names = tuple(variant.name for variant in report.record.scenario.variants)
    return style.Palette(names, {run.variant.name: words for run in report.runs if (words := struck(run))})


def noted(notes: Sequence[str], runs: Iterable[RunReport]) -> tuple[str, ...]:
    """A caption's notes, and what the dashes mean where there are any."""
    return (*notes, STRUCK_NOTE) if any(struck(run) for run in runs) else tuple(notes)


def _words(label: str, ids: Iterable[str], most: int) -> str:
    rules = list(dict.fromkeys(ids))
    more = ["…"] if len(rules) > most else []
    return f"{label}: {', '.join([*rules[:most], *more])}" if rules else label
