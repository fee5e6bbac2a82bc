"""Small multiples: a grid of panels of one size, with a name and a line of facts above each, in a file or on the page.

A `Sheet` says where a picture goes. In a file it carries its own caption; on the page HTML does that, with text that
wraps, and with panels that do. Sizes are in inches, because type is.
"""

import math
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator

from loopbench.judge.run.windows import Curve
from loopbench.judge.session.run_report import RunReport
from loopbench.plots import style
from loopbench.plots.inline_svg import Band
from loopbench.showable import showable


@dataclass(frozen=True, slots=True)
class Sheet:
    """How many panels stand beside each other, and whether the picture carries its own caption and stamp."""

    columns: int
    captioned: bool


FILE: Final = Sheet(2, captioned=True)
PAGE: Final = Sheet(1, captioned=False)  # cut into its panels, which a wide page sets side by side
FILE_WIDTH_IN: Final = 9.0


@dataclass(frozen=True, slots=True)
class Caption:
    """What a picture answers, how it was made, and what must be known beside it."""

    title: str
    subtitle: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Panel:
    """Room for one panel, around its axes."""

    height_in: float = 1.75  # of the axes
    above_in: float = 0.62  # for name and facts
    below_in: float = 0.62  # for ticks and the axis' name
    left_in: float = 0.84  # for ticks and the axis' name
    right_in: float = 0.62  # for what stands beside the axes
    last_in: float | None = None  # height of the last panel's axes, if it differs
    columns: int = 2  # most panels beside each other
    page_width_in: float = 4.5  # its width on the page


FEW_POINTS: Final = 15  # up to here each point is marked, so that a straight line is not mistaken for data

MARGIN_IN: Final = 0.18
STAMP_IN: Final = 0.22
FOOTNOTE_IN: Final = 0.19
TITLE_IN: Final = 0.3
SUBTITLE_IN: Final = 0.21
_LETTER_IN = {15: 0.138, 11: 0.0855, 10: 0.0775}  # mean width of a letter of DejaVu Sans, by size; bold at 15
_GAP_IN = 0.12
_STRUCK_IN = 1.25  # beside a name: why its run is struck out
_BOLDER = 1.2  # bold letters are wider than those that are measured
_STRIP_BEGIN, _STRIP_END = 1.02, 1.1  # of the most users


def new_panels(
    count: int, sheet: Sheet, caption: Caption, panel: Panel = Panel(), stamp: str = ""
) -> tuple[Figure, tuple[Axes, ...]]:
    """A figure with its caption and `count` empty axes, row by row; call it under `style.look()`."""
    assert count > 0, "a figure of no panels"
    columns = min(sheet.columns, panel.columns, count)
    width_in = FILE_WIDTH_IN if sheet.captioned else panel.page_width_in
    heights_in = _row_heights_in(count, columns, panel)
    title, subtitle, notes = _lines(caption) if sheet.captioned else ([], [], [])
    stamp_in = STAMP_IN if sheet.captioned and stamp else 0.0
    head_in = 0.14 + TITLE_IN * len(title) + SUBTITLE_IN * len(subtitle) + _GAP_IN + stamp_in if title else 0.04
    foot_in = 0.14 + FOOTNOTE_IN * len(notes) if notes else 0.04
    height_in = head_in + len(heights_in) * (panel.above_in + panel.below_in) + sum(heights_in) + foot_in
    figure = Figure(figsize=(width_in, height_in), dpi=style.FIGURE_DPI)
    FigureCanvasAgg(figure)
    if stamp_in:
        _write_stamp(figure, stamp)
    _write_caption(figure, stamp_in, title, subtitle, notes)
    column_in = width_in / columns
    wide_in, bottom_in = column_in - panel.left_in - panel.right_in, height_in - head_in
    axes: list[Axes] = []
    for row, axes_in in enumerate(heights_in):
        bottom_in -= panel.above_in + axes_in
        for column in range(min(columns, count - row * columns)):
            left_in = column * column_in + panel.left_in
            box = (left_in / width_in, bottom_in / height_in, wide_in / width_in, axes_in / height_in)
            axes.append(figure.add_axes(box))
        bottom_in -= panel.below_in
    return figure, tuple(axes)


def _row_heights_in(count: int, columns: int, panel: Panel) -> list[float]:
    """Of the axes; a last panel that shares its row with others makes them no lower."""
    rows = -(-count // columns)
    if panel.last_in is None:
        return [panel.height_in] * rows
    is_alone = columns == 1 or count % columns == 1
    return [panel.height_in] * (rows - 1) + [panel.last_in if is_alone else max(panel.height_in, panel.last_in)]


def head(axes: Axes, name: str, stroke: style.Stroke, facts: str = "", *, alarming: bool = False) -> None:
    """A panel's name and under it the facts that must be read with it; `alarming` ones are set in ink and bold."""
    look: dict[str, Any] = {"xycoords": "axes fraction", "textcoords": "offset points"}
    bold: dict[str, Any] = {"fontweight": "bold"}
    room_in = wide_in(axes) - (_STRUCK_IN if stroke.struck else 0)
    shown = style.fitted(name, room_in / _BOLDER, 12)
    axes.annotate(shown, (0, 1), (0, 24), color=stroke.text_colour, fontsize=12, **bold, **look)
    colour: dict[str, Any] = {"color": style.INK, **bold} if alarming else {"color": style.QUIET}
    axes.annotate(facts, (0, 1), (0, 9), fontsize=10, **colour, **look)
    if stroke.struck:
        words = style.shortened(stroke.struck, 18)
        axes.annotate(words, (1, 1), (14, 24), ha="right", color=style.INK, fontsize=10, **bold, **look)


def frame(axes: Axes, *, x: str, y: str, size: float = 10) -> None:
    """A light frame: one axis line below, quiet horizontal rules, both axes from zero, names and units on them."""
    axes.set_xlabel(x, fontsize=size)
    axes.set_ylabel(y, fontsize=size, color=style.QUIET, labelpad=6)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.grid(axis="y", color=style.GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(length=0, pad=6, labelsize=size)
    axes.tick_params(axis="x", length=4)
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0)


def count_axis(axes: Axes, most: float, *, along: str, room: float = 1.0) -> None:
    """Whole ticks from zero to `most`, and the axis `room` times as long."""
    most = most if most > 0 else 1.0
    locator = MaxNLocator(nbins=5, integer=True, steps=[1, 2, 2.5, 5, 10])
    ticks = [tick for tick in locator.tick_values(0, most) if tick <= most * 1.001]
    axis = axes.xaxis if along == "x" else axes.yaxis
    axis.set_major_locator(FixedLocator(ticks))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.4g}"))
    (axes.set_xlim if along == "x" else axes.set_ylim)(0, most * room)


def bars_frame(axes: Axes, x: str = "") -> None:
    """As `frame`, for bars and rows of points: rules for the values along x, and no ticks for the rows."""
    frame(axes, x=x, y="")
    axes.grid(visible=False, axis="y")
    axes.grid(visible=True, axis="x", color=style.GRID, linewidth=0.8)
    axes.set_yticks([])


def titled_bars_frame(axes: Axes, name: str) -> None:
    """As `bars_frame`, with a bold name above."""
    bars_frame(axes)
    title = axes.set_title(style.shortened(name, 38), loc="left", fontsize=12, pad=9)
    title.set(color=style.INK, fontweight="bold")


def most_users(runs: Iterable[RunReport]) -> float:
    """Return the end of an axis of users that all these runs share."""
    return max(run.curve.most_users for run in runs) or 1.0


def points(curve: Curve) -> tuple[list[float], list[float]]:
    """Return the users and the good answers per second of a curve's windows."""
    return [window.users for window in curve.windows], [window.goodput_rps for window in curve.windows]


def users_axis(axes: Axes, most_users: float) -> None:
    """Users from zero, with a shaded strip at the right for the hold."""
    count_axis(axes, most_users, along="x", room=_STRIP_END)
    axes.axvspan(most_users * _STRIP_BEGIN, most_users * _STRIP_END, color=style.SHADE, linewidth=0, zorder=0)


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


def few_or_alone(values: Sequence[float], few: int = FEW_POINTS) -> list[int]:
    """Which points of a line get a mark: all where there are few, else those without a neighbour to be tied to."""
    known = [math.isfinite(value) for value in values]
    if sum(known) <= few:
        return [index for index, is_known in enumerate(known) if is_known]
    around = zip([False, *known[:-1]], known, [*known[1:], False], strict=True)
    return [index for index, (before, here, after) in enumerate(around) if here and not (before or after)]


def empty(axes: Axes, why: str) -> None:
    """A sentence where there is nothing to draw."""
    axes.text(0.5, 0.5, why, transform=axes.transAxes, ha="center", va="center", color=style.QUIET, fontsize=11)


def wide_in(axes: Axes) -> float:
    """Return the width of the axes."""
    return float(axes.bbox.width) / style.FIGURE_DPI


def high_in(axes: Axes) -> float:
    """Return the height of the axes."""
    return float(axes.bbox.height) / style.FIGURE_DPI


def _lines(caption: Caption) -> tuple[list[str], list[str], list[str]]:
    notes = [line for note in caption.notes for line in _wrap(note, 10)]
    return _wrap(caption.title, 15), _wrap(caption.subtitle, 11), notes


def _wrap(text: str, size: int) -> list[str]:
    letters = int((FILE_WIDTH_IN - 2 * MARGIN_IN) / _LETTER_IN[size])
    return textwrap.wrap(showable(text), letters, break_long_words=True)


def _write_stamp(figure: Figure, words: str) -> None:
    """The validity of the picture, small at its upper right."""
    right, top = 1 - MARGIN_IN / figure.get_figwidth(), 1 - 0.1 / figure.get_figheight()
    text = figure.text(right, top, style.shortened(words, 60), fontsize=9, ha="right", va="top")
    is_invalid = words.startswith("INVALID")
    text.set(color=style.INK if is_invalid else style.QUIET, fontweight="bold" if is_invalid else "normal")


def _write_caption(
    figure: Figure, from_top_in: float, title: Sequence[str], subtitle: Sequence[str], notes: Sequence[str]
) -> None:
    """Title and subtitle at the top, notes at the lower left."""
    left, height_in = MARGIN_IN / figure.get_figwidth(), figure.get_figheight()
    down_in = 0.14 + from_top_in
    for line in title:
        figure.text(left, 1 - down_in / height_in, line, fontsize=15, fontweight="bold", va="top")
        down_in += TITLE_IN
    for line in subtitle:
        figure.text(left, 1 - (down_in + 0.04) / height_in, line, fontsize=11, color=style.QUIET, va="top")
        down_in += SUBTITLE_IN
    for index, line in enumerate(reversed(notes)):
        figure.text(left, (0.14 + index * FOOTNOTE_IN) / height_in, line, fontsize=10, color=style.QUIET)
