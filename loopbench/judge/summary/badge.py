"""The badge of a session: its answer in a few words, as JSON for the endpoint of shields.io and as an SVG."""

import json
import unicodedata
from datetime import UTC, datetime, timedelta
from html import escape
from typing import Final, NamedTuple

import pandas as pd

from loopbench.judge.session.gates import Outcome
from loopbench.judge.session.session_report import SessionReport
from loopbench.judge.statistics.verdict import Verdict, Word
from loopbench.showable import showable

NO_VERDICT: Final = "no verdict"
MAX_CHARACTERS: Final = 80
MAX_AGE_DAYS: Final = 90  # of a session whose answer still has a colour
GREY: Final = "lightgrey"
DECIDED: Final = {Word.FASTER, Word.SLOWER, Word.EQUIVALENT}


FILLS: Final = {GREY: "#6a737d", "blue": "#0969da", "red": "#cf222e", "brightgreen": "#1a7f37"}
"""Colours of the SVG by their names at shields.io. White text has a contrast of at least 4.5 on each."""
LABEL_FILL: Final = "#444d56"
HEIGHT_PX: Final = 20
PADDING_PX: Final = 6
CHARACTER_PX: Final = 7  # a wide one (Chinese, emoji) takes two; the text is drawn as wide as this says, in any font


class _Badge(NamedTuple):
    label: str
    message: str
    colour: str  # a key of FILLS


def badge(report: SessionReport, now: datetime | None = None) -> str:
    """Returns the JSON. It is grey where the session is INVALID, decides nothing, or is older than `MAX_AGE_DAYS`."""
    made = _badge(report, now)
    content = {"schemaVersion": 1, "label": made.label, "message": made.message, "color": made.colour}
    return json.dumps(content, indent=1) + "\n"


def badge_svg(report: SessionReport, now: datetime | None = None) -> str:
    """Returns the same badge as an SVG that loads nothing."""
    label, message, colour = _badge(report, now)
    left, right = (_width_px(text) + 2 * PADDING_PX for text in (label, message))
    title = escape(f"{label}: {message}")
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" width="{left + right}" height="{HEIGHT_PX}" role="img" aria-label="{title}">
<title>{title}</title>
<rect width="{left}" height="{HEIGHT_PX}" fill="{LABEL_FILL}"/>
<rect x="{left}" width="{right}" height="{HEIGHT_PX}" fill="{FILLS[colour]}"/>
<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">
{_text(label, PADDING_PX)}
{_text(message, left + PADDING_PX)}
</g>
</svg>
"""


def _text(text: str, x_px: int) -> str:
    fitted = f'textLength="{_width_px(text)}" lengthAdjust="spacingAndGlyphs"'
    return f'<text x="{x_px}" y="14" {fitted}>{escape(text)}</text>'


def _width_px(text: str) -> int:
    return sum(CHARACTER_PX * (1 + (unicodedata.east_asian_width(each) in "WF")) for each in text)


def _badge(report: SessionReport, now: datetime | None) -> _Badge:
    message, colour = _answer(report)
    began = pd.to_datetime(report.record.started, utc=True, errors="coerce")
    oldest = (now or datetime.now(UTC)) - timedelta(days=MAX_AGE_DAYS)
    if pd.isna(began) or began < oldest:
        message, colour = f"{message} {report.record.started[:10]}", GREY
    return _Badge(_short(f"loopbench {report.record.name}"), _short(message), colour)


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
