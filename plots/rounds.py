"""What the rounds are made of, and what they decide: every run as a point, and a forest plot of the ratios.

The points show what the intervals stand on. The forest plot shows each pair's ratio with its 95 % interval beside the
band of differences that matter to nobody; the word at its right is the verdict.
"""

import math
from collections.abc import Sequence
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator, StrMethodFormatter

from loopbench.judge.figures import interval, plural, ratio, rounded
from loopbench.judge.rounds.rounds import Judged, Rounds
from loopbench.judge.statistics.verdict import MARGIN, Verdict, Word
from loopbench.showable import showable
from plots import panels, style
from plots.panels import Caption, Panel, Sheet

MOST_PAIRS: Final = 12
"""In a picture; the table under it holds all."""

POINTS: Final = Caption(
    "Every run of the rounds",
    "A point is one run on a fresh target; from top to bottom in the order of the rounds.",
    ("Diamond and bar: geometric mean and its 95 % interval. What INVALID runs measured is not drawn.",),
)
FOREST: Final = Caption(
    "Ratios, with their intervals",
    "Each pair compared inside its rounds, with the 95 % interval; a logarithmic axis.",
    (f"Shaded: within {MARGIN:.0%} either way of equal, too small a difference to matter.",),
)
_ROW_IN: Final = 0.5
_PAIR_IN: Final = 0.48
_WORD_IN: Final = 1.1  # the longest verdict beside a pair
_WIDEST: Final = math.log(50)  # of an interval's reach on the axis: a wider one is cut with an arrow


def points_panel(rounds: Rounds) -> Panel:
    """As high as there are variants."""
    rows = len(rounds.goodput.replicates.variants)
    return Panel(_ROW_IN * rows, above_in=0.5, below_in=0.5, left_in=0.3, right_in=0.35)


def forest_panel(rounds: Rounds) -> Panel:
    """As high as there are pairs."""
    rows = max(len(shown(judged)) for judged in rounds.judged)
    return Panel(_PAIR_IN * max(1, rows), above_in=0.5, below_in=0.5, left_in=0.3, right_in=0.35)


def shown(judged: Judged) -> tuple[Verdict, ...]:
    """The pairs that are drawn: those against the baseline come first already."""
    return judged.verdicts[:MOST_PAIRS]


def forest_caption(rounds: Rounds) -> Caption:
    """With how many pairs are left to the table."""
    left = len(rounds.goodput.verdicts) - len(shown(rounds.goodput))
    notes = (*FOREST.notes, f"{plural(left, 'more pair')} in the table.") if left else FOREST.notes
    return Caption(FOREST.title, FOREST.subtitle, notes)


def draw_rounds(rounds: Rounds, palette: style.Palette, sheet: Sheet) -> Figure:
    """Every run's figure, a panel each declared quantity."""
    with style.look():
        figure, axes = panels.new_panels(len(rounds.judged), sheet, POINTS, points_panel(rounds))
        for each, judged in zip(axes, rounds.judged, strict=True):
            _title(each, judged)
            _draw_points(each, judged, palette)
    return figure


def draw_forest(rounds: Rounds, palette: style.Palette, sheet: Sheet) -> Figure:
    """Every pair's ratio, a panel each declared quantity; at least one pair."""
    with style.look():
        figure, axes = panels.new_panels(len(rounds.judged), sheet, forest_caption(rounds), forest_panel(rounds))
        wide_in = sheet.width_in / min(sheet.columns, len(rounds.judged)) - 0.65
        for each, judged in zip(axes, rounds.judged, strict=True):
            _title(each, judged)
            _draw_forest(each, judged, palette, wide_in)
    return figure


def describe_points(rounds: Rounds) -> str:
    """What the first chart says."""
    parts = []
    for judged in rounds.judged:
        for name in judged.replicates.variants:
            values = judged.replicates.by_round(name).values()
            span = f"{rounded(min(values))} to {rounded(max(values))} {judged.quantity.unit}" if values else "no figure"
            parts.append(f"{showable(judged.quantity.name)}, {showable(name)}: {plural(len(values), 'run')}, {span}.")
    return "Every run of the rounds as a point. " + " ".join(parts)


def describe_forest(rounds: Rounds) -> str:
    """What the second chart says."""
    verdicts = (verdict for judged in rounds.judged for verdict in shown(judged))
    return "Ratios of the pairs with their 95 % intervals. " + " ".join(
        f"{showable(verdict.sentence)}." for verdict in verdicts
    )


def _title(axes: Axes, judged: Judged) -> None:
    panels.frame(axes, x="", y="")
    title = axes.set_title(panels.named(judged.quantity.name, 38), loc="left", fontsize=12, pad=9)
    title.set(color=style.INK, fontweight="bold")
    axes.grid(visible=False, axis="y")
    axes.grid(visible=True, axis="x", color=style.GRID, linewidth=0.8)
    axes.set_yticks([])


def _draw_points(axes: Axes, judged: Judged, palette: style.Palette) -> None:
    names, numbers = judged.replicates.variants, judged.replicates.rounds
    axes.set_ylim(len(names), 0)
    axes.set_xlabel(judged.quantity.unit, fontsize=10)
    highest = 0.0
    for row, name in enumerate(names):
        stroke, figures = palette.own(name), judged.replicates.by_round(name)
        estimate = judged.estimate(name)
        axes.text(0, row + 0.42, panels.named(name, 30), fontsize=10, color=stroke.text_colour, va="bottom")
        if estimate.value is None:
            axes.text(0.5, row + 0.7, "no valid run", transform=axes.get_yaxis_transform(), fontsize=9.5, va="center")
            continue
        heights = [row + 0.56 + 0.28 * numbers.index(number) / max(1, len(numbers) - 1) for number in figures]
        (dots,) = axes.plot(list(figures.values()), heights, "o", color=stroke.colour, markersize=4, alpha=0.6)
        dots.set(label=name, clip_on=False, markeredgewidth=0)
        bounds = estimate.interval()
        reach = estimate.value if bounds is None else min(bounds.high, 2 * max(figures.values()))
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


def _draw_forest(axes: Axes, judged: Judged, palette: style.Palette, wide_in: float) -> None:
    verdicts = shown(judged)
    axes.set_ylim(max(1, len(verdicts)), 0)
    axes.set_xlabel("ratio", fontsize=10)
    reach = _ratio_axis(axes, verdicts)
    if all(verdict.shown_ratio is None for verdict in verdicts):
        axes.set_xticks([])
    axes.axvspan(1 / (1 + MARGIN), 1 + MARGIN, color=style.GRID, alpha=0.7, linewidth=0, zorder=0)
    axes.axvline(1, color=style.QUIET, linewidth=0.8, linestyle=(0, (2, 2)), zorder=1)
    for row, verdict in enumerate(verdicts):
        _draw_pair(axes, row, verdict, palette, reach, wide_in)


def _pair_name(a: str, b: str, wide_in: float) -> str:
    """Both names, each cut where they are too long together: names of one session often begin alike."""
    pair = f"{panels.named(a, 200)} over {panels.named(b, 200)}"
    if style.fitted(pair, wide_in, 9.5) == pair:
        return pair
    half_in = (wide_in - 0.4) / 2
    return f"{style.fitted(a, half_in, 9.5)} over {style.fitted(b, half_in, 9.5)}"


def _ratio_axis(axes: Axes, verdicts: Sequence[Verdict]) -> float:
    """Logarithmic and around 1, wide enough for every interval up to a limit; returns how far it goes."""
    ends = [end for verdict in verdicts for end in (verdict.shown_interval or ())]
    ends += [verdict.shown_ratio for verdict in verdicts if verdict.shown_ratio is not None]
    logs = [min(abs(math.log(end)), _WIDEST) for end in ends if end > 0 and math.isfinite(end)]
    reach = math.exp(max([math.log(1.2), *logs]) * 1.08)
    axes.set_xscale("log")
    axes.set_xlim(1 / reach, reach)
    steps = (1.1, 1.2) if reach < 1.5 else (1.5, 2, 3) if reach < 5 else (2, 5, 10) if reach < 15 else (3, 10, 30)
    ticks = sorted([1.0, *steps, *(1 / step for step in steps)])
    axes.xaxis.set_major_locator(FixedLocator([tick for tick in ticks if 1 / reach <= tick <= reach]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.2g}"))
    axes.xaxis.set_minor_locator(NullLocator())
    return reach


def _draw_pair(  # noqa: PLR0913  a row, what it shows, and the room for it
    axes: Axes, row: int, verdict: Verdict, palette: style.Palette, reach: float, wide_in: float
) -> None:
    """The pair and its word above, the ratio with its interval under it."""
    stroke, y, across = palette.own(verdict.comparison.a), row + 0.74, axes.get_yaxis_transform()
    name = _pair_name(verdict.comparison.a, verdict.comparison.b, wide_in - _WORD_IN)
    axes.text(0, row + 0.5, name, transform=across, fontsize=9.5, color=stroke.text_colour, va="bottom")
    decided = verdict.word in {Word.FASTER, Word.SLOWER, Word.EQUIVALENT}
    word = axes.text(1, row + 0.5, verdict.word.value, transform=across, fontsize=9, va="bottom", ha="right")
    word.set(color=style.INK if decided else style.QUIET, fontweight="bold" if decided else "normal")
    bounds, middle = verdict.shown_interval, verdict.shown_ratio
    if middle is None:
        return
    if bounds is not None:
        ends = max(bounds[0], 1 / reach), min(bounds[1], reach)
        axes.hlines(y, *ends, color=stroke.colour, linewidth=2.2, zorder=3)
        for end, inside, arrow in zip(ends, bounds, "<>", strict=True):
            axes.plot([end], [y], "|" if end == inside else arrow, color=stroke.colour, markersize=7, zorder=3)
    (dot,) = axes.plot([min(max(middle, 1 / reach), reach)], [y], "s", color=stroke.colour, markersize=6, zorder=4)
    dot.set(markeredgecolor=style.PAPER, markeredgewidth=0.8, label=f"{ratio(middle)} ({interval(bounds)})")
