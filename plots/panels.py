"""Small multiples: a grid of panels of one size, with a name and a line of facts above each, in a file or on the page.

A `Sheet` says where a picture goes. In a file it carries its own caption; on the page HTML does that, with text that
wraps, and with panels that do. Sizes are in inches, because type is.
"""

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator

from loopbench.showable import showable
from plots import style
from plots.inline_svg import Band


@dataclass(frozen=True, slots=True)
class Sheet:
    """How wide a picture is, how many panels stand beside each other, and if it carries its own caption and stamp."""

    width_in: float
    columns: int
    captioned: bool
    stamp: str = ""  # only where it is captioned: the page says it in HTML


FILE: Final = Sheet(9.0, 2, captioned=True)
PAGE: Final = Sheet(4.5, 1, captioned=False)  # cut into its panels, which a wide page sets side by side


@dataclass(frozen=True, slots=True)
class Caption:
    """What a picture answers, how it was made, and what must be known beside it."""

    title: str
    subtitle: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Panel:
    """Room for one panel, around its axes."""

    height_in: float = 1.75
    above_in: float = 0.62  # name and facts
    below_in: float = 0.62  # ticks and the axis' name
    left_in: float = 0.84
    right_in: float = 0.62


FEW_POINTS: Final = 15
"""Up to here each point is marked, so that a straight line is not mistaken for data."""

TITLE_IN: Final = 0.3
SUBTITLE_IN: Final = 0.21
_LETTER_IN = {15: 0.138, 11: 0.0855, 10: 0.0775}  # mean width of a letter of DejaVu Sans, by size; bold at 15
_GAP_IN = 0.12
_STRUCK_IN = 1.25  # beside a name: why its run is struck out
_BOLDER = 1.2  # bold letters are wider than those that are measured
_STRIP_BEGIN, _STRIP_END = 1.02, 1.1  # of the most users


def new_panels(
    count: int,
    sheet: Sheet,
    caption: Caption,
    panel: Panel = Panel(),
    last_in: float | None = None,
) -> tuple[Figure, tuple[Axes, ...]]:
    """A figure with its caption and `count` empty axes, row by row; call it under `style.look()`.

    `last_in` is the height of the last row's axes, where it differs.
    """
    assert count > 0, "a figure of no panels"
    columns = min(sheet.columns, count)
    rows = -(-count // columns)
    heights_in = [panel.height_in] * (rows - 1) + [panel.height_in if last_in is None else last_in]
    title, subtitle, notes = _lines(caption, sheet)
    stamp_in = style.STAMP_IN if sheet.captioned and sheet.stamp else 0.0
    head_in = 0.14 + TITLE_IN * len(title) + SUBTITLE_IN * len(subtitle) + _GAP_IN + stamp_in if title else 0.04
    foot_in = 0.14 + style.FOOTNOTE_IN * len(notes) if notes else 0.04
    height_in = head_in + rows * (panel.above_in + panel.below_in) + sum(heights_in) + foot_in
    figure = style.new_figure(sheet.width_in, height_in)
    if stamp_in:
        style.stamp(figure, sheet.stamp)
    _write_caption(figure, stamp_in, title, subtitle, notes)
    column_in = sheet.width_in / columns
    wide_in, bottom_in = column_in - panel.left_in - panel.right_in, height_in - head_in
    axes: list[Axes] = []
    for row, axes_in in enumerate(heights_in):
        bottom_in -= panel.above_in + axes_in
        for column in range(min(columns, count - row * columns)):
            left_in = column * column_in + panel.left_in
            box = (left_in / sheet.width_in, bottom_in / height_in, wide_in / sheet.width_in, axes_in / height_in)
            axes.append(figure.add_axes(box))
        bottom_in -= panel.below_in
    return figure, tuple(axes)


def head(axes: Axes, name: str, colour: str, facts: str = "", *, alarming: bool = False) -> None:
    """A panel's name and under it the facts that must be read with it; `alarming` ones are set in ink and bold."""
    shown = style.fitted(name, wide_in(axes) / _BOLDER, 12)
    axes.annotate(
        shown, (0, 1), (0, 24), "axes fraction", "offset points", color=colour, fontsize=12, fontweight="bold"
    )
    weight, shade = ("bold", style.INK) if alarming else ("normal", style.QUIET)
    axes.annotate(facts, (0, 1), (0, 9), "axes fraction", "offset points", color=shade, fontsize=10, fontweight=weight)


def run_head(axes: Axes, name: str, stroke: style.Stroke, facts: str = "", *, alarming: bool = False) -> None:
    """As `head`, of a run: one that is struck out says so beside its name."""
    room_in = wide_in(axes) - _STRUCK_IN
    head(
        axes,
        style.fitted(name, room_in / _BOLDER, 12) if stroke.struck else name,
        stroke.text_colour,
        facts,
        alarming=alarming,
    )
    if stroke.struck:
        words = axes.annotate(named(stroke.struck, 18), (1, 1), (14, 24), "axes fraction", "offset points", ha="right")
        words.set(color=style.INK, fontsize=10, fontweight="bold")


def frame(axes: Axes, *, x: str, y: str) -> None:
    """As `style.frame`, with the name of the y axis beside it: a panel's head stands above."""
    style.frame(axes, x=x, y="")
    axes.set_ylabel(y, fontsize=10, color=style.QUIET, labelpad=6)
    axes.xaxis.label.set_fontsize(10)
    axes.tick_params(labelsize=10)


def count_axis(axes: Axes, most: float, *, along: str, room: float = 1.0) -> None:
    """Whole ticks from zero to `most`, and the axis `room` times as long."""
    most = most if most > 0 else 1.0
    locator = MaxNLocator(nbins=5, integer=True, steps=[1, 2, 2.5, 5, 10])
    ticks = [tick for tick in locator.tick_values(0, most) if tick <= most * 1.001]
    axis = axes.xaxis if along == "x" else axes.yaxis
    axis.set_major_locator(FixedLocator(ticks))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.4g}"))
    (axes.set_xlim if along == "x" else axes.set_ylim)(0, most * room)


def users_axis(axes: Axes, most_users: float) -> None:
    """Users from zero, with a shaded strip at the right for the hold."""
    count_axis(axes, most_users, along="x", room=_STRIP_END)
    axes.axvspan(most_users * _STRIP_BEGIN, most_users * _STRIP_END, color=style.SHADE, linewidth=0, zorder=0)


def users_end(most_users: float) -> float:
    """Where the axis of users ends, its strip for the hold included."""
    return most_users * _STRIP_END


def hold_dot(
    axes: Axes, most_users: float, value: float | None, colour: str, tied_to: tuple[Sequence[float], Sequence[float]]
) -> None:
    """The hold's value in its strip, tied by a thin line to the last point (users, values) of the rise."""
    if value is None:
        return
    x = most_users * (_STRIP_BEGIN + _STRIP_END) / 2
    axes.plot([x], [value], "o", color=colour, markersize=5, clip_on=False, zorder=5)
    last = next(((n, y) for n, y in zip(*map(reversed, tied_to), strict=True) if math.isfinite(y)), None)
    if last:
        axes.plot([last[0], x], [last[1], value], color=colour, linewidth=0.9, alpha=0.5, zorder=2)


def bands(figure: Figure, panel: Panel) -> tuple[Band, ...]:
    """Where each panel of a figure of one column lies, with all that is around its axes."""
    height_in = figure.get_figheight()
    boxes = [axes.get_position() for axes in figure.axes]
    return tuple(
        Band(
            top_in=(1 - box.y1) * height_in - panel.above_in,
            height_in=box.height * height_in + panel.above_in + panel.below_in,
        )
        for box in boxes
    )


def few_or_alone(values: Sequence[float]) -> list[int]:
    """Which points of a line get a mark: all where there are few, else those without a neighbour to be tied to."""
    known = [math.isfinite(value) for value in values]
    if sum(known) <= FEW_POINTS:
        return [index for index, is_known in enumerate(known) if is_known]
    around = zip([False, *known[:-1]], known, [*known[1:], False], strict=True)
    return [index for index, (before, here, after) in enumerate(around) if here and not (before or after)]


def empty(axes: Axes, why: str) -> None:
    """A sentence where there is nothing to draw."""
    axes.text(0.5, 0.5, why, transform=axes.transAxes, ha="center", va="center", color=style.QUIET, fontsize=11)


def named(name: str, most: int = 24) -> str:
    """A foreign name for a chart: what cannot be seen as its escape, on one line, cut to `most`."""
    return style.shortened(name, most)


def wide_in(axes: Axes) -> float:
    """Return the width of the axes."""
    return float(axes.bbox.width) / style.FIGURE_DPI


def _lines(caption: Caption, sheet: Sheet) -> tuple[list[str], list[str], list[str]]:
    if not sheet.captioned:
        return [], [], []
    title = _wrap(caption.title, sheet, 15)
    subtitle = _wrap(caption.subtitle, sheet, 11)
    return title, subtitle, [line for note in caption.notes for line in _wrap(note, sheet, 10)]


def _wrap(text: str, sheet: Sheet, size: int) -> list[str]:
    letters = int((sheet.width_in - 2 * style.MARGIN_IN) / _LETTER_IN[size])
    return textwrap.wrap(showable(text), letters, break_long_words=True)


def _write_caption(
    figure: Figure, from_top_in: float, title: Sequence[str], subtitle: Sequence[str], notes: Sequence[str]
) -> None:
    """As `style.headline` and `style.footnotes`, over as many lines as it takes."""
    left, height_in = style.MARGIN_IN / figure.get_figwidth(), figure.get_figheight()
    down_in = 0.14 + from_top_in
    for line in title:
        figure.text(left, 1 - down_in / height_in, line, fontsize=15, fontweight="bold", va="top")
        down_in += TITLE_IN
    for line in subtitle:
        figure.text(left, 1 - (down_in + 0.04) / height_in, line, fontsize=11, color=style.QUIET, va="top")
        down_in += SUBTITLE_IN
    style.footnotes(figure, notes)
