"""Where a request's time goes: a stacked bar for each variant's own request, and a key with the milliseconds.

Exact parts are filled, an estimated wait is an open stretch with a broken edge, and what nobody observed stays empty: a
bar is always as long as the request took, so an empty stretch is time that is not accounted for.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
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
from loopbench.showable import showable
from plots import panels, style, validity
from plots.panels import Caption, Panel, Sheet

COLOURS: Final = dict(zip((BEFORE_APP, ON_LOOP, IN_QUEUE, IN_THREAD, ELSEWHERE, AFTER_APP), style.PARTS, strict=True))
CAPTION: Final = Caption(
    "Where a request's time goes",
    "Mean of the good answers to each variant's own request at full load, in milliseconds.",
)
EXACT_NOTE: Final = "Filled: measured request by request."
ESTIMATED_NOTE: Final = (
    "Broken edge: mean wait for a pool, estimated by Little's law over all requests together, not of this one alone."
)
EMPTY_NOTE: Final = "Empty: not observed. Measure with --explain to see where that time went."

_ROW_IN: Final = 0.62
_KEY_ROW_IN: Final = 0.24
_BAR: Final = 0.42  # of a row


@dataclass(frozen=True)
class Bar:
    """One variant's own request; milliseconds.

    Args:
        variant: its name.
        latency_ms: how long an answer took.
        parts: what is known exactly, in the order of a request's way.
        queued_ms: the estimated wait for a pool, where there is no exact one.
        struck: whether the run is INVALID.
    """

    variant: str
    latency_ms: float
    parts: tuple[tuple[str, float], ...]
    queued_ms: float | None
    struck: bool

    @property
    def unknown_ms(self) -> float:
        """What neither tells."""
        return max(0.0, self.latency_ms - sum(ms for _, ms in self.parts) - (self.queued_ms or 0.0))


def bars(runs: Sequence[RunReport]) -> tuple[Bar, ...]:
    """Of the runs in which a request's time was measured at all."""
    return tuple(bar for run in runs if (bar := _bar(run)) is not None)


def is_known(runs: Sequence[RunReport]) -> bool:
    """Whether anything is known beside how long a request took."""
    return any(bar.parts or bar.queued_ms for bar in bars(runs))


def caption(runs: Sequence[RunReport]) -> Caption:
    """What the picture answers, with what its marks mean as far as they are there."""
    shown = bars(runs)
    notes = [EXACT_NOTE] if any(bar.parts for bar in shown) else []
    notes += [ESTIMATED_NOTE] if any(bar.queued_ms for bar in shown) else []
    notes += [EMPTY_NOTE] if any(not bar.parts for bar in shown) else []
    return Caption(CAPTION.title, CAPTION.subtitle, validity.noted(notes, runs))


def panel_for(runs: Sequence[RunReport]) -> Panel:
    """As high as it has rows."""
    return Panel(_ROW_IN * len(bars(runs)), above_in=0.2, below_in=0.5, left_in=0.3, right_in=0.4)


def draw_time_spent(runs: Sequence[RunReport], palette: style.Palette, sheet: Sheet) -> Figure:
    """The chart of these runs; at least one of them is known."""
    shown = bars(runs)
    key_in = _KEY_ROW_IN * (len(_present(shown)) + any(bar.queued_ms for bar in shown))
    panel = panel_for(runs)
    with style.look():
        one_column = Sheet(sheet.width_in, 1, sheet.captioned, sheet.stamp)
        figure, (axes, beside) = panels.new_panels(2, one_column, caption(runs), panel, key_in)
        panels.frame(axes, x="milliseconds", y="")
        axes.grid(visible=False, axis="y")
        axes.grid(visible=True, axis="x", color=style.GRID, linewidth=0.8)
        axes.set_xlim(0, max(max(bar.latency_ms, sum(ms for _, ms in bar.parts)) for bar in shown) * 1.02)
        axes.set_ylim(len(shown), 0)
        axes.set_yticks([])
        axes.xaxis.set_major_locator(MaxNLocator(nbins=6))
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.4g}"))
        for row, bar in enumerate(shown):
            _draw(axes, row, bar, palette[bar.variant])
        _draw_key(beside, shown, key_in)
    return figure


def describe(runs: Sequence[RunReport]) -> str:
    """What the chart says, for those who do not see it."""
    parts = []
    for bar in bars(runs):
        if bar.struck:
            parts.append(f"{showable(bar.variant)}: the run is INVALID, no result.")
            continue
        known = [f"{name} {rounded(ms)}" for name, ms in bar.parts]
        known += [f"waiting for a pool about {rounded(bar.queued_ms)}"] if bar.queued_ms else []
        unknown = [] if bar.parts else [f"not observed {rounded(bar.unknown_ms)}"]
        said = ", ".join([*known, *unknown])
        parts.append(f"{showable(bar.variant)}: {rounded(bar.latency_ms)} ms, of which {said}.")
    return "Where the time of each variant's own request goes, in milliseconds. " + " ".join(parts)


def _bar(run: RunReport) -> Bar | None:
    spent = run.insights.time_spent
    own = next((each for each in spent.requests if each.name == run.variant.name), None) if spent else None
    if spent is None or own is None or own.latency_s is None:
        return None
    parts = _exact(own)
    waits_s = [pool.wait_s for pool in spent.pools if pool.basis == ESTIMATED and pool.wait_s]
    # One request may wait for both pools; but of whom the waiters were nobody saw, so no more than it took.
    queued_ms = min(1000 * sum(waits_s), 1000 * own.latency_s) if waits_s and not parts else None
    return Bar(run.variant.name, 1000 * own.latency_s, parts, queued_ms, bool(validity.struck(run)))


def _exact(own: RequestTime) -> tuple[tuple[str, float], ...]:
    return tuple((part.name, 1000 * part.mean_s) for part in own.parts if part.mean_s is not None and part.mean_s > 0)


def _present(shown: Sequence[Bar]) -> list[str]:
    return [name for name in COLOURS if any(name == part for bar in shown for part, _ in bar.parts)]


def _draw(axes: Axes, row: int, bar: Bar, stroke: style.Stroke) -> None:
    """The name above, the bar under it: its whole length first, then what is known of it from the left."""
    top, height = row + 0.46, _BAR
    name = f"{panels.named(bar.variant, 30)} · {rounded(bar.latency_ms)} ms"
    said = f"{panels.named(bar.variant, 24)} · {stroke.struck}" if bar.struck else name
    axes.text(0, row + 0.38, said, fontsize=10, fontweight="bold", color=stroke.text_colour, va="bottom")
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


def _draw_key(axes: Axes, shown: Sequence[Bar], key_in: float) -> None:
    """What each colour is, with the milliseconds of every variant in the order of the bars."""
    axes.set_axis_off()
    axes.set_xlim(0, 1)
    axes.set_ylim(key_in, 0)
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
