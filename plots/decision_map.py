"""A map of the best variant: a panel each quantity, a cell for each pair of values, the predicted borders on top."""

import textwrap
from functools import partial
from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.ticker import FixedFormatter, FixedLocator

from loopbench.judge.decision_map import Axis, Cell, DecisionMap, Ranking, predicted
from loopbench.judge.figures import ratio, rounded
from loopbench.judge.statistics.verdict import Quantity
from loopbench.plots import panels, style
from loopbench.plots.chart import Chart
from loopbench.plots.panels import Caption, Panel

SUBTITLE: Final = "In each cell the best variant, how many times better it is than the second, and its figure."
NOT_RESOLVED: Final = (
    "Striped: the rounds do not show that the best is better than the second, or a variant is INVALID."
)
BORDERS: Final = "Lines: where the best should change, predicted from the costs in the cell at the lower left."
CELL_IN: Final = 0.98
NAME_LETTERS: Final = 11
STRIPES: Final = 7  # of a cell whose best variant is not resolved
FINE: Final = 40  # points of the prediction from one cell to the next


def chart(made: DecisionMap, palette: style.Palette) -> Chart | None:
    """The map; None without a measured cell."""
    if not made.quantities:
        return None
    notes = (NOT_RESOLVED, BORDERS) if predicted(made) else (NOT_RESOLVED,)
    return Chart(
        "decision-map",
        Caption(f"{made.scenario.title}: which is best", SUBTITLE, notes),
        f"{SUBTITLE} " + " ".join(_words(made, quantity) for quantity in made.quantities),
        [partial(_fill, made, quantity, palette) for quantity in made.quantities],
        Panel(CELL_IN * len(made.y.values), above_in=0.5, left_in=0.8, right_in=0.2),
    )


def _words(made: DecisionMap, quantity: Quantity) -> str:
    cells = [(cell, made.ranking(cell, quantity)) for cell in made.cells]
    found = [f"{_place(made, cell)}: {_facts(ranking)[0]} ({_facts(ranking)[1]})" for cell, ranking in cells if ranking]
    return f"{quantity.name}: {'; '.join(found)}."


def _place(made: DecisionMap, cell: Cell) -> str:
    return f"{made.x.name} {made.x.values[cell.x]}, {made.y.name} {made.y.values[cell.y]}"


def _fill(made: DecisionMap, quantity: Quantity, palette: style.Palette, axes: Axes) -> None:
    panels.titled_bars_frame(axes, quantity.name)
    axes.grid(visible=False)
    axes.set_xlim(-0.5, len(made.x.values) - 0.5)
    axes.set_ylim(-0.5, len(made.y.values) - 0.5)
    axes.set_xlabel(made.x.name, fontsize=10)
    axes.set_ylabel(made.y.name, fontsize=10)
    for axis, drawn in ((made.x, axes.xaxis), (made.y, axes.yaxis)):
        drawn.set_major_locator(FixedLocator(list(range(len(axis.values)))))
        drawn.set_major_formatter(
            FixedFormatter([f"{value:g}" if _is_number(value) else str(value) for value in axis.values])
        )
    for cell in made.cells:
        _draw_cell(axes, cell, made.ranking(cell, quantity), palette)
    if quantity == made.quantities[0]:
        _draw_borders(axes, made)


def _draw_cell(axes: Axes, cell: Cell, ranking: Ranking | None, palette: style.Palette) -> None:
    if ranking is None:
        text = "no\nfigure" if cell.rankings else "not\nmeasured"
        axes.text(cell.x, cell.y, text, ha="center", va="center", fontsize=8.5, color=style.QUIET)
        return
    name, lead, value = _facts(ranking)
    stroke = palette.own(name)
    box = Rectangle((cell.x - 0.48, cell.y - 0.48), 0.96, 0.96, facecolor=stroke.colour, alpha=0.16, linewidth=0)
    axes.add_patch(box)
    if not ranking.is_resolved:
        _stripe(axes, cell, stroke.colour)
    wrapped = "\n".join(textwrap.wrap(style.shortened(name, 2 * NAME_LETTERS), NAME_LETTERS))
    paper = {"facecolor": style.PAPER, "linewidth": 0, "alpha": 0.7, "pad": 1}
    look: dict[str, Any] = {"ha": "center", "fontsize": 8.5, "bbox": paper}
    label = axes.text(cell.x, cell.y + 0.06, wrapped, va="bottom", color=stroke.text_colour, **look)
    label.set(fontweight="bold", linespacing=1.0)
    for below, text in ((0.12, lead), (0.32, value)):
        axes.text(cell.x, cell.y - below, text, va="center", color=style.INK, **look)


def _facts(ranking: Ranking) -> tuple[str, str, str]:
    """The best variant, its lead, and its figure."""
    name, value = next(iter(ranking.values.items()))
    lead = "no second" if ranking.lead is None else f"{ratio(ranking.lead)} ×"  # noqa: RUF001  the sign for times
    unit = ranking.quantity.unit
    return name, lead, f"{rounded(value)}/s" if unit == "1/s" else f"{rounded(value)} {unit}"


def _stripe(axes: Axes, cell: Cell, colour: str) -> None:
    """Diagonal lines from edge to edge, drawn as lines so that a page can turn their colour."""
    for offset in np.linspace(-1, 1, STRIPES + 2)[1:-1]:
        low, high = max(-0.5, -0.5 - offset), min(0.5, 0.5 - offset)
        xs = [cell.x + 0.96 * low, cell.x + 0.96 * high]
        axes.plot(
            xs,
            [cell.y + 0.96 * (low + offset), cell.y + 0.96 * (high + offset)],
            color=colour,
            linewidth=0.7,
            alpha=0.6,
        )


def _draw_borders(axes: Axes, made: DecisionMap) -> None:
    """Where the predicted best variant changes; between two cells the values go up evenly."""
    best = predicted(made)
    if best is None:
        return
    (xs, waits_s), (ys, cpus_s) = _fine(made.x), _fine(made.y)
    names = [[best(wait_s, cpu_s) for wait_s in waits_s] for cpu_s in cpus_s]
    for variant in dict.fromkeys(name for row in names for name in row):
        inside = np.array([[float(name == variant) for name in row] for row in names])
        if inside.min() < inside.max():
            axes.contour(xs, ys, inside, [0.5], colors=[style.INK], linewidths=1.4, zorder=1.8)  # under the words


def _fine(axis: Axis) -> tuple[list[float], list[float]]:
    """Places along an axis, to the edges of the outer cells, and the values there; each cell's own at its middle."""
    count = len(axis.values)
    places = np.linspace(-0.5, count - 0.5, FINE * count + 1)
    values = np.interp(places, np.arange(count), [float(value) for value in axis.values])
    return places.tolist(), values.tolist()


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
