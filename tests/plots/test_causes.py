"""The charts that say why: the loop, the pools, the lines and the time hold what was observed, and nothing else."""

from dataclasses import replace
from functools import cache
from types import ModuleType

import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from loopbench.judge.diagnosis.loop_lines import Owner
from loopbench.judge.session.run_report import RunReport
from loopbench.judge.session.session_report import SessionReport
from loopbench.plots import blocked_lines, ceilings, loop, pools, profiles, small_multiples, style, time_spent
from tests.plots.causes import explained, lines
from tests.plots.looking import drawn, line, texts, ys
from tests.plots.reports import FOUR, session

LOOP = "event loop, of the time"
PALETTE = style.Palette(tuple(made.name for made in FOUR))


@cache
def watched() -> SessionReport:
    return explained(session())


@cache
def exact() -> SessionReport:
    return explained(session(), exact=True)


def of_runs(*runs: RunReport) -> SessionReport:
    return replace(session(), runs=runs)


def patches(axes: Axes, label: str) -> list[Rectangle]:
    found = [each for each in axes.patches if each.get_label() == label]
    return [each for each in found if isinstance(each, Rectangle)]


def with_moments(run: RunReport, *seconds: int) -> RunReport:
    """The same run, watched only in these seconds."""
    kept = tuple(moment for moment in run.loop if moment.at_s in seconds)
    return replace(run, loop=kept)


def strip(run: RunReport, kind: str) -> Axes:
    """One strip of a run's column."""
    (column,) = drawn(profiles.chart, of_runs(run), PALETTE).axes
    return next(each for each in column.child_axes if isinstance(each, Axes) and each.get_label() == kind)


def test_utilization_and_cpu_are_drawn_against_users() -> None:
    axes = strip(watched().runs[0], LOOP)
    assert (max(ys(line(axes, "utilization"))), max(ys(line(axes, "CPU")))) == pytest.approx((0.99, 0.31))


def test_the_hold_is_not_drawn_as_a_part_of_the_rise() -> None:
    assert all(moment.at_s < 100 for run in watched().runs for moment in loop.rise(run))


def test_each_worker_has_a_line_of_its_own() -> None:
    run = watched().runs[0]
    other = tuple(moment._replace(pid=2, utilization=0.5) for moment in run.loop)
    two = replace(run, loop=(*run.loop, *other))
    axes = strip(two, LOOP)
    assert [each.get_label() for each in axes.get_lines()].count("utilization") == 2


@pytest.mark.parametrize("module", [blocked_lines, time_spent])
def test_nothing_observed_means_no_chart(module: ModuleType) -> None:
    assert module.chart(watched(), PALETTE)
    assert module.chart(session(), PALETTE) is None


def test_a_run_that_was_not_watched_says_so_beside_the_others() -> None:
    some = of_runs(watched().runs[0], session().runs[1])
    assert texts(drawn(profiles.chart, some, PALETTE)).count("not observed") == 2
    assert "not observed" in texts(drawn(blocked_lines.chart, some, PALETTE))


def test_the_pools_show_threads_waiters_and_all_tokens() -> None:
    axes = strip(watched().runs[0], "threads, waiting")
    assert max(ys(line(axes, "borrowed"))) == pytest.approx(39.5)
    assert max(ys(line(axes, "waiting"))) == pytest.approx(14.75)
    assert max(ys(line(axes, "executor queue"))) == pytest.approx(3)
    assert set(ys(line(axes, "tokens"))) == {40}


def test_a_pool_that_did_nothing_is_no_picture() -> None:
    at_work = watched().runs[0].loop
    idle = tuple(m._replace(anyio_borrowed=0.2, anyio_waiting=0, executor_queue=float("nan")) for m in at_work)
    run = replace(watched().runs[0], loop=idle)
    assert not pools.is_used([run])
    assert "no pool in use" in texts(drawn(profiles.chart, of_runs(run, watched().runs[1]), PALETTE))


def test_a_bar_is_a_lines_share_and_its_colour_says_whose_it_is() -> None:
    axes = drawn(blocked_lines.chart, watched(), PALETTE).axes[0]
    bars = {owner: patches(axes, owner.value) for owner in Owner}
    assert [bar.get_width() for owner in Owner for bar in bars[owner]] == [0.8, 0.12, 0.05]
    assert bars[Owner.USER][0].get_alpha() == 1
    assert bars[Owner.LIBRARY][0].get_facecolor() != bars[Owner.USER][0].get_facecolor()
    assert "app/main.py:41 in def" in texts(axes.figure)  # type: ignore[arg-type]


def test_lines_of_short_steps_are_not_called_blocked() -> None:
    run = watched().runs[0]
    figures = run.diagnosis.figures
    assert figures
    short = tuple(replace(each, blocked=False) for each in lines("def"))
    diagnosis = replace(run.diagnosis, figures=replace(figures, lines=short, blocked=0.01), lines=())
    busy = replace(run, diagnosis=diagnosis)
    chosen, blocked = blocked_lines.chosen(busy)
    assert (len(chosen), blocked) == (3, False)
    assert blocked_lines.facts(busy) == "at work 99 % of the time, blocked 1 %"


def test_exact_parts_fill_the_bar_and_add_up_to_the_latency() -> None:
    axes = drawn(time_spent.chart, exact(), PALETTE).axes[0]
    widths = [sum(bar.get_width() for bar in patches(axes, part)) for part in time_spent.COLOURS]
    assert sum(widths) == pytest.approx(80 + 300 + 90 + 150)
    assert patches(axes, "estimated") == []


def test_an_estimated_wait_is_an_open_stretch_and_the_rest_stays_empty() -> None:
    axes = drawn(time_spent.chart, watched(), PALETTE).axes[0]
    estimated = patches(axes, "estimated")
    assert [bar.get_width() for bar in estimated] == pytest.approx([32, 120, 36, 60])
    assert all(bar.get_facecolor() == (1, 1, 1, 1) for bar in estimated)
    assert not [part for part in time_spent.COLOURS if patches(axes, part)]
    assert [bar.unknown_ms for bar in time_spent.bars(watched().runs)] == pytest.approx([48, 180, 54, 90])
    chart = time_spent.chart(watched(), PALETTE)
    assert chart
    assert "not observed 48.0" in chart.alt


def test_a_wait_that_hardly_counts_is_worth_no_picture() -> None:
    run = watched().runs[0]
    assert run.time_spent is not None
    short = tuple(replace(pool, wait_s=1e-5) for pool in run.time_spent.pools)
    alone = replace(watched(), runs=(replace(run, time_spent=replace(run.time_spent, pools=short)),))
    assert time_spent.chart(alone, PALETTE) is None


def test_an_exact_wait_is_never_told_a_second_time_as_an_estimate() -> None:
    known, estimated = exact().runs[0].time_spent, watched().runs[0].time_spent
    assert known
    assert estimated
    both = replace(known, pools=estimated.pools)
    (bar,) = time_spent.bars([replace(exact().runs[0], time_spent=both)])
    assert bar.queued_ms is None
    assert bar.parts


def test_the_names_of_several_limits_stay_inside_a_narrow_panel() -> None:
    figure = Figure(figsize=(2.2, 1.0))
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set_ylim(0, 800)
    names = ("event loop", "anyio limiter of 40", "default executor of 6", "CPU core")
    ceilings._name(axes, [ceilings.CeilingLine(each, 490.0, limits=True) for each in names], PALETTE.own("def"), 1.0)
    (text,) = axes.texts
    assert text.get_text().endswith("… (the limit)")
    assert text.get_window_extent().x1 <= axes.bbox.x1


def test_only_ceilings_within_reach_are_drawn_and_the_limit_is_named() -> None:
    figure = drawn(small_multiples.chart, watched(), PALETTE)
    labels = [{str(each.get_label()) for each in axes.get_lines()} for axes in figure.axes]
    assert "ceiling of event loop" in labels[0]
    assert "ceiling of anyio limiter of 40" in labels[0]
    assert "ceiling of CPU core" not in labels[0]
    assert "event loop (the limit)" in texts(figure)
    assert ceilings.limited_by(watched().runs[0]) == "limited by event loop"


def test_a_ceiling_stands_at_the_rate_it_allows() -> None:
    axes = drawn(small_multiples.chart, watched(), PALETTE).axes[0]
    held_rps = watched().runs[0].goodput_rps
    assert held_rps
    assert ys(line(axes, "ceiling of event loop")) == pytest.approx([1.01 * held_rps] * 2)
    assert axes.get_ylim()[1] >= 1.2 * held_rps


def test_the_bound_of_the_users_ends_where_a_resource_is_lower() -> None:
    axes = drawn(small_multiples.chart, watched(), PALETTE).axes[0]
    held_rps = watched().runs[0].goodput_rps
    assert held_rps
    assert max(ys(line(axes, "ceiling of users"))) <= 1.01 * held_rps


def test_a_run_without_good_answers_has_no_ceiling_and_is_still_drawn() -> None:
    run = replace(watched().runs[0], ceilings=None)
    assert ceilings.within_reach(run, 500) == ()
    drawn(small_multiples.chart, of_runs(run), PALETTE)


def test_seconds_without_a_measurement_leave_a_gap() -> None:
    run = with_moments(watched().runs[0], 1, 2)
    gap = tuple(m._replace(utilization=float("nan")) for m in run.loop)
    unseen = replace(run, loop=gap)
    axes = strip(unseen, LOOP)
    assert all(y != y for y in ys(line(axes, "utilization")))  # noqa: PLR0124  NaN is what differs from itself
