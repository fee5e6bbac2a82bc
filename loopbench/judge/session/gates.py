"""Gates, judged: MET, NOT MET or CANNOT TELL, from where a figure surely lies and where it must lie."""

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from loopbench.judge.diagnosis.loop_lines import LoopLine
from loopbench.judge.figures import ratio, rounded
from loopbench.judge.statistics.decision import Decision, Region
from loopbench.judge.statistics.intervals import CONFIDENCE, Interval
from loopbench.scenario import Scenario
from loopbench.scenario import gates as figures
from loopbench.scenario.gates import Gate

NOT_SETTLED: Final = "that does not settle it"
SURE: Final = 1.0
"""Confidence of an interval that is no statistic: a count, or a figure known to within its instrument's precision."""

_FIGURES: Final = {
    figures.GOODPUT: ("/s", "goodput of {variant} at {users} users"),
    figures.P99_MS: (" ms", "the p99 of {variant}"),
    figures.NEIGHBOUR_P99_MS: (" ms", "the p99 of {neighbour} beside {variant}"),
    figures.LOOP_BLOCKED_SHARE: (" %", "blocked loop under {variant}"),
    figures.LINE_MS: (" ms", "the longest block by a line of the app's own under {variant}"),
    figures.LOOP_LAG_MS: (" ms", "the longest loop lag under {variant}"),
    figures.RSS_MB: (" MB", "the memory under {variant}"),
    figures.FAILURES: ("", "failures under {variant}"),
    figures.NEVER_SERVED: ("", "users never served under {variant}"),
}
"""Unit and subject of each figure."""


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
    """One gate under one variant."""

    gate: Gate  # what was expected
    variant: str  # its name
    outcome: Outcome  # the word
    subject: str  # what the figure is, in words and with the variant
    value: float | None = None  # the figure, or its ratio to the baseline session's; None: not known
    # where it lies: 95 % where it rests on rounds, else the instrument's precision; None: not known
    interval: Interval | None = None
    reason: str = ""  # one clause, why the word is what it is; empty where the numbers say it
    line: LoopLine | None = None  # the line of code that the figure is about

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
        return number if self.gate.of else number + _FIGURES[self.gate.figure][0]


def subject_of(gate: Gate, scenario: Scenario, variant: str) -> str:
    """What a gate's figure is, in words."""
    neighbour = next(iter(scenario.neighbours), "the neighbour")
    return _FIGURES[gate.figure][1].format(variant=variant, users=scenario.load.users, neighbour=neighbour)


def region_of(gate: Gate) -> Region:
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
