"""The event loop against users: its utilization, and the CPU time of its thread."""

import math
from collections.abc import Sequence
from itertools import groupby

from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, PercentFormatter

from loopbench.judge.figures import percent
from loopbench.judge.run.loop_curve import LoopMoment
from loopbench.judge.session.run_report import RunReport
from loopbench.plots import panels, style
from loopbench.records.samples import PHASE_HOLD


def share_axis(axes: Axes, top: float) -> None:
    """From nothing to all of the time."""
    axes.set_ylim(0, top)
    axes.yaxis.set_major_locator(FixedLocator([0, 0.5, 1]))
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=" %"))


def is_known(runs: Sequence[RunReport]) -> bool:
    """Whether any of them was watched."""
    return any(run.loop for run in runs)


def rise(run: RunReport) -> Sequence[LoopMoment]:
    """The seconds before the hold, whose own are all at the same number of users."""
    begin_s = next((phase.start_s for phase in run.record.phases if phase.name == PHASE_HOLD), math.inf)
    return [moment for moment in run.loop if moment.at_s < begin_s]


def by_worker(moments: Sequence[LoopMoment]) -> list[list[LoopMoment]]:
    """Each worker's seconds, in order."""
    ordered = sorted(moments, key=lambda moment: (moment.pid, moment.at_s))
    return [list(own) for _, own in groupby(ordered, key=lambda moment: moment.pid)]


def facts(run: RunReport) -> str:
    """Of the hold; the busiest worker's."""
    figures = run.diagnosis.figures
    if figures is None or figures.utilization is None:
        return "the loop was not observed"
    cpu = percent(figures.loop_cpu)
    workers = f" (busiest of {len(figures.processes)})" if len(figures.processes) > 1 else ""
    return f"{percent(figures.utilization)} at work, {cpu} CPU{workers}"


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
    figures = run.diagnosis.figures
    if figures is not None:
        panels.hold_dot(axes, most_users, figures.utilization, stroke.colour, ([], []))
        panels.hold_dot(axes, most_users, figures.loop_cpu, style.INK, ([], []))
