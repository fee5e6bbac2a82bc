"""Which lines held the event loop: bars, each line's share of the blocked time (or of the busy time) of its variant."""

from functools import partial
from typing import Final

from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, PercentFormatter

from loopbench.judge.diagnosis.loop_lines import LoopLine, Owner
from loopbench.judge.figures import percent
from loopbench.judge.session.run_report import RunReport
from loopbench.judge.session.session_report import SessionReport
from loopbench.plots import panels, style, validity
from loopbench.plots.chart import Chart
from loopbench.plots.panels import Caption, Panel
from loopbench.showable import showable

MAX_LINES: Final = 4
MIN_SHARE: Final = 0.01
MIN_BLOCKED_SHARE: Final = 0.05
"""Share of the window in steps over the limit, below which the lines of short steps are shown."""

TITLE: Final = "Which lines held the loop"
SUBTITLE: Final = "Each line's share of the loop's blocked time or, where there was hardly any, of its time at work."
NOTES: Final = (
    "Full colour: a line of the app's own code. Pale: the endpoint or package nearest to it. Grey: a library.",
    "Blocked: in steps of more than 10 ms, in which no other request gets on.",
)
PANEL: Final = Panel(0.45 * MAX_LINES, left_in=0.3, right_in=0.3, below_in=0.5)
_BAR = 0.34  # of a row; its text stands above it
_TEXT_PT = 9.5


def chart(session: SessionReport, palette: style.Palette) -> Chart | None:
    """Lines that held the loop; None where there is none."""
    runs = session.runs
    if not any(chosen(run)[0] for run in runs):
        return None
    return Chart(
        "blocked-lines",
        Caption(TITLE, SUBTITLE, validity.noted(NOTES, runs)),
        "Lines that held the event loop, by their share of its time. " + " ".join(map(_described, runs)),
        [partial(_fill, run, palette[run.variant.name]) for run in runs],
        PANEL,
    )


def _fill(run: RunReport, stroke: style.Stroke, axes: Axes) -> None:
    lines, blocked = chosen(run)
    _prepare(axes)
    panels.head(axes, run.variant.name, stroke, "no result" if stroke.struck else facts(run))
    for row, line in enumerate(lines):
        _draw(axes, row, line, stroke)
    if lines:
        axes.set_xlabel(f"of the {'blocked time' if blocked else 'time in short steps'}", fontsize=10)
    else:
        axes.set_axis_off()
        panels.empty(axes, "no line to blame" if run.loop else "not observed")


def _described(run: RunReport) -> str:
    name = showable(run.variant.name)
    if validity.struck(run):
        return f"{name}: {validity.struck(run)}, no result."
    lines, _ = chosen(run)
    shares = "; ".join(f"{showable(line.short_place)}, {percent(line.share)}" for line in lines) or "no line"
    return f"{name}, {facts(run)}: {shares}."


def chosen(run: RunReport) -> tuple[tuple[LoopLine, ...], bool]:
    """The lines to show, the longest first, and whether they are blocked ones."""
    figures = run.diagnosis.figures
    if figures is None:
        return (), False
    guilty = run.diagnosis.guilty
    mostly = guilty.blocked if guilty and not guilty.waited else (figures.blocked or 0.0) >= MIN_BLOCKED_SHARE
    lines = [line for line in figures.lines if line.blocked == mostly and line.share >= MIN_SHARE]
    return tuple(sorted(lines, key=lambda line: -line.seconds)[:MAX_LINES]), mostly


def facts(run: RunReport) -> str:
    """How much of the window it is about."""
    figures = run.diagnosis.figures
    if figures is None or figures.blocked is None:
        return "the loop was not observed"
    if chosen(run)[1]:
        return f"blocked {percent(figures.blocked)} of the time"
    used = "" if figures.utilization is None else f"at work {percent(figures.utilization)} of the time, "
    return f"{used}blocked {percent(figures.blocked)}"


def _prepare(axes: Axes) -> None:
    panels.bars_frame(axes)
    axes.set_xlim(0, 1)
    axes.set_ylim(MAX_LINES - 0.05, -0.05)
    axes.xaxis.set_major_locator(FixedLocator([0, 0.25, 0.5, 0.75, 1]))
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=" %"))


def _draw(axes: Axes, row: int, line: LoopLine, stroke: style.Stroke) -> None:
    """The place above, the bar under it, and its figure at the right of the place."""
    colour = style.STRUCK if line.owner is Owner.LIBRARY else stroke.colour
    (bar,) = axes.barh(row + 0.72, line.share, height=_BAR, color=colour, linewidth=0)
    bar.set(alpha=0.45 if line.owner is Owner.NEAR else 1.0, label=line.owner.value)
    if stroke.struck:
        bar.set(facecolor=style.PAPER, edgecolor=colour, linewidth=1, linestyle=stroke.dash)
    place = style.fitted(line.short_place, panels.wide_in(axes) - 0.5, _TEXT_PT)
    axes.text(0, row + 0.47, place, fontsize=_TEXT_PT, color=style.INK, va="bottom")
    if not stroke.struck:
        axes.text(1, row + 0.47, percent(line.share), fontsize=_TEXT_PT, color=style.INK, va="bottom", ha="right")
