"""Gates, judged: MET, NOT MET or CANNOT TELL, from where a figure surely lies and where it must lie.

Owns the words and the decision. Which runs a figure comes from is `session_gates`' business.
"""

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from loopbench.judge.diagnosis.loop_lines import LoopLine
from loopbench.judge.figures import ratio, rounded
from loopbench.judge.statistics.decision import Decision, Region
from loopbench.judge.statistics.intervals import CONFIDENCE, Interval
from loopbench.records import gates as figures
from loopbench.records.gates import RecordedGate

NOT_SETTLED: Final = "that does not settle it"
SURE: Final = 1.0
"""Confidence of an interval that is no statistic: a count, or a figure known to within its instrument's precision."""

_UNITS: Final = {
    figures.GOODPUT: "/s",
    figures.P99_MS: " ms",
    figures.NEIGHBOUR_P99_MS: " ms",
    figures.LOOP_BLOCKED_SHARE: " %",
    figures.LINE_MS: " ms",
}


class Outcome(StrEnum):
    """The three outcomes of a gate. What is not known is never met."""

    MET = "MET"
    NOT_MET = "NOT MET"
    CANNOT_TELL = "CANNOT TELL"


OUTCOMES: Final = {
    Decision.INSIDE: Outcome.MET,
    Decision.OUTSIDE: Outcome.NOT_MET,
    Decision.OPEN: Outcome.CANNOT_TELL,
}


@dataclass(frozen=True)
class GateAnswer:
    """One gate under one variant.

    Args:
        gate: what was expected.
        variant: its name.
        outcome: the word.
        subject: what the figure is, in words and with the variant.
        value: the figure, or its ratio to the baseline session's; None: not known.
        interval: where it lies: 95 % where it rests on rounds, else the instrument's precision; None: not known.
        reason: one clause, why the word is what it is; empty where the numbers say it.
        line: the line of code that the figure is about.
    """

    gate: RecordedGate
    variant: str
    outcome: Outcome
    subject: str
    value: float | None = None
    interval: Interval | None = None
    reason: str = ""
    line: LoopLine | None = None

    @property
    def sentence(self) -> str:
        """For the console and for programs that show one line."""
        return f"{self.outcome}: {self.subject}{self.because}"

    @property
    def because(self) -> str:
        """What follows the subject: the figure, the limit, the reason and the line, as far as there are any."""
        parts = [f", wanted {self.limit}"]
        if self.numbers:
            parts.insert(0, f": {self.numbers}")
        if self.reason:
            parts.append(f"; {self.reason}")
        if self.line is not None:
            parts.append(f" ({self.line.place})")
        return "".join(parts)

    @property
    def numbers(self) -> str:
        """`450/s (95 % interval 430 to 470)`; empty where nothing is known."""
        if self.value is None:
            return ""
        value = self._with_unit(self._shown(self.value))
        if self.interval is None or self.interval.low == self.interval.high:
            return value
        kind = "95 % interval" if self.interval.confidence == CONFIDENCE else "known to be"
        return f"{value} ({kind} {self._shown(self.interval.low)} to {self._shown(self.interval.high)})"

    @property
    def limit(self) -> str:
        """`at least 0.9 times the baseline session's`: exact, as the scenario gives it."""
        gate, scale = self.gate, 100 if self.gate.figure == figures.LOOP_BLOCKED_SHARE else 1
        limits = (("at least", gate.at_least), ("at most", gate.at_most), ("under", gate.under))
        limits_shown = (
            f"{word} {self._with_unit(f'{scale * value:,.6g}')}" for word, value in limits if value is not None
        )
        return " and ".join(limits_shown) + (" times the baseline session's" if gate.of else "")

    def _shown(self, value: float) -> str:
        if self.gate.of:
            return ratio(value)
        return f"{100 * value:.1f}" if self.gate.figure == figures.LOOP_BLOCKED_SHARE else rounded(value)

    def _with_unit(self, number: str) -> str:
        return number if self.gate.of else number + _UNITS.get(self.gate.figure, "")


def region_of(gate: RecordedGate) -> Region:
    """Where the figure must lie. The limit of `under` is excluded."""
    highest = [gate.at_most, None if gate.under is None else math.nextafter(gate.under, -math.inf)]
    return Region(
        -math.inf if gate.at_least is None else gate.at_least,
        min((each for each in highest if each is not None), default=math.inf),
    )


def gate_values(answer: GateAnswer) -> dict[str, Any]:
    """For `summary.json`."""
    gate, interval, line = answer.gate, answer.interval, answer.line
    return {
        "figure": gate.figure,
        "variant": answer.variant,
        "at_least": gate.at_least,
        "at_most": gate.at_most,
        "under": gate.under,
        "of": gate.of,
        "outcome": str(answer.outcome),
        "value": answer.value,
        "interval": None if interval is None else [interval.low, interval.high],
        "confidence": None if interval is None else interval.confidence,
        "reason": answer.reason,
        "line": None if line is None else {"file": line.file, "line": line.line, "function": line.function},
        "sentence": answer.sentence,
    }
