"""Why each variant is as fast as it is, for the page: the diagnosis, the line to look at with its text, what to do."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from loopbench.judge.diagnosis.findings import Kind
from loopbench.judge.diagnosis.loop_lines import LoopLine
from loopbench.judge.session.run_report import RunReport
from plots import validity

MOST_LINES: Final = 4
LEAST_SHARE: Final = 0.01
AROUND: Final = 4
"""Lines of text shown before and after the guilty one."""
TAB: Final = 4


@dataclass(frozen=True)
class SourceRow:
    """One line of the target's text."""

    number: int
    text: str
    is_guilty: bool


@dataclass(frozen=True)
class Reason:
    """One variant's card.

    Args:
        variant: its name.
        struck: `INVALID: C1` if its figures are no results.
        kind: the class of the diagnosis.
        sentence: the same in words.
        is_known: whether there is a diagnosis at all.
        borderline: whether a little less would have told otherwise.
        evidence: figures beside their limits.
        lines: where the loop was held, the first to look at first.
        source: the text around that one; empty where none was kept.
        source_missing: why, if there should be one.
        remedies: what to do, the best first.
        also: what else holds, a sentence each.
        ceiling: how the throughput stands to what is possible; empty where that is not known.
        notes: what must be known beside it.
    """

    variant: str
    struck: str
    kind: str
    sentence: str
    is_known: bool
    borderline: bool
    evidence: tuple[str, ...]
    lines: tuple[LoopLine, ...]
    source: tuple[SourceRow, ...]
    source_missing: str
    remedies: tuple[str, ...]
    also: tuple[str, ...]
    ceiling: str
    notes: tuple[str, ...]


def reasons(runs: tuple[RunReport, ...]) -> tuple[Reason, ...]:
    """A card for each variant, in the scenario's order."""
    return tuple(_reason(run) for run in runs)


def _reason(run: RunReport) -> Reason:
    diagnosis, ceilings = run.insights.diagnosis, run.insights.ceilings
    guilty = diagnosis.guilty
    return Reason(
        variant=run.variant.name,
        struck=validity.struck(run),
        kind=str(diagnosis.kind),
        sentence=diagnosis.sentence,
        is_known=diagnosis.kind is not Kind.NOT_OBSERVED,
        borderline=diagnosis.confidence.value == "borderline",
        evidence=tuple(each.text for each in diagnosis.evidence),
        lines=tuple(line for line in diagnosis.lines[:MOST_LINES] if line is guilty or line.share >= LEAST_SHARE),
        source=tuple(_source(guilty)) if guilty else (),
        source_missing=guilty.source.missing if guilty and guilty.source else "",
        remedies=diagnosis.remedies,
        also=tuple(each.sentence for each in diagnosis.also),
        ceiling=ceilings.reading.sentence if ceilings else "",
        notes=diagnosis.notes if diagnosis.kind is not Kind.NOT_OBSERVED else (),
    )


def _source(line: LoopLine) -> Iterator[SourceRow]:
    """The text around a line; tabs as spaces, because what cannot be seen is shown as its escape."""
    if line.source is None:
        return
    for number, text in enumerate(line.source.text, line.source.first):
        if abs(number - line.line) <= AROUND:
            yield SourceRow(number, text.expandtabs(TAB), number == line.line)
