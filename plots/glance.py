"""The page's first table: one line a variant with what it gave, what it did to the others, and why; in a few words."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from loopbench.judge.diagnosis.findings import Kind
from loopbench.judge.figures import MISSING, interval, ratio, rounded
from loopbench.judge.rounds.rounds import Judged, Rounds
from loopbench.judge.session.run_report import RunReport
from loopbench.judge.session.session_report import SessionReport
from loopbench.judge.statistics.verdict import Verdict, Word
from loopbench.judge.summary.answer import full_load
from loopbench.judge.summary.table import end_of_load
from plots import plateaus, validity

RAMP: Final = "from one ramp run, no interval"
REVERSED: Final = {Word.FASTER: Word.SLOWER, Word.SLOWER: Word.FASTER}


@dataclass(frozen=True)
class Glance:
    """One variant; what is not known is a dash.

    Args:
        variant: its name.
        goodput: good answers per second at full load.
        width: of its 95 % interval, or why there is none.
        word: the verdict against the reference; empty for that one itself.
        times: the ratio with its interval.
        neighbour: p99 of the first neighbour beside it, in milliseconds.
        never_served: users whom nobody answered.
        why: the class of the diagnosis.
        struck: `INVALID: C1` where the ramp is no result, and with it what comes from there.
    """

    variant: str
    goodput: str
    width: str
    word: str
    times: str
    neighbour: str
    never_served: str
    why: str
    struck: str


@dataclass(frozen=True)
class Table:
    """All of them, with what the columns are about; no neighbour or reference where there is none."""

    rows: tuple[Glance, ...]
    load: str
    neighbour: str
    reference: str


def table(report: SessionReport) -> Table | None:
    """In the scenario's order; None where there is no complete run."""
    scenario, rounds = report.record.scenario, report.rounds
    if not report.runs and rounds is None:
        return None
    runs = {run.variant.name: run for run in report.runs}
    reference = _reference(report)
    rows = tuple(_row(each.name, runs.get(each.name), rounds, reference) for each in scenario.variants)
    return Table(rows, full_load(report), next(iter(scenario.neighbours), ""), reference)


def _reference(report: SessionReport) -> str:
    """The baseline or, without any, the first variant; empty without a verdict on any pair."""
    scenario = report.record.scenario
    if report.rounds is None or not report.rounds.goodput.verdicts:
        return ""
    named = (each.name for each in scenario.variants if each.slug == scenario.baseline)
    return next(named, scenario.variants[0].name)


def _row(name: str, run: RunReport | None, rounds: Rounds | None, reference: str) -> Glance:
    struck = validity.struck(run) if run else ""
    valid = run if run and not struck else None
    goodput, width = _goodput(name, valid, rounds)
    word, times = _against(name, reference, rounds)
    end = end_of_load(valid) if valid else None
    kind = valid.insights.diagnosis.kind if valid else Kind.NOT_OBSERVED
    return Glance(
        variant=name,
        goodput=goodput,
        width=width,
        word=word,
        times=times,
        neighbour=_neighbour(name, valid, rounds),
        never_served=MISSING if end is None else str(end.moment.never_served),
        why=MISSING if kind is Kind.NOT_OBSERVED else str(kind),
        struck=struck,
    )


def _goodput(name: str, run: RunReport | None, rounds: Rounds | None) -> tuple[str, str]:
    """From the rounds where there are any; the two are never mixed."""
    if rounds is None:
        return (MISSING, "") if run is None or run.goodput_rps is None else (rounded(run.goodput_rps), RAMP)
    plateau = plateaus.plateaus(rounds).get(name)
    if plateau is None:
        return MISSING, "no valid run in the rounds"
    width = "one run" if plateau.half_width is None else plateaus.shown_width(plateau.half_width)
    return rounded(plateau.rps), width


def _against(name: str, reference: str, rounds: Rounds | None) -> tuple[str, str]:
    if rounds is None or not reference or name == reference:
        return "", ""
    verdict, turned = _pair(rounds.goodput.verdicts, name, reference)
    if verdict is None:
        return MISSING, ""
    word = REVERSED.get(verdict.word, verdict.word) if turned else verdict.word
    middle, ends = verdict.shown_ratio, verdict.shown_interval
    if middle is None:
        return word.value, ""
    if turned:
        middle, ends = 1 / middle, None if ends is None else (1 / ends[1], 1 / ends[0])
    return word.value, f"{ratio(middle)} times" + ("" if ends is None else f", {interval(ends)}")


def _pair(verdicts: Sequence[Verdict], name: str, reference: str) -> tuple[Verdict | None, bool]:
    """The verdict on this pair, and whether it is told the other way round."""
    for each in verdicts:
        if (each.comparison.a, each.comparison.b) == (name, reference):
            return each, False
        if (each.comparison.a, each.comparison.b) == (reference, name):
            return each, True
    return None, False


def _neighbour(name: str, run: RunReport | None, rounds: Rounds | None) -> str:
    judged: Judged | None = rounds.judged[1] if rounds and len(rounds.judged) > 1 else None
    if judged is not None:
        return rounded(judged.estimate(name).value)
    if rounds is not None or run is None or len(run.requests) < 2:
        return MISSING
    return rounded(run.requests[1].hold.p99_ms)
