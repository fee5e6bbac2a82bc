"""Throughput against users: one curve or several, from points. Where the points came from is not asked.

Each line ends in its plateau, with the name beside it. Where rounds were measured that is a diamond at their mean with
its 95 % interval; else it is the line's own hold, a dot at its mean and a bar from the 10th to the 90th percentile of
its short windows. An open ring on the line marks the knee, where one is shown.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator

from loopbench.judge.run.windows import Curve
from plots import plateaus, style
from plots.plateaus import RoundsPlateau
from plots.validity import STRUCK_NOTE

NO_ROUNDS: Final[Mapping[str, RoundsPlateau]] = MappingProxyType({})
NO_CEILINGS: Final[Mapping[str, float]] = MappingProxyType({})
CLOSED_LOOP = "Closed loop: N users, each waiting for its answer before asking again."
HOLD_MARK = "Dot: mean of the hold; bar: 10th to 90th percentile of its {window_s:.0f} s windows."
CEILING_MARK = "Short dashed line: the lowest ceiling in the hold, in its variant's colour; each alone shows them all."
KNEE_MARK = "Ring: the knee, where more users stop bringing more answers."

MOST_NOTES = 5
FEW_WINDOWS = 15  # up to here each point is marked, so that a straight line is not mistaken for data

_CEILING_FROM = 0.8  # of the users
_WIDTH_IN = 9.0
_LABEL_IN = 0.44  # height of a name and the figures under it
_NAMES_IN = 2.5  # the column of names at the right
_TOP_IN, _BOTTOM_IN, _LEFT_IN = 1.12, 0.84, 0.86


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


def draw_rps_users(  # noqa: PLR0913  two kinds of points, and what is written around them
    curves: Sequence[Curve],
    palette: style.Palette | None = None,
    title: str = "Throughput against users",
    subtitle: str = CLOSED_LOOP,
    rounds: Mapping[str, RoundsPlateau] = NO_ROUNDS,
    stamp: str = "",
    ceilings_rps: Mapping[str, float] = NO_CEILINGS,
) -> Figure:
    """The chart of these curves.

    Args:
        curves: in the order in which they are drawn; none at all gives a chart that says so.
        palette: strokes by label; by the order of the curves if not given.
        title: the question the picture answers.
        subtitle: how it was measured.
        rounds: what stands at the end of a curve in place of its own hold, by label.
        stamp: what may be believed of it, for the corner; empty for none.
        ceilings_rps: the lowest ceiling of each curve that has one, by label.
    """
    strokes = palette or style.Palette(tuple(curve.label for curve in curves))
    known = {curve.label: rounds[curve.label] for curve in curves if curve.label in rounds}
    notes = _notes(curves, known, strokes) + ([CEILING_MARK] if ceilings_rps else [])
    stamp_in = style.STAMP_IN if stamp else 0.0
    with style.look():
        below_in = _BOTTOM_IN + style.FOOTNOTE_IN * len(notes)
        plot_in = max(3.3, _LABEL_IN * (len(curves) + 0.5))
        height_in = _TOP_IN + stamp_in + plot_in + below_in
        figure = style.new_figure(_WIDTH_IN, height_in)
        style.headline(figure, title, subtitle, stamp_in)
        if stamp:
            style.stamp(figure, stamp)
        style.footnotes(figure, notes)
        right_in = _WIDTH_IN - _NAMES_IN - _LEFT_IN
        box = (_LEFT_IN / _WIDTH_IN, below_in / height_in, right_in / _WIDTH_IN, plot_in / height_in)
        axes = figure.add_axes(box)
        style.frame(axes, x="users", y="good answers per second")
        _scale(axes, curves, known)
        lines = [_line(axes, curve, place, len(curves), strokes, known) for place, curve in enumerate(curves)]
        for line in lines:
            _draw(axes, line)
            if line.curve.label in ceilings_rps:
                _draw_ceiling(axes, line, ceilings_rps[line.curve.label])
        _name(axes, lines, plot_in)
    return figure


def _notes(curves: Sequence[Curve], rounds: Mapping[str, RoundsPlateau], strokes: style.Palette) -> list[str]:
    """What must be known beside the picture: how to read its marks, then what each curve has to say."""
    held = [curve.hold for curve in curves if curve.hold and curve.label not in rounds]
    windows_s = [hold.spread_window_s for hold in held if hold.spread_rps]
    marks = [plateaus.MARK] if rounds else []
    marks += [HOLD_MARK.format(window_s=max(windows_s))] if windows_s else []
    marks += [STRUCK_NOTE] if any(strokes[curve.label].struck for curve in curves) else []
    marks += [KNEE_MARK] if any(curve.knee_users is not None for curve in curves) else []
    who: dict[str, list[str]] = {}
    for curve in curves:
        for note in curve.notes:
            who.setdefault(note, []).append(style.shortened(curve.label, 24))
    said = [f"{', '.join(labels)}: {note}" if len(curves) > 1 else note for note, labels in who.items()]
    if len(said) > MOST_NOTES:
        said = [*said[: MOST_NOTES - 1], f"... and {len(said) - MOST_NOTES + 1} more notes"]
    return [*marks, *said]


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


def _hold_place(axes: Axes, curve: Curve, place: int, of: int) -> float:
    """Where on the axis of users the bar of this curve stands: right of its own last user, side by side."""
    step = axes.get_xlim()[1] / 1.06 * 0.012
    return curve.most_users * 1.015 + step * (place + 1) + (0 if of > 1 else step)


def _line(  # noqa: PLR0913  a curve, its place among the others, and what is known of all
    axes: Axes,
    curve: Curve,
    place: int,
    of: int,
    strokes: style.Palette,
    rounds: Mapping[str, RoundsPlateau],
) -> _Line:
    own, at = strokes.own(curve.label), _hold_place(axes, curve, place, of)
    return _Line(curve, strokes[curve.label], own, rounds.get(curve.label), at)


def _draw(axes: Axes, drawn: _Line) -> None:
    curve, stroke, hold_x = drawn.curve, drawn.stroke, drawn.plateau_users
    users = [window.users for window in curve.windows]
    rps = [window.goodput_rps for window in curve.windows]
    (line,) = axes.plot(users, rps, color=stroke.colour, linestyle=stroke.dash, linewidth=2.2, clip_on=False, zorder=3)
    line.set(label=curve.label, solid_capstyle="round", markersize=4, marker="o" if len(users) <= FEW_WINDOWS else "")
    if users and (drawn.plateau or curve.hold):
        ends = [users[-1], drawn.end[0]], [rps[-1], drawn.end[1]]
        axes.plot(*ends, color=stroke.colour, linewidth=1, alpha=0.5, zorder=2)
    if drawn.plateau:
        draw_plateau(axes, drawn.plateau, hold_x, drawn.own.colour)
    elif curve.hold:
        mean_rps = curve.hold.goodput_rps
        if curve.hold.spread_rps:
            axes.vlines(hold_x, *curve.hold.spread_rps, color=stroke.colour, linewidth=5, alpha=0.35, zorder=4)
        axes.plot([hold_x], [mean_rps], marker="o", markersize=6, color=stroke.colour, clip_on=False, zorder=5)
    if curve.knee_users is not None and users and users[0] <= curve.knee_users <= users[-1]:
        at_rps = float(np.interp(curve.knee_users, users, rps))
        (ring,) = axes.plot([curve.knee_users], [at_rps], "o", markersize=9, clip_on=False, zorder=6)
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
    held = f"{style.rounded(curve.hold.goodput_rps)}/s held" if curve.hold else "no hold"
    return held if curve.knee_users is None else f"{held}, knee at {curve.knee_users:.0f}"
