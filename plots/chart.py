"""One picture of a session, not drawn yet: its files' name, its words, and how to make it for a sheet."""

from collections.abc import Callable
from dataclasses import dataclass

from matplotlib.figure import Figure

from plots.panels import Caption, Panel, Sheet


@dataclass(frozen=True)
class Chart:
    """One picture.

    Args:
        stem: its files' name, without an ending.
        caption: title, how it was made, notes.
        alt: what it says, for those who do not see it.
        draw: makes it for a sheet.
        panel: the measures of its panels, by which the page cuts it.
        stamp: what may be believed of it, `INVALID: C1`.
        stands_whole: where there is room, the page shows it as in the file, without its headline.
    """

    stem: str
    caption: Caption
    alt: str
    draw: Callable[[Sheet], Figure]
    panel: Panel
    stamp: str = ""
    stands_whole: bool = False
