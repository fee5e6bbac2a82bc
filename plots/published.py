"""What the source claims beside what was measured: plateaus, and their ratios to the reference variant."""

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, StrMethodFormatter

from loopbench.judge.figures import ratio, rounded
from loopbench.judge.rounds.published import PublishedFigure
from loopbench.judge.session.run_report import RunReport
from loopbench.judge.session.session_report import SessionReport
from loopbench.plots import panels, style
from loopbench.plots.chart import Chart
from loopbench.plots.panels import Caption, Panel
from loopbench.showable import showable

NOTES: Final = (
    "Open: published. Filled: measured, one run each. Pale bar: 10th to 90th percentile of the hold's seconds.",
    "Grey: the ratios in which the claim holds.",
)
_ROW_IN: Final = 0.58
_NAMES_IN: Final = 1.7  # left of the axes
_NAME_PT: Final = 10

Show = Callable[[float], str]


def chart(session: SessionReport, palette: style.Palette) -> Chart | None:
    """Published plateaus and ratios beside the measured ones; None where nothing is published or measured."""
    claims = session.published.claims if session.published else ()
    if not claims or not (session.runs or session.rounds):
        return None
    reference = style.shortened(claims[0].variant, 24)
    return Chart(
        "published",
        Caption(
            "Published and measured",
            f"Plateaus, and how each stands to {reference}. Another machine gives other numbers; "
            "a claim that travels keeps its ratios.",
            NOTES,
        ),
        "Published and measured plateaus. " + " ".join(map(_described, claims)),
        [partial(_plateaus, claims, session.runs, palette), partial(_ratios, claims, palette)],
        Panel(_ROW_IN * len(claims), above_in=0.5, below_in=0.45, left_in=_NAMES_IN, right_in=0.35),
    )


def _plateaus(claims: Sequence[PublishedFigure], runs: Sequence[RunReport], palette: style.Palette, axes: Axes) -> None:
    """Each measured variant's ramp lends the spread of its hold."""
    spreads = {run.variant.name: run.curve.hold.spread_rps for run in runs if run.curve.hold}
    _rows(axes, claims, palette, "good answers per second")
    for row, claim in enumerate(claims):
        stroke = palette[claim.variant]
        if spread := spreads.get(claim.variant):
            _bar(axes, row, spread, stroke.colour, 0.3)
        _pair(axes, row, claim.published_rps, claim.measured_rps, stroke, rounded)


def _ratios(claims: Sequence[PublishedFigure], palette: style.Palette, axes: Axes) -> None:
    _rows(axes, claims, palette, f"times {style.shortened(claims[0].variant, 20)}")
    for row, claim in enumerate(claims):
        if row:
            _pair(axes, row, claim.published_ratio, claim.measured_ratio, palette[claim.variant], ratio)
        if claim.region:
            highest = max(1.0, claim.published_ratio, claim.measured_ratio or 0.0)
            end = claim.region.high if math.isfinite(claim.region.high) else highest
            _bar(axes, row, (claim.region.low, end), style.GRID, 1.0)
    axes.axvline(1, color=style.QUIET, linewidth=0.8, linestyle=(0, (2, 2)), zorder=1)
    _name_reference(axes)


def _described(claim: PublishedFigure) -> str:
    measured = "not measured" if claim.measured_rps is None else f"measured {rounded(claim.measured_rps)}"
    stands = "" if claim.measured_ratio is None else f", {ratio(claim.measured_ratio)} times the reference"
    return (
        f"{showable(claim.variant)}: published {rounded(claim.published_rps)} per second, "
        f"{ratio(claim.published_ratio)} times the reference; {measured}{stands}."
    )


def _rows(axes: Axes, claims: Sequence[PublishedFigure], palette: style.Palette, x: str) -> None:
    panels.bars_frame(axes)
    axes.set_title(x, loc="left", fontsize=11, color=style.QUIET, pad=8)
    axes.set_ylim(len(claims) - 0.5, -0.5)
    axes.set_yticks(range(len(claims)), [style.fitted(claim.variant, _NAMES_IN - 0.15, _NAME_PT) for claim in claims])
    for label, claim in zip(axes.get_yticklabels(), claims, strict=True):
        label.set(color=palette[claim.variant].text_colour, fontsize=_NAME_PT)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=5))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.4g}"))


def _name_reference(axes: Axes) -> None:
    """Beside the line at 1, on the side with more room."""
    at_left = axes.get_xlim()[1] < 2
    text = axes.annotate("the reference", (1, 0), (-6 if at_left else 6, 0), "data", "offset points", va="center")
    text.set(ha="right" if at_left else "left", fontsize=10, color=style.QUIET)


def _pair(  # noqa: PLR0913  a place, two values, and how they look
    axes: Axes, row: int, published: float, measured: float | None, stroke: style.Stroke, show: Show
) -> None:
    """An open ring for the claim, its figure below; a dot for ours, its figure above; a line between them."""
    if measured is not None:
        axes.plot([published, measured], [row, row], color=stroke.colour, linewidth=1.4, alpha=0.6, zorder=3)
        (dot,) = axes.plot([measured], [row], "o", color=stroke.colour, markersize=8, zorder=5, clip_on=False)
        dot.set_label("measured")
        figure = "INVALID" if stroke.struck else show(measured)
        above = axes.annotate(figure, (measured, row), (0, 7), "data", "offset points", ha="center")
        above.set(color=stroke.text_colour, fontsize=10, va="bottom", zorder=6)
    (ring,) = axes.plot([published], [row], "o", markersize=8, zorder=4, clip_on=False, label="published")
    ring.set(markerfacecolor=style.PAPER, markeredgecolor=stroke.colour, markeredgewidth=1.8)
    below = axes.annotate(show(published), (published, row), (0, -7), "data", "offset points", ha="center")
    below.set(color=style.QUIET, fontsize=10, va="top", zorder=6)
    _reach(axes, max(published, measured or 0))


def _bar(axes: Axes, row: int, ends: tuple[float, float], colour: str, alpha: float) -> None:
    axes.hlines(row, *ends, color=colour, linewidth=8, alpha=alpha, zorder=1)
    _reach(axes, ends[1])


def _reach(axes: Axes, value: float) -> None:
    """Make the axis long enough for a value and its figure."""
    axes.set_xlim(0, max(axes.get_xlim()[1], 1.1 * value))
