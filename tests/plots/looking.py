"""What a figure shows, for tests to ask."""

from collections.abc import Callable, Iterator
from functools import lru_cache
from weakref import WeakSet

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text
from numpy.typing import NDArray

from loopbench.judge.session.session_report import SessionReport
from loopbench.plots import panels, style
from loopbench.plots.chart import Chart
from loopbench.plots.panels import Sheet

LAID_OUT: WeakSet[Figure] = WeakSet()
"""Figures whose texts have their places: laying one out takes long, and most tests look at it more than once."""


def drawn(
    make: Callable[[SessionReport, style.Palette], Chart | None],
    report: SessionReport,
    palette: style.Palette,
    sheet: Sheet = panels.FILE,
) -> Figure:
    """The figure of a chart module's `chart`; the session has data for it."""
    chart = make(report, palette)
    assert chart
    return chart.draw(sheet)


def texts(figure: Figure) -> list[str]:
    """Every text that is not empty."""
    return [text.get_text() for text in visible_texts(figure)]


def visible_texts(figure: Figure) -> Iterator[Text]:
    """Every text that is drawn; tick labels too."""
    if figure not in LAID_OUT:
        with style.look():
            figure.draw_without_rendering()
        LAID_OUT.add(figure)
    for text in figure.findobj(Text):
        if isinstance(text, Text) and text.get_text().strip() and text.get_visible():
            yield text


def line(axes: Axes, label: str) -> Line2D:
    """The line of this label."""
    return next(each for each in axes.get_lines() if each.get_label() == label)


def ys(drawn: Line2D) -> list[float]:
    """Its heights."""
    return [float(y) for y in np.asarray(drawn.get_ydata(), dtype=float)]


def xs(drawn: Line2D) -> list[float]:
    """Its places along x."""
    return [float(x) for x in np.asarray(drawn.get_xdata(), dtype=float)]


def firsts(axes: Axes, label: str) -> list[float]:
    """Where each line of this label begins, along x."""
    lines = [each for each in axes.get_lines() if each.get_label() == label]
    return [float(np.asarray(each.get_xdata(), dtype=float)[0]) for each in lines]


def out_of_sight(figure: Figure) -> list[str]:
    """Texts that reach over the figure's edge."""
    wide, high = figure.bbox.size
    words, (x0, y0, x1, y1) = _boxes(figure)
    cut = (x0 < -1) | (y0 < -1) | (x1 > wide + 1) | (y1 > high + 1)
    return [words[place] for place in np.flatnonzero(cut)]


def overlapping(figure: Figure) -> list[tuple[str, str]]:
    """Pairs of texts that lie over each other by more than a hair."""
    words, (x0, y0, x1, y1) = _boxes(figure)
    wide = np.minimum.outer(x1, x1) - np.maximum.outer(x0, x0)
    high = np.minimum.outer(y1, y1) - np.maximum.outer(y0, y0)
    covered = (wide > 1) & (high > 0.25 * np.minimum.outer(y1 - y0, y1 - y0))
    return [(words[one], words[other]) for one, other in zip(*np.nonzero(np.triu(covered, 1)), strict=True)]


@lru_cache(maxsize=1)
def _boxes(figure: Figure) -> tuple[list[str], NDArray[np.float64]]:
    """The texts within view, and their boxes in pixels: rows of left, bottom, right and top ends."""
    shown = shown_texts(figure)
    boxes = [text.get_window_extent().extents for text in shown]
    return [text.get_text() for text in shown], np.array(boxes, dtype=np.float64).reshape(-1, 4).T


def shown_texts(figure: Figure) -> list[Text]:
    """Texts within view: ticks beyond an axis' limits exist, but are not drawn."""
    texts = list(visible_texts(figure))  # draws: only then do ticks know where they are
    ticks = {
        id(label)
        for axes in figure.axes
        for axis in (axes.xaxis, axes.yaxis)
        for tick in axis.get_major_ticks()
        for label in (tick.label1, tick.label2)
        if not min(axis.get_view_interval()) <= tick.get_loc() <= max(axis.get_view_interval()) or not axes.axison
    }
    names = {id(axis.label) for axes in figure.axes if not axes.axison for axis in (axes.xaxis, axes.yaxis)}
    return [text for text in texts if id(text) not in ticks | names]
