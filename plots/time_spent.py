"""Where a request's time goes: a stacked bar for each variant's own request, and a key with the milliseconds.

Exact parts are filled, an estimated wait is an open stretch with a broken edge, and what was not observed stays empty.
A bar is always as long as the request took, so an empty stretch is time that is not accounted for.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator, StrMethodFormatter

from loopbench.judge.diagnosis.time_spent import (
    AFTER_APP,
    BEFORE_APP,
    ELSEWHERE,
    ESTIMATED,
    IN_QUEUE,
    IN_THREAD,
    ON_LOOP,
    RequestTime,
)
from loopbench.judge.figures import MISSING, rounded
from loopbench.judge.session.run_report import RunReport
from loopbench.judge.session.session_report import SessionReport
from loopbench.plots import panels, style, validity
from loopbench.plots.chart import Chart
from loopbench.plots.panels import Caption, Panel
from loopbench.showable import showable

COLOURS: Final = dict(zip((BEFORE_APP, ON_LOOP, IN_QUEUE, IN_THREAD, ELSEWHERE, AFTER_APP), style.PARTS, strict=True))
TITLE: Final = "Where a request's time goes"
SUBTITLE: Final = "Mean of the good answers to each variant's own request at full load, in milliseconds."
EXACT_NOTE: Final = "Filled: measured request by request."
ESTIMATED_NOTE: Final = (
    "Broken edge: mean wait for a pool, estimated by Little's law over all requests together, not of this one alone."
)
EMPTY_NOTE: Final = "Empty: not observed. Measure with --explain to see where that time went."

_ROW_IN: Final = 0.62
_KEY_ROW_IN: Final = 0.24
_BAR: Final = 0.42  # of a row
_MIN_QUEUED: Final = 0.05  # share of the response time from which an estimated wait alone is worth a picture


@dataclass(frozen=True)
class Bar:
    """One variant's own request; milliseconds."""

    variant: str  # its name
    latency_ms: float  # how long an answer took
    parts: tuple[tuple[str, float], ...]  # what is known exactly, in the order of a request's way
    queued_ms: float | None  # the estimated wait for a pool, where there is no exact one
    struck: bool  # whether the run is INVALID

    @property
    def unknown_ms(self) -> float:
        """What neither covers."""
        return max(0.0, self.latency_ms - sum(ms for _, ms in self.parts) - (self.queued_ms or 0.0))


def bars(runs: Sequence[RunReport]) -> tuple[Bar, ...]:
    """Of the runs in which a request's time was measured at all."""
    return tuple(bar for run in runs if (bar := _bar(run)) is not None)


def chart(session: SessionReport, palette: style.Palette) -> Chart | None:
    """Where a request's time goes; None where next to nothing is known beside how long it took."""
    shown = bars(session.runs)
    if not any(bar.parts or (bar.queued_ms or 0.0) >= _MIN_QUEUED * bar.latency_ms for bar in shown):
        return None
    key_in = _KEY_ROW_IN * (len(_present(shown)) + any(bar.queued_ms for bar in shown))
    alt = "Where the time of each variant's own request goes, in milliseconds. "
    return Chart(
        "time-spent",
        Caption(TITLE, SUBTITLE, validity.noted(_notes(shown), session.runs)),
        alt + " ".join(map(_described, shown)),
        [partial(_draw_bars, shown, palette), partial(_draw_key, shown)],
        Panel(_ROW_IN * len(shown), above_in=0.2, below_in=0.5, left_in=0.3, right_in=0.4, last_in=key_in, columns=1),
    )


def _notes(shown: Sequence[Bar]) -> list[str]:
    """What the marks mean, as far as they are there."""
    notes = [EXACT_NOTE] if any(bar.parts for bar in shown) else []
    notes += [ESTIMATED_NOTE] if any(bar.queued_ms for bar in shown) else []
    return notes + ([EMPTY_NOTE] if any(not bar.parts for bar in shown) else [])


def _described(bar: Bar) -> str:
    if bar.struck:
        return f"{showable(bar.variant)}: the run is INVALID, no result."
    known = [f"{name} {rounded(ms)}" for name, ms in bar.parts]
    known += [f"waiting for a pool about {rounded(bar.queued_ms)}"] if bar.queued_ms else []
    known += [] if bar.parts else [f"not observed {rounded(bar.unknown_ms)}"]
    return f"{showable(bar.variant)}: {rounded(bar.latency_ms)} ms, of which {', '.join(known)}."


def _draw_bars(shown: Sequence[Bar], palette: style.Palette, axes: Axes) -> None:
    panels.bars_frame(axes, "milliseconds")
    axes.set_xlim(0, max(max(bar.latency_ms, sum(ms for _, ms in bar.parts)) for bar in shown) * 1.02)
    axes.set_ylim(len(shown), 0)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.4g}"))
    for row, bar in enumerate(shown):
        _draw(axes, row, bar, palette[bar.variant])


def _bar(run: RunReport) -> Bar | None:
    spent = run.time_spent
    own = next((each for each in spent.requests if each.name == run.variant.name), None) if spent else None
    if spent is None or own is None or own.latency_s is None:
        return None
    parts = _exact(own)
    waits_s = [pool.wait_s for pool in spent.pools if pool.basis == ESTIMATED and pool.wait_s]
    # One request may wait for both pools. Whose the waiters were was not seen, so no more than it took.
    queued_ms = min(1000 * sum(waits_s), 1000 * own.latency_s) if waits_s and not parts else None
    return Bar(run.variant.name, 1000 * own.latency_s, parts, queued_ms, bool(validity.struck(run)))


def _exact(own: RequestTime) -> tuple[tuple[str, float], ...]:
    return tuple((part.name, 1000 * part.mean_s) for part in own.parts if part.mean_s is not None and part.mean_s > 0)


def _present(shown: Sequence[Bar]) -> list[str]:
    return [name for name in COLOURS if any(name == part for bar in shown for part, _ in bar.parts)]


def _draw(axes: Axes, row: int, bar: Bar, stroke: style.Stroke) -> None:
    """The name above, the bar under it: its whole length first, then what is known of it from the left."""
    top, height = row + 0.46, _BAR
    name = f"{style.shortened(bar.variant, 30)} · {rounded(bar.latency_ms)} ms"
    words = f"{style.shortened(bar.variant, 24)} · {stroke.struck}" if bar.struck else name
    axes.text(0, row + 0.38, words, fontsize=10, fontweight="bold", color=stroke.text_colour, va="bottom")
    whole = Rectangle((0, top), bar.latency_ms, height, facecolor=style.SHADE, edgecolor=style.QUIET, linewidth=0.6)
    axes.add_patch(whole)
    left = 0.0
    for part, ms in bar.parts:
        drawn = Rectangle((left, top), ms, height, facecolor=COLOURS[part], edgecolor=style.PAPER, linewidth=0.5)
        drawn.set(label=part, alpha=0.4 if bar.struck else 1.0)
        axes.add_patch(drawn)
        left += ms
    if bar.queued_ms:
        drawn = Rectangle((left, top), bar.queued_ms, height, facecolor=style.PAPER, edgecolor=COLOURS[IN_QUEUE])
        drawn.set(linestyle=(0, (3, 2)), linewidth=1.6, label=ESTIMATED)
        axes.add_patch(drawn)


def _draw_key(shown: Sequence[Bar], axes: Axes) -> None:
    """What each colour is, with the milliseconds of every variant in the order of the bars."""
    axes.set_axis_off()
    axes.set_xlim(0, 1)
    axes.set_ylim(panels.high_in(axes), 0)
    for place, part in enumerate(_present(shown)):
        y_in = (place + 0.6) * _KEY_ROW_IN
        axes.add_patch(Rectangle((0, y_in - 0.06), 0.03, 0.12, facecolor=COLOURS[part], linewidth=0))
        axes.text(0.045, y_in, part, fontsize=9.5, va="center", color=style.INK)
        figures = " / ".join(rounded(dict(bar.parts)[part]) if part in dict(bar.parts) else MISSING for bar in shown)
        axes.text(1, y_in, figures if len(shown) <= 4 else "", fontsize=9.5, va="center", ha="right", color=style.QUIET)
    if any(bar.queued_ms for bar in shown):
        y_in = (len(_present(shown)) + 0.6) * _KEY_ROW_IN
        edge = Rectangle((0, y_in - 0.06), 0.03, 0.12, facecolor=style.PAPER, edgecolor=COLOURS[IN_QUEUE])
        edge.set(linestyle=(0, (3, 2)), linewidth=1.4)
        axes.add_patch(edge)
        axes.text(0.045, y_in, f"{IN_QUEUE}, estimated", fontsize=9.5, va="center", color=style.INK)
