"""Open mode: what was achieved, and how long it took, against the rate that was offered; a panel each variant.

A closed loop's charts go against users. Here requests come whether or not answers do, so a server that is too slow
shows as a line that leaves the diagonal, and as response times that climb without end.
"""

import math
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, Final

from matplotlib.axes import Axes

from loopbench.judge.figures import MISSING, percent
from loopbench.judge.run.open_loop import OpenMode, Quantile
from loopbench.judge.session.session_report import SessionReport
from loopbench.plots import panels, style
from loopbench.plots.chart import Chart
from loopbench.plots.latency import limits_ms, log_axis
from loopbench.plots.panels import Caption, Panel
from loopbench.showable import showable

THROUGHPUT: Final = Caption(
    "Throughput against offered rate",
    "Open loop: requests are due on a schedule, whatever the answers do. The same axes in every panel.",
    ("Thin grey line: everything that is due is answered well. Below it, the server does not keep up.",),
)
RESPONSE: Final = Caption(
    "Response time against offered rate",
    "From the moment a request was due; milliseconds on a logarithmic scale, the same in every panel.",
    (
        "Thick: p50 of the response time. Thin: its p99. Dotted: p99 from sent, which leaves out the wait for a user.",
        "Hollow: at least this, because some requests had no answer.",
    ),
)
MAX_LATE_SHARE: Final = 0.01
_ROOM = 1.05  # right of the highest rate


def chart(session: SessionReport, palette: style.Palette) -> Chart | None:
    """Throughput against the offered rate, and the response times; None in closed mode."""
    curves = [run.open_mode for run in session.runs if run.open_mode]
    if not curves:
        return None
    alt, panel = describe(curves), Panel(right_in=0.3)
    throughput, response = (
        [partial(fill, curve, curves, palette[curve.label]) for curve in curves] for fill in (_throughput, _response)
    )
    also = Chart("open-response", RESPONSE, alt, response, panel)
    return Chart("open-rate", THROUGHPUT, alt, throughput, panel, also=(also,))


def _throughput(curve: OpenMode, curves: Sequence[OpenMode], stroke: style.Stroke, axes: Axes) -> None:
    """Good answers per second against requests due per second."""
    highest_rps = _highest_rps(curves)
    _prepare(axes, curve, stroke, highest_rps, "good answers per second")
    panels.count_axis(axes, highest_rps, along="y", room=_ROOM)
    axes.plot([0, highest_rps], [0, highest_rps], color=style.GRID, linewidth=1.2, zorder=1, label="all")
    _line(axes, curve, [point.achieved_rps for point in curve.points], stroke, label="achieved", linewidth=2.2)


def _response(curve: OpenMode, curves: Sequence[OpenMode], stroke: style.Stroke, axes: Axes) -> None:
    """Response times against requests due per second."""
    _prepare(axes, curve, stroke, _highest_rps(curves), "milliseconds")
    log_axis(axes, *limits_ms(_all_ms(curves)))
    p50, p99 = [point.response.p50 for point in curve.points], [point.response.p99 for point in curve.points]
    _line(axes, curve, _ms(p50), stroke, label="p50", linewidth=2.2)
    _line(axes, curve, _ms(p99), stroke, label="p99", linewidth=1.1)
    sent = _ms([point.service.p99 for point in curve.points])
    _line(axes, curve, sent, stroke, label="p99 from sent", linewidth=1.1, linestyle=":")
    _hollow(axes, curve, p99, stroke)


def describe(curves: Sequence[OpenMode]) -> str:
    """The alternative text of both charts."""
    parts = []
    for curve in curves:
        last = curve.points[-1] if curve.points else None
        reached = f"{last.achieved_rps:,.0f} of {last.offered_rps:,.0f} per second at the end" if last else "no points"
        parts.append(f"{showable(curve.label)}: {reached}; {late(curve)[0]}.")
    return "Throughput and response time against offered rate. " + " ".join(parts)


def late(curve: OpenMode) -> tuple[str, bool]:
    """How much was started late, and whether that is too much for the schedule to count as kept (rule O1)."""
    share = curve.late_share
    if share is None:
        return f"started late: {MISSING} (nothing was due)", False
    return f"started over 5 ms late: {percent(share, '.1f')}", share > MAX_LATE_SHARE


def _prepare(axes: Axes, curve: OpenMode, stroke: style.Stroke, highest_rps: float, y: str) -> None:
    panels.frame(axes, x="requests due per second", y=y)
    panels.count_axis(axes, highest_rps, along="x", room=_ROOM)
    facts, alarming = late(curve)
    panels.head(axes, curve.label, stroke, facts, alarming=alarming)
    if not curve.points:
        panels.empty(axes, "nothing was due")


def _line(axes: Axes, curve: OpenMode, values: Sequence[float], stroke: style.Stroke, **look: Any) -> None:
    offered = [point.offered_rps for point in curve.points]
    (drawn,) = axes.plot(offered, values, color=stroke.colour, zorder=3, **look)
    drawn.set(marker="o", markersize=2.5, markevery=panels.few_or_alone(values))


def _hollow(axes: Axes, curve: OpenMode, values: Sequence[Quantile | None], stroke: style.Stroke) -> None:
    pairs = zip(curve.points, values, strict=True)
    known = [(point.offered_rps, value.ms) for point, value in pairs if value is not None and value.at_least]
    if known:
        x, y = zip(*known, strict=True)
        (rings,) = axes.plot(x, y, "o", markersize=6, label="at least", zorder=4)
        rings.set(markerfacecolor=style.PAPER, markeredgecolor=stroke.colour)


def _ms(values: Sequence[Quantile | None]) -> list[float]:
    return [math.nan if value is None else value.ms for value in values]


def _all_ms(curves: Sequence[OpenMode]) -> Iterator[float]:
    points = [point for curve in curves for point in curve.points]
    quantiles = (value for point in points for value in (point.response.p50, point.response.p99, point.service.p99))
    return (value.ms for value in quantiles if value is not None)


def _highest_rps(curves: Sequence[OpenMode]) -> float:
    rates = (rate for curve in curves for point in curve.points for rate in (point.offered_rps, point.achieved_rps))
    return max(rates, default=0.0) or 1.0
