"""The page's colours: readable in both themes, and none that a chart uses is forgotten in the dark."""

import re

import pytest
from matplotlib.colors import to_rgb

from loopbench.plots import style, theme
from loopbench.plots.pictures import pictures_of
from tests.plots.sessions import SESSIONS, charts, page

TURNED = dict(theme.turned_colours())


@pytest.mark.parametrize("colour", style.COLOURS)
def test_names_in_a_variants_colour_can_be_read_on_both_papers(colour: str) -> None:
    text = style.Stroke(colour).text_colour
    assert style.contrast(to_rgb(text), to_rgb(style.PAPER)) >= 4.5
    assert style.contrast(to_rgb(TURNED[text]), to_rgb(theme.DARK_PAPER)) >= 4.5


@pytest.mark.parametrize("colour", [style.INK, style.QUIET])
@pytest.mark.parametrize("ground", [style.PAPER, style.SHADE])
def test_plain_text_can_be_read_on_paper_and_shade(colour: str, ground: str) -> None:
    assert style.contrast(to_rgb(colour), to_rgb(ground)) >= 4.5
    assert style.contrast(to_rgb(TURNED[colour]), to_rgb(TURNED[ground])) >= 4.5


def test_no_colour_of_a_page_is_forgotten_in_the_dark() -> None:
    for name in SESSIONS:
        assert used_colours(page(name)) <= set(TURNED), name


@pytest.mark.parametrize("stem", ["latency", "occupancy"])
def test_no_colour_of_a_chart_that_is_on_no_page_is_forgotten_either(stem: str) -> None:
    """It may be put on a page."""
    assert used_colours("".join(pictures_of(charts("everything")[stem]).panels)) <= set(TURNED)


def used_colours(html: str) -> set[str]:
    """The colours of its pictures."""
    return set(re.findall(r'(?:fill|stroke)="(#[0-9a-f]{6})"', html))
