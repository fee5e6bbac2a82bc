"""What the event loop did while users came: its utilization and its thread's CPU, under the throughput of each variant.

Both lie on the same axis of users, so that an eye can go straight down from a bend to the loop that filled up there.
"""

import math
from collections.abc import Sequence
from itertools import groupby
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, PercentFormatter

from loopbench.judge.diagnosis.loop_curve import LoopMoment
from loopbench.judge.figures import MISSING
from loopbench.judge.session.run_report import RunReport
from loopbench.records.samples import PHASE_HOLD
from loopbench.showable import showable
from plots import panels, style, validity
from plots.panels import Caption, Panel, Sheet

_LOOP_IN, _GAP_IN, _RPS_IN = 1.2, 0.16, 0.75

CAPTION: Final = Caption(
    "The event loop under the load",
    "Above: good answers per second. Below, on the same users: how much of the time the loop was at work.",
    (
        "Thick: utilization, the share of the time in which the loop had something to do. Dotted: its thread's CPU.",
        "Between the two the loop was held without computing: a call that blocks, or the wait for a processor.",
    ),
)
PANEL: Final = Panel(_LOOP_IN, above_in=0.62 + _GAP_IN + _RPS_IN, left_in=0.92, right_in=0.4)
INSET: Final = "throughput"
"""Label of the axes above."""


def draw_loop(runs: Sequence[RunReport], palette: style.Palette, sheet: Sheet) -> Figure:
    """The chart of these runs; at least one."""
    with style.look():
        figure, axes = panels.new_panels(len(runs), sheet, caption(runs), PANEL)
        most_users = max(run.curve.most_users for run in runs) or 1.0
        highest_rps = max(run.curve.highest_rps for run in runs)
        for each, run in zip(axes, runs, strict=True):
            stroke = palette[run.variant.name]
            panels.frame(each, x="users", y="of the time")
            panels.users_axis(each, most_users)
            each.set_ylim(0, 1.04)
            each.yaxis.set_major_locator(FixedLocator([0, 0.5, 1]))
            each.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
            above = _above(each, most_users, highest_rps)
            panels.run_head(above, run.variant.name, stroke, "no result" if stroke.struck else facts(run))
            windows = run.curve.windows
            points = [window.users for window in windows], [window.goodput_rps for window in windows]
            above.plot(*points, color=stroke.colour, linewidth=1.8, linestyle=stroke.dash_alone, label="goodput")
            draw_moments(each, run, stroke, most_users)
    return figure


def caption(runs: Sequence[RunReport]) -> Caption:
    """What the picture answers."""
    return Caption(CAPTION.title, CAPTION.subtitle, validity.noted(CAPTION.notes, runs))


def is_known(runs: Sequence[RunReport]) -> bool:
    """Whether any of them was watched."""
    return any(run.insights.loop for run in runs)


def describe(runs: Sequence[RunReport]) -> str:
    """What the chart says, for those who do not see it."""
    parts = [f"{showable(run.variant.name)}: {validity.said(run, facts(run))}." for run in runs]
    return "Utilization of the event loop and CPU of its thread against users. At full load, " + " ".join(parts)


def rise(run: RunReport) -> Sequence[LoopMoment]:
    """The seconds before the hold, whose own are all at the same number of users."""
    begin_s = next((phase.start_s for phase in run.record.phases if phase.name == PHASE_HOLD), math.inf)
    return [moment for moment in run.insights.loop if moment.at_s < begin_s]


def by_worker(moments: Sequence[LoopMoment]) -> list[list[LoopMoment]]:
    """Each worker's seconds, in order."""
    ordered = sorted(moments, key=lambda moment: (moment.pid, moment.at_s))
    return [list(own) for _, own in groupby(ordered, key=lambda moment: moment.pid)]


def _above(axes: Axes, most_users: float, highest_rps: float) -> Axes:
    """A strip for the throughput on top of a panel; a part of it, so that the page cuts them out together."""
    strip = axes.inset_axes((0, 1 + _GAP_IN / _LOOP_IN, 1, _RPS_IN / _LOOP_IN))
    strip.set_gid("strip")  # no panel of its own to who looks for panels
    strip.set_label(INSET)
    panels.frame(strip, x="", y="answers/s")
    panels.users_axis(strip, most_users)
    panels.count_axis(strip, highest_rps, along="y", room=1.08)
    ticks = strip.get_yticks()
    strip.yaxis.set_major_locator(FixedLocator([ticks[0], ticks[-1]]))
    strip.tick_params(axis="x", labelbottom=False, length=0)
    return strip


def facts(run: RunReport) -> str:
    """Of the hold; the busiest worker's."""
    figures = run.insights.diagnosis.figures
    if figures is None or figures.utilization is None:
        return "the loop was not observed"
    cpu = MISSING if figures.loop_cpu is None else f"{figures.loop_cpu:.0%}"
    workers = f" (busiest of {len(figures.processes)})" if len(figures.processes) > 1 else ""
    return f"{figures.utilization:.0%} at work, {cpu} CPU{workers}"


def draw_moments(axes: Axes, run: RunReport, stroke: style.Stroke, most_users: float) -> None:
    """Utilization and CPU of one run, onto axes whose limits are set."""
    workers = by_worker(rise(run))
    if not workers:
        panels.empty(axes, "not observed")
        return
    thick = 2.0 if len(workers) == 1 else 1.1
    for own in workers:
        users = [moment.users for moment in own]
        used, cpu = [moment.utilization for moment in own], [moment.loop_cpu for moment in own]
        axes.fill_between(users, cpu, used, color=stroke.colour, alpha=0.12, linewidth=0)
        axes.plot(users, used, color=stroke.colour, linewidth=thick, linestyle=stroke.dash_alone, label="utilization")
        axes.plot(users, cpu, color=style.INK, linewidth=1.1, linestyle=(0, (1, 1.6)), label="CPU")
    figures = run.insights.diagnosis.figures
    if figures is not None:
        panels.hold_dot(axes, most_users, figures.utilization, stroke.colour, ([], []))
        panels.hold_dot(axes, most_users, figures.loop_cpu, style.INK, ([], []))
