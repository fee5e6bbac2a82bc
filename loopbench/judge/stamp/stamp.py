"""The stamp: VALID, VALID (DEGRADED) or INVALID, and the health of the target, with every finding that made them so.

A pure function of the figures. No option changes it, and whatever was not measured counts against the measurement. What
the target did under load lowers no stamp.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from loopbench.judge.stamp.metrics import Measured, Metric, Metrics, NotApplicable, NotObservable
from loopbench.judge.stamp.stamp_checks import Check, Level, Rule, State
from loopbench.judge.stamp.stamp_rules import RUN_RULES

NOT_MEASURED: Final = "not measured"


@dataclass(frozen=True, slots=True)
class CheckOutcome:
    """One check's outcome."""

    id: str  # of the rule
    metric: str  # name of the figure
    level: Level  # what it does to the stamp
    what: str  # the figures in words, one clause
    value: float | None  # the figure in the check's own unit (shares from 0 to 1); None where there is none
    limit: str  # the limit it was compared with, as `<= 80 %`
    advice: str = ""  # what to do, one sentence; empty when nothing is to be done
    remark: bool = False  # reported though it lowers no stamp
    # what the finding makes of the target; None: it is within its limit, or about the measurement
    health: State | None = None

    @property
    def sentence(self) -> str:
        """For the console and the page: id, figures, limit."""
        return f"{self.id}: {self.what}" + (f" (limit {self.limit})" if self.value is not None and self.limit else "")


@dataclass(frozen=True)
class Stamp:
    """All findings, in the order of the rules, those that found nothing included."""

    findings: tuple[CheckOutcome, ...]

    @cached_property
    def about_health(self) -> tuple[CheckOutcome, ...]:
        """What is not well with the target, the worst first."""
        order = list(State)
        sick = [(order.index(finding.health), finding) for finding in self.findings if finding.health]
        return tuple(finding for _, finding in sorted(sick, key=lambda pair: pair[0]))

    @cached_property
    def level(self) -> Level:
        """The worst of them; a stamp without findings was never made."""
        return max((finding.level for finding in self.findings), default=Level.INVALID)

    @property
    def label(self) -> str:
        """VALID, VALID (DEGRADED) or INVALID."""
        return self.level.label

    @cached_property
    def faults(self) -> tuple[CheckOutcome, ...]:
        """What lowered it, the worst first."""
        lowered = [finding for finding in self.findings if finding.level > Level.VALID]
        return tuple(sorted(lowered, key=lambda finding: -finding.level))

    @cached_property
    def remarks(self) -> tuple[CheckOutcome, ...]:
        """What lowered nothing but is always reported: figures that are always printed, and what could not be seen."""
        return tuple(finding for finding in self.findings if finding.level is Level.VALID and finding.remark)

    @cached_property
    def left_out(self) -> tuple[CheckOutcome, ...]:
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


def evaluate(metrics: Metrics, rules: Sequence[Rule] = RUN_RULES) -> Stamp:
    """The stamp of one run; with `SESSION_RULES`, what the session as a whole adds to the stamps of its runs."""
    unknown = metrics.keys() - {check.metric for rule in rules for check in rule.checks}
    assert not unknown, f"no rule asks for {unknown}"
    return Stamp(tuple(_finding(rule, check, metrics.get(check.metric)) for rule in rules for check in rule.checks))


def _finding(rule: Rule, check: Check, metric: Metric) -> CheckOutcome:
    level, outcome = _outcome(rule, check, metric)
    value = metric.value if isinstance(metric, Measured) else math.nan
    sick = rule.health is not None and level > Level.VALID and not math.isnan(value)
    return CheckOutcome(
        id=rule.id,
        metric=check.metric,
        level=Level.VALID if sick else level,
        what=f"{check.title}: {outcome}",
        value=None if math.isnan(value) else value,
        limit=check.limit(level),
        advice=rule.advice if level else "",
        remark=sick or _is_remarkable(check, metric),
        health=rule.health if sick else None,
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
