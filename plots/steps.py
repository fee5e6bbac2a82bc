"""Step loads: throughput at each level of users, and the model that explains it; a panel each variant."""

from collections.abc import Sequence
from functools import partial
from typing import Final, NamedTuple

import numpy as np
from matplotlib.axes import Axes

from loopbench.judge.figures import rounded
from loopbench.judge.session.session_report import SessionReport
from loopbench.judge.stamp.stamp_checks import Level
from loopbench.judge.statistics.curves import Hinge, NoShape, Shape, Usl
from loopbench.judge.statistics.fits import RunCurve
from loopbench.plots import panels, style, validity
from loopbench.plots.chart import Chart
from loopbench.plots.panels import Caption, Panel
from loopbench.showable import showable

TITLE: Final = "Throughput at each level of users"
SUBTITLE: Final = "Each level of users held for a while, in random order; the same axes in every panel."
NOTES: Final = (
    "Points: good answers per second, one each run and level. Line: the model that was fitted, if any may be.",
    "A hinge is a pool that is full from so many users on; USL is a server that contends with itself.",
)
_ALONG = 120  # points of a fitted line


class StepLoad(NamedTuple):
    """One variant: its step runs, the shape they have, and the words for those that are INVALID."""

    variant: str
    curves: tuple[RunCurve, ...]
    shape: Shape
    struck: str

    @property
    def facts(self) -> str:
        """The shape in a few words."""
        shape = self.shape
        if isinstance(shape, Hinge):
            low, high = shape.knee_users.interval[:2]
            return f"a pool: full at {shape.knee_users.value:.3g} users ({low:.3g} to {high:.3g})"
        if isinstance(shape, Usl):
            peak = f", peak at {shape.peak.users:.0f} users" if shape.peak else ""
            return f"USL: σ {shape.sigma.value:.3f}, κ {shape.kappa.value:.2g}{peak}"  # noqa: RUF001  their names
        return "no shape is shown"

    @property
    def sentence(self) -> str:
        """For the text that stands for the picture."""
        return self.shape.reason if isinstance(self.shape, NoShape) else self.facts


def step_loads(report: SessionReport) -> tuple[StepLoad, ...]:
    """In the scenario's order; variants without a complete step run are absent."""
    loads = []
    for name, shape in report.shapes:
        own = [each for each in report.steps if each.variant == name]
        bad = next((each.stamp for each in own if each.stamp.level is Level.INVALID), None)
        struck = "" if bad is None else validity.run_words(bad, validity.MAX_IN_A_HEAD)
        loads.append(StepLoad(name, tuple(each.curve for each in own), shape, struck))
    return tuple(loads)


def chart(session: SessionReport, palette: style.Palette) -> Chart | None:
    """Step loads; None without any."""
    loads = step_loads(session)
    if not loads:
        return None
    struck = {load.variant: load.struck for load in loads if load.struck}
    strokes = style.Palette(palette.names, struck)
    return Chart(
        "steps",
        Caption(TITLE, SUBTITLE, (*NOTES, validity.STRUCK_NOTE) if struck else NOTES),
        "Throughput at each level of users. " + " ".join(map(_described, loads)),
        [partial(_fill, load, loads, strokes[load.variant]) for load in loads],
        Panel(right_in=0.3),
    )


def _fill(load: StepLoad, loads: Sequence[StepLoad], stroke: style.Stroke, axes: Axes) -> None:
    most_users = max((n for each in loads for curve in each.curves for n in curve.users), default=1.0)
    highest_rps = max((rps for each in loads for curve in each.curves for rps in curve.rps), default=1.0)
    panels.frame(axes, x="users", y="good answers/s")
    panels.count_axis(axes, most_users, along="x", room=1.04)
    panels.count_axis(axes, highest_rps, along="y", room=1.1)
    panels.head(axes, load.variant, stroke, "no result" if load.struck else load.facts)
    _draw(axes, load, stroke, most_users)


def _described(load: StepLoad) -> str:
    rates = [rps for curve in load.curves for rps in curve.rps]
    most = f"at most {rounded(max(rates))} good answers per second" if rates else "no level was reached"
    words = f"{load.struck}, no result" if load.struck else f"{most}; {load.sentence}"
    return f"{showable(load.variant)}: {words}."


def _draw(axes: Axes, load: StepLoad, stroke: style.Stroke, most_users: float) -> None:
    for curve in load.curves:
        axes.plot(curve.users, curve.rps, "o", color=stroke.colour, markersize=4.5, alpha=0.7, label="level", zorder=3)
    if not isinstance(load.shape, NoShape):
        bend = [load.shape.knee_users.value] if isinstance(load.shape, Hinge) else []
        users = np.unique([1.0, *np.linspace(1, most_users, _ALONG), *bend])
        fitted = load.shape.rps(users)
        axes.plot(users, fitted, color=stroke.colour, linestyle=stroke.dash_alone, linewidth=1.8, label="fit", zorder=2)
    if isinstance(load.shape, Hinge) and not load.struck:
        low, high = load.shape.knee_users.interval[:2]
        axes.axvspan(max(0, low), min(most_users, high), color=stroke.colour, alpha=0.12, linewidth=0, zorder=0)
