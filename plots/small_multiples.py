"""Throughput against users in panels: one a variant, with both roads to the curve; and all together for a phone.

The full-size chart of all together is `rps_users`; its column of names would take half of a phone's width.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from loopbench.judge.figures import MISSING, rounded, whole
from loopbench.judge.run.windows import Curve
from loopbench.judge.session.run_report import RunReport
from loopbench.judge.session.session_report import SessionReport
from loopbench.showable import showable
from plots import ceilings, key, panels, style, validity
from plots.key import Line
from plots.panels import Caption, Panel, Sheet
from plots.plateaus import RoundsPlateau, shown_width
from plots.rps_users import NO_ROUNDS, draw_plateau

CAPTION: Final = Caption(
    "Each variant alone",
    "Good answers per second against users, all requests together; the same axes in every panel.",
    (
        "Coloured: from our own samples. Dotted: the same run from Locust's CSV history. Grey: the other variants.",
        "Shaded strip: mean of the hold, and the 10th to 90th percentile of its seconds where there are enough.",
        ceilings.NOTE,
    ),
)

PANEL: Final = Panel(right_in=0.62)
TOGETHER: Final = Panel(2.4, above_in=0.12, right_in=0.3)
_BEHIND = "#c9d0d6"
_BEHIND_POINTS = 30
_CSV_DASH = (0, (1, 1.6))


def caption(runs: Sequence[RunReport]) -> Caption:
    """With what its marks mean, as far as there are any."""
    return replace(CAPTION, notes=validity.noted(CAPTION.notes, runs))


def draw_small_multiples(runs: Sequence[RunReport], palette: style.Palette, sheet: Sheet) -> Figure:
    """The chart of these runs; at least one."""
    with style.look():
        figure, axes = panels.new_panels(len(runs), sheet, caption(runs), PANEL)
        curves = [curve for run in runs for curve in (run.curve, run.csv_curve) if curve]
        most_users = max(curve.most_users for curve in curves) or 1.0
        highest_rps = max(curve.highest_rps for curve in curves)
        for each, run in zip(axes, runs, strict=True):
            panels.frame(each, x="users", y="good answers/s")
            panels.users_axis(each, most_users)
            panels.count_axis(each, ceilings.top_rps(runs, highest_rps), along="y", room=1.08)
            panels.run_head(each, run.variant.name, palette[run.variant.name], _facts(run))
            ceilings.draw_ceilings(each, run, palette[run.variant.name], most_users, highest_rps)
            each.plot(
                *_behind([other.curve for other in runs if other is not run]), color=_BEHIND, linewidth=1, zorder=1
            )
            _draw(each, run, palette[run.variant.name], most_users)
    return figure


def draw_together(
    runs: Sequence[RunReport],
    palette: style.Palette,
    sheet: Sheet,
    rounds: Mapping[str, RoundsPlateau] = NO_ROUNDS,
) -> Figure:
    """All curves in one panel, and under it a key with the figures of the rounds or, without any, of the hold."""
    key_in = key.height_in(len(runs))
    with style.look():
        figure, (axes, beside) = panels.new_panels(2, sheet, CAPTION, TOGETHER, key_in)
        most_users = max(run.curve.most_users for run in runs) or 1.0
        panels.frame(axes, x="users", y="good answers/s")
        panels.users_axis(axes, most_users)
        tops = [run.curve.highest_rps for run in runs] + [plateau.highest_rps for plateau in rounds.values()]
        panels.count_axis(axes, max(tops), along="y", room=1.08)
        for run in runs:
            stroke, points = palette[run.variant.name], _points(run.curve)
            axes.plot(*points, color=stroke.colour, linestyle=stroke.dash, linewidth=2.2, label=run.variant.name)
            if plateau := rounds.get(run.variant.name):
                draw_plateau(axes, plateau, most_users * 1.06, palette.own(run.variant.name).colour)
            else:
                panels.hold_dot(axes, most_users, run.goodput_rps, stroke.colour, points)
        heads = ("rounds,\nper s", "95 %") if rounds else ("held\nper s", "knee,\nusers")
        key.draw_key(beside, heads, [_line(run, rounds) for run in runs], palette, key_in)
    return figure


def describe(report: SessionReport) -> str:
    """What the chart says, for those who do not see it."""
    parts = [f"{showable(run.variant.name)}: {_described(run)}." for run in report.runs]
    return "Throughput against users, a panel a variant, from samples and from Locust's CSV. " + " ".join(parts)


def _described(run: RunReport) -> str:
    struck = f"{validity.struck(run)}, its figures are no results" if validity.struck(run) else ""
    return "; ".join(each for each in (struck or _facts(run), ceilings.describe(run)) if each)


def _line(run: RunReport, rounds: Mapping[str, RoundsPlateau]) -> Line:
    if plateau := rounds.get(run.variant.name):
        width = MISSING if plateau.half_width is None else shown_width(plateau.half_width)
        return Line(run.variant.name, (rounded(plateau.rps), width), from_rounds=True)
    return Line(run.variant.name, (rounded(run.goodput_rps), whole(run.curve.knee_users)))


def _facts(run: RunReport) -> str:
    if validity.struck(run):
        return "no result"
    held = f"held {rounded(run.goodput_rps)}/s" if run.goodput_rps is not None else "no hold"
    knee = "" if run.curve.knee_users is None else f" · knee at {run.curve.knee_users:.0f} users"
    failed = f" · {run.failures:,} failed" if run.failures else ""
    return held + knee + failed


def _points(curve: Curve) -> tuple[list[float], list[float]]:
    return [window.users for window in curve.windows], [window.goodput_rps for window in curve.windows]


def _behind(curves: Sequence[Curve]) -> tuple[list[float], list[float]]:
    """All of them as one line with gaps, each by some of its points only: they are a background."""
    users: list[float] = []
    rps: list[float] = []
    for curve in curves:
        step = max(1, len(curve.windows) // _BEHIND_POINTS)
        users += [*(window.users for window in curve.windows[::step]), math.nan]
        rps += [*(window.goodput_rps for window in curve.windows[::step]), math.nan]
    return users, rps


def _draw(axes: Axes, run: RunReport, stroke: style.Stroke, most_users: float) -> None:
    users, rps = _points(run.curve)
    axes.plot(users, rps, color=stroke.colour, linestyle=stroke.dash_alone, linewidth=2.2, zorder=3, label="samples")
    _hold(axes, run.curve, stroke.colour, most_users * 1.05)
    if run.csv_curve:
        axes.plot(*_points(run.csv_curve), color=style.INK, linestyle=_CSV_DASH, linewidth=1.3, zorder=4, label="CSV")
        if run.csv_curve.hold:
            x, y = [most_users * 1.075], [run.csv_curve.hold.goodput_rps]
            axes.plot(x, y, "o", markersize=3.5, color=style.INK, zorder=5, clip_on=False)
    knee = run.curve.knee_users
    if knee is not None and users and users[0] <= knee <= users[-1]:
        (ring,) = axes.plot([knee], [float(np.interp(knee, users, rps))], "o", markersize=8, zorder=6, clip_on=False)
        ring.set(markerfacecolor=style.PAPER, markeredgecolor=stroke.colour, markeredgewidth=1.8, label="knee")


def _hold(axes: Axes, curve: Curve, colour: str, x: float) -> None:
    if curve.hold is None:
        return
    if curve.hold.spread_rps:
        axes.vlines(x, *curve.hold.spread_rps, color=colour, linewidth=5, alpha=0.35, zorder=3)
    axes.plot([x], [curve.hold.goodput_rps], "o", markersize=5.5, color=colour, zorder=5, clip_on=False)
