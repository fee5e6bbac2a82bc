"""The badge of a session: its answer in a few words, as JSON for the endpoint of shields.io."""

import json
from typing import Final

from loopbench.judge.session.gates import Outcome
from loopbench.judge.session.session_report import SessionReport
from loopbench.judge.statistics.verdict import Verdict, Word
from loopbench.showable import showable

NO_VERDICT: Final = "no verdict"
MAX_CHARACTERS: Final = 80
GREY: Final = "lightgrey"
DECIDED: Final = {Word.FASTER, Word.SLOWER, Word.EQUIVALENT}


def badge(report: SessionReport) -> str:
    """Returns the JSON. It is grey where the session is INVALID or decides nothing."""
    message, colour = _answer(report)
    label = f"loopbench {report.record.name}"
    content = {"schemaVersion": 1, "label": label, "message": _short(message), "color": colour}
    return json.dumps(content, indent=1) + "\n"


def _answer(report: SessionReport) -> tuple[str, str]:
    """Returns the message and its colour: of the gates where there are any, else of the verdicts."""
    if report.is_empty or report.damaged or report.stamp.label == Word.INVALID:
        return Word.INVALID, GREY
    if report.gates:
        return _gates([gate.outcome for gate in report.gates], report.stamp.label)
    verdicts = report.rounds.goodput.verdicts if report.rounds else ()
    decided = [each for each in verdicts if each.word in DECIDED]
    if not decided:
        return NO_VERDICT, GREY
    return f"{_numbers(max(decided, key=_size))} ({report.stamp.label})", "blue"


def _gates(outcomes: list[Outcome], stamp: str) -> tuple[str, str]:
    for outcome, colour in ((Outcome.CANNOT_TELL, GREY), (Outcome.NOT_MET, "red")):
        if outcome in outcomes:
            return f"{outcomes.count(outcome)} of {len(outcomes)} gates {outcome}", colour
    return f"{len(outcomes)} gates {Outcome.MET} ({stamp})", "brightgreen"


def _size(verdict: Verdict) -> tuple[bool, float]:
    """Orders verdicts: a difference above none, then the larger ratio."""
    ratio = verdict.comparison.ratio or 1.0
    return verdict.word is not Word.EQUIVALENT, max(ratio, 1 / ratio)


def _numbers(verdict: Verdict) -> str:
    """`thread offload 1.94x def [1.89, 1.99]`; the word instead of the ratio where only bounds are known."""
    pair, interval = verdict.comparison, verdict.shown_interval
    if verdict.shown_ratio is None or interval is None:
        return f"{pair.a}: {verdict.word} ({pair.b})"
    return f"{pair.a} {verdict.shown_ratio:.2f}x {pair.b} [{interval[0]:.2f}, {interval[1]:.2f}]"


def _short(message: str) -> str:
    shown = showable(message)
    return shown if len(shown) <= MAX_CHARACTERS else f"{shown[: MAX_CHARACTERS - 1]}…"
