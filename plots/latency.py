"""Response times against users: p50, p95 and p99 of each variant's own request, a panel each, on the same axes.

Above every panel stands who was not served: a latency figure counts the answers that came, and a server that answers
few can look fast.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter, NullLocator

from loopbench.judge.figures import MISSING, rounded, whole
from loopbench.judge.run.latency import LatencyPoint, Percentiles
from loopbench.judge.session.run_report import RequestReport, RunReport
from loopbench.judge.session.session_report import SessionReport
from loopbench.judge.summary.table import end_of_load
from loopbench.showable import showable
from plots import panels, style, validity
from plots.panels import Caption, Panel, Sheet

CAPTION: Final = Caption(
    "Response time against users",
    "Good answers to each variant's own request; milliseconds on a logarithmic scale, the same in every panel.",
    (
        "Thick: p50. Thin: p95 and p99. Dots: the hold. A percentile is drawn only where there are answers enough.",
        "Closed loop: when the server stalls, so do the users. Read with the users who were never served.",
    ),
)

NAMES: Final = ("p50", "p95", "p99")
PANEL: Final = Panel(right_in=0.95)
_LABEL_IN = 0.17


def draw_latency(runs: Sequence[RunReport], palette: style.Palette, sheet: Sheet) -> Figure:
    """The chart of these runs; at least one."""
    with style.look():
        figure, axes = panels.new_panels(len(runs), sheet, CAPTION, PANEL)
        low_ms, high_ms = limits_ms(value for run in runs for value in _all_ms(run))
        most_users = max(run.curve.most_users for run in runs)
        for each, run in zip(axes, runs, strict=True):
            panels.frame(each, x="users", y="milliseconds")
            _scale(each, most_users, low_ms, high_ms)
            facts, alarming = served(run)
            stroke = palette[run.variant.name]
            panels.run_head(each, run.variant.name, stroke, facts, alarming=alarming)
            _draw(each, run, stroke, most_users)
    return figure


def describe(report: SessionReport) -> str:
    """What the chart says, for those who do not see it."""
    users = report.record.scenario.users
    parts = []
    for run in report.runs:
        hold, name = run.own.hold, showable(run.variant.name)
        figures = ", ".join(f"{each} {_ms(value)}" for each, value in zip(NAMES, _figures(hold), strict=True))
        parts.append(f"{name}: {validity.said(run, f'{figures}; {served(run)[0]}')}.")
    return f"Response times of each variant's own request in the hold at {users} users. " + " ".join(parts)


def served(run: RunReport) -> tuple[str, bool]:
    """Who was never served and what is in flight when the load ends, and whether that is alarming."""
    end = end_of_load(run)
    if end is None:
        return f"never served: {MISSING} (the run has no end of load)", False
    never, users = end.moment.never_served, end.moment.users
    return f"never served: {never} of {users} users · in flight: {whole(end.moment.in_flight)}", never > 0


def limits_ms(values: Iterator[float]) -> tuple[float, float]:
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


def _scale(axes: Axes, most_users: float, low_ms: float, high_ms: float) -> None:
    panels.users_axis(axes, most_users)
    log_axis(axes, low_ms, high_ms)


def _draw(axes: Axes, run: RunReport, stroke: style.Stroke, most_users: float) -> None:
    points = rise(run.own, most_users)
    if not any(math.isfinite(value) for value in _all_ms(run)):
        panels.empty(axes, "too few good answers")
        return
    users = [point.users for point in points]
    lines = {name: line(points, name) for name in NAMES}
    axes.fill_between(users, lines["p50"], lines["p99"], color=stroke.colour, alpha=0.1, linewidth=0)
    for name, width in zip(NAMES, (2.2, 1.1, 1.1), strict=True):
        (drawn,) = axes.plot(users, lines[name], color=stroke.colour, linewidth=width, label=name, zorder=3)
        drawn.set(linestyle=stroke.dash_alone, marker="o", markersize=2.5)
        drawn.set(markevery=panels.few_or_alone(lines[name]), solid_capstyle="round")
        panels.hold_dot(axes, most_users, getattr(run.own.hold, f"{name}_ms"), stroke.colour, (users, lines[name]))
    _label(axes, run, stroke, most_users)


def _label(axes: Axes, run: RunReport, stroke: style.Stroke, most_users: float) -> None:
    """The hold's percentiles, named at the right; without a hold the line ends are named."""
    ends = {name: _last(line(run.own.latency, name)) for name in NAMES}
    held = dict(zip(NAMES, _figures(run.own.hold), strict=True))
    known = {name: held[name] or ends[name] for name in NAMES if held[name] or ends[name]}
    low, high = np.log10(axes.get_ylim())
    gap = _LABEL_IN / PANEL.height_in * (high - low)
    wanted = [math.log10(value) for value in known.values() if value]
    places = style.spread(wanted, gap, low + gap / 2, high - gap / 2)
    for (name, value), place in zip(known.items(), places, strict=True):
        text = f"{name} {rounded(value)}" if held[name] is not None and not stroke.struck else name
        label = axes.annotate(text, (most_users * 1.12, 10**place), annotation_clip=False)
        label.set(color=stroke.text_colour, fontsize=10, va="center")


def _last(values: Sequence[float]) -> float | None:
    return next((value for value in reversed(values) if math.isfinite(value)), None)


def _figures(hold: Percentiles) -> tuple[float | None, float | None, float | None]:
    return hold.p50_ms, hold.p95_ms, hold.p99_ms


def _all_ms(run: RunReport) -> Iterator[float]:
    yield from (value for name in NAMES for value in line(run.own.latency, name) if math.isfinite(value))
    yield from (value for value in _figures(run.own.hold) if value is not None)


def _ms(value: float | None) -> str:
    return "not known" if value is None else f"{rounded(value)} ms"
