"""Which lines held the event loop: bars, each line's share of the blocked time (or of the busy time) of its variant."""

from collections.abc import Sequence
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, PercentFormatter

from loopbench.judge.diagnosis.loop_lines import LoopLine, Owner
from loopbench.judge.session.run_report import RunReport
from loopbench.showable import showable
from plots import panels, style, validity
from plots.panels import Caption, Panel, Sheet

MOST_LINES: Final = 4
LEAST_SHARE: Final = 0.01
WORTH_SAYING: Final = 0.05
"""Share of the window in steps over the limit, below which the short steps are the story."""

CAPTION: Final = Caption(
    "Which lines held the loop",
    "Each line's share of the loop's blocked time or, where there was hardly any, of its time at work.",
    (
        "Full colour: a line of the app's own code. Pale: the endpoint or package nearest to it. Grey: a library.",
        "Blocked: in steps of more than 10 ms, in which no other request gets on.",
    ),
)
PANEL: Final = Panel(0.45 * MOST_LINES, left_in=0.3, right_in=0.3, below_in=0.5)
_BAR = 0.34  # of a row; its text stands above it
_TEXT_PT = 9.5


def draw_blocked_lines(runs: Sequence[RunReport], palette: style.Palette, sheet: Sheet) -> Figure:
    """The chart of these runs; at least one."""
    with style.look():
        figure, axes = panels.new_panels(len(runs), sheet, caption(runs), PANEL)
        wide_in = sheet.width_in / min(sheet.columns, len(runs)) - PANEL.left_in - PANEL.right_in
        for each, run in zip(axes, runs, strict=True):
            stroke, (lines, blocked) = palette[run.variant.name], chosen(run)
            _prepare(each)
            panels.run_head(each, run.variant.name, stroke, "no result" if stroke.struck else facts(run))
            for row, line in enumerate(lines):
                _draw(each, row, line, stroke, wide_in)
            if not lines:
                each.set_axis_off()
                panels.empty(each, "no line to blame" if run.insights.loop else "not observed")
            else:
                each.set_xlabel(f"of the {'blocked time' if blocked else 'time in short steps'}", fontsize=10)
    return figure


def caption(runs: Sequence[RunReport]) -> Caption:
    """What the picture answers."""
    return Caption(CAPTION.title, CAPTION.subtitle, validity.noted(CAPTION.notes, runs))


def is_known(runs: Sequence[RunReport]) -> bool:
    """Whether any run has a line to show."""
    return any(chosen(run)[0] for run in runs)


def describe(runs: Sequence[RunReport]) -> str:
    """What the chart says, for those who do not see it."""
    parts = []
    for run in runs:
        if validity.struck(run):
            parts.append(f"{showable(run.variant.name)}: {validity.struck(run)}, no result.")
            continue
        lines, _ = chosen(run)
        said = "; ".join(f"{showable(line.short_place)}, {line.share:.0%}" for line in lines) or "no line"
        parts.append(f"{showable(run.variant.name)}, {facts(run)}: {said}.")
    return "Lines that held the event loop, by their share of its time. " + " ".join(parts)


def chosen(run: RunReport) -> tuple[tuple[LoopLine, ...], bool]:
    """The lines to show, the longest first, and whether they are blocked ones."""
    figures = run.insights.diagnosis.figures
    if figures is None:
        return (), False
    guilty = run.insights.diagnosis.guilty
    mostly = guilty.blocked if guilty else (figures.blocked or 0.0) >= WORTH_SAYING
    lines = [line for line in figures.lines if line.blocked == mostly and line.share >= LEAST_SHARE]
    return tuple(sorted(lines, key=lambda line: -line.seconds)[:MOST_LINES]), mostly


def facts(run: RunReport) -> str:
    """How much of the window it is about."""
    figures = run.insights.diagnosis.figures
    if figures is None or figures.blocked is None:
        return "the loop was not observed"
    if chosen(run)[1]:
        return f"blocked {figures.blocked:.0%} of the time"
    used = "" if figures.utilization is None else f"at work {figures.utilization:.0%} of the time, "
    return f"{used}blocked {figures.blocked:.0%}"


def _prepare(axes: Axes) -> None:
    panels.frame(axes, x="of the time", y="")
    axes.grid(visible=False, axis="y")
    axes.grid(visible=True, axis="x", color=style.GRID, linewidth=0.8)
    axes.set_xlim(0, 1)
    axes.set_ylim(MOST_LINES - 0.05, -0.05)
    axes.set_yticks([])
    axes.xaxis.set_major_locator(FixedLocator([0, 0.25, 0.5, 0.75, 1]))
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))


def _draw(axes: Axes, row: int, line: LoopLine, stroke: style.Stroke, wide_in: float) -> None:
    """The place above, the bar under it, and its figure at the right of the place."""
    colour = style.STRUCK if line.owner is Owner.LIBRARY else stroke.colour
    (bar,) = axes.barh(row + 0.72, line.share, height=_BAR, color=colour, linewidth=0)
    bar.set(alpha=0.45 if line.owner is Owner.NEAR else 1.0, label=line.owner.value)
    if stroke.struck:
        bar.set(facecolor=style.PAPER, edgecolor=colour, linewidth=1, linestyle=stroke.dash)
    place = style.fitted(line.short_place, wide_in - 0.5, _TEXT_PT)
    axes.text(0, row + 0.47, place, fontsize=_TEXT_PT, color=style.INK, va="bottom")
    if not stroke.struck:
        axes.text(1, row + 0.47, f"{line.share:.0%}", fontsize=_TEXT_PT, color=style.INK, va="bottom", ha="right")
