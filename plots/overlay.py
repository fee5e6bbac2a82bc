"""Throughput against users, all variants together, and the files of each one alone."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Final

from matplotlib.axes import Axes

from loopbench.judge.figures import MISSING, rounded, whole
from loopbench.judge.session.run_report import RunReport
from loopbench.judge.session.session_report import SessionReport
from loopbench.plots import ceilings, key, panels, plateaus, rps_users, style, validity
from loopbench.plots.chart import Chart
from loopbench.plots.panels import Caption, Panel
from loopbench.plots.plateaus import RoundsPlateau
from loopbench.showable import showable

OPEN_LOOP: Final = "Open loop: requests are due on a schedule, and a free user sends each; users follow the rate."
PANEL: Final = Panel(2.4, above_in=0.12, right_in=0.3)


def chart(session: SessionReport, palette: style.Palette) -> Chart | None:
    """Good answers per second against users; None without a run."""
    runs, is_open = session.runs, session.record.scenario.load.is_open
    if not runs:
        return None
    measured = plateaus.plateaus(session.rounds)
    highest_rps = _highest_rps(runs, measured)
    caption = _caption(session, style.shortened(session.record.scenario.title, 50))
    ends = [f"{showable(name)}: {each.figures} over {each.runs} rounds." for name, each in measured.items()]
    wide = rps_users.curves_chart(
        [run.curve for run in runs],
        palette,
        caption,
        measured,
        {} if is_open else ceilings.lowest(runs, highest_rps),
    )
    return Chart(
        rps_users.STEM,
        replace(caption, notes=validity.noted((plateaus.MARK,) if measured else (), runs)),
        f"Good answers per second against users, one line a variant. {' '.join([_held(runs), *ends])}",
        [partial(_curves, session, palette, highest_rps), partial(_key, session, palette)],
        replace(PANEL, last_in=key.height_in(len(runs))),
        wide=wide,
        needs_closed_mode=True,
        also=tuple(_alone(session, run, palette) for run in runs),
    )


def _alone(session: SessionReport, run: RunReport, palette: style.Palette) -> Chart:
    """One variant in a file of its own."""
    caption, measured = _caption(session, style.shortened(run.variant.name, 40)), plateaus.plateaus(session.rounds)
    return replace(
        rps_users.curves_chart([run.curve], palette, caption, measured),
        stem=f"{rps_users.STEM}-{run.variant.slug}",
        alt=f"Good answers per second against users. {_held((run,))}",
        stamp=validity.run_words(run.stamp),
        on_page=False,
    )


def _caption(session: SessionReport, of: str) -> Caption:
    how = OPEN_LOOP if session.record.scenario.load.is_open else rps_users.CLOSED_LOOP
    return Caption(f"{of}: throughput against users", how)


def _highest_rps(runs: tuple[RunReport, ...], measured: Mapping[str, RoundsPlateau]) -> float:
    return max([run.curve.highest_rps for run in runs] + [each.highest_rps for each in measured.values()])


def _held(runs: tuple[RunReport, ...]) -> str:
    return validity.described(runs, _held_by)


def _held_by(run: RunReport) -> str:
    held = f"{rounded(run.goodput_rps)} per second held" if run.goodput_rps is not None else "no hold"
    return held if run.curve.knee_users is None else f"{held}, knee at {run.curve.knee_users:.0f} users"


def _curves(session: SessionReport, palette: style.Palette, highest_rps: float, axes: Axes) -> None:
    most_users, measured = panels.most_users(session.runs), plateaus.plateaus(session.rounds)
    panels.frame(axes, x="users", y="good answers/s")
    panels.users_axis(axes, most_users)
    panels.count_axis(axes, highest_rps, along="y", room=1.08)
    for run in session.runs:
        stroke = palette[run.variant.name]
        users, rps = panels.points(run.curve)
        axes.plot(users, rps, color=stroke.colour, linestyle=stroke.dash, linewidth=2.2, label=run.variant.name)
        rps_users.draw_end(axes, run, palette, most_users, measured)


def _key(session: SessionReport, palette: style.Palette, axes: Axes) -> None:
    """Each variant with the figures of the rounds or, without any, of the hold."""
    measured = plateaus.plateaus(session.rounds)
    heads = ("rounds,\nper s", "95 %") if measured else ("held\nper s", "knee,\nusers")
    key.draw_key(axes, heads, [_line(run, measured) for run in session.runs], palette)


def _line(run: RunReport, measured: Mapping[str, RoundsPlateau]) -> key.Line:
    if plateau := measured.get(run.variant.name):
        width = MISSING if plateau.half_width is None else plateaus.shown_width(plateau.half_width)
        return key.Line(run.variant.name, (rounded(plateau.rps), width), from_rounds=True)
    return key.Line(run.variant.name, (rounded(run.goodput_rps), whole(run.curve.knee_users)))
