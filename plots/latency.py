"""Response times against users: p50, p95 and p99 of each variant's own request, a panel each, on the same axes."""

import math
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter, NullLocator

from loopbench.judge.figures import MISSING, rounded, whole
from loopbench.judge.run.latency import LatencyPoint
from loopbench.judge.session.run_report import RequestReport, RunReport
from loopbench.judge.session.session_report import SessionReport
from loopbench.judge.summary.table import end_of_load
from loopbench.plots import panels, style, validity
from loopbench.plots.chart import Chart
from loopbench.plots.panels import Caption, Panel

CAPTION: Final = Caption(
    "Response time against users",
    "Good answers to each variant's own request; milliseconds on a logarithmic scale, the same in every panel.",
    (
        "Thick: p50. Thin: p95 and p99. Dots: the hold. A percentile is drawn only where there are answers enough.",
        "Closed loop: when the server stalls, so do the users. Read with the users who were never served.",
    ),
)

NAMES: Final = ("p50", "p95", "p99")
_LABEL_IN = 0.17


def chart(session: SessionReport, palette: style.Palette) -> Chart | None:
    """Response times of each variant's own request; None without a run."""
    runs = session.runs
    if not runs:
        return None
    alt = f"Response times of each variant's own request in the hold at {session.record.scenario.load.users} users. "
    return Chart(
        "latency",
        CAPTION,
        alt + validity.described(runs, _described),
        [partial(_fill, run, runs, palette[run.variant.name]) for run in runs],
        Panel(right_in=0.95),
        on_page=False,
    )


def _fill(run: RunReport, runs: Sequence[RunReport], stroke: style.Stroke, axes: Axes) -> None:
    most_users = panels.most_users(runs)
    panels.frame(axes, x="users", y="milliseconds")
    panels.users_axis(axes, most_users)
    log_axis(axes, *limits_ms(value for each in runs for value in known_ms(each.own, NAMES)))
    facts, alarming = served(run)
    panels.head(axes, run.variant.name, stroke, facts, alarming=alarming)
    _draw(axes, run, stroke, most_users)


def _described(run: RunReport) -> str:
    return f"{percentiles(run.own, NAMES)}; {served(run)[0]}"


def percentiles(request: RequestReport, names: Sequence[str] = ("p50", "p99")) -> str:
    """`p50 12.0 ms, p99 not known`: of the hold."""
    known = ((name, getattr(request.hold, f"{name}_ms")) for name in names)
    return ", ".join(f"{name} {'not known' if ms is None else rounded(ms) + ' ms'}" for name, ms in known)


def known_ms(request: RequestReport, names: Sequence[str] = ("p50", "p99")) -> list[float]:
    """Every response time that a chart of these percentiles shows, in milliseconds."""
    drawn = [value for name in names for value in line(request.latency, name) if math.isfinite(value)]
    held = [getattr(request.hold, f"{name}_ms") for name in names]
    return drawn + [value for value in held if value is not None]


def served(run: RunReport) -> tuple[str, bool]:
    """Who was never served and what is in flight when the load ends, and whether that is alarming."""
    end = end_of_load(run)
    if end is None:
        return f"never served: {MISSING} (the run has no end of load)", False
    never, users = end.moment.never_served, end.moment.users
    return f"never served: {never} of {users} users · in flight: {whole(end.moment.in_flight)}", never > 0


def limits_ms(values: Iterable[float]) -> tuple[float, float]:
    """Limits of a logarithmic axis around these values."""
    known = [value for value in values if value > 0]
    if not known:
        return 1.0, 10.0
    return min(known) / 1.4, max(known) * 1.4


def log_axis(axes: Axes, low_ms: float, high_ms: float) -> None:
    """Milliseconds on a logarithmic scale, with plain numbers as close as the range allows."""
    axes.set_yscale("log")
    axes.set_ylim(low_ms, high_ms)
    steps = (1, 2, 5) if high_ms / low_ms < 150 else (1, 3) if high_ms / low_ms < 2000 else (1,)
    powers = range(math.floor(math.log10(low_ms)), math.ceil(math.log10(high_ms)) + 1)
    ticks = [step * 10.0**power for power in powers for step in steps]
    axes.yaxis.set_major_locator(FixedLocator([tick for tick in ticks if low_ms <= tick <= high_ms]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_minor_formatter(NullFormatter())


def rise(request: RequestReport, most_users: float) -> Sequence[LatencyPoint]:
    """The points of the ramp: the one with all users there is the hold's, which is drawn apart."""
    points = request.latency
    held = request.curve.hold is not None and bool(points) and points[-1].users > most_users - 0.5
    return points[:-1] if held else points


def line(points: Sequence[LatencyPoint], name: str) -> list[float]:
    """One percentile along a curve, in milliseconds; NaN where there were too few answers."""
    return [math.nan if value is None else value for value in (getattr(p.percentiles, f"{name}_ms") for p in points)]


def draw_percentile(  # noqa: PLR0913  whose percentile, on which axis, and how it looks
    axes: Axes, request: RequestReport, name: str, most_users: float, look: dict[str, Any], few: int = panels.FEW_POINTS
) -> None:
    """One percentile against users, with the hold's own in its strip.

    Args:
        axes: their limits are set.
        request: whose times.
        name: of the percentile.
        most_users: the end of the axis of users.
        look: matplotlib's properties of the line; `color` is the hold's too.
        few: up to so many points each has a mark.
    """
    known = rise(request, most_users)
    users, values = [point.users for point in known], line(known, name)
    (drawn,) = axes.plot(users, values, marker="o", **look)
    drawn.set(markevery=panels.few_or_alone(values, few), markersize=2.5 if few else 2)
    held_ms = getattr(request.hold, f"{name}_ms")
    panels.hold_dot(axes, most_users, held_ms, look["color"], (users, values))


def fill_between(axes: Axes, request: RequestReport, most_users: float, colour: str, alpha: float) -> None:
    """Shade what lies between p50 and p99."""
    known = rise(request, most_users)
    ends = line(known, "p50"), line(known, "p99")
    axes.fill_between([point.users for point in known], *ends, color=colour, alpha=alpha, linewidth=0)


def _draw(axes: Axes, run: RunReport, stroke: style.Stroke, most_users: float) -> None:
    if not known_ms(run.own, NAMES):
        panels.empty(axes, "too few good answers")
        return
    fill_between(axes, run.own, most_users, stroke.colour, alpha=0.1)
    for name, width in zip(NAMES, (2.2, 1.1, 1.1), strict=True):
        look = {"color": stroke.colour, "linestyle": stroke.dash_alone, "linewidth": width, "label": name, "zorder": 3}
        draw_percentile(axes, run.own, name, most_users, look | {"solid_capstyle": "round"})
    _label(axes, run, stroke, most_users)


def _label(axes: Axes, run: RunReport, stroke: style.Stroke, most_users: float) -> None:
    """The hold's percentiles, named at the right; without a hold the line ends are named."""
    ends = {name: _last(line(run.own.latency, name)) for name in NAMES}
    held = {name: getattr(run.own.hold, f"{name}_ms") for name in NAMES}
    known = {name: held[name] or ends[name] for name in NAMES if held[name] or ends[name]}
    low, high = np.log10(axes.get_ylim())
    gap = _LABEL_IN / panels.high_in(axes) * (high - low)
    wanted = [math.log10(value) for value in known.values() if value]
    places = style.spread(wanted, gap, low + gap / 2, high - gap / 2)
    for (name, value), place in zip(known.items(), places, strict=True):
        text = f"{name} {rounded(value)}" if held[name] is not None and not stroke.struck else name
        label = axes.annotate(text, (most_users * 1.12, 10**place), annotation_clip=False)
        label.set(color=stroke.text_colour, fontsize=10, va="center")


def _last(values: Sequence[float]) -> float | None:
    return next((value for value in reversed(values) if math.isfinite(value)), None)
