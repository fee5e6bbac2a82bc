"""Where a curve would have to end: each resource's ceiling as a thin line in a panel of throughput against users."""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import numpy as np
from matplotlib.axes import Axes

from loopbench.judge.diagnosis.ceilings import USERS
from loopbench.judge.figures import listed, rounded
from loopbench.judge.session.run_report import RunReport
from loopbench.plots import panels, style

REACH: Final = 1.3
"""Of the highest point that is drawn: a ceiling far above says only that something else stops the variant."""

HEADROOM: Final = 1.08  # of the highest point: how far up a picture of all variants shows a ceiling

NOTE: Final = (
    "Thin dashed lines: what a resource lets through, from how much of it was in use; bold where it is the limit."
)
_POINTS = 40
_LABEL_IN = 0.15
_NAME_PT = 8.5
_BOLD = 1.15  # times as wide as plain type
_SUFFIX_IN = 0.75  # "(the limit)", and a margin


class CeilingLine(NamedTuple):
    """One resource: how many requests per second it lets through, and whether the run came within 5 % of that."""

    name: str
    rps: float
    limits: bool


def within_reach(run: RunReport, highest_rps: float) -> tuple[CeilingLine, ...]:
    """The ceilings of a run that belong into its picture, the lowest first."""
    ceilings = run.ceilings
    if ceilings is None:
        return ()
    limiting = ceilings.limits
    lines = (CeilingLine(name, rps, name in limiting) for name, rps in ceilings.resources)
    return tuple(line for line in lines if line.rps <= REACH * highest_rps)


def top_rps(runs: Iterable[RunReport], highest_rps: float) -> float:
    """How far up an axis must reach that shows these runs with their ceilings."""
    return max([highest_rps, *(line.rps for run in runs for line in within_reach(run, highest_rps))])


def lowest(runs: Sequence[RunReport], highest_rps: float) -> dict[str, float]:
    """Each variant's lowest ceiling, as far as it lies in a picture that high; nothing of a run that is INVALID."""
    shown = {run.variant.name: within_reach(run, highest_rps) for run in runs if run.is_valid}
    return {name: lines[0].rps for name, lines in shown.items() if lines and lines[0].rps <= HEADROOM * highest_rps}


def limited_by(run: RunReport) -> str:
    """` · limited by the event loop`; empty where no resource is within 5 %, or none was observed."""
    ceilings = run.ceilings
    if ceilings is None or not ceilings.limits:
        return ""
    names = ["the number of users" if name == USERS else name for name in ceilings.limits]
    return f"limited by {listed(names)}"


def describe(run: RunReport) -> str:
    """Its ceilings in words, for the alternative text; empty where there are none."""
    if run.ceilings is None:
        return ""
    parts = [f"{name} {rounded(rps)}" for name, rps in run.ceilings.resources]
    limit = limited_by(run)
    return "; ".join(each for each in (f"ceilings per second: {', '.join(parts)}" if parts else "", limit) if each)


def draw_ceilings(axes: Axes, run: RunReport, stroke: style.Stroke, most_users: float, highest_rps: float) -> None:
    """Onto axes whose limits are set: the resources' lines with their names, and what so many users can ask for."""
    if run.ceilings is None:
        return
    lines = within_reach(run, highest_rps)
    for line in lines:
        width = 1.4 if line.limits else 0.8
        (drawn,) = axes.plot([0, most_users], [line.rps] * 2, color=stroke.colour, linewidth=width, zorder=2)
        drawn.set(linestyle=(0, (5, 2)), label=f"ceiling of {line.name}")
    _draw_users_bound(axes, run, stroke, most_users)
    _name(axes, lines, stroke, axes.bbox.height / style.FIGURE_DPI)


def _draw_users_bound(axes: Axes, run: RunReport, stroke: style.Stroke, most_users: float) -> None:
    """N / (R1 + Z), cut off where it leaves the picture or meets another ceiling."""
    assert run.ceilings is not None
    found, users = run.ceilings, np.linspace(most_users / _POINTS, most_users, _POINTS)
    if found.cycle_s <= 0:
        return
    bound = users / found.cycle_s
    lowest = min([axes.get_ylim()[1], *(resource.rps for resource in found.resources)])
    rising = bound <= lowest
    (drawn,) = axes.plot([0, *users[rising]], [0, *bound[rising]], color=stroke.colour, linewidth=0.8, zorder=2)
    drawn.set(linestyle=(0, (5, 2)), label=f"ceiling of {USERS}")


def _name(axes: Axes, lines: Sequence[CeilingLine], stroke: style.Stroke, plot_in: float) -> None:
    """At the left, where the curve has not risen yet, a little above each line and never on each other."""
    low, high = axes.get_ylim()
    gap = _LABEL_IN / plot_in * (high - low)
    groups = _near(lines, gap)
    places = style.spread([group[-1].rps for group in groups], gap, low, high - gap)
    for group, place in zip(groups, places, strict=True):
        limits = any(line.limits for line in group)
        names = ", ".join(line.name for line in group if line.limits or not limits)
        room_in = panels.wide_in(axes) / (_BOLD if limits else 1.0) - (_SUFFIX_IN if limits else 0.0)
        name = style.fitted(names, room_in, _NAME_PT) + (" (the limit)" if limits else "")
        text = axes.annotate(name, (0, place), (3, 2.5), "data", "offset points", va="bottom", annotation_clip=False)
        text.set(color=stroke.text_colour, fontsize=_NAME_PT, fontweight="bold" if limits else "normal", zorder=7)
        text.set_bbox({"facecolor": style.PAPER, "edgecolor": "none", "pad": 0.5, "alpha": 0.75})


def _near(lines: Sequence[CeilingLine], gap: float) -> list[list[CeilingLine]]:
    """Those that lie too close for names of their own, together."""
    groups: list[list[CeilingLine]] = []
    for line in lines:
        if groups and line.rps - groups[-1][0].rps < gap:
            groups[-1].append(line)
        else:
            groups.append([line])
    return groups
