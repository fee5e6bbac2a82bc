"""Throughput against users, a panel a variant, from both sources: our own samples and Locust's CSV."""

import math
from collections.abc import Sequence
from functools import partial
from typing import Final

from matplotlib.axes import Axes

from loopbench.judge.figures import rounded
from loopbench.judge.run.windows import Curve
from loopbench.judge.session.run_report import RunReport
from loopbench.judge.session.session_report import SessionReport
from loopbench.plots import ceilings, panels, rps_users, style, validity
from loopbench.plots.chart import Chart
from loopbench.plots.panels import Caption, Panel
from loopbench.showable import showable

TITLE: Final = "Each variant alone"
SUBTITLE: Final = "Good answers per second against users, all requests together; the same axes in every panel."
NOTES: Final = (
    "Coloured: from our own samples. Dotted: the same run from Locust's CSV history. Grey: the other variants.",
    "Shaded strip: mean of the hold, and the 10th to 90th percentile of its seconds where there are enough.",
    ceilings.NOTE,
)
_BEHIND = "#c9d0d6"
_BEHIND_POINTS = 30
_CSV_DASH = (0, (1, 1.6))


def chart(session: SessionReport, palette: style.Palette) -> Chart | None:
    """Both curves of each run; None without a run."""
    runs = session.runs
    if not runs:
        return None
    alt = "Throughput against users, a panel a variant, from samples and from Locust's CSV. "
    return Chart(
        "rps-users-each",
        Caption(TITLE, SUBTITLE, validity.noted(NOTES, runs)),
        alt + " ".join(f"{showable(run.variant.name)}: {_described(run)}." for run in runs),
        [partial(_fill, run, runs, palette[run.variant.name]) for run in runs],
        Panel(right_in=0.62),
        needs_closed_mode=True,
    )


def _fill(run: RunReport, runs: Sequence[RunReport], stroke: style.Stroke, axes: Axes) -> None:
    curves = [curve for each in runs for curve in (each.curve, each.csv_curve) if curve]
    most_users = max(curve.most_users for curve in curves) or 1.0
    highest_rps = max(curve.highest_rps for curve in curves)
    panels.frame(axes, x="users", y="good answers/s")
    panels.users_axis(axes, most_users)
    panels.count_axis(axes, ceilings.top_rps(runs, highest_rps), along="y", room=1.08)
    panels.head(axes, run.variant.name, stroke, _facts(run))
    ceilings.draw_ceilings(axes, run, stroke, most_users, highest_rps)
    behind = _behind([other.curve for other in runs if other is not run])
    axes.plot(*behind, color=_BEHIND, linewidth=1, zorder=1)
    _draw(axes, run, stroke, most_users)


def _described(run: RunReport) -> str:
    struck = f"{validity.struck(run)}, its figures are no results" if validity.struck(run) else ""
    return "; ".join(each for each in (struck or _facts(run), ceilings.describe(run)) if each)


def _facts(run: RunReport) -> str:
    if validity.struck(run):
        return "no result"
    held = f"held {rounded(run.goodput_rps)}/s" if run.goodput_rps is not None else "no hold"
    knee = "" if run.curve.knee_users is None else f" · knee at {run.curve.knee_users:.0f} users"
    failed = f" · {run.failures:,} failed" if run.failures else ""
    return held + knee + failed


def _behind(curves: Sequence[Curve]) -> tuple[list[float], list[float]]:
    """All of them as one line with gaps, each by some of its points only: they are a background."""
    chosen = [curve.windows[:: max(1, len(curve.windows) // _BEHIND_POINTS)] for curve in curves]
    users = [value for windows in chosen for value in (*(window.users for window in windows), math.nan)]
    rps = [value for windows in chosen for value in (*(window.goodput_rps for window in windows), math.nan)]
    return users, rps


def _draw(axes: Axes, run: RunReport, stroke: style.Stroke, most_users: float) -> None:
    samples = panels.points(run.curve)
    axes.plot(*samples, color=stroke.colour, linestyle=stroke.dash_alone, linewidth=2.2, zorder=3, label="samples")
    rps_users.draw_hold(axes, run.curve, most_users * 1.05, stroke.colour)
    if run.csv_curve:
        csv = panels.points(run.csv_curve)
        axes.plot(*csv, color=style.INK, linestyle=_CSV_DASH, linewidth=1.3, zorder=4, label="CSV")
        if run.csv_curve.hold:
            x, y = [most_users * 1.075], [run.csv_curve.hold.goodput_rps]
            axes.plot(x, y, "o", markersize=3.5, color=style.INK, zorder=5, clip_on=False)
    rps_users.draw_knee(axes, run.curve, stroke)
