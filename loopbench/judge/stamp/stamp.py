"""The stamp: VALID, VALID (DEGRADED) or INVALID, with every finding that made it so.

A pure function of the figures. No option changes it, and whatever was not measured counts against it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from loopbench.judge.stamp.metrics import Measured, Metric, NotApplicable, NotObservable, RunMetrics, SessionMetrics
from loopbench.judge.stamp.stamp_checks import Check, Level, Rule
from loopbench.judge.stamp.stamp_rules import RUN_RULES, SESSION_RULES

NOT_MEASURED: Final = "not measured"


@dataclass(frozen=True, slots=True)
class Finding:
    """One check's outcome.

    Args:
        id: of the rule.
        metric: name of the figure.
        level: what it does to the stamp.
        what: the figures in words, one clause.
        value: the figure in the check's own unit (shares from 0 to 1); None where there is none.
        limit: the limit it was compared with, as `<= 80 %`.
        advice: what to do, one sentence; empty when nothing is to be done.
        remark: reported though it harms nothing.
    """

    id: str
    metric: str
    level: Level
    what: str
    value: float | None
    limit: str
    advice: str = ""
    remark: bool = False

    @property
    def sentence(self) -> str:
        """For the console and the page: id, figures, limit."""
        return f"{self.id}: {self.what}" + (f" (limit {self.limit})" if self.value is not None and self.limit else "")


@dataclass(frozen=True)
class Stamp:
    """All findings, in the order of the rules, those that found nothing included."""

    findings: tuple[Finding, ...]

    @cached_property
    def level(self) -> Level:
        """The worst of them; a stamp without findings was never made."""
        return max((finding.level for finding in self.findings), default=Level.INVALID)

    @property
    def label(self) -> str:
        """VALID, VALID (DEGRADED) or INVALID."""
        return self.level.label

    @cached_property
    def faults(self) -> tuple[Finding, ...]:
        """What lowered it, the worst first."""
        lowered = [finding for finding in self.findings if finding.level > Level.VALID]
        return tuple(sorted(lowered, key=lambda finding: -finding.level))

    @cached_property
    def remarks(self) -> tuple[Finding, ...]:
        """What lowered nothing but is always reported: figures that are always printed, and what could not be seen."""
        return tuple(finding for finding in self.findings if finding.level is Level.VALID and finding.remark)

    @cached_property
    def left_out(self) -> tuple[Finding, ...]:
        """What does not apply to this kind of run, each with the reason."""
        return tuple(
            each for each in self.findings if each.level is Level.VALID and each.value is None and not each.remark
        )

    @property
    def invalid_because(self) -> tuple[str, ...]:
        """A sentence for each finding that makes it INVALID; empty otherwise."""
        return tuple(finding.sentence for finding in self.faults if finding.level is Level.INVALID)

    @property
    def invalid_ids(self) -> tuple[str, ...]:
        """The rules that make it INVALID, each once."""
        return tuple(dict.fromkeys(finding.id for finding in self.faults if finding.level is Level.INVALID))

    @property
    def sentence(self) -> str:
        """The label and, if it is not VALID, why."""
        return f"{self.label}: {'; '.join(each.sentence for each in self.faults)}" if self.faults else self.label


def evaluate(metrics: RunMetrics) -> Stamp:
    """The stamp of one run."""
    return _stamp(RUN_RULES, metrics)


def evaluate_session(metrics: SessionMetrics) -> Stamp:
    """What the session as a whole adds to the stamps of its runs (see `session_stamp`)."""
    return _stamp(SESSION_RULES, metrics)


def _stamp(rules: Sequence[Rule], metrics: RunMetrics | SessionMetrics) -> Stamp:
    return Stamp(
        tuple(_finding(rule, check, getattr(metrics, check.metric)) for rule in rules for check in rule.checks)
    )


def _finding(rule: Rule, check: Check, metric: Metric) -> Finding:
    level, outcome = _outcome(rule, check, metric)
    value = metric.value if isinstance(metric, Measured) else math.nan
    return Finding(
        id=rule.id,
        metric=check.metric,
        level=level,
        what=f"{check.title}: {outcome}",
        value=None if math.isnan(value) else value,
        limit=check.limit(level),
        advice=rule.advice if level else "",
        remark=_is_remarkable(check, metric),
    )


def _outcome(rule: Rule, check: Check, metric: Metric) -> tuple[Level, str]:
    """What a figure, or the want of one, does to the stamp, and the words for it."""
    if isinstance(metric, NotApplicable):
        return Level.VALID, f"does not apply, {metric.reason}"
    if isinstance(metric, NotObservable):
        return rule.unobservable, f"not observable, {metric.reason} ({rule.unobservable_why})"
    if metric is None:
        return Level.INVALID, NOT_MEASURED
    if math.isnan(metric.value):
        return Level.INVALID, f"{NOT_MEASURED}, {metric.detail}" if metric.detail else NOT_MEASURED
    detail = f" ({metric.detail})" if metric.detail else ""
    return check.level(metric.value), f"{check.unit.written(metric.value)}{detail}"


def _is_remarkable(check: Check, metric: Metric) -> bool:
    if isinstance(metric, Measured):
        return check.remark_above is not None and metric.value > check.remark_above
    return isinstance(metric, NotObservable)
