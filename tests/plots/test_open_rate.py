"""Open mode's charts: what is drawn, and what stands beside it."""

import math
from dataclasses import replace

import pytest
from matplotlib.figure import Figure

from loopbench.judge.run.open_loop import OpenLoop, OpenMode, Quantile, Times
from loopbench.plots import panels, style
from loopbench.plots.open_rate import chart, describe
from loopbench.plots.panels import Sheet
from tests.plots.causes import opened
from tests.plots.looking import line, out_of_sight, texts, ys
from tests.plots.reports import NASTY, session

NAMES = ("steady", "overrun", *NASTY)
PALETTE = style.Palette(NAMES)


def times(p50_ms: float | None, p99_ms: float | None, *, at_least: bool = False) -> Times:
    p50 = None if p50_ms is None else Quantile(p50_ms, at_least=False)
    p99 = None if p99_ms is None else Quantile(p99_ms, at_least)
    return Times(400, 0, p50, None, p99, None)


def point(rate_rps: float, capacity_rps: float, late: int = 0) -> OpenLoop:
    """One second at this rate against a server that can do so much."""
    kept = rate_rps <= capacity_rps
    response = times(5.0, 9.0) if kept else times(400.0, 900.0, at_least=True)
    achieved = round(min(rate_rps, capacity_rps))
    return OpenLoop(0.0, 1.0, round(rate_rps), 0, late, achieved, achieved, response, times(5.0, 9.0))


def curve(label: str = "steady", capacity_rps: float = 1e9, late: int = 0) -> OpenMode:
    return OpenMode(label, tuple(point(rate, capacity_rps, late) for rate in (100.0, 200.0, 300.0, 400.0)))


def drawn(stem: str, *curves: OpenMode, sheet: Sheet = panels.FILE) -> Figure:
    """One of the two charts of these curves."""
    run = opened(session()).runs[0]
    runs = tuple(replace(run, open_mode=each) for each in curves)
    first = chart(replace(session(), runs=runs), PALETTE)
    assert first
    return next(each for each in (first, *first.also) if each.stem == stem).draw(sheet)


def test_a_server_that_keeps_up_lies_on_the_diagonal_and_one_that_does_not_leaves_it() -> None:
    axes = drawn("open-rate", curve(), curve("overrun", 200)).axes
    assert ys(line(axes[0], "achieved")) == [100, 200, 300, 400]
    assert ys(line(axes[1], "achieved")) == [100, 200, 200, 200]
    assert {(each.get_xlim(), each.get_ylim()) for each in axes} == {(axes[0].get_xlim(), axes[0].get_ylim())}


def test_response_and_service_time_are_both_drawn() -> None:
    (axes,) = drawn("open-response", curve("overrun", 200)).axes
    assert ys(line(axes, "p99")) == [9, 9, 900, 900]
    assert ys(line(axes, "p99 from sent")) == [9, 9, 9, 9]
    assert ys(line(axes, "at least")) == [900, 900]


def test_late_starts_are_named_and_stand_out_when_the_schedule_was_not_kept() -> None:
    figure = drawn("open-rate", curve(late=1), curve("overrun", late=50))
    weights = {text.get_text(): text.get_fontweight() for axes in figure.axes for text in axes.texts}
    assert weights["started over 5 ms late: 0.4 %"] == "normal"
    assert weights["started over 5 ms late: 20.0 %"] == "bold"


def test_too_few_requests_leave_a_gap_and_not_a_zero() -> None:
    thin = OpenLoop(0.0, 1.0, 10, 0, 0, 10, 10, times(5.0, None), times(5.0, None))
    (axes,) = drawn("open-response", OpenMode("steady", (*curve().points, thin))).axes
    assert math.isnan(ys(line(axes, "p99"))[-1])


@pytest.mark.parametrize("stem", ["open-rate", "open-response"])
def test_a_curve_without_points_says_so(stem: str) -> None:
    assert "nothing was due" in texts(drawn(stem, OpenMode("steady", ())))


@pytest.mark.parametrize("stem", ["open-rate", "open-response"])
@pytest.mark.parametrize("sheet", [panels.FILE, panels.PAGE])
def test_foreign_names_stay_inside_the_picture(stem: str, sheet: Sheet) -> None:
    assert out_of_sight(drawn(stem, *(curve(name) for name in NASTY), sheet=sheet)) == []


def test_the_description_says_what_was_reached() -> None:
    assert "overrun: 200 of 400 per second at the end; started over 5 ms late: 0.0 %." in describe(
        [curve("overrun", 200)]
    )
