"""Why a run is as slow as it is: from recorded figures to one class, the lines to look at, and what to do.

`diagnose` is pure. The first rule that holds is the diagnosis; the others that hold stand beside it.
"""

from dataclasses import dataclass
from enum import StrEnum

from loopbench.judge.diagnosis.findings import Evidence, Finding, Kind
from loopbench.judge.diagnosis.guilty_lines import lines_for
from loopbench.judge.diagnosis.limits import MIN_SECONDS
from loopbench.judge.diagnosis.loop_figures import LoopFigures, loop_figures
from loopbench.judge.diagnosis.loop_lines import LoopLine
from loopbench.judge.diagnosis.remedies import for_line
from loopbench.judge.diagnosis.rules import LAST_RESORTS, RULES
from loopbench.judge.run.run import Run


class Confidence(StrEnum):
    """How far the figures are from the limits."""

    CLEAR = "clear"
    BORDERLINE = "borderline"


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What limits a run. `lines` are those to look at, the longest first; none where no line is at fault."""

    kind: Kind
    sentence: str
    evidence: tuple[Evidence, ...]
    confidence: Confidence
    lines: tuple[LoopLine, ...]
    remedies: tuple[str, ...]
    also: tuple[Finding, ...]
    figures: LoopFigures | None  # None: not observed at all
    notes: tuple[str, ...]

    @property
    def guilty(self) -> LoopLine | None:
        """The line to look at first."""
        return self.lines[0] if self.lines else None


def diagnose_run(run: Run) -> Diagnosis:
    """The diagnosis of one complete run.

    Raises:
        DataError: a file of the run is damaged.
    """
    if not run.probe.processes:
        return not_observed("the probe did not run")
    if run.diagnosed is None:
        return not_observed("the run had neither a hold nor a ramp")
    if run.origin_s is None:
        return not_observed("the samples do not say when they began")
    return diagnose(loop_figures(run, run.diagnosed))


def diagnose(figures: LoopFigures) -> Diagnosis:
    """From figures to a class. Pure."""
    if not figures.seconds_seen:
        return not_observed(*figures.notes, figures=figures)
    findings = [finding for rule in RULES for finding in [rule(figures)] if finding is not None]
    first, *others = findings
    lines = lines_for(first.kind, figures) if first.has_lines else ()
    return Diagnosis(
        kind=first.kind,
        sentence=first.sentence,
        evidence=first.evidence,
        confidence=_confidence(first, figures),
        lines=lines,
        remedies=(*_line_remedies(first.kind, lines), *first.remedies),
        also=tuple(each for each in others if each.kind not in {first.kind, *LAST_RESORTS}),
        figures=figures,
        notes=figures.notes,
    )


def not_observed(*why: str, figures: LoopFigures | None = None) -> Diagnosis:
    """The absence of a diagnosis, with its reasons."""
    reason = "; ".join(why) or "the probe saw nothing of this window"
    return Diagnosis(
        Kind.NOT_OBSERVED,
        f"The loop was not observed: {reason}.",
        (),
        Confidence.BORDERLINE,
        (),
        (),
        (),
        figures,
        tuple(why),
    )


def _confidence(finding: Finding, figures: LoopFigures) -> Confidence:
    doubtful = figures.seconds_seen < MIN_SECONDS or any(evidence.is_narrow for evidence in finding.evidence)
    return Confidence.BORDERLINE if doubtful else Confidence.CLEAR


def _line_remedies(kind: Kind, lines: tuple[LoopLine, ...]) -> tuple[str, ...]:
    return for_line(lines[0]) if kind is Kind.LOOP_BLOCKED and lines else ()
