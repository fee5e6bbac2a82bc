"""Throughput against users: one curve or several, from points. Where the points came from is not asked.

Each line ends in its plateau, with the name beside it. Where rounds were measured that is a diamond at their mean with
its 95 % interval; else it is the line's own hold, a dot at its mean and a bar from the 10th to the 90th percentile of
its short windows. An open ring on the line marks the knee, where one is shown.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Final, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator

from loopbench.judge.figures import rounded
from loopbench.judge.run.windows import Curve
from loopbench.judge.session.run_report import RunReport
from loopbench.plots import panels, plateaus, style
from loopbench.plots.chart import Chart
from loopbench.plots.panels import Caption, Panel
from loopbench.plots.plateaus import RoundsPlateau
from loopbench.plots.validity import STRUCK_NOTE

NO_ROUNDS: Final[Mapping[str, RoundsPlateau]] = MappingProxyType({})
NO_CEILINGS: Final[Mapping[str, float]] = MappingProxyType({})
CLOSED_LOOP = "Closed loop: N users, each waiting for its answer before asking again."
HOLD_MARK = "Dot: mean of the hold; bar: 10th to 90th percentile of its {window_s:.0f} s windows."
CEILING_MARK = "Short dashed line: the lowest ceiling in the hold, in its variant's colour; each alone shows them all."
KNEE_MARK = "Ring: the knee, where more users stop bringing more answers."

CAPTION: Final = Caption("Throughput against users", CLOSED_LOOP)
STEM: Final = "rps-users"
MAX_NOTES = 5

_CEILING_FROM = 0.8  # of the users
_LABEL_IN = 0.44  # height of a name and the figures under it
_NAMES_IN = 2.5  # the column of names at the right
_PANEL: Final = Panel(above_in=0.35, below_in=0.7, left_in=0.86, right_in=_NAMES_IN, columns=1)


class _Line(NamedTuple):
    """A curve, its stroke, what the rounds say of it, and where on the axis of users its plateau stands."""

    curve: Curve
    stroke: style.Stroke
    own: style.Stroke
    plateau: RoundsPlateau | None
    plateau_users: float

    @property
    def end(self) -> tuple[float, float]:
        """To which its name is tied."""
        if self.plateau:
            return self.plateau_users, self.plateau.rps
        if self.curve.hold:
            return self.plateau_users, self.curve.hold.goodput_rps
        return (self.curve.windows[-1].users, self.curve.windows[-1].goodput_rps) if self.curve.windows else (0.0, 0.0)


def curves_chart(
    curves: Sequence[Curve],
    palette: style.Palette | None = None,
    caption: Caption = CAPTION,
    rounds: Mapping[str, RoundsPlateau] = NO_ROUNDS,
    ceilings_rps: Mapping[str, float] = NO_CEILINGS,
) -> Chart:
    """The chart of these curves.

    Args:
        curves: in the order in which they are drawn; none at all gives a chart that says so.
        palette: strokes by label; by the order of the curves if not given.
        caption: the question the picture answers, and how it was measured.
        rounds: what stands at the end of a curve in place of its own hold, by label.
        ceilings_rps: the lowest ceiling of each curve that has one, by label.
    """
    strokes = palette or style.Palette(tuple(curve.label for curve in curves))
    known = {curve.label: rounds[curve.label] for curve in curves if curve.label in rounds}
    notes = _notes(curves, known, strokes) + ([CEILING_MARK] if ceilings_rps else [])
    panel = replace(_PANEL, height_in=max(3.3, _LABEL_IN * (len(curves) + 0.5)))

    def fill(axes: Axes) -> None:
        panels.frame(axes, x="users", y="", size=12)
        axes.set_title("good answers per second", loc="left", fontsize=12, color=style.QUIET, pad=8)
        _scale(axes, curves, known)
        lines = [
            _Line(curve, strokes[curve.label], strokes.own(curve.label), known.get(curve.label), at)
            for curve, at in zip(curves, _plateau_places(axes, curves), strict=True)
        ]
        for line in lines:
            _draw(axes, line)
            if line.curve.label in ceilings_rps:
                _draw_ceiling(axes, line, ceilings_rps[line.curve.label])
        _name(axes, lines, panel.height_in)

    return Chart(STEM, replace(caption, notes=tuple(notes)), "", [fill], panel)


def _notes(curves: Sequence[Curve], rounds: Mapping[str, RoundsPlateau], strokes: style.Palette) -> list[str]:
    """What must be known beside the picture: how to read its marks, then the notes of the curves."""
    held = [curve.hold for curve in curves if curve.hold and curve.label not in rounds]
    windows_s = [hold.spread_window_s for hold in held if hold.spread_rps]
    marks = [plateaus.MARK] if rounds else []
    marks += [HOLD_MARK.format(window_s=max(windows_s))] if windows_s else []
    marks += [STRUCK_NOTE] if any(strokes[curve.label].struck for curve in curves) else []
    marks += [KNEE_MARK] if any(curve.knee_users is not None for curve in curves) else []
    labels: dict[str, list[str]] = {}
    for curve in curves:
        for note in curve.notes:
            labels.setdefault(note, []).append(style.shortened(curve.label, 24))
    notes = [f"{', '.join(of)}: {note}" if len(curves) > 1 else note for note, of in labels.items()]
    if len(notes) > MAX_NOTES:
        notes = [*notes[: MAX_NOTES - 1], f"... and {len(notes) - MAX_NOTES + 1} more notes"]
    return [*marks, *notes]


def _scale(axes: Axes, curves: Sequence[Curve], rounds: Mapping[str, RoundsPlateau]) -> None:
    """Both axes from zero; a shaded strip right of the last user holds the bars."""
    most_users = max((curve.most_users for curve in curves), default=0.0) or 1.0
    tops = [curve.highest_rps for curve in curves] + [plateau.highest_rps for plateau in rounds.values()]
    highest = max(tops, default=0.0)
    right = most_users * (1.05 + 0.012 * len(curves))
    axes.set_xlim(0, right)
    axes.set_ylim(0, highest * 1.1 or 1.0)
    # (the mean of a hold's users may be 99.99: its 100 is wanted)
    for axis, last, whole in ((axes.xaxis, most_users, True), (axes.yaxis, axes.get_ylim()[1], False)):
        ticks = MaxNLocator(nbins=6, integer=whole, steps=[1, 2, 2.5, 5, 10]).tick_values(0, last)
        axis.set_major_locator(FixedLocator([tick for tick in ticks if 0 <= tick <= last * 1.01]))
    axes.yaxis.set_major_formatter(FuncFormatter(_tick))
    if rounds or any(curve.hold for curve in curves):
        axes.axvspan(most_users * 1.015, right, color=style.SHADE, linewidth=0, zorder=0)
        axes.text(
            (most_users * 1.015 + right) / 2,
            1.015,
            "rounds" if rounds else "hold",
            transform=axes.get_xaxis_transform(),
            ha="center",
            fontsize=10,
            color=style.QUIET,
        )
    if not curves:
        axes.set_yticks([])
        axes.text(0.5, 0.5, "no curve to draw", transform=axes.transAxes, ha="center", color=style.QUIET)


def _tick(value: float, _position: int | None = None) -> str:
    return f"{value / 1e6:,g}M" if value >= 1e6 else f"{value:,g}" if value < 1e4 else f"{value:,.0f}"


def _plateau_places(axes: Axes, curves: Sequence[Curve]) -> list[float]:
    """Where on the axis of users each curve's plateau stands: right of its own last user, side by side."""
    step = axes.get_xlim()[1] / 1.06 * 0.012
    first = 1 if len(curves) > 1 else 2
    return [curve.most_users * 1.015 + step * (place + first) for place, curve in enumerate(curves)]


def _draw(axes: Axes, drawn: _Line) -> None:
    curve, stroke, hold_x = drawn.curve, drawn.stroke, drawn.plateau_users
    users, rps = panels.points(curve)
    (line,) = axes.plot(users, rps, color=stroke.colour, linestyle=stroke.dash, linewidth=2.2, clip_on=False, zorder=3)
    line.set(
        label=curve.label, solid_capstyle="round", markersize=4, marker="o" if len(users) <= panels.FEW_POINTS else ""
    )
    if users and (drawn.plateau or curve.hold):
        ends = [users[-1], drawn.end[0]], [rps[-1], drawn.end[1]]
        axes.plot(*ends, color=stroke.colour, linewidth=1, alpha=0.5, zorder=2)
    if drawn.plateau:
        draw_plateau(axes, drawn.plateau, hold_x, drawn.own.colour)
    else:
        draw_hold(axes, curve, hold_x, stroke.colour)
    draw_knee(axes, curve, stroke)


def draw_hold(axes: Axes, curve: Curve, at: float, colour: str) -> None:
    """A dot at the mean of a curve's hold, and a bar over what most of its short windows reached."""
    if curve.hold is None:
        return
    if curve.hold.spread_rps:
        axes.vlines(at, *curve.hold.spread_rps, color=colour, linewidth=5, alpha=0.35, zorder=4)
    axes.plot([at], [curve.hold.goodput_rps], marker="o", markersize=6, color=colour, clip_on=False, zorder=5)


def draw_knee(axes: Axes, curve: Curve, stroke: style.Stroke) -> None:
    """A ring on the curve at its knee."""
    users, rps = panels.points(curve)
    if curve.knee_users is not None and users and users[0] <= curve.knee_users <= users[-1]:
        at_rps = float(np.interp(curve.knee_users, users, rps))
        (ring,) = axes.plot([curve.knee_users], [at_rps], "o", markersize=9, clip_on=False, zorder=6, label="knee")
        ring.set(markerfacecolor=style.PAPER, markeredgecolor=stroke.colour, markeredgewidth=2)


def _draw_ceiling(axes: Axes, drawn: _Line, rps: float) -> None:
    """Over the last part of the users only: lines across the whole picture would hide the curves."""
    ends = [_CEILING_FROM * drawn.curve.most_users, drawn.curve.most_users * 1.015]
    (line,) = axes.plot(ends, [rps, rps], color=drawn.stroke.colour, linestyle=(0, (4, 2)), linewidth=1.3, zorder=2)
    line.set(label=f"ceiling of {drawn.curve.label}")


def draw_plateau(axes: Axes, plateau: RoundsPlateau, users: float, colour: str) -> None:
    """A diamond at the mean of the rounds, with whiskers to the ends of its interval."""
    if plateau.low_rps is not None and plateau.high_rps is not None:
        ends = plateau.low_rps, plateau.high_rps
        axes.vlines(users, *ends, color=colour, linewidth=2.2, zorder=5)
        axes.plot([users, users], ends, "_", color=colour, markersize=7, markeredgewidth=1.6, zorder=5)
    (diamond,) = axes.plot([users], [plateau.rps], "D", color=colour, markersize=6, clip_on=False, zorder=6)
    diamond.set(markeredgecolor=style.PAPER, markeredgewidth=0.8, label="rounds")


def draw_end(
    axes: Axes, run: RunReport, palette: style.Palette, most_users: float, rounds: Mapping[str, RoundsPlateau]
) -> None:
    """Where a run's curve leads, in the strip at the right: its rounds' plateau or, without one, its own hold."""
    name = run.variant.name
    if plateau := rounds.get(name):
        draw_plateau(axes, plateau, most_users * 1.06, palette.own(name).colour)
    else:
        panels.hold_dot(axes, most_users, run.goodput_rps, palette[name].colour, panels.points(run.curve))


def _name(axes: Axes, lines: Sequence[_Line], plot_in: float) -> None:
    """Names at the line ends, moved apart where they would touch, each tied to its end by a thin line."""
    right, top = axes.get_xlim()[1], axes.get_ylim()[1]
    label_height = _LABEL_IN / plot_in * top
    wanted = [line.end[1] for line in lines]
    heights = style.spread(wanted, label_height, label_height / 2, top - label_height / 4)
    for line, height in zip(lines, heights, strict=True):
        stroke, (x, y) = line.stroke, line.end
        tie_x, tie_y = [x, right, right * 1.03], [y, y, height]
        axes.plot(tie_x, tie_y, color=stroke.colour, linewidth=0.9, alpha=0.7, clip_on=False, zorder=2)
        name = style.fitted(line.curve.label, _NAMES_IN - 0.35, 12)
        for text, size_pt, colour, side, away_pt in (
            (name, 12, line.own.text_colour, "bottom", 1),
            (_figures(line), 10, style.QUIET, "top", -1),
        ):
            place = (right * 1.04, height)
            shown = axes.annotate(text, place, (0, away_pt), textcoords="offset points", annotation_clip=False)
            shown.set(fontsize=size_pt, color=colour, va=side)


def _figures(line: _Line) -> str:
    curve = line.curve
    if line.plateau:
        return line.plateau.figures
    if line.stroke.struck:
        return line.stroke.struck
    held = f"{rounded(curve.hold.goodput_rps)}/s held" if curve.hold else "no hold"
    return held if curve.knee_users is None else f"{held}, knee at {curve.knee_users:.0f}"
