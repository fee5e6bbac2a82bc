"""Users alive, requests in flight, and users without any answer yet, over a run's time; phases marked."""

from collections.abc import Sequence
from functools import partial
from typing import Final

from matplotlib.axes import Axes

from loopbench.judge.session.run_report import RunReport
from loopbench.judge.session.session_report import SessionReport
from loopbench.judge.summary.table import end_of_load
from loopbench.plots import panels, style, validity
from loopbench.plots.chart import Chart
from loopbench.plots.latency import served
from loopbench.plots.panels import Caption, Panel
from loopbench.records.samples import PHASE_DRAIN, PHASE_HOLD, PHASE_RAMP
from loopbench.showable import showable

CAPTION: Final = Caption(
    "Who is waiting",
    "Users, requests in flight, and users without any answer so far, once a second; the same axes in every panel.",
    (
        "Thin grey line: users. Coloured: requests in flight. Filled: users never served so far.",
        "A user whose request is not in flight is thinking. Shaded: the hold.",
    ),
)

_WIDE_ENOUGH = 0.12  # of the axis, for a phase to carry its name
_MARKED = (PHASE_RAMP, PHASE_HOLD, PHASE_DRAIN)


def chart(session: SessionReport, palette: style.Palette) -> Chart | None:
    """Users, requests in flight and users never served over time; None without a run."""
    runs = session.runs
    if not runs:
        return None
    alt = "Users, requests in flight and users never served over each run's time. "
    return Chart(
        "occupancy",
        CAPTION,
        alt + " ".join(map(_described, runs)),
        [partial(_fill, run, runs, palette[run.variant.name]) for run in runs],
        Panel(right_in=0.3),
    )


def _fill(run: RunReport, runs: Sequence[RunReport], stroke: style.Stroke, axes: Axes) -> None:
    longest_s = max(map(_length_s, runs))
    most = max((max(m.users, m.in_flight) for each in runs for m in each.moments), default=0)
    panels.frame(axes, x="seconds since the ramp began", y="users, requests")
    panels.count_axis(axes, longest_s, along="x", room=1.01)
    panels.count_axis(axes, most, along="y", room=1.12)
    facts, alarming = served(run)
    panels.head(axes, run.variant.name, stroke, facts, alarming=alarming)
    _mark_phases(axes, run, longest_s)
    _draw(axes, run, stroke)


def _described(run: RunReport) -> str:
    most = max(run.moments, key=lambda moment: moment.never_served, default=None)
    worst = "" if most is None else f"; at worst {most.never_served} users were waiting for their first answer"
    end = end_of_load(run)
    when = f" at the end of the {end.phase}" if end else ""
    return f"{showable(run.variant.name)}{when}: {validity.of_valid(run, f'{served(run)[0]}{worst}')}."


def _origin_s(run: RunReport) -> float:
    return next((phase.start_s for phase in run.record.phases if phase.name == PHASE_RAMP), 0.0)


def _length_s(run: RunReport) -> float:
    return max([phase.end_s for phase in run.record.phases], default=0.0) - _origin_s(run)


def _draw(axes: Axes, run: RunReport, stroke: style.Stroke) -> None:
    if not run.moments:
        panels.empty(axes, "no moment was observed")
        return
    times_s = [moment.at_s - _origin_s(run) for moment in run.moments]
    never = [moment.never_served for moment in run.moments]
    axes.fill_between(times_s, never, color=style.INK, alpha=0.75, linewidth=0, zorder=3, label="never served")
    axes.plot(times_s, [m.users for m in run.moments], color=style.QUIET, linewidth=1.2, zorder=2, label="users")
    (flying,) = axes.plot(times_s, [m.in_flight for m in run.moments], color=stroke.colour, linewidth=1.8, zorder=4)
    flying.set(linestyle=stroke.dash_alone, label="in flight", clip_on=False)


def _mark_phases(axes: Axes, run: RunReport, longest_s: float) -> None:
    """The hold as a shade, each phase's name at the top of its stretch where there is room."""
    for phase in run.record.phases:
        if phase.name not in _MARKED:
            continue
        start_s, end_s = phase.start_s - _origin_s(run), phase.end_s - _origin_s(run)
        if phase.name == PHASE_HOLD:
            axes.axvspan(start_s, end_s, color=style.SHADE, linewidth=0, zorder=0)
        if end_s - start_s >= _WIDE_ENOUGH * longest_s:
            label = axes.annotate(phase.name, (start_s, 1), (4, -4), ("data", "axes fraction"), "offset points")
            label.set(color=style.QUIET, fontsize=9, va="top")
