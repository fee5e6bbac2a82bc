"""Each variant under the load: which strips there are, on which axes, and what a pointer is shown."""

import re

import pytest
from matplotlib.figure import Figure

from loopbench.plots import panels, profiles, style
from loopbench.plots.charts import charts_of
from loopbench.plots.pictures import pictures_of
from tests.plots.causes import explained, repeated, spoiled
from tests.plots.looking import drawn, out_of_sight, overlapping
from tests.plots.reports import FOUR, session

NAMES = style.Palette(tuple(made.name for made in FOUR))


def strips(figure: Figure) -> list[list[str]]:
    return [[str(inner.get_label()) for inner in axes.child_axes] for axes in figure.axes]


@pytest.fixture(scope="module")
def watched() -> Figure:
    return drawn(profiles.chart, explained(session()), NAMES, panels.PAGE)


def test_a_watched_run_has_a_strip_for_each_thing_that_may_fill_up(watched: Figure) -> None:
    wanted = ["good answers/s", "own request, ms", "hello beside it, ms", "event loop, of the time", "threads, waiting"]
    assert strips(watched) == [wanted] * 4


def test_what_nobody_observed_has_no_strip() -> None:
    figure = drawn(profiles.chart, session(neighbours=()), NAMES, panels.PAGE)
    assert strips(figure) == [["good answers/s", "own request, ms"]] * 4


def test_strips_of_a_kind_share_their_axes(watched: Figure) -> None:
    for kind in zip(*(axes.child_axes for axes in watched.axes), strict=True):
        assert len({(each.get_xlim(), each.get_ylim()) for each in kind}) == 1


def test_no_letters_are_cut_off_or_lie_on_each_other(watched: Figure) -> None:
    assert out_of_sight(watched) == []
    assert overlapping(watched) == []


def test_a_pointer_is_shown_the_values_but_none_of_an_invalid_run() -> None:
    report = spoiled(explained(session(FOUR[:2])), "def")
    first, second = pictures_of(charts_of(report)["profiles"][0]).panels
    assert "<title>" not in first
    tips = re.findall(r"<title>([^<]+)</title>", second)
    assert len(tips) == 10
    assert re.fullmatch(r"blocking async def at 55 users: 200 good answers/s · .* · loop at work 99 %", tips[5])


def test_an_invalid_run_is_described_without_its_figures() -> None:
    words = charts_of(spoiled(repeated(explained(session())), "aiofiles"))["profiles"][0].alt
    assert "aiofiles: INVALID: C1, no result." in words
    assert "def: 500 good answers per second; own request p50 80.0 ms, p99 256 ms; never served: 0 of 100" in words
