"""Why a run is as slow as it is: from recorded figures to one class, the lines to look at, and what to do."""

from dataclasses import dataclass
from enum import StrEnum

from loopbench.judge.diagnosis.findings import MIN_SECONDS, Finding, Kind
from loopbench.judge.diagnosis.loop_figures import LoopFigures, loop_figures
from loopbench.judge.diagnosis.loop_lines import LoopLine
from loopbench.judge.diagnosis.loop_rules import lines_for
from loopbench.judge.diagnosis.remedies import for_line
from loopbench.judge.diagnosis.rules import LAST_RESORTS, RULES
from loopbench.judge.run.run import Run


class Confidence(StrEnum):
    """How far the figures are from the limits."""

    CLEAR = "clear"
    BORDERLINE = "borderline"


@dataclass(frozen=True, slots=True)
class Diagnosis(Finding):
    """The first finding, which limits a run. `lines` are those to look at, the longest first; none: none is at fault.

    `also` are the other findings; `figures` are None where nothing was observed.
    """

    lines: tuple[LoopLine, ...] = ()
    confidence: Confidence = Confidence.BORDERLINE
    also: tuple[Finding, ...] = ()
    figures: LoopFigures | None = None
    notes: tuple[str, ...] = ()

    @property
    def is_known(self) -> bool:
        """Whether the loop was observed."""
        return self.kind is not Kind.NOT_OBSERVED

    @property
    def is_borderline(self) -> bool:
        """Whether it is known, and a figure is near its limit or too few seconds were seen."""
        return self.is_known and self.confidence is Confidence.BORDERLINE

    @property
    def loop_facts(self) -> str:
        """One sentence with the loop's lag and the target's memory, as far as they were measured."""
        figures = self.figures
        if figures is None:
            return ""
        lag = "" if figures.lag_max_s is None else f"Loop lag up to {1000 * figures.lag_max_s:.3g} ms"
        memory = "" if figures.rss_bytes is None else f"resident memory up to {figures.rss_bytes / 1e6:.3g} MB"
        known = "; ".join(filter(None, (lag, memory)))
        return f"{known[0].upper()}{known[1:]}." if known else ""

    @property
    def guilty(self) -> LoopLine | None:
        """The line to look at first."""
        return self.lines[0] if self.lines else None


def diagnose_run(run: Run) -> Diagnosis:
    """The diagnosis of one complete run. Raises DataError if a file of the run is damaged."""
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
    lines = lines_for(first.kind, figures) if first.lines is None else first.lines
    return Diagnosis(
        first.kind,
        first.sentence,
        first.evidence,
        (*_line_remedies(first.kind, lines), *first.remedies),
        lines,
        _confidence(first, figures),
        also=tuple(each for each in others if each.kind not in {first.kind, *LAST_RESORTS}),
        figures=figures,
        notes=figures.notes,
    )


def not_observed(*why: str, figures: LoopFigures | None = None) -> Diagnosis:
    """The absence of a diagnosis, with its reasons."""
    reason = "; ".join(why) or "the probe saw nothing of this window"
    sentence = f"The loop was not observed: {reason}."
    return Diagnosis(Kind.NOT_OBSERVED, sentence, (), (), figures=figures, notes=why)


def _confidence(finding: Finding, figures: LoopFigures) -> Confidence:
    doubtful = figures.seconds_seen < MIN_SECONDS or any(evidence.is_narrow for evidence in finding.evidence)
    return Confidence.BORDERLINE if doubtful else Confidence.CLEAR


def _line_remedies(kind: Kind, lines: tuple[LoopLine, ...]) -> tuple[str, ...]:
    return for_line(lines[0]) if kind is Kind.LOOP_BLOCKED and lines else ()
