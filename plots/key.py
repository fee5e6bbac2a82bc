"""A key that is a table: each variant's stroke and name, with the figures that belong beside it."""

from collections.abc import Sequence
from typing import NamedTuple

from matplotlib.axes import Axes

from loopbench.plots import panels, style

ROW_IN = 0.235
HEADS_IN = 0.34  # room for heads of two lines
_NAMES_WIDTH = 0.47  # of the panel; the figures share the rest
_NAME_AT = 0.08
_SIZE = 9.5


class Line(NamedTuple):
    """One variant: its name and as many figures as the key has heads."""

    name: str
    figures: Sequence[str]
    from_rounds: bool = False  # not from the ramp: an INVALID one does not touch them


def height_in(lines: int) -> float:
    """What a key of so many lines takes."""
    return HEADS_IN + ROW_IN * lines


def draw_key(axes: Axes, heads: Sequence[str], lines: Sequence[Line], palette: style.Palette) -> None:
    """Fill a panel with these lines, from the top."""
    axes.set_axis_off()
    axes.set_xlim(0, 1)
    axes.set_ylim(panels.high_in(axes), 0)
    step = (1 - _NAMES_WIDTH) / len(heads)
    name_in = (_NAMES_WIDTH - _NAME_AT) * panels.wide_in(axes)
    ends = [_NAMES_WIDTH + step * (index + 1) for index in range(len(heads))]
    for x, text in zip(ends, heads, strict=True):
        head = axes.text(x, HEADS_IN, text, fontsize=_SIZE - 1, va="bottom", ha="right", color=style.QUIET)
        head.set_linespacing(1.05)
    for place, line in enumerate(lines):
        stroke, y_in = palette[line.name], HEADS_IN + (place + 0.6) * ROW_IN
        axes.plot([0, 0.06], [y_in, y_in], color=stroke.colour, linestyle=stroke.dash, linewidth=2.2, clip_on=False)
        name = axes.text(_NAME_AT, y_in, style.fitted(line.name, name_in, _SIZE), fontsize=_SIZE, va="center")
        name.set_color(palette.own(line.name).text_colour)
        if stroke.struck and not line.from_rounds:
            axes.text(1, y_in, "INVALID", fontsize=_SIZE, va="center", ha="right", color=style.INK)
            continue
        for x, text in zip(ends, line.figures, strict=True):
            axes.text(x, y_in, text, fontsize=_SIZE, va="center", ha="right", color=style.INK)
