"""Each variant under the load: throughput, response times, the neighbour's, the loop and its pools, one above another.

All strips of a variant lie on the same axis of users, so that an eye can go straight down from a bend in the throughput
to what filled up there; and strips of one kind have the same axis in every variant, so that it can go across.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator

from loopbench.judge.figures import percent, rounded
from loopbench.judge.session.run_report import RunReport
from loopbench.judge.session.session_report import SessionReport
from loopbench.judge.summary.table import end_of_load
from loopbench.plots import ceilings, latency, loop, panels, plateaus, pools, style, validity
from loopbench.plots.chart import Chart
from loopbench.plots.inline_svg import tip_zone
from loopbench.plots.panels import Caption, Panel
from loopbench.plots.plateaus import RoundsPlateau
from loopbench.plots.rps_users import draw_end
from loopbench.showable import showable

TITLE: Final = "Each variant under the load"
SUBTITLE: Final = "One column a variant, from top to bottom on the same users; the same axes in every column."
RPS_NOTE: Final = "Shaded strip: all users there; diamond with bar: the rounds and their 95 % interval; dot: the hold."
TIMES_NOTE: Final = (
    "Response times: thick p50, thin p99 of good answers. Closed loop: when the server stalls, so do users."
)
LOOP_NOTE: Final = "Loop: thick its utilization, dotted its thread's CPU; between them it was held without computing."
POOLS_NOTE: Final = (
    "Pools: thick anyio's threads in use, filled tasks waiting, grey line all threads; dotted executor jobs."
)

PAGE_WIDTH_IN: Final = 3.3  # of a column on the page: narrower than other panels, so that four stand beside each other
_RPS_IN, _STRIP_IN = 1.25, 0.72
_NAME_IN: Final = 0.25  # above each strip, for what it shows
_FACTS_IN: Final = 0.56
_SIZE: Final = 9.0
_TIPS: Final = 10  # places along the users where hovering shows the values
_NAME_WIDE_IN: Final = 2.2  # a bold letter is a fifth wider than the one that is measured


@dataclass(frozen=True)
class _Strip:
    """One kind of strip: what stands above it, how high it is, and what draws a run into it."""

    name: str
    height_in: float
    draw: Callable[[RunReport, Axes], None]


def chart(session: SessionReport, palette: style.Palette) -> Chart | None:
    """A column of strips for each run; None without any."""
    runs = session.runs
    if not runs:
        return None
    notes = [RPS_NOTE, TIMES_NOTE]
    notes += [LOOP_NOTE] * loop.is_known(runs) + [POOLS_NOTE] * pools.is_used(runs)
    notes += [ceilings.NOTE] * any(run.ceilings for run in runs)
    strips = _strips(runs, palette, plateaus.plateaus(session.rounds))
    height_in = sum(_NAME_IN + strip.height_in for strip in strips)
    return Chart(
        "profiles",
        Caption(TITLE, SUBTITLE, validity.noted(notes, runs)),
        "A column a variant against users; at full load: " + validity.described(runs, _described),
        [partial(_fill, run, strips, palette[run.variant.name], panels.most_users(runs)) for run in runs],
        Panel(height_in, _FACTS_IN, below_in=0.5, left_in=0.52, right_in=0.14, page_width_in=PAGE_WIDTH_IN),
        needs_closed_mode=True,
    )


def _fill(run: RunReport, strips: Sequence[_Strip], stroke: style.Stroke, most_users: float, axes: Axes) -> None:
    axes.set_axis_off()
    _head(axes, run, stroke)
    height_in = top_in = panels.high_in(axes)
    for strip in strips:
        top_in -= _NAME_IN + strip.height_in
        inner = axes.inset_axes((0, top_in / height_in, 1, strip.height_in / height_in))
        inner.set_gid("strip")  # no panel of its own for a search for panels
        inner.set_label(strip.name)
        _frame(inner, strip.name, most_users, is_last=strip is strips[-1])
        strip.draw(run, inner)
    _add_tips(axes, run, most_users)


def _described(run: RunReport) -> str:
    held = "no hold" if run.goodput_rps is None else f"{rounded(run.goodput_rps)} good answers per second"
    parts = [held, f"own request {latency.percentiles(run.own)}", latency.served(run)[0]]
    parts += [f"{showable(each.name)} beside it {latency.percentiles(each)}" for each in run.requests[1:2]]
    parts += [f"loop {loop.facts(run)}", pools.facts(run)] if run.loop else []
    parts += [ceilings.describe(run)]
    return "; ".join(each for each in parts if each)


def _strips(
    runs: Sequence[RunReport], palette: style.Palette, rounds: Mapping[str, RoundsPlateau]
) -> tuple[_Strip, ...]:
    """Those for which anything is known; each knows the axis that all variants share."""
    others = [run.requests[1] for run in runs if len(run.requests) > 1]
    limits_ms = latency.limits_ms(ms for run in runs for each in run.requests[:2] for ms in latency.known_ms(each))
    times = partial(_times, runs, palette, limits_ms)
    strips = [
        _Strip("good answers/s", _RPS_IN, partial(_throughput, runs, palette, rounds)),
        _Strip("own request, ms", _STRIP_IN, partial(times, 0)),
    ]
    if others:
        strips.append(_Strip(f"{style.shortened(others[0].name, 20)} beside it, ms", _STRIP_IN, partial(times, 1)))
    if loop.is_known(runs):
        strips.append(_Strip("event loop, of the time", _STRIP_IN, partial(_loop, runs, palette)))
    if pools.is_used(runs):
        strips.append(_Strip("threads, waiting", _STRIP_IN, partial(_pools, runs, palette)))
    return tuple(strips)


def _head(axes: Axes, run: RunReport, stroke: style.Stroke) -> None:
    words = style.fitted(run.variant.name, _NAME_WIDE_IN, 11.5)
    name = axes.annotate(words, (0, 1), (0, 21), "axes fraction", "offset points")
    name.set(color=stroke.text_colour, fontsize=11.5, fontweight="bold")
    facts, alarming = (stroke.struck, True) if stroke.struck else _served(run)
    shown = axes.annotate(facts, (0, 1), (0, 7), "axes fraction", "offset points")
    shown.set(color=style.INK if alarming else style.QUIET, fontsize=_SIZE, fontweight="bold" if alarming else "normal")


def _served(run: RunReport) -> tuple[str, bool]:
    end = end_of_load(run)
    if end is None:
        return "no end of load was seen", False
    never = end.moment.never_served
    return (f"{never} of {end.moment.users} users never served", True) if never else ("every user was served", False)


def _frame(axes: Axes, name: str, most_users: float, *, is_last: bool) -> None:
    panels.frame(axes, x="users" if is_last else "", y="")
    axes.set_title(name, loc="left", fontsize=_SIZE, color=style.QUIET, pad=4)
    axes.tick_params(labelsize=_SIZE, pad=3)
    axes.tick_params(axis="x", length=3 if is_last else 0, labelbottom=is_last)
    axes.xaxis.label.set_fontsize(_SIZE)
    panels.users_axis(axes, most_users)


def _throughput(
    runs: Sequence[RunReport],
    palette: style.Palette,
    rounds: Mapping[str, RoundsPlateau],
    run: RunReport,
    axes: Axes,
) -> None:
    highest_rps = max([each.curve.highest_rps for each in runs] + [each.highest_rps for each in rounds.values()])
    panels.count_axis(axes, ceilings.top_rps(runs, highest_rps), along="y", room=1.08)
    stroke, most_users = palette[run.variant.name], panels.most_users(runs)
    ceilings.draw_ceilings(axes, run, stroke, most_users, highest_rps)
    (drawn,) = axes.plot(*panels.points(run.curve), color=stroke.colour, linestyle=stroke.dash_alone, linewidth=2)
    drawn.set(zorder=3, label="goodput")
    draw_end(axes, run, palette, most_users, rounds)


def _times(  # noqa: PLR0913  which request of which run, and the axes that all share
    runs: Sequence[RunReport],
    palette: style.Palette,
    limits_ms: tuple[float, float],
    number: int,
    run: RunReport,
    axes: Axes,
) -> None:
    latency.log_axis(axes, *limits_ms)
    axes.yaxis.set_major_locator(FixedLocator(_few(list(axes.get_yticks()), 3)))
    request = run.requests[number] if number < len(run.requests) else None
    if request is None or not latency.known_ms(request):
        panels.empty(axes, "too few good answers")
        return
    stroke, most_users = palette[run.variant.name], panels.most_users(runs)
    latency.fill_between(axes, request, most_users, stroke.colour, alpha=0.12)
    for name, width in (("p50", 2.0), ("p99", 1.0)):
        look = {"color": stroke.colour, "linewidth": width, "linestyle": stroke.dash_alone}
        latency.draw_percentile(axes, request, name, most_users, look | {"label": name, "zorder": 3}, few=0)


def _loop(runs: Sequence[RunReport], palette: style.Palette, run: RunReport, axes: Axes) -> None:
    loop.share_axis(axes, 1.06)
    loop.draw_moments(axes, run, palette[run.variant.name], panels.most_users(runs))


def _pools(runs: Sequence[RunReport], palette: style.Palette, run: RunReport, axes: Axes) -> None:
    panels.count_axis(axes, pools.most_used(runs), along="y", room=1.12)
    axes.yaxis.set_major_locator(FixedLocator(_few(list(axes.get_yticks()), 3)))
    pools.draw_moments(axes, run, palette[run.variant.name], panels.most_users(runs))


def _few(ticks: list[float], most: int) -> list[float]:
    """Evenly chosen from these, the first among them: a low strip has room for few labels."""
    return ticks[:: max(1, math.ceil(len(ticks) / most))]


def _add_tips(axes: Axes, run: RunReport, most_users: float) -> None:
    """Show the values at so many users to a pointer on any strip. Nothing of a run that is INVALID."""
    if validity.struck(run) or not run.curve.windows:
        return
    width, end = most_users / _TIPS, axes.child_axes[0].get_xlim()[1]
    for place in range(_TIPS):
        users = (place + 0.5) * width
        tip_zone(axes, (users - width / 2) / end, width / end, _values_at(run, users))


def _values_at(run: RunReport, users: float) -> str:
    at = [f"{rounded(_near(users, *panels.points(run.curve)))} good answers/s"]
    for request in run.requests[:2]:
        points = request.latency
        if points:
            places = [point.users for point in points]
            near = {name: _near(users, places, latency.line(points, name)) for name in ("p50", "p99")}
            times = ", ".join(f"{name} {rounded(ms)} ms" for name, ms in near.items() if math.isfinite(ms))
            at += [f"{showable(request.name)}: {times}"] if times else []
    moments = loop.rise(run)
    if moments:
        used = _near(users, [float(m.users) for m in moments], [m.utilization for m in moments])
        at += [f"loop at work {percent(used)}"] if math.isfinite(used) else []
    return f"{showable(run.variant.name)} at {users:.0f} users: " + " · ".join(at)


def _near(users: float, places: Sequence[float], values: Sequence[float]) -> float:
    """The value of the nearest place."""
    return float(values[int(np.argmin([abs(place - users) for place in places]))])
