"""Pictures that anyone can read, that come out the same, and that foreign names cannot disturb."""

from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree as ET

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties

from loopbench.plots import panels
from loopbench.plots.style import (
    COLOURS,
    PAPER,
    Palette,
    Stroke,
    contrast,
    fitted,
    look,
    save,
    shortened,
    spread,
)

SIGHT = {
    "all cones": np.eye(3),
    "no red cones": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "no green cones": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]]
    ),
}
"""Machado, Oliveira and Fernandes (2009), severity 1.0, on linear RGB."""


def lab(colour: str, sight: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """CIE L*a*b* (D65) of a colour as it is seen."""
    srgb = np.array(to_rgb(colour))
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip(SIGHT[sight] @ linear, 0, 1)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    x, y, z = np.cbrt(to_xyz @ seen / np.array([0.9505, 1.0, 1.089]))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("sight", SIGHT)
def test_the_first_four_colours_are_far_apart_for_everyone_and_all_eight_differ(sight: str) -> None:
    apart = {
        (one, other): float(np.linalg.norm(lab(one, sight) - lab(other, sight)))
        for one, other in combinations(COLOURS, 2)
    }
    assert min(apart[pair] for pair in combinations(COLOURS[:4], 2)) > 25
    assert min(apart.values()) > 20


@pytest.mark.parametrize("colour", COLOURS)
def test_lines_and_letters_stand_out_from_the_paper(colour: str) -> None:
    assert contrast(to_rgb(colour), to_rgb(PAPER)) > 2
    assert contrast(to_rgb(Stroke(colour).text_colour), to_rgb(PAPER)) >= 4.5


def test_a_name_has_its_stroke_by_its_place_in_the_session_and_none_is_used_twice() -> None:
    names = tuple(f"variant {i}" for i in range(20))
    palette = Palette(names)
    assert palette["variant 3"].colour == COLOURS[3]
    assert len({palette[name] for name in names}) == 20


def test_lines_are_told_apart_without_their_colours() -> None:
    names = tuple(f"variant {i}" for i in range(len(COLOURS)))
    assert len({Palette(names)[name].dash for name in names}) == len(COLOURS)


@pytest.mark.parametrize(
    ("wanted", "places"),
    [
        ([], []),
        ([50], [50]),
        ([10, 90], [10, 90]),
        ([50, 50], [45, 55]),
        ([52, 50, 48], [60, 50, 40]),
        ([0, 1], [0, 10]),
        ([100, 99], [100, 90]),
        ([5] * 21, [5.0 * i for i in range(21)]),
    ],
)
def test_labels_move_no_further_than_they_must(wanted: list[float], places: list[float]) -> None:
    assert spread(wanted, gap=10, lowest=0, highest=100) == pytest.approx(places)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("a\x1b[31mb\nc", "a\\x1b[31mb\\nc"),
        ("right\u202eleft", "right\\u202eleft"),
        ("half\ud800", "half\\ud800"),
        ("x" * 50, "x" * 39 + "…"),
        ("$x^2$ <b>&", "$x^2$ <b>&"),
    ],
)
def test_foreign_text_is_made_showable_and_short(text: str, shown: str) -> None:
    assert shortened(text) == shown


@pytest.mark.parametrize("width_in", [0.05, 0.4, 1.3])
@pytest.mark.parametrize("text", ["", "def", "W" * 20, "il" * 20, "a name of several words", "two\nlines \x07"])
def test_text_is_cut_to_the_most_characters_that_fit(text: str, width_in: float) -> None:
    whole = shortened(text, 200)
    every = [shortened(whole, most) for most in range(len(whole), 1, -1)]
    assert fitted(text, width_in, 12) == next((each for each in every if wide_in(each) <= width_in), whole[:1])


def wide_in(text: str) -> float:
    """Its width at 12 points."""
    renderer = RendererAgg(1, 1, 100)  # type: ignore[no-untyped-call]
    font = FontProperties(family="DejaVu Sans", size=12)
    return float(renderer.get_text_width_height_descent(text, font, ismath=False)[0]) / 100  # type: ignore[no-untyped-call]


def picture() -> Figure:
    with look():
        caption = panels.Caption("a $x_1$ b <i>&\x00", "日本", ("one", "two"))
        figure, (axes,) = panels.new_panels(1, panels.FILE, caption)
        panels.frame(axes, x="users", y="answers")
        axes.plot([1, 2], [1, 2], marker="o")
    return figure


def test_the_same_figure_gives_the_same_bytes(tmp_path: Path) -> None:
    first, second = save(picture(), tmp_path / "a.b"), save(picture(), tmp_path / "second")
    assert [path.name for path in first] == ["a.b.svg", "a.b.png"]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_names_stay_text_in_the_svg_and_are_never_formulas(tmp_path: Path) -> None:
    svg, _ = save(picture(), tmp_path / "x")
    texts = [element.text for element in ET.parse(svg).iter("{http://www.w3.org/2000/svg}text")]  # noqa: S314  written above
    assert "a $x_1$ b <i>&\\x00" in texts


def test_drawing_leaves_matplotlibs_settings_alone() -> None:
    before = dict(mpl.rcParams)
    picture()
    assert dict(mpl.rcParams) == before
