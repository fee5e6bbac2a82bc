"""Each variant under the load: throughput, response times, the neighbour's, the loop and its pools, one above another.

All strips of a variant lie on the same axis of users, so that an eye can go straight down from a bend in the throughput
to what filled up there; and strips of one kind have the same axis in every variant, so that it can go across.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, PercentFormatter

from loopbench.judge.figures import rounded
from loopbench.judge.session.run_report import RequestReport, RunReport
from loopbench.judge.session.session_report import SessionReport
from loopbench.judge.summary.table import end_of_load
from loopbench.showable import showable
from plots import ceilings, latency, loop, panels, pools, style, tips, validity
from plots.panels import Caption, Panel, Sheet
from plots.plateaus import RoundsPlateau
from plots.rps_users import NO_ROUNDS, draw_plateau

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

PAGE_WIDTH_IN: Final = 3.3
"""Of a column on the page: narrower than other panels, so that four stand beside each other."""
_RPS_IN, _STRIP_IN = 1.25, 0.72
_NAME_IN: Final = 0.25  # above each strip, for what it shows
_FACTS_IN: Final = 0.56
_SIZE: Final = 9.0
_TIPS: Final = 10  # places along the users where hovering tells the values
_DOTTED: Final = (0, (1, 1.6))
_NAME_WIDE_IN: Final = 2.2  # a bold letter is a fifth wider than the one that is measured

Values = Callable[[Axes, RunReport], None]


@dataclass(frozen=True)
class _Strip:
    """One kind of strip: what stands above it, how high it is, and what draws a run into it."""

    name: str
    height_in: float
    draw: Values


def is_known(runs: Sequence[RunReport]) -> bool:
    """Whether there is any run to show."""
    return bool(runs)


def caption(runs: Sequence[RunReport]) -> Caption:
    """With what its marks mean, as far as there are any."""
    notes = [RPS_NOTE, TIMES_NOTE]
    notes += [LOOP_NOTE] * loop.is_known(runs) + [POOLS_NOTE] * pools.is_used(runs)
    notes += [ceilings.NOTE] * any(run.insights.ceilings for run in runs)
    return Caption(TITLE, SUBTITLE, validity.noted(notes, runs))


def panel_for(runs: Sequence[RunReport]) -> Panel:
    """As high as its strips together."""
    heights_in = [_RPS_IN, *[_STRIP_IN] * (_count(runs) - 1)]
    height_in = sum(heights_in) + _NAME_IN * len(heights_in)
    return Panel(height_in, above_in=_FACTS_IN, below_in=0.5, left_in=0.52, right_in=0.14)


def draw_profiles(
    runs: Sequence[RunReport],
    palette: style.Palette,
    sheet: Sheet,
    rounds: Mapping[str, RoundsPlateau] = NO_ROUNDS,
) -> Figure:
    """The chart of these runs; at least one."""
    sheet = sheet if sheet.captioned else replace(sheet, width_in=PAGE_WIDTH_IN)
    panel = panel_for(runs)
    with style.look():
        strips = _strips(runs, palette, rounds)
        figure, axes = panels.new_panels(len(runs), sheet, caption(runs), panel)
        for each, run in zip(axes, runs, strict=True):
            each.set_axis_off()
            _head(each, run, palette[run.variant.name])
            top_in = panel.height_in
            for strip in strips:
                top_in -= _NAME_IN + strip.height_in
                box = (0, top_in / panel.height_in, 1, strip.height_in / panel.height_in)
                inner = each.inset_axes(box)
                inner.set_gid("strip")  # no panel of its own to who looks for panels
                inner.set_label(strip.name)
                _frame(inner, strip.name, _most_users(runs), is_last=strip is strips[-1])
                strip.draw(inner, run)
            _tell(each, run, _most_users(runs))
    return figure


def describe(report: SessionReport) -> str:
    """What the chart says, for those who do not see it."""
    return "A column a variant against users; at full load: " + " ".join(
        f"{showable(run.variant.name)}: {_described(run)}." for run in report.runs
    )


def _described(run: RunReport) -> str:
    if validity.struck(run):
        return f"{validity.struck(run)}, no result"
    held = "no hold" if run.goodput_rps is None else f"{rounded(run.goodput_rps)} good answers per second"
    parts = [held, _percentiles("own request", run.own), latency.served(run)[0]]
    parts += [_percentiles(f"{showable(each.name)} beside it", each) for each in run.requests[1:2]]
    parts += [f"loop {loop.facts(run)}", pools.facts(run)] if run.insights.loop else []
    parts += [ceilings.describe(run)]
    return "; ".join(each for each in parts if each)


def _percentiles(name: str, request: RequestReport) -> str:
    known = [("p50", request.hold.p50_ms), ("p99", request.hold.p99_ms)]
    return f"{name} " + ", ".join(f"{each} {'not known' if ms is None else rounded(ms) + ' ms'}" for each, ms in known)


def _count(runs: Sequence[RunReport]) -> int:
    return 2 + _has_neighbour(runs) + loop.is_known(runs) + pools.is_used(runs)


def _has_neighbour(runs: Sequence[RunReport]) -> bool:
    return any(len(run.requests) > 1 for run in runs)


def _most_users(runs: Sequence[RunReport]) -> float:
    return max(run.curve.most_users for run in runs) or 1.0


def _strips(
    runs: Sequence[RunReport], palette: style.Palette, rounds: Mapping[str, RoundsPlateau]
) -> tuple[_Strip, ...]:
    """Those for which anything is known; each knows the axis that all variants share."""
    most_users = _most_users(runs)
    strips = [_Strip("good answers/s", _RPS_IN, _throughput(runs, palette, rounds, most_users))]
    shown = [request for run in runs for request in run.requests[:2]]
    limits_ms = latency.limits_ms(value for request in shown for value in _all_ms(request))
    strips.append(_Strip("own request, ms", _STRIP_IN, _times(0, palette, limits_ms, most_users)))
    if _has_neighbour(runs):
        name = next(run.requests[1].name for run in runs if len(run.requests) > 1)
        words = f"{panels.named(name, 20)} beside it, ms"
        strips.append(_Strip(words, _STRIP_IN, _times(1, palette, limits_ms, most_users)))
    if loop.is_known(runs):
        strips.append(_Strip("event loop, of the time", _STRIP_IN, _loop(palette, most_users)))
    if pools.is_used(runs):
        most = max((value for run in runs for value in pools.values(run)), default=1.0)
        strips.append(_Strip("threads, waiting", _STRIP_IN, _pools(palette, max(most, 1.0), most_users)))
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
    runs: Sequence[RunReport], palette: style.Palette, rounds: Mapping[str, RoundsPlateau], most_users: float
) -> Values:
    highest_rps = max([run.curve.highest_rps for run in runs] + [each.highest_rps for each in rounds.values()])
    top_rps = ceilings.top_rps(runs, highest_rps)

    def draw(axes: Axes, run: RunReport) -> None:
        panels.count_axis(axes, top_rps, along="y", room=1.08)
        stroke, windows = palette[run.variant.name], run.curve.windows
        ceilings.draw_ceilings(axes, run, stroke, most_users, highest_rps)
        points = [window.users for window in windows], [window.goodput_rps for window in windows]
        axes.plot(*points, color=stroke.colour, linestyle=stroke.dash_alone, linewidth=2, zorder=3, label="goodput")
        if plateau := rounds.get(run.variant.name):
            draw_plateau(axes, plateau, most_users * 1.06, palette.own(run.variant.name).colour)
        else:
            panels.hold_dot(axes, most_users, run.goodput_rps, stroke.colour, points)

    return draw


def _times(number: int, palette: style.Palette, limits_ms: tuple[float, float], most_users: float) -> Values:
    def draw(axes: Axes, run: RunReport) -> None:
        latency.log_axis(axes, *limits_ms)
        axes.yaxis.set_major_locator(FixedLocator(_few(list(axes.get_yticks()), 3)))
        request = run.requests[number] if number < len(run.requests) else None
        if request is None or not _all_ms(request):
            panels.empty(axes, "too few good answers")
            return
        stroke, points = palette[run.variant.name], latency.rise(request, most_users)
        users, lines = [point.users for point in points], {n: latency.line(points, n) for n in ("p50", "p99")}
        axes.fill_between(users, lines["p50"], lines["p99"], color=stroke.colour, alpha=0.12, linewidth=0)
        for name, width in (("p50", 2.0), ("p99", 1.0)):
            (drawn,) = axes.plot(users, lines[name], color=stroke.colour, linewidth=width, label=name, zorder=3)
            drawn.set(linestyle=stroke.dash_alone, marker="o", markersize=2, markevery=_alone(lines[name]))
            held_ms = getattr(request.hold, f"{name}_ms")
            panels.hold_dot(axes, most_users, held_ms, stroke.colour, (users, lines[name]))

    return draw


def _loop(palette: style.Palette, most_users: float) -> Values:
    def draw(axes: Axes, run: RunReport) -> None:
        axes.set_ylim(0, 1.06)
        axes.yaxis.set_major_locator(FixedLocator([0, 0.5, 1]))
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        loop.draw_moments(axes, run, palette[run.variant.name], most_users)

    return draw


def _pools(palette: style.Palette, most: float, most_users: float) -> Values:
    def draw(axes: Axes, run: RunReport) -> None:
        panels.count_axis(axes, most, along="y", room=1.12)
        axes.yaxis.set_major_locator(FixedLocator(_few(list(axes.get_yticks()), 3)))
        pools.draw_moments(axes, run, palette[run.variant.name], most_users)

    return draw


def _all_ms(request: RequestReport) -> list[float]:
    drawn = [value for name in ("p50", "p99") for value in latency.line(request.latency, name) if math.isfinite(value)]
    return drawn + [value for value in (request.hold.p50_ms, request.hold.p99_ms) if value is not None]


def _alone(values: Sequence[float]) -> list[int]:
    """Points without a neighbour to be tied to: a strip is too low for more marks."""
    known = [False, *(math.isfinite(value) for value in values), False]
    return [index for index in range(len(values)) if known[index + 1] and not (known[index] or known[index + 2])]


def _few(ticks: list[float], most: int) -> list[float]:
    """Evenly chosen from these, the first among them: a low strip has room for few labels."""
    return ticks[:: max(1, math.ceil(len(ticks) / most))]


def _tell(axes: Axes, run: RunReport, most_users: float) -> None:
    """Across all strips, for who points at them: the values at so many users. Nothing of a run that is INVALID."""
    if validity.struck(run) or not run.curve.windows:
        return
    end = panels.users_end(most_users)
    width = most_users / _TIPS
    for place in range(_TIPS):
        users = (place + 0.5) * width
        tips.zone(axes, (users - width / 2) / end, width / end, _values_at(run, users))


def _values_at(run: RunReport, users: float) -> str:
    windows = run.curve.windows
    at = [(f"{rounded(_near(users, [w.users for w in windows], [w.goodput_rps for w in windows]))} good answers/s")]
    for request in run.requests[:2]:
        points = request.latency
        if points:
            known = [_near(users, [p.users for p in points], latency.line(points, name)) for name in ("p50", "p99")]
            named = zip(("p50", "p99"), known, strict=True)
            times = ", ".join(f"{name} {rounded(ms)} ms" for name, ms in named if math.isfinite(ms))
            at += [f"{showable(request.name)}: {times}"] if times else []
    moments = loop.rise(run)
    if moments:
        used = _near(users, [float(m.users) for m in moments], [m.utilization for m in moments])
        at += [f"loop at work {used:.0%}"] if math.isfinite(used) else []
    return f"{showable(run.variant.name)} at {users:.0f} users: " + " · ".join(at)


def _near(users: float, places: Sequence[float], values: Sequence[float]) -> float:
    """The value of the nearest place."""
    return float(values[int(np.argmin([abs(place - users) for place in places]))])
