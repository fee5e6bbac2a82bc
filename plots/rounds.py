"""What the rounds are made of: every run as a point, which is what the intervals of the verdicts stand on."""

import math
from functools import partial
from typing import Final

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, StrMethodFormatter

from loopbench.judge.figures import plural, rounded
from loopbench.judge.rounds.rounds import Judged
from loopbench.judge.session.session_report import SessionReport
from loopbench.judge.statistics.verdict import shown
from loopbench.plots import panels, style
from loopbench.plots.chart import Chart
from loopbench.plots.panels import Caption, Panel
from loopbench.showable import showable

CAPTION: Final = Caption(
    "Every run of the rounds",
    "A point is one run on a fresh target; from top to bottom in the order of the rounds.",
    ("Diamond and bar: geometric mean and its 95 % interval, or bounds where answers are few; INVALID runs left out.",),
)
_ROW_IN: Final = 0.5


def chart(session: SessionReport, palette: style.Palette) -> Chart | None:
    """Every run's figure, a panel each declared quantity; None without rounds."""
    rounds = session.rounds
    if rounds is None:
        return None
    rows = len(rounds.goodput.replicates.variants)
    parts = (_described(judged, name) for judged in rounds.judged for name in judged.replicates.variants)
    return Chart(
        "rounds",
        CAPTION,
        "Every run of the rounds as a point. " + " ".join(parts),
        [partial(_fill, judged, palette) for judged in rounds.judged],
        Panel(_ROW_IN * rows, above_in=0.5, below_in=0.5, left_in=0.3, right_in=0.35),
    )


def _described(judged: Judged, name: str) -> str:
    values = _points(judged, name).values()
    span = f"{rounded(min(values))} to {rounded(max(values))} {judged.quantity.unit}" if values else "no figure"
    return f"{showable(judged.quantity.name)}, {showable(name)}: {plural(len(values), 'run')}, {span}."


def _points(judged: Judged, name: str) -> dict[int, float]:
    shown = {number: figure.shown for number, figure in judged.replicates.figures_of(name).items()}
    return {number: value for number, value in shown.items() if value is not None}


def _fill(judged: Judged, palette: style.Palette, axes: Axes) -> None:
    names, numbers = judged.replicates.variants, judged.replicates.rounds
    panels.titled_bars_frame(axes, judged.quantity.name)
    axes.set_ylim(len(names), 0)
    axes.set_xlabel(judged.quantity.unit, fontsize=10)
    highest = 0.0
    for row, name in enumerate(names):
        stroke, figures = palette.own(name), _points(judged, name)
        estimate, bounds = judged.estimate(name), judged.estimate(name).interval()
        axes.text(0, row + 0.42, style.shortened(name, 30), fontsize=10, color=stroke.text_colour, va="bottom")
        if estimate.value is None:
            text = "no valid run" if bounds is None else f"{shown(estimate)} {judged.quantity.unit}"
            axes.text(0.5, row + 0.7, text, transform=axes.get_yaxis_transform(), fontsize=9.5, va="center")
            continue
        heights = [row + 0.56 + 0.28 * numbers.index(number) / max(1, len(numbers) - 1) for number in figures]
        (dots,) = axes.plot(list(figures.values()), heights, "o", color=stroke.colour, markersize=4, alpha=0.6)
        dots.set(label=name, clip_on=False, markeredgewidth=0)
        reach = estimate.value if bounds is None else min(bounds.high, 2 * max(figures.values()) or math.inf)
        if bounds is not None:
            axes.hlines(row + 0.7, bounds.low, reach, color=stroke.colour, linewidth=2, zorder=4)
        (mean,) = axes.plot([estimate.value], [row + 0.7], "D", color=stroke.colour, markersize=6, zorder=5)
        mean.set(markeredgecolor=style.PAPER, markeredgewidth=0.8, label="mean")
        highest = max(highest, reach, *figures.values())
    axes.set_xlim(0, highest * 1.06 or 1.0)
    if not highest:
        axes.set_xticks([])
        return
    axes.xaxis.set_major_locator(MaxNLocator(nbins=5))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.4g}"))
