"""The figures of a chart as a table, read from what it has drawn.

A chart names what it draws with matplotlib's labels. So each labelled line and bar is a series here, without a line of
code in the chart. What is struck out as INVALID has no figures.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import FillBetweenPolyCollection
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.text import Text

from loopbench.judge.figures import rounded
from loopbench.plots import style
from loopbench.showable import csv_text

PANEL_NAME_PT: Final = 11.5
"""Bold text of this size or more above a panel is its name."""

INVALID: Final = "INVALID"
FULL_LOAD: Final = "rounds"
"""The mark of the rounds stands beside the axis of users, so its place along x is no figure."""


@dataclass(frozen=True, slots=True)
class Series:
    """One labelled line, or the bars of one label.

    Args:
        panel: the name of its panel; empty where there is one only.
        name: its label, with the row that it is in.
        x_name: what the figures along x are.
        y_name: what those along y are; empty in a chart of rows.
        points: each x, the end of a bar along x, and y; NaN where there is none.
    """

    panel: str
    name: str
    x_name: str
    y_name: str
    points: tuple[tuple[float, float, float], ...]

    @property
    def title(self) -> str:
        """The panel and the name."""
        return f"{self.panel}: {self.name}" if self.panel and self.panel != self.name else self.name

    def rows(self, most: int) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """Return at most so many points as text: the figures along x, the ends of bars, those along y, each named."""
        xs, ends, ys = zip(*self.thinned(most), strict=True)
        named = ((self.x_name or "value", xs), ("to", ends), (self.y_name or "value", ys))
        known = [(name, values) for name, values in named if not all(map(math.isnan, values))]
        return tuple((name, tuple(rounded(value) for value in values)) for name, values in known)

    def thinned(self, most: int) -> tuple[tuple[float, float, float], ...]:
        """At most so many points, evenly chosen, with the first and the last."""
        places = np.unique(np.linspace(0, len(self.points) - 1, min(most, len(self.points))).round().astype(int))
        return tuple(self.points[place] for place in places)


COLUMNS: Final = ("panel", "name", "x_name", "y_name", "x", "x_end", "y")


def series_of(figure: Figure) -> tuple[Series, ...]:
    """Return every labelled series of a drawn chart, panel by panel."""
    return tuple(series for axes in figure.axes for series in _of_panel(axes, _panel_name(axes)))


def chart_csv(series: Sequence[Series]) -> str:
    """Return the table as CSV: a row for each point, an empty cell where there is no figure."""
    rows = [(each.panel, each.name, each.x_name, each.y_name, *point) for each in series for point in each.points]
    frame = pd.DataFrame(rows, columns=COLUMNS)
    texts = {name: frame[name].map(csv_text) for name in COLUMNS[:4]}
    return frame.assign(**texts).to_csv(index=False, float_format="%.9g", lineterminator="\n")


def _of_panel(axes: Axes, panel: str) -> Iterator[Series]:
    rows = _rows(axes)
    if rows is None and any(text.get_text().startswith(INVALID) for text in _words(axes)):
        return
    x_name, y_name = axes.get_xlabel(), "" if rows is not None else axes.get_ylabel()
    if axes.get_gid() == "strip":
        x_name = "users"
    for name, points in _labelled(axes):
        if rows is None:
            yield Series(panel, name, x_name, y_name, points)
            continue
        row = rows.get(math.floor(points[0][2]), "")
        if INVALID in row:
            continue
        title = name if not row or row == name else f"{row}: {name}"
        yield Series(panel, title, x_name, y_name, tuple((x, end, math.nan) for x, end, _ in points))
    for inner in axes.child_axes:
        if isinstance(inner, Axes):
            strip = inner.get_title(loc="left") or str(inner.get_label())
            yield from _of_panel(inner, f"{panel}, {strip}" if panel else strip)


def _labelled(axes: Axes) -> Iterator[tuple[str, tuple[tuple[float, float, float], ...]]]:
    """Label and points of what has a label, is not struck out, and has a figure."""
    for artist, points in _drawn(axes):
        label = str(artist.get_label())
        known = tuple(point for point in points if math.isfinite(point[0]) and math.isfinite(point[2]))
        if label and not label.startswith("_") and known:
            yield label, tuple((math.nan, end, y) for _, end, y in known) if label == FULL_LOAD else known


def _drawn(axes: Axes) -> Iterator[tuple[Artist, list[tuple[float, float, float]]]]:
    for line in axes.get_lines():
        if not _is_struck(line.get_color()):
            yield line, _points(line)
    for filled in axes.collections:
        if isinstance(filled, FillBetweenPolyCollection):  # a path each stretch without missing points
            corners = [np.asarray(path.vertices) for path in filled.get_paths()]
            yield filled, [(float(x), math.nan, float(y)) for each in corners for x, y in each[1 : len(each) // 2]]
    for bars in axes.containers:
        yield bars, [_bar(each) for each in bars if isinstance(each, Rectangle)]  # type: ignore[misc]
    for patch in axes.patches:
        if isinstance(patch, Rectangle) and not _is_struck(patch.get_edgecolor()):
            yield patch, [_bar(patch)]


def _is_struck(colour: Any) -> bool:
    return to_rgb(colour) == to_rgb(style.STRUCK)


def _points(line: Line2D) -> list[tuple[float, float, float]]:
    xs, ys = (np.asarray(each, dtype=float) for each in line.get_data(orig=False))
    return [(float(x), math.nan, float(y)) for x, y in zip(xs, ys, strict=True)]


def _bar(bar: Rectangle) -> tuple[float, float, float]:
    left, width, middle = float(bar.get_x()), float(bar.get_width()), float(bar.get_y()) + bar.get_height() / 2
    return left, left + width, middle


def _words(axes: Axes) -> list[Text]:
    return [text for each in (axes, *axes.child_axes) if isinstance(each, Axes) for text in each.texts]


def _panel_name(axes: Axes) -> str:
    """Its title, or the bold words above it."""
    if title := axes.get_title(loc="left"):
        return title
    bold = (
        text.get_text()
        for text in _words(axes)
        if text.get_fontweight() == "bold" and float(text.get_fontsize()) >= PANEL_NAME_PT
    )
    return next(bold, "")


def _rows(axes: Axes) -> Mapping[int, str] | None:
    """In a chart of rows, the name of each, from the words at its left; None where y is a figure."""
    labels = [label.get_text() for label in axes.get_yticklabels()]
    places = [float(tick) for tick in axes.get_yticks()]
    if axes.get_ylabel() or (axes.get_gid() == "strip"):
        return None
    if places:
        return None if all(_is_number(label) for label in labels) else _by_row(places, labels)
    left = [text for text in axes.texts if text.get_position()[0] == 0]
    return _by_row([float(text.get_position()[1]) for text in left], [text.get_text() for text in left])


def _by_row(places: Sequence[float], names: Sequence[str]) -> Mapping[int, str]:
    found: dict[int, str] = {}
    for place, name in zip(places, names, strict=True):
        found.setdefault(math.floor(place), name)
    return found


def _is_number(label: str) -> bool:
    return not label or label.replace("\N{MINUS SIGN}", "").replace(",", "").replace(".", "").strip("%k ").isdigit()
