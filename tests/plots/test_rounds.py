"""Rounds, verdicts and step loads as pictures: every valid run, every interval, and none that is INVALID."""

from dataclasses import replace
from functools import cache

import pytest

from loopbench.judge.rounds.rounds import Rounds
from loopbench.judge.session.session_report import SessionReport
from loopbench.judge.statistics.curves import Hinge
from loopbench.plots import overlay, panels, plateaus, rounds, rps_users, steps, style, verdicts
from loopbench.plots.charts import charts_of
from tests.plots.causes import INVALID_RUN, explained, opened, repeated, step_curve, stepped
from tests.plots.looking import drawn, firsts, line, texts, xs, ys
from tests.plots.reports import FOUR, Made, session, twelve_variants

PALETTE = style.Palette(tuple(made.name for made in FOUR))


@cache
def four_times_six() -> SessionReport:
    return repeated(session())


def rounds_of(report: SessionReport) -> Rounds:
    assert report.rounds
    return report.rounds


def test_every_valid_run_is_a_point() -> None:
    measured = rounds_of(four_times_six())
    goodput, neighbour = drawn(rounds.chart, four_times_six(), PALETTE).axes
    for name in PALETTE.names:
        assert sorted(xs(line(goodput, name))) == pytest.approx(
            sorted(measured.goodput.replicates.by_round(name).values())
        )
        assert len(ys(line(neighbour, name))) == 6


def test_a_variant_without_a_valid_run_says_so_and_has_no_point() -> None:
    figure = drawn(rounds.chart, repeated(session(), invalid=["aiofiles"]), PALETTE)
    assert "no valid run" in texts(figure)
    assert "aiofiles" not in [each.get_label() for each in figure.axes[0].get_lines()]


def test_the_forest_has_the_ratio_and_the_word_of_every_pair() -> None:
    measured = rounds_of(four_times_six())
    goodput = drawn(verdicts.chart, four_times_six(), PALETTE).axes[0]
    dots = [x for each in goodput.get_lines() if each.get_marker() == "s" for x in xs(each)]
    assert dots == pytest.approx([verdict.shown_ratio for verdict in measured.goodput.verdicts])
    words = [text.get_text() for text in goodput.texts if text.get_text().isupper()]
    assert words == [verdict.word.value for verdict in measured.goodput.verdicts]


def test_the_band_of_differences_too_small_to_matter_is_shaded() -> None:
    goodput = drawn(verdicts.chart, four_times_six(), PALETTE).axes[0]
    (band,) = [each for each in goodput.patches if each.get_x() == pytest.approx(1 / 1.05)]  # type: ignore[attr-defined]
    assert band.get_width() == pytest.approx(1.05 - 1 / 1.05)  # type: ignore[attr-defined]


def test_an_invalid_pair_has_its_word_and_no_ratio() -> None:
    goodput = drawn(verdicts.chart, repeated(session(), invalid=["aiofiles"]), PALETTE).axes[0]
    assert [text.get_text() for text in goodput.texts].count("INVALID") == 3
    assert [each.get_marker() for each in goodput.get_lines()].count("s") == 3


def test_an_interval_beyond_the_axis_ends_in_an_arrow() -> None:
    """Two rounds that differ wildly: the interval reaches over many powers of ten."""
    (goodput, _) = drawn(verdicts.chart, repeated(session(FOUR[:2]), 2, spread=1.5), PALETTE).axes
    low, high = goodput.get_xlim()
    assert high < 100
    assert {"<", ">"} <= {str(each.get_marker()) for each in goodput.get_lines()}
    marks = [each for each in goodput.get_lines() if str(each.get_marker()) in "<>s"]
    assert all(low <= x <= high for each in marks for x in xs(each))


def test_pairs_beyond_the_picture_are_counted() -> None:
    (chart,) = charts_of(repeated(twelve_variants(), 2))["verdicts"]
    goodput = chart.draw(panels.FILE).axes[0]
    assert [each.get_marker() for each in goodput.get_lines()].count("s") == verdicts.MAX_PAIRS
    assert chart.caption.notes[-1] == "54 more pairs in the table."


def test_the_plateau_of_the_rounds_takes_the_place_of_the_hold() -> None:
    estimates = plateaus.plateaus(four_times_six().rounds)
    curves = [run.curve for run in four_times_six().runs]
    figure = rps_users.curves_chart(curves, PALETTE, rounds=estimates).draw(panels.FILE)
    means = [ys(each)[0] for each in figure.axes[0].get_lines() if each.get_label() == "rounds"]
    assert means == pytest.approx([estimates[name].rps for name in PALETTE.names])
    assert plateaus.MARK in texts(figure)
    assert estimates["def"].figures in texts(figure)
    assert not [text for text in texts(figure) if text.startswith("Dot: mean of the hold")]


def test_the_whiskers_are_the_ends_of_the_interval() -> None:
    measured = rounds_of(four_times_six())
    interval = measured.goodput.estimate("def").interval()
    plateau = plateaus.plateaus(measured)["def"]
    assert interval
    assert (plateau.low_rps, plateau.high_rps, plateau.runs) == (interval.low, interval.high, 6)


def test_one_round_gives_a_diamond_and_no_interval() -> None:
    plateau = plateaus.plateaus(repeated(session(), 1).rounds)["def"]
    assert (plateau.low_rps, plateau.half_width) == (None, None)
    assert "±" not in plateau.figures


def test_a_very_wide_interval_does_not_flatten_the_picture() -> None:
    plateau = plateaus.RoundsPlateau(100.0, 1.0, 10_000.0, 2)
    axes = rps_users.curves_chart([session().runs[0].curve], PALETTE, rounds={"def": plateau}).draw(panels.FILE).axes[0]
    assert axes.get_ylim()[1] < 1000
    assert plateau.figures == "100/s ±over 100 %"


def test_on_a_phone_the_key_carries_the_rounds() -> None:
    estimates = plateaus.plateaus(four_times_six().rounds)
    figure = drawn(overlay.chart, four_times_six(), PALETTE, panels.PAGE)
    width = estimates["def"].half_width
    assert width
    assert plateaus.shown_width(width) in texts(figure)


def test_step_levels_are_points_and_the_hinge_bends_at_its_knee() -> None:
    report = stepped(session(), {"def": 40, "aiofiles": 6})
    loads = steps.step_loads(report)
    assert [load.variant for load in loads] == ["def", "aiofiles"]
    assert isinstance(loads[0].shape, Hinge)
    axes = drawn(steps.chart, report, PALETTE).axes[0]
    assert firsts(axes, "level") == [1, 1]
    assert ys(line(axes, "level")) == pytest.approx(step_curve(40).rps)
    fit = line(axes, "fit")
    assert max(ys(fit)) == pytest.approx(400, rel=0.02)


def test_an_invalid_step_run_is_no_result() -> None:
    report = stepped(session(), {"def": 40})
    bad = replace(report, steps=tuple(replace(each, stamp=INVALID_RUN) for each in report.steps))
    shown = texts(drawn(steps.chart, bad, PALETTE))
    assert {"INVALID: C1", "no result"} <= set(shown)
    assert not [text for text in shown if text.startswith("a pool")]


def test_open_mode_has_its_charts_and_says_that_the_loop_is_open() -> None:
    charts = charts_of(opened(explained(session())))
    assert [chart.stem for chart in charts["open-mode"]] == ["open-rate", "open-response"]
    assert charts["picture"][0].caption.subtitle.startswith("Open loop")
    assert not charts["picture"][0].on_page
    assert len(charts["open-mode"][0].draw(panels.FILE).axes) == 4


def test_a_bounded_variant_has_its_bar_and_a_bounded_ratio_an_open_end() -> None:
    """No run of it gave a good answer: its rate lies between 0 and what so many seconds would have shown."""
    report = repeated(session([Made("def"), Made("broken", failed=True)]))
    colours = style.Palette(("def", "broken"))
    goodput = drawn(rounds.chart, report, colours).axes[0]
    assert xs(line(goodput, "broken")) == [0.0] * 6
    forest = drawn(verdicts.chart, report, colours).axes[0]
    assert {each.get_marker() for each in forest.get_lines()} & {"<", ">"}
