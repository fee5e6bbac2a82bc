"""Open mode: what was achieved, and how long it took, against the rate that was offered; a panel each variant.

A closed loop's charts go against users. Here requests come whether or not answers do, so a server that is too slow
shows as a line that leaves the diagonal, and as response times that climb without end.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from loopbench.judge.figures import MISSING
from loopbench.judge.run.open_loop import Quantile, RateCurve
from loopbench.showable import showable
from plots import panels, style
from plots.latency import limits_ms, log_axis
from plots.panels import Caption, Panel, Sheet

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
PANEL: Final = Panel(right_in=0.3)
MOST_LATE: Final = 0.01
_ROOM = 1.05  # right of the highest rate


def draw_open_rate(curves: Sequence[RateCurve], palette: style.Palette, sheet: Sheet) -> Figure:
    """Good answers per second against requests due per second; at least one curve."""
    highest_rps = _highest_rps(curves)
    with style.look():
        figure, axes = panels.new_panels(len(curves), sheet, THROUGHPUT, PANEL)
        for each, curve in zip(axes, curves, strict=True):
            stroke = _prepare(each, curve, palette, highest_rps, "good answers per second")
            panels.count_axis(each, highest_rps, along="y", room=_ROOM)
            each.plot([0, highest_rps], [0, highest_rps], color=style.GRID, linewidth=1.2, zorder=1, label="all")
            achieved = [point.achieved_rps for point in curve.points]
            _line(each, curve, achieved, stroke, "achieved", 2.2)
    return figure


def draw_open_response(curves: Sequence[RateCurve], palette: style.Palette, sheet: Sheet) -> Figure:
    """Response times against requests due per second; at least one curve."""
    highest_rps = _highest_rps(curves)
    low_ms, high_ms = limits_ms(_all_ms(curves))
    with style.look():
        figure, axes = panels.new_panels(len(curves), sheet, RESPONSE, PANEL)
        for each, curve in zip(axes, curves, strict=True):
            stroke = _prepare(each, curve, palette, highest_rps, "milliseconds")
            log_axis(each, low_ms, high_ms)
            _line(each, curve, _ms([point.response.p50 for point in curve.points]), stroke, "p50", 2.2)
            p99 = [point.response.p99 for point in curve.points]
            _line(each, curve, _ms(p99), stroke, "p99", 1.1)
            _line(each, curve, _ms([point.service.p99 for point in curve.points]), stroke, "p99 from sent", 1.1, ":")
            _hollow(each, curve, p99, stroke)
    return figure


def describe(curves: Sequence[RateCurve]) -> str:
    """What the charts say, for those who do not see them."""
    parts = []
    for curve in curves:
        last = curve.points[-1] if curve.points else None
        reached = f"{last.achieved_rps:,.0f} of {last.offered_rps:,.0f} per second at the end" if last else "no points"
        parts.append(f"{showable(curve.label)}: {reached}; {late(curve)[0]}.")
    return "Throughput and response time against offered rate. " + " ".join(parts)


def late(curve: RateCurve) -> tuple[str, bool]:
    """How much was started late, and whether that is too much for the schedule to count as kept (rule O1)."""
    share = curve.late_share
    if share is None:
        return f"started late: {MISSING} (nothing was due)", False
    return f"started over 5 ms late: {share:.1%}", share > MOST_LATE


def _prepare(axes: Axes, curve: RateCurve, palette: style.Palette, highest_rps: float, y: str) -> style.Stroke:
    stroke = palette[curve.label]
    panels.frame(axes, x="requests due per second", y=y)
    panels.count_axis(axes, highest_rps, along="x", room=_ROOM)
    facts, alarming = late(curve)
    panels.run_head(axes, curve.label, stroke, facts, alarming=alarming)
    if not curve.points:
        panels.empty(axes, "nothing was due")
    return stroke


def _line(  # noqa: PLR0913  a line's own facts
    axes: Axes,
    curve: RateCurve,
    values: Sequence[float],
    stroke: style.Stroke,
    label: str,
    width: float,
    dash: str = "-",
) -> None:
    offered = [point.offered_rps for point in curve.points]
    (drawn,) = axes.plot(offered, values, color=stroke.colour, linewidth=width, linestyle=dash, label=label, zorder=3)
    drawn.set(marker="o", markersize=2.5, markevery=panels.few_or_alone(values))


def _hollow(axes: Axes, curve: RateCurve, values: Sequence[Quantile | None], stroke: style.Stroke) -> None:
    pairs = zip(curve.points, values, strict=True)
    known = [(point.offered_rps, value.ms) for point, value in pairs if value is not None and value.at_least]
    if known:
        x, y = zip(*known, strict=True)
        (rings,) = axes.plot(x, y, "o", markersize=6, label="at least", zorder=4)
        rings.set(markerfacecolor=style.PAPER, markeredgecolor=stroke.colour)


def _ms(values: Sequence[Quantile | None]) -> list[float]:
    return [math.nan if value is None else value.ms for value in values]


def _all_ms(curves: Sequence[RateCurve]) -> Iterator[float]:
    points = [point for curve in curves for point in curve.points]
    quantiles = (value for point in points for value in (point.response.p50, point.response.p99, point.service.p99))
    return (value.ms for value in quantiles if value is not None)


def _highest_rps(curves: Sequence[RateCurve]) -> float:
    rates = (rate for curve in curves for point in curve.points for rate in (point.offered_rps, point.achieved_rps))
    return max(rates, default=0.0) or 1.0
