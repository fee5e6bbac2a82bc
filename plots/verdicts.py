"""What the rounds decide: a forest plot of the ratios."""

import math
from collections.abc import Sequence
from functools import partial
from typing import Final

from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from loopbench.judge.figures import interval, plural, ratio
from loopbench.judge.rounds.rounds import Judged
from loopbench.judge.session.session_report import SessionReport
from loopbench.judge.statistics.verdict import MARGIN, Verdict, Word
from loopbench.plots import panels, style
from loopbench.plots.chart import Chart
from loopbench.plots.panels import Caption, Panel
from loopbench.showable import showable

MAX_PAIRS: Final = 12  # In a picture; the table under it holds all. Those against the baseline come first.

TITLE: Final = "Ratios, with their intervals"
SUBTITLE: Final = "Each pair compared inside its rounds. All intervals hold together with 95 %; a logarithmic axis."
NOTE: Final = f"Shaded: within {100 * MARGIN:g} % either way of equal, too small a difference to matter."
_PAIR_IN: Final = 0.48
_WORD_IN: Final = 1.1  # the longest verdict beside a pair
_WIDEST: Final = math.log(50)  # of an interval's reach on the axis: a wider one is cut with an arrow


def chart(session: SessionReport, palette: style.Palette) -> Chart | None:
    """Every pair's ratio, a panel each declared quantity; None without a pair to compare."""
    rounds = session.rounds
    if rounds is None or not rounds.goodput.verdicts:
        return None
    left = len(rounds.goodput.verdicts) - MAX_PAIRS
    shown = [verdict for judged in rounds.judged for verdict in judged.verdicts[:MAX_PAIRS]]
    rows = max(1, *(len(judged.verdicts[:MAX_PAIRS]) for judged in rounds.judged))
    return Chart(
        "verdicts",
        Caption(TITLE, SUBTITLE, (NOTE, f"{plural(left, 'more pair')} in the table.") if left > 0 else (NOTE,)),
        "Ratios of the pairs with their 95 % intervals. " + " ".join(f"{showable(each.sentence)}." for each in shown),
        [partial(_fill, judged, palette) for judged in rounds.judged],
        Panel(_PAIR_IN * rows, above_in=0.5, below_in=0.5, left_in=0.3, right_in=0.35),
    )


def _fill(judged: Judged, palette: style.Palette, axes: Axes) -> None:
    verdicts = judged.verdicts[:MAX_PAIRS]
    panels.titled_bars_frame(axes, judged.quantity.name)
    axes.set_ylim(max(1, len(verdicts)), 0)
    axes.set_xlabel("ratio", fontsize=10)
    reach = _ratio_axis(axes, verdicts)
    if all(verdict.shown_interval is None and verdict.shown_ratio is None for verdict in verdicts):
        axes.set_xticks([])
    axes.axvspan(1 / (1 + MARGIN), 1 + MARGIN, color=style.GRID, alpha=0.7, linewidth=0, zorder=0)
    axes.axvline(1, color=style.QUIET, linewidth=0.8, linestyle=(0, (2, 2)), zorder=1)
    for row, verdict in enumerate(verdicts):
        _draw_pair(axes, row, verdict, palette, reach)


def _pair_name(a: str, b: str, wide_in: float) -> str:
    """Both names, each cut where they are too long together: names of one session often begin alike."""
    pair = f"{style.shortened(a, 200)} over {style.shortened(b, 200)}"
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


def _draw_pair(axes: Axes, row: int, verdict: Verdict, palette: style.Palette, reach: float) -> None:
    """The pair and its word above, the ratio with its interval under it."""
    stroke, y, across = palette.own(verdict.comparison.a), row + 0.74, axes.get_yaxis_transform()
    name = _pair_name(verdict.comparison.a, verdict.comparison.b, panels.wide_in(axes) - _WORD_IN)
    axes.text(0, row + 0.5, name, transform=across, fontsize=9.5, color=stroke.text_colour, va="bottom")
    decided = verdict.word in {Word.FASTER, Word.SLOWER, Word.EQUIVALENT}
    word = axes.text(1, row + 0.5, verdict.word.value, transform=across, fontsize=9, va="bottom", ha="right")
    word.set(color=style.INK if decided else style.QUIET, fontweight="bold" if decided else "normal")
    bounds, middle = verdict.shown_interval, verdict.shown_ratio
    if bounds is not None:
        ends = [min(max(end, 1 / reach), reach) for end in bounds]
        axes.hlines(y, ends[0], ends[1], color=stroke.colour, linewidth=2.2, zorder=3)
        for end, inside, arrow in zip(ends, bounds, "<>", strict=True):
            axes.plot([end], [y], "|" if end == inside else arrow, color=stroke.colour, markersize=7, zorder=3)
    if middle is None:
        return
    (dot,) = axes.plot([min(max(middle, 1 / reach), reach)], [y], "s", color=stroke.colour, markersize=6, zorder=4)
    dot.set(markeredgecolor=style.PAPER, markeredgewidth=0.8, label=f"{ratio(middle)} ({interval(bounds)})")
