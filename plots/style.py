"""How every chart of ours looks: colours, type, frames, labels, files. Charts call this; nothing here knows a number.

Figures are built with matplotlib's object interface under `look()`, so that no state of pyplot, and no setting of the
machine, has a say in a picture. The same data gives the same bytes.
"""

import warnings
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from scipy.optimize import isotonic_regression

from loopbench.records.files import replacing
from loopbench.showable import showable

PAPER: Final = "#ffffff"
INK: Final = "#1f2933"
QUIET: Final = "#5b6773"  # notes, ticks: still 5.8 to 1 against the paper
GRID: Final = "#e3e7eb"
SHADE: Final = "#f3f5f7"

COLOURS: Final = (
    "#0072b2",  # blue
    "#d55e00",  # vermilion
    "#009e73",  # green
    "#6b2d5c",  # plum
    "#f0a500",  # orange
    "#56b4e9",  # sky
    "#222222",  # black
    "#8a5a2b",  # brown
)
"""After Okabe and Ito (2008), less their yellow, which cannot be seen on white; the test measures how far apart any two
are (CIE L*a*b*) with and without red or green cones: at least 20, the first four at least 25."""

DASHES: Final[tuple[str | tuple[float, tuple[float, ...]], ...]] = (
    "-",
    (0, (5, 2)),
    (0, (1.5, 1.5)),
    (0, (6, 2, 1.5, 2)),
    (0, (9, 3)),
    (0, (3, 1, 1, 1, 1, 1)),
    (0, (2.5, 2.5)),
    (0, (10, 2, 3, 2)),
)
"""One for each colour, for readers and printers that see none; each further set of names takes them shifted by one."""

STRUCK: Final = "#8a949d"
"""What an INVALID run is drawn in, dashed: there to be seen, not to be compared."""
STRUCK_DASHES: Final = ((0, (5, 3)), (0, (2, 2)), (0, (8, 2, 2, 2)), (0, (1, 1.5)))

PARTS: Final = ("#b0bac4", "#b3446c", "#e6ab5c", "#5b8a72", "#a7c6da", "#7a6a9b")
"""For the parts of a whole (where a request's time goes): none of them is a variant's colour."""

FIGURE_DPI: Final = 100
_FILES: Final[dict[str, dict[str, Any]]] = {
    "svg": {"metadata": {"Date": None, "Creator": "loopbench"}},
    # (the usual level of compression takes longer, for files a sixth smaller: 2.9 of 3.5 MB a session)
    "png": {"dpi": 200, "metadata": {"Software": "loopbench"}, "pil_kwargs": {"compress_level": 1}},
}
_LIGHT_ENOUGH = 4.5  # contrast of text, WCAG 2.1 level AA

_SETTINGS: Final[dict[Any, Any]] = {
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same on every machine
    "font.size": 12,
    "text.color": INK,
    "text.parse_math": False,  # a name with two dollar signs is a name
    "text.usetex": False,
    "axes.edgecolor": QUIET,
    "axes.labelcolor": QUIET,
    "axes.labelsize": 12,
    "axes.facecolor": PAPER,
    "axes.formatter.useoffset": False,
    "axes.unicode_minus": True,
    "axes.linewidth": 0.8,
    "axes.titley": 1.0,  # ticks are below: no search for a free place above them, a tenth of the drawing
    "figure.facecolor": PAPER,
    "savefig.facecolor": PAPER,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "xtick.labelsize": 12,
    "ytick.labelsize": 12,
    "svg.fonttype": "none",  # text stays text: to be searched, read aloud, copied
    "svg.hashsalt": "loopbench",
    "path.simplify": True,
}


@dataclass(frozen=True, slots=True)
class Stroke:
    """How one variant is drawn, everywhere."""

    colour: str
    dash: str | tuple[float, tuple[float, ...]] = "-"
    struck: str = ""  # why its figures are no results, `INVALID: C1`; empty when they are

    @property
    def dash_alone(self) -> str | tuple[float, tuple[float, ...]]:
        """For a panel of one variant: dashes then mean that it is struck out, and nothing else."""
        return self.dash if self.struck else "-"

    @property
    def text_colour(self) -> str:
        """The colour, darkened until small letters in it can be read on the paper."""
        if self.struck:
            return QUIET
        red, green, blue = to_rgb(self.colour)
        while contrast((red, green, blue), to_rgb(PAPER)) < _LIGHT_ENOUGH:
            red, green, blue = red * 0.95, green * 0.95, blue * 0.95
        return f"#{round(red * 255):02x}{round(green * 255):02x}{round(blue * 255):02x}"


@dataclass(frozen=True, slots=True)
class Palette:
    """One stroke for each name, by its place in the list of all names of the session, not of those on one chart."""

    names: tuple[str, ...]  # all of them
    # names whose ramp is INVALID, each with the words that say so
    struck: Mapping[str, str] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Stroke:
        if name in self.struck:
            return Stroke(STRUCK, STRUCK_DASHES[self.names.index(name) % len(STRUCK_DASHES)], self.struck[name])
        return self.own(name)

    def own(self, name: str) -> Stroke:
        """The name's own stroke, whatever became of its ramp: for figures that do not come from there."""
        place = self.names.index(name)
        return Stroke(COLOURS[place % len(COLOURS)], DASHES[(place + place // len(COLOURS)) % len(DASHES)])


def contrast(one: tuple[float, float, float], other: tuple[float, float, float]) -> float:
    """WCAG 2.1 contrast ratio of two sRGB colours with components in [0, 1]; 1 to 21."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@contextmanager
def look() -> Iterator[None]:
    """Our settings, and none of the machine's, for as long as a figure is built or saved."""
    with mpl.rc_context(), warnings.catch_warnings():
        # A name in a script that DejaVu lacks shows boxes in the PNG; in the SVG the viewer's own fonts fill in.
        warnings.filterwarnings("ignore", message=r"Glyph \d+ .* missing from font", category=UserWarning)
        mpl.rcdefaults()
        mpl.rcParams.update(_SETTINGS)
        yield


def spread(wanted: Sequence[float], gap: float, lowest: float, highest: float) -> list[float]:
    """Places for labels as near as possible to where they are wanted, `gap` apart, in the wanted order.

    Neighbours in conflict share the error evenly (least squares). If the room is too small for all gaps, the gap
    shrinks to fit.
    """
    if not wanted:
        return []
    gap = min(gap, (highest - lowest) / max(1, len(wanted) - 1))
    order, gaps = np.argsort(wanted, kind="stable"), gap * np.arange(len(wanted))
    levels = isotonic_regression(np.asarray(wanted, dtype=np.float64)[order] - gaps).x
    places = np.empty(len(wanted))
    places[order] = np.clip(levels, lowest, highest - gaps[-1]) + gaps
    return [float(place) for place in places]


def shortened(text: str, most: int = 40) -> str:
    """Foreign text for a chart: showable, and cut to `most` characters with an ellipsis."""
    short = " ".join(showable(text).split())
    return short if len(short) <= most else short[: most - 1].rstrip() + "…"


def fitted(text: str, width_in: float, size_pt: float) -> str:
    """Make foreign text showable and cut it to the most characters that fit into this width in our type."""
    renderer = RendererAgg(1, 1, 100)  # type: ignore[no-untyped-call] # matplotlib ships it so
    font = FontProperties(family=_SETTINGS["font.family"], size=size_pt)

    def wide_in(shown: str) -> float:
        width, _, _ = renderer.get_text_width_height_descent(shown, font, ismath=False)  # type: ignore[no-untyped-call]
        return float(width) / 100

    whole = shortened(text, 200)
    if wide_in(whole) <= width_in:
        return whole
    lengths = range(2, len(whole))
    fitting = bisect_right(lengths, width_in, key=lambda most: wide_in(shortened(whole, most)))
    return shortened(whole, lengths[fitting - 1]) if fitting else whole[:1]


def save(figure: Figure, stem: Path, endings: Sequence[str] = ("svg", "png")) -> tuple[Path, ...]:
    """Write `stem`.svg and `stem`.png, or one of them, and return their paths; the same figure gives the same bytes."""
    paths = tuple(stem.parent / f"{stem.name}.{ending}" for ending in endings)
    with look():
        for path, ending in zip(paths, endings, strict=True):
            with replacing(path) as part:
                figure.savefig(part, format=ending, **_FILES[ending])
    return paths


def _luminance(colour: tuple[float, float, float]) -> float:
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
