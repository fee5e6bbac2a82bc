"""One picture of a session, not drawn yet: its files' name, its words, and what fills its panels.

Each chart module has a function `chart(session, palette)` that returns one of these, or None where there is nothing to
draw. `charts.SECTIONS` is the order of all of them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from loopbench.plots import panels, style
from loopbench.plots.panels import Caption, Panel, Sheet


@dataclass(frozen=True, eq=False)
class Chart:
    """One picture."""

    stem: str  # its files' name, without an ending
    caption: Caption  # title, how it was made, notes
    alt: str  # what it says, for readers who do not see it
    fills: Sequence[Callable[[Axes], None]]  # one function a panel, which draws into the panel's empty axes
    panel: Panel  # the measures of its panels, by which the page cuts it
    stamp: str | None = None  # its validity, `INVALID: C1`, if that is not the session's
    wide: "Chart | None" = None  # its form in a file and, without title, on a page that is wide enough
    on_page: bool = True  # whether the page shows it; otherwise it is a file only
    # whether the page leaves it out in open mode, where the number of users only follows the rate
    needs_closed_mode: bool = False
    also: tuple["Chart", ...] = ()  # further charts of the same section

    def draw(self, sheet: Sheet) -> Figure:
        """Draw it for a file or for the page."""
        if self.wide and sheet.captioned:
            return self.wide.draw(sheet)
        with style.look():
            figure, axes = panels.new_panels(len(self.fills), sheet, self.caption, self.panel, self.stamp or "")
            for fill, each in zip(self.fills, axes, strict=True):
                fill(each)
        return figure
