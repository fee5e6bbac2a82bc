"""The charts that say why: the loop, the pools, the lines and the time hold what was observed, and nothing else."""

from dataclasses import replace
from functools import cache

import pytest
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from loopbench.judge.diagnosis.loop_lines import Owner
from loopbench.judge.session.run_report import RunReport
from plots import blocked_lines, ceilings, loop, panels, pools, style, time_spent
from plots.small_multiples import draw_small_multiples
from tests.plots.causes import explained, insights, lines
from tests.plots.looking import line, texts, ys
from tests.plots.reports import FOUR, session

PALETTE = style.Palette(tuple(made.name for made in FOUR))


@cache
def watched_runs() -> tuple[RunReport, ...]:
    return explained(session()).runs


@cache
def exact_runs() -> tuple[RunReport, ...]:
    return explained(session(), exact=True).runs


def patches(axes: Axes, label: str) -> list[Rectangle]:
    found = [each for each in axes.patches if each.get_label() == label]
    return [each for each in found if isinstance(each, Rectangle)]


def with_moments(run: RunReport, *seconds: int) -> RunReport:
    """The same run, watched only in these seconds."""
    kept = tuple(moment for moment in run.insights.loop if moment.at_s in seconds)
    return replace(run, insights=replace(run.insights, loop=kept))


def test_utilization_and_cpu_lie_under_the_throughput_on_the_same_users() -> None:
    axes = loop.draw_loop(watched_runs(), PALETTE, panels.FILE).axes[0]
    (above,) = [each for each in axes.child_axes if isinstance(each, Axes) and each.get_label() == loop.INSET]
    assert above.get_xlim() == axes.get_xlim()
    assert max(ys(line(above, "goodput"))) == pytest.approx(500, rel=0.02)
    assert (max(ys(line(axes, "utilization"))), max(ys(line(axes, "CPU")))) == pytest.approx((0.99, 0.31))


def test_the_hold_is_not_drawn_as_a_part_of_the_rise() -> None:
    assert all(moment.at_s < 100 for run in watched_runs() for moment in loop.rise(run))


def test_each_worker_has_a_line_of_its_own() -> None:
    run = watched_runs()[0]
    other = tuple(moment._replace(pid=2, utilization=0.5) for moment in run.insights.loop)
    two = replace(run, insights=replace(run.insights, loop=(*run.insights.loop, *other)))
    axes = loop.draw_loop([two], PALETTE, panels.FILE).axes[0]
    assert [each.get_label() for each in axes.get_lines()].count("utilization") == 2


@pytest.mark.parametrize("module", [loop, pools, blocked_lines, time_spent])
def test_nothing_observed_means_no_chart(module: object) -> None:
    is_known = getattr(module, "is_known", None) or getattr(module, "is_used", None)
    assert is_known
    assert is_known(watched_runs())
    assert not is_known(session().runs)


def test_a_run_that_nobody_watched_says_so_beside_the_others() -> None:
    runs = (watched_runs()[0], session().runs[1])
    assert "not observed" in texts(loop.draw_loop(runs, PALETTE, panels.FILE))
    assert "not observed" in texts(pools.draw_pools(runs, PALETTE, panels.FILE))
    assert "not observed" in texts(blocked_lines.draw_blocked_lines(runs, PALETTE, panels.FILE))


def test_the_pools_show_threads_waiters_and_all_tokens() -> None:
    axes = pools.draw_pools(watched_runs(), PALETTE, panels.FILE).axes[0]
    assert max(ys(line(axes, "borrowed"))) == pytest.approx(39.5)
    assert max(ys(line(axes, "waiting"))) == pytest.approx(14.75)
    assert max(ys(line(axes, "executor queue"))) == pytest.approx(3)
    assert set(ys(line(axes, "tokens"))) == {40}


def test_a_pool_that_did_nothing_is_no_picture() -> None:
    at_work = watched_runs()[0].insights.loop
    idle = tuple(m._replace(anyio_borrowed=0.2, anyio_waiting=0, executor_queue=float("nan")) for m in at_work)
    run = replace(watched_runs()[0], insights=replace(watched_runs()[0].insights, loop=idle))
    assert not pools.is_used([run])
    assert "no pool in use" in texts(pools.draw_pools([run, watched_runs()[1]], PALETTE, panels.FILE))


def test_a_bar_is_a_lines_share_and_its_colour_says_whose_it_is() -> None:
    axes = blocked_lines.draw_blocked_lines(watched_runs(), PALETTE, panels.FILE).axes[0]
    bars = {owner: patches(axes, owner.value) for owner in Owner}
    assert [bar.get_width() for owner in Owner for bar in bars[owner]] == [0.8, 0.12, 0.05]
    assert bars[Owner.USER][0].get_alpha() == 1
    assert bars[Owner.LIBRARY][0].get_facecolor() != bars[Owner.USER][0].get_facecolor()
    assert "app/main.py:41 in def" in texts(axes.figure)  # type: ignore[arg-type]


def test_lines_of_short_steps_are_not_called_blocked() -> None:
    run = watched_runs()[0]
    figures = run.insights.diagnosis.figures
    assert figures
    short = tuple(replace(each, blocked=False) for each in lines("def"))
    diagnosis = replace(run.insights.diagnosis, figures=replace(figures, lines=short, blocked=0.01), lines=())
    busy = replace(run, insights=replace(run.insights, diagnosis=diagnosis))
    chosen, blocked = blocked_lines.chosen(busy)
    assert (len(chosen), blocked) == (3, False)
    assert blocked_lines.facts(busy) == "at work 99% of the time, blocked 1%"


def test_exact_parts_fill_the_bar_and_add_up_to_the_latency() -> None:
    axes = time_spent.draw_time_spent(exact_runs(), PALETTE, panels.FILE).axes[0]
    widths = [sum(bar.get_width() for bar in patches(axes, part)) for part in time_spent.COLOURS]
    assert sum(widths) == pytest.approx(80 + 300 + 90 + 150)
    assert patches(axes, "estimated") == []


def test_an_estimated_wait_is_an_open_stretch_and_the_rest_stays_empty() -> None:
    axes = time_spent.draw_time_spent(watched_runs(), PALETTE, panels.FILE).axes[0]
    estimated = patches(axes, "estimated")
    assert [bar.get_width() for bar in estimated] == pytest.approx([32, 120, 36, 60])
    assert all(bar.get_facecolor() == (1, 1, 1, 1) for bar in estimated)
    assert not [part for part in time_spent.COLOURS if patches(axes, part)]
    assert [bar.unknown_ms for bar in time_spent.bars(watched_runs())] == pytest.approx([48, 180, 54, 90])
    assert "not observed 48.0" in time_spent.describe(watched_runs())


def test_an_exact_wait_is_never_told_a_second_time_as_an_estimate() -> None:
    exact, watched = exact_runs()[0].insights, watched_runs()[0].insights
    assert exact.time_spent
    assert watched.time_spent
    both = replace(exact.time_spent, pools=watched.time_spent.pools)
    (bar,) = time_spent.bars([replace(exact_runs()[0], insights=replace(exact, time_spent=both))])
    assert bar.queued_ms is None
    assert bar.parts


def test_only_ceilings_within_reach_are_drawn_and_the_limit_is_named() -> None:
    figure = draw_small_multiples(watched_runs(), PALETTE, panels.FILE)
    labels = [{str(each.get_label()) for each in axes.get_lines()} for axes in figure.axes]
    assert "ceiling of event loop" in labels[0]
    assert "ceiling of anyio limiter of 40" in labels[0]
    assert "ceiling of CPU core" not in labels[0]
    assert "event loop (the limit)" in texts(figure)
    assert ceilings.limited_by(watched_runs()[0]) == "limited by event loop"


def test_a_ceiling_stands_at_the_rate_it_allows() -> None:
    axes = draw_small_multiples(watched_runs(), PALETTE, panels.FILE).axes[0]
    held_rps = watched_runs()[0].goodput_rps
    assert held_rps
    assert ys(line(axes, "ceiling of event loop")) == pytest.approx([1.01 * held_rps] * 2)
    assert axes.get_ylim()[1] >= 1.2 * held_rps


def test_the_bound_of_the_users_ends_where_a_resource_is_lower() -> None:
    axes = draw_small_multiples(watched_runs(), PALETTE, panels.FILE).axes[0]
    held_rps = watched_runs()[0].goodput_rps
    assert held_rps
    assert max(ys(line(axes, "ceiling of users"))) <= 1.01 * held_rps


def test_a_run_without_good_answers_has_no_ceiling_and_is_still_drawn() -> None:
    run = replace(watched_runs()[0], insights=replace(insights(watched_runs()[0]), ceilings=None))
    assert ceilings.within_reach(run, 500) == ()
    draw_small_multiples([run], PALETTE, panels.FILE)


def test_seconds_without_a_measurement_leave_a_gap() -> None:
    run = with_moments(watched_runs()[0], 1, 2)
    gap = tuple(m._replace(utilization=float("nan")) for m in run.insights.loop)
    axes = loop.draw_loop([replace(run, insights=replace(run.insights, loop=gap))], PALETTE, panels.FILE).axes[0]
    assert all(y != y for y in ys(line(axes, "utilization")))  # noqa: PLR0124  NaN is what differs from itself
