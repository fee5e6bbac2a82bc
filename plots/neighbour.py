"""What each variant does to another route: the neighbour's response times and goodput against users."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from matplotlib.axes import Axes

from loopbench.judge.figures import rounded, whole
from loopbench.judge.session.run_report import RequestReport, RunReport
from loopbench.judge.session.session_report import SessionReport
from loopbench.judge.summary.table import end_of_load
from loopbench.plots import key, latency, panels, style, validity
from loopbench.plots.chart import Chart
from loopbench.plots.key import Line
from loopbench.plots.panels import Caption, Panel
from loopbench.showable import showable

_HEADS = ("p50\nms", "p99\nms", "good\nper s", "never\nserved")


def chart(session: SessionReport, palette: style.Palette) -> Chart | None:
    """Every neighbour under each variant, one chart a neighbour; None without any."""
    names = session.record.scenario.neighbours if session.runs else ()
    made = tuple(_chart(session, number, name, palette) for number, name in enumerate(names, 1))
    return replace(made[0], also=made[1:]) if made else None


def _chart(session: SessionReport, number: int, name: str, palette: style.Palette) -> Chart:
    runs = session.runs
    chosen = [(run, neighbour(run, name)) for run in runs]
    caption = Caption(
        f"What the others get: {style.shortened(name, 24)} under each variant",
        "Every user also asks this route. The time it takes is the damage a variant does to its neighbours.",
        ("Closed loop: when the server stalls, so do the users. Read with the users who were never served.",),
    )
    alt = f"Response times and goodput of {showable(name)} under each variant. In the hold, "
    return Chart(
        "neighbour" if number == 1 else f"neighbour-{number}",
        caption,
        alt + " ".join(_described(*each) for each in chosen),
        [
            partial(_latency, chosen, "p50", palette),
            partial(_latency, chosen, "p99", palette),
            partial(_goodput, chosen, palette),
            partial(_key, chosen, palette),
        ],
        Panel(above_in=0.45, right_in=0.3, last_in=key.height_in(len(runs))),
        needs_closed_mode=True,
    )


def neighbour(run: RunReport, name: str) -> RequestReport:
    """That neighbour's part of the run."""
    return next(request for request in run.requests if request.is_neighbour and request.name == name)


def _described(run: RunReport, own: RequestReport) -> str:
    goodput = f"{rounded(own.curve.hold.goodput_rps)} good answers per second" if own.curve.hold else "no hold"
    figures = f"{latency.percentiles(own)}, {goodput}, {latency.served(run)[0]}"
    return f"under {showable(run.variant.name)}: {validity.of_valid(run, figures)}."


_Chosen = Sequence[tuple[RunReport, RequestReport]]


def _title(axes: Axes, text: str) -> None:
    axes.set_title(text, loc="left", fontsize=12, color=style.INK, fontweight="bold", pad=9)


def _latency(chosen: _Chosen, percentile: str, palette: style.Palette, axes: Axes) -> None:
    most_users = panels.most_users(run for run, _ in chosen)
    panels.frame(axes, x="users", y="milliseconds")
    panels.users_axis(axes, most_users)
    latency.log_axis(axes, *latency.limits_ms(value for _, own in chosen for value in latency.known_ms(own)))
    _title(axes, f"{percentile} response time")
    for run, own in chosen:
        stroke, name = palette[run.variant.name], run.variant.name
        look = {"color": stroke.colour, "linestyle": stroke.dash, "label": name, "linewidth": 1.8}
        latency.draw_percentile(axes, own, percentile, most_users, look)
    if not any(latency.known_ms(own, [percentile]) for _, own in chosen):
        panels.empty(axes, "too few good answers")


def _goodput(chosen: _Chosen, palette: style.Palette, axes: Axes) -> None:
    most_users = panels.most_users(run for run, _ in chosen)
    panels.frame(axes, x="users", y="good answers/s")
    panels.users_axis(axes, most_users)
    panels.count_axis(axes, max(own.curve.highest_rps for _, own in chosen), along="y", room=1.08)
    _title(axes, "goodput")
    for run, own in chosen:
        stroke, (users, rps) = palette[run.variant.name], panels.points(own.curve)
        (drawn,) = axes.plot(users, rps, color=stroke.colour, linestyle=stroke.dash, linewidth=1.8)
        drawn.set(label=run.variant.name, marker="o", markersize=2.5, markevery=panels.few_or_alone(rps))
        held_rps = own.curve.hold.goodput_rps if own.curve.hold else None
        panels.hold_dot(axes, most_users, held_rps, stroke.colour, (users, rps))


def _key(chosen: _Chosen, palette: style.Palette, axes: Axes) -> None:
    _title(axes, "in the hold")
    key.draw_key(axes, _HEADS, [_line(*each) for each in chosen], palette)


def _line(run: RunReport, own: RequestReport) -> Line:
    end, hold = end_of_load(run), own.curve.hold
    never = whole(end.moment.never_served if end else None)
    goodput = rounded(hold.goodput_rps if hold else None)
    return Line(run.variant.name, (rounded(own.hold.p50_ms), rounded(own.hold.p99_ms), goodput, never))
