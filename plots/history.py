"""A scenario's figures over its earlier sessions: a panel for each variant and quantity, a point a session.

Sessions stand in a row, one step apart, whatever time passed between them. Only what a comparison of intervals shows
is marked; two points that look apart, without a mark, are not shown to differ.
"""

from collections.abc import Sequence
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedFormatter, FixedLocator, MaxNLocator, StrMethodFormatter

from loopbench.judge.compare.history import History
from loopbench.judge.compare.history_rows import Mark, Point
from loopbench.plots import panels, style
from loopbench.plots.panels import Caption, Panel, Sheet
from loopbench.records.session import moment

MAX_VARIANTS: Final = 12
MAX_TICKS: Final = 6
PANEL: Final = Panel(height_in=1.7, above_in=0.6, below_in=0.5, left_in=0.84, right_in=0.35)
LANES: Final = 3
LANE: Final = 0.13  # height of a line of words, as a part of the panel
LETTER_IN: Final = 0.082
HIGHEST: Final = 2.5  # an interval's end beyond so many times the highest figure is cut: it would flatten the rest

Series = tuple[str, str, str, Sequence[tuple[int, Point]]]
"""Variant, quantity, unit, and its points by the session's place."""


def draw_history(history: History, sheet: Sheet = panels.FILE) -> Figure:
    """Goodput, and beside it the neighbour's p99, a row for each variant."""
    palette, days = style.Palette(history.variants), _days(history)
    series = _series(history)
    with style.look():
        figure, axes = panels.new_panels(max(1, len(series)), sheet, caption(history), PANEL)
        for each, (variant, quantity, unit, points) in zip(axes, series, strict=False):
            colour = palette.own(variant)
            panels.head(each, variant, colour, f"{quantity}, {unit}")
            _frame(each, days)
            _draw(each, points, colour.colour)
        if not series:
            panels.empty(axes[0], "no variant")
    return figure


def caption(history: History) -> Caption:
    """What it answers, how it was made, and what is not in it."""
    count, left = len(history.variants) - MAX_VARIANTS, len(history.left_out)
    notes = ["Filled: mean over the rounds, bar: its 95 % interval. Hollow: one ramp run, without an interval."]
    notes += [f"Left out: {left} session{'s' * (left != 1)} of other settings, machines or versions."] if left else []
    notes += [f"{count} more variants are not drawn."] if count > 0 else []
    return Caption(
        f"{style.shortened(history.title, 50)}: earlier sessions",
        f"{history.users} users; sessions of the same settings on the same machine, in the order of time. "
        "Ringed: a change that the whole interval against the session before shows.",
        tuple(notes),
    )


def _series(history: History) -> list[Series]:
    made: list[Series] = []
    for variant in history.variants[:MAX_VARIANTS]:
        rows = [
            (place, entry)
            for place, session in enumerate(history.sessions)
            for entry in session.entries
            if entry.variant == variant
        ]
        made.append((variant, "goodput", "1/s", [(place, entry.goodput) for place, entry in rows]))
        if history.neighbour is not None:
            others = [(place, entry.neighbour) for place, entry in rows if entry.neighbour is not None]
            made.append((variant, f"p99 of {style.shortened(history.neighbour, 16)} beside it", "ms", others))
    return made


def _frame(axes: Axes, days: Sequence[str]) -> None:
    panels.frame(axes, x="", y="")
    axes.set_xlim(-0.5, max(0.5, len(days) - 0.5))
    step = -(-len(days) // MAX_TICKS)
    shown = range(len(days) - 1, -1, -step)[::-1]  # the newest always has its day
    axes.xaxis.set_major_locator(FixedLocator(list(shown)))
    axes.xaxis.set_major_formatter(FixedFormatter([days[place] for place in shown]))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=4))
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,.4g}"))


def _draw(axes: Axes, points: Sequence[tuple[int, Point]], colour: str) -> None:
    known = [(place, point, point.value) for place, point in points if point.value is not None]
    if not known:
        panels.empty(axes, "no valid figure")
        return
    top = HIGHEST * max(value for _, _, value in known)
    (line,) = axes.plot([place for place, _, _ in known], [value for _, _, value in known], "-", color=colour)
    line.set(linewidth=0.8, alpha=0.45, label="means")
    for place, point, value in known:
        if point.low is not None and point.high is not None:
            axes.vlines(place, point.low, min(point.high, top), color=colour, linewidth=2, zorder=4)
        (dot,) = axes.plot([place], [value], "o", color=colour, markersize=6, zorder=5)
        dot.set(markerfacecolor=colour if point.runs else style.PAPER, label=f"session {place}")
        if point.mark is not Mark.NONE:
            dot.set(markersize=8, markeredgecolor=style.INK, markeredgewidth=1.6)
    reached = max(max(value, min(point.high or value, top)) for _, point, value in known)
    lanes = _write_marks(axes, [(place, point) for place, point, _ in known if point.mark is not Mark.NONE])
    axes.set_ylim(0, reached / (0.93 - LANE * lanes))


def _write_marks(axes: Axes, marked: Sequence[tuple[int, Point]]) -> int:
    """Words above their points, in lanes so that none covers another; REGRESSIONs first. Returns how many lanes."""
    left, right = axes.get_xlim()
    width_in = axes.bbox.width / style.FIGURE_DPI
    taken: list[list[tuple[float, float]]] = [[] for _ in range(LANES)]
    for place, point in sorted(marked, key=lambda each: each[1].mark is not Mark.REGRESSION):
        ratio = "" if point.ratio is None else f" ×{point.ratio:.2f}"  # noqa: RUF001  the sign for times
        text = f"{point.mark}{ratio}"
        half = len(text) * LETTER_IN / 2 / width_in * (right - left)
        middle = min(max(place, left + half), right - half)
        free = (lane for lane in range(LANES) if all(abs(middle - at) > half + other for at, other in taken[lane]))
        lane = next(free, None)
        if lane is not None:
            taken[lane].append((middle, half))
            word = axes.text(middle, 1 - LANE * lane, text, transform=axes.get_xaxis_transform(), va="top", ha="center")
            weight = "bold" if point.mark is Mark.REGRESSION else "normal"
            word.set(fontsize=9, color=style.INK, fontweight=weight, zorder=6)
    return sum(map(bool, taken))


def _days(history: History) -> list[str]:
    """When each session began: its day, and the hour where several share one."""
    times = [moment(session.started) for session in history.sessions]
    days = [f"{time:%m-%d}" if time else "?" for time in times]
    if len(set(days)) == len(days):
        return days
    return [f"{time:%m-%d}\n{time:%H:%M}" if time else "?" for time in times]
