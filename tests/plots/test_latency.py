"""Response times: what is drawn, and that it never stands without the users who were never served."""

import math
from dataclasses import replace

import pytest

from loopbench.judge.run.latency import LatencyPoint, Percentiles
from loopbench.plots import latency, style
from tests.plots.looking import drawn, line, texts, ys
from tests.plots.reports import FOUR, Made, session

PALETTE = style.Palette((*(made.name for made in FOUR), "broken", "a"))


def test_every_panel_names_the_users_never_served() -> None:
    shown = texts(drawn(latency.chart, session(), PALETTE))
    assert sum("never served" in text for text in shown) == len(FOUR) + 1  # and the note
    assert "never served: 31 of 100 users · in flight: 60" in shown


def test_users_never_served_stand_out() -> None:
    figure = drawn(latency.chart, session(), PALETTE)
    weights = {text.get_text(): text.get_fontweight() for axes in figure.axes for text in axes.texts}
    assert weights["never served: 31 of 100 users · in flight: 60"] == "bold"
    assert weights["never served: 0 of 100 users · in flight: 60"] == "normal"


def test_all_panels_have_the_same_logarithmic_axes() -> None:
    axes = drawn(latency.chart, session(), PALETTE).axes
    assert {each.get_yscale() for each in axes} == {"log"}
    assert len({(each.get_xlim(), each.get_ylim()) for each in axes}) == 1


def test_too_few_answers_leave_a_gap_and_not_a_zero() -> None:
    run = session(FOUR[:1]).runs[0]
    thin = LatencyPoint(50.0, Percentiles(10, 5.0, None, None, None))
    own = replace(run.own, latency=(*run.own.latency[:3], thin, *run.own.latency[4:]))
    figure = drawn(latency.chart, replace(session(), runs=(replace(run, requests=(own,)),)), PALETTE)
    p99 = ys(line(figure.axes[0], "p99"))
    assert math.isnan(p99[3])
    assert not any(math.isnan(value) for value in p99[:3])


def test_the_hold_is_named_with_its_figures() -> None:
    shown = texts(drawn(latency.chart, session(FOUR[:1]), PALETTE))
    assert {"p50 80.0", "p95 144", "p99 256"} <= set(shown)


def test_without_a_hold_the_lines_are_named_without_figures() -> None:
    shown = texts(drawn(latency.chart, session([Made("a", hold_s=0)]), PALETTE))
    assert {"p50", "p95", "p99"} <= set(shown)


def test_a_run_of_failures_says_that_there_is_nothing_to_draw() -> None:
    shown = texts(drawn(latency.chart, session([Made("broken", failed=True)]), PALETTE))
    assert "too few good answers" in shown


@pytest.mark.parametrize(("values", "limits"), [([], (1, 10)), ([7.0, 70.0], (5, 98)), ([0.0, 14.0], (10, 19.6))])
def test_the_axis_spans_what_is_known(values: list[float], limits: tuple[float, float]) -> None:
    assert latency.limits_ms(values) == pytest.approx(limits)
