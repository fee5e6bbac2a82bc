"""The neighbour, occupancy, published and small-multiples charts: what their lines and marks say."""

from dataclasses import replace

import pytest
from matplotlib.axes import Axes

from loopbench.plots import neighbour, occupancy, overlay, panels, published, small_multiples, style
from tests.plots.looking import drawn, firsts, line, texts, ys
from tests.plots.reports import FOUR, session

PALETTE = style.Palette(tuple(made.name for made in FOUR))


def labels(axes: Axes) -> set[str]:
    return {str(each.get_label()) for each in axes.get_lines() if not str(each.get_label()).startswith("_")}


def test_the_neighbour_has_a_line_for_each_variant_in_every_panel() -> None:
    figure = drawn(neighbour.chart, session(), PALETTE)
    assert [labels(axes) for axes in figure.axes[:3]] == [set(PALETTE.names)] * 3
    assert ys(line(figure.axes[2], "blocking async def"))[-1] == pytest.approx(100, rel=0.02)


def test_the_neighbours_key_carries_the_users_never_served() -> None:
    key = drawn(neighbour.chart, session(), PALETTE).axes[3]
    assert [text.get_text() for text in key.texts if text.get_text() in {"blocking async def", "192", "31"}] == [
        "blocking async def", "192", "31",
    ]  # fmt: skip


def test_occupancy_shows_users_and_requests_over_time() -> None:
    axes = drawn(occupancy.chart, session(), PALETTE).axes[1]
    assert max(ys(line(axes, "users"))) == 100
    assert max(ys(line(axes, "in flight"))) == 60
    assert {"ramp", "hold"} <= {text.get_text() for text in axes.texts}


def test_occupancy_fills_the_users_never_served() -> None:
    figure = drawn(occupancy.chart, session(), PALETTE)
    tops = [max(area.get_datalim(axes.transData).y1 for area in axes.collections) for axes in figure.axes]
    assert tops == [0, 31, 0, 0]


def test_published_and_measured_stand_on_one_line_each() -> None:
    plateaus, ratios = drawn(published.chart, session(), PALETTE).axes
    assert firsts(plateaus, "published") == [550, 205, 540, 470]
    assert firsts(plateaus, "measured") == pytest.approx([500, 200, 480, 300], rel=0.01)
    assert {text.get_text() for text in ratios.texts} >= {"0.85", "0.60", "the reference"}


def test_the_axis_reaches_beyond_everything_that_is_drawn() -> None:
    """A spread can be far above its mean; cut off, it would look narrow."""
    report = session()
    hold = report.runs[0].curve.hold
    assert hold
    curve = replace(report.runs[0].curve, hold=replace(hold, spread_rps=(100.0, 1700.0)))
    wide = replace(report, runs=(replace(report.runs[0], curve=curve), *report.runs[1:]))
    plateaus, ratios = drawn(published.chart, wide, PALETTE).axes
    assert plateaus.get_xlim()[1] > 1700
    assert ratios.get_xlim()[1] > 540 / 550 * 1.1


def test_a_variant_without_a_measurement_keeps_its_claim_and_gets_no_dot() -> None:
    report = session(missing=["aiofiles"])
    plateaus = drawn(published.chart, report, PALETTE).axes[0]
    names = [each.get_label() for each in plateaus.get_lines()]
    assert (names.count("published"), names.count("measured")) == (4, 3)


def test_both_curves_lie_in_each_variants_panel() -> None:
    figure = drawn(small_multiples.chart, session(), PALETTE)
    assert [labels(axes) for axes in figure.axes] == [{"samples", "CSV", "knee"}] * 4
    assert len({(axes.get_xlim(), axes.get_ylim()) for axes in figure.axes}) == 1
    assert {axes.get_ylim()[0] for axes in figure.axes} == {0}


def test_for_a_phone_all_curves_lie_over_a_key() -> None:
    figure = drawn(overlay.chart, session(), PALETTE, panels.PAGE)
    assert labels(figure.axes[0]) == set(PALETTE.names)
    assert {"def", "500", "200"} <= set(texts(figure))
