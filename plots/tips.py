"""Values that show when a pointer rests on a part of a picture: SVG's own `<title>`, which takes no script.

matplotlib knows no titles, but it writes an artist's group id into the SVG; `inline_svg` turns those that begin with
`TIP` into titles. In files they stay ids, which no one sees.
"""

from typing import Final

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

TIP: Final = "tip:"


def tip(artist: Artist, words: str) -> None:
    """Tell this of what is drawn. The words are foreign text that was made showable."""
    artist.set_gid(f"{TIP}{words}")


def zone(axes: Axes, left: float, width: float, words: str) -> None:
    """Tell this over a part of the axes' width (fractions of it) and all of its height; nothing is drawn."""
    box = Rectangle((left, 0), width, 1, transform=axes.transAxes, fill=False, linewidth=0, zorder=20)
    tip(box, words)
    axes.add_patch(box)
