"""What each variant does to an innocent route: the neighbour's response times and goodput against users.

All variants lie in one panel, because here the comparison is the point; the key beside them carries, with each name,
the figures of the hold and the users never served.
"""

import math
from collections.abc import Sequence
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from loopbench.judge.figures import rounded, whole
from loopbench.judge.session.run_report import RequestReport, RunReport
from loopbench.judge.session.session_report import SessionReport
from loopbench.judge.summary.table import end_of_load
from loopbench.showable import showable
from plots import key, latency, panels, style, validity
from plots.key import Line
from plots.panels import Caption, Panel, Sheet

PANEL: Final = Panel(above_in=0.45, right_in=0.3)
_HEADS = ("p50\nms", "p99\nms", "good\nper s", "never\nserved")


def caption(name: str) -> Caption:
    """What the picture says of the neighbour of this name."""
    return Caption(
        f"What the others get: {panels.named(name)} under each variant",
        "Every user also asks this route. The time it takes is the damage a variant does to its neighbours.",
        ("Closed loop: when the server stalls, so do the users. Read with the users who were never served.",),
    )


def draw_neighbour(runs: Sequence[RunReport], name: str, palette: style.Palette, sheet: Sheet) -> Figure:
    """The chart of one neighbour under these runs; at least one."""
    chosen = [(run, neighbour(run, name)) for run in runs]
    key_in = key.height_in(len(runs))
    last_in = key_in if sheet.columns == 1 else max(PANEL.height_in, key_in)  # goodput may stand beside the key
    with style.look():
        figure, (p50, p99, goodput, beside) = panels.new_panels(4, sheet, caption(name), PANEL, last_in)
        most_users = max(run.curve.most_users for run in runs)
        values = [value for _, own in chosen for n in ("p50", "p99") for value in latency.line(own.latency, n)]
        values += [value for _, own in chosen for value in (own.hold.p50_ms, own.hold.p99_ms) if value is not None]
        low_ms, high_ms = latency.limits_ms(value for value in values if math.isfinite(value))
        for axes, percentile in ((p50, "p50"), (p99, "p99")):
            panels.frame(axes, x="users", y="milliseconds")
            panels.users_axis(axes, most_users)
            latency.log_axis(axes, low_ms, high_ms)
            _title(axes, f"{percentile} response time")
            _draw_latency(axes, chosen, percentile, most_users, palette)
        _draw_goodput(goodput, chosen, most_users, palette)
        _title(beside, "in the hold")
        key.draw_key(beside, _HEADS, [_line(*each) for each in chosen], palette, last_in)
    return figure


def neighbour(run: RunReport, name: str) -> RequestReport:
    """That neighbour's part of the run."""
    return next(request for request in run.requests if request.is_neighbour and request.name == name)


def describe(report: SessionReport, name: str) -> str:
    """What the chart says, for those who do not see it."""
    parts = []
    for run in report.runs:
        own = neighbour(run, name)
        goodput = f"{rounded(own.curve.hold.goodput_rps)} good answers per second" if own.curve.hold else "no hold"
        hold = f"p50 {_ms(own.hold.p50_ms)}, p99 {_ms(own.hold.p99_ms)}"
        figures = f"{hold}, {goodput}, {latency.served(run)[0]}"
        parts.append(f"under {showable(run.variant.name)}: {validity.said(run, figures)}.")
    return f"Response times and goodput of {showable(name)} under each variant. In the hold, " + " ".join(parts)


_Chosen = Sequence[tuple[RunReport, RequestReport]]


def _title(axes: Axes, text: str) -> None:
    axes.set_title(text, loc="left", fontsize=12, color=style.INK, fontweight="bold", pad=9)


def _draw_latency(axes: Axes, chosen: _Chosen, percentile: str, most_users: float, palette: style.Palette) -> None:
    drawn = False
    for run, own in chosen:
        points = latency.rise(own, most_users)
        users, values = [point.users for point in points], latency.line(points, percentile)
        held_ms, stroke = getattr(own.hold, f"{percentile}_ms"), palette[run.variant.name]
        panels.hold_dot(axes, most_users, held_ms, stroke.colour, (users, values))
        (drawn_line,) = axes.plot(users, values, color=stroke.colour, linestyle=stroke.dash)
        drawn_line.set(label=run.variant.name, linewidth=1.8, marker="o", markersize=2.5)
        drawn_line.set_markevery(panels.few_or_alone(values))
        drawn = drawn or held_ms is not None or any(math.isfinite(value) for value in values)
    if not drawn:
        panels.empty(axes, "too few good answers")


def _draw_goodput(axes: Axes, chosen: _Chosen, most_users: float, palette: style.Palette) -> None:
    panels.frame(axes, x="users", y="good answers/s")
    panels.users_axis(axes, most_users)
    panels.count_axis(axes, max((own.curve.highest_rps for _, own in chosen), default=0), along="y", room=1.08)
    _title(axes, "goodput")
    for run, own in chosen:
        stroke, windows = palette[run.variant.name], own.curve.windows
        users, rps = [w.users for w in windows], [w.goodput_rps for w in windows]
        (drawn_line,) = axes.plot(users, rps, color=stroke.colour, linestyle=stroke.dash, linewidth=1.8)
        drawn_line.set(label=run.variant.name, marker="o", markersize=2.5, markevery=panels.few_or_alone(rps))
        held_rps = own.curve.hold.goodput_rps if own.curve.hold else None
        panels.hold_dot(axes, most_users, held_rps, stroke.colour, (users, rps))


def _line(run: RunReport, own: RequestReport) -> Line:
    end, hold = end_of_load(run), own.curve.hold
    never = whole(end.moment.never_served if end else None)
    goodput = rounded(hold.goodput_rps if hold else None)
    return Line(run.variant.name, (rounded(own.hold.p50_ms), rounded(own.hold.p99_ms), goodput, never))


def _ms(value: float | None) -> str:
    return "not known" if value is None else f"{rounded(value)} ms"
