"""From the probe's log and the samples to figures: which seconds count, whose they are, what is added up."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from loopbench.judge.diagnosis.load_figures import load_figures
from loopbench.judge.diagnosis.loop_figures import LoopFigures, loop_figures
from loopbench.judge.diagnosis.loop_lines import Owner
from loopbench.judge.run.loop_curve import loop_curve
from loopbench.judge.run.samples import DTYPE, Samples
from loopbench.records import samples as layout
from loopbench.records.generator_watch import WatchedSecond
from loopbench.records.session import Phase, RunRecord
from loopbench.records.source_lines import SourceLine
from tests.judge.made_run import made_run
from tests.judge.recorded_run import blank
from tests.probe.test_probe_log import LINE, second, start, write

ORIGIN_S = 1000.0
"""Of the samples, on the probe's clock."""
WINDOW = Phase("hold", 2.0, 5.0)


def samples(*requests: tuple[float, float, int], users_at: tuple[float, ...] = (0.0,), **more: Any) -> Samples:
    """Requests as (sent, latency, user); all good."""
    rows = np.zeros(len(requests), dtype=DTYPE)
    for row, (sent_s, latency_s, user) in zip(rows, requests, strict=True):
        row["start_s"], row["latency_s"], row["user"], row["users"] = sent_s, latency_s, user, len(users_at)
    events = tuple((at, layout.EVENT_USER_STARTED, user) for user, at in enumerate(users_at))
    return Samples(rows, ("/",), ("",), events, (), **more)


EVERY_SECOND = samples(*((float(at), 0.5, 0) for at in range(8)))


def seen(folder: Path, *, requests: Samples = EVERY_SECOND, window: Phase = WINDOW, **parts: Any) -> LoopFigures:
    return loop_figures(made_run(folder, ORIGIN_S, samples=requests, **parts), window)


def log(folder: Path, *seconds: dict[str, Any], pid: int = 7) -> None:
    """Seconds one after another, beginning with the samples' origin."""
    records = [second(ORIGIN_S + at, None, **each) for at, each in enumerate(seconds)]
    write(folder, pid, start(pid=pid, pools={"executor_threads": 6}), *records)


def test_only_the_seconds_inside_the_window_count(tmp_path: Path) -> None:
    log(tmp_path, *({"utilization": share} for share in (1.0, 1.0, 0.2, 0.3, 0.4, 1.0)))
    figures = seen(tmp_path)
    assert figures.utilization == pytest.approx(0.3)
    assert figures.seconds_seen == 3.0


def test_what_was_not_measured_is_missing_and_not_zero(tmp_path: Path) -> None:
    log(tmp_path, *[{}] * 6)
    figures = seen(tmp_path)
    assert (figures.utilization, figures.anyio_waiting, figures.other_threads_cpu, figures.waiting_part) == (None,) * 4


def test_of_several_workers_the_busiest_speaks(tmp_path: Path) -> None:
    log(tmp_path, *[{"utilization": 0.1, "anyio_waiting_mean": 0.0}] * 6)
    log(tmp_path, *[{"utilization": 0.9, "anyio_waiting_mean": 8.0}] * 6, pid=8)
    figures = seen(tmp_path)
    assert figures.utilization == pytest.approx(0.9)
    assert figures.anyio_waiting == 8.0
    assert [(each.pid, round(each.utilization or 0.0, 6)) for each in figures.processes] == [(7, 0.1), (8, 0.9)]


def test_clocks_without_a_common_time_are_not_joined(tmp_path: Path) -> None:
    write(tmp_path, 7, start(), second(5.0, None, utilization=1.0))
    figures = seen(tmp_path)
    assert figures.seconds_seen == 0.0
    assert figures.notes[0] == "the probe's times and the generator's do not meet"


def test_blocked_time_is_split_by_what_the_thread_computed(tmp_path: Path) -> None:
    blocked = [{**LINE, "blocked_s": 0.5, "cpu_s": 0.1, "samples": 9}]
    log(tmp_path, *[{"utilization": 0.6, "blocked": blocked, "blocked_unseen_s": 0.2}] * 6)
    figures = seen(tmp_path)
    assert figures.blocked == pytest.approx(0.5)
    assert figures.blocked_waiting == pytest.approx(0.4)
    assert figures.blocked_unseen == pytest.approx(0.2)


def test_places_of_one_line_are_added_up_and_the_longest_says_what_ran(tmp_path: Path) -> None:
    short = {**LINE, "blocked_s": 0.1, "cpu_s": 0.0, "samples": 2}
    longer = {**LINE, "line": 10, "blocked_s": 0.3, "cpu_s": 0.3, "samples": 6}
    log(tmp_path, *[{"blocked": [short, longer]}] * 6)
    (line,) = seen(tmp_path).lines
    assert (line.file, line.line, line.inner_line, line.owner) == ("a.py", 3, 10, Owner.USER)
    assert line.seconds == pytest.approx(1.2)
    assert line.share == pytest.approx(1.0)
    assert line.cpu_share == pytest.approx(0.75)


def test_without_the_user_s_code_the_nearest_line_is_named_and_else_the_innermost(tmp_path: Path) -> None:
    nobody = {**LINE, "user_file": None, "user_line": None, "user_function": None, "samples": 1}
    near = {**nobody, "near_file": "c.py", "near_line": 4, "near_function": "table", "blocked_s": 0.3}
    log(tmp_path, *[{"blocked": [near, {**nobody, "blocked_s": 0.1}]}] * 6)
    lines = seen(tmp_path).lines
    assert [(line.owner, line.place) for line in lines] == [
        (Owner.NEAR, "c.py:4 in table"),
        (Owner.LIBRARY, "b.py:9 in g"),
    ]
    assert lines[0].cpu_share is None


def test_a_line_carries_its_text(tmp_path: Path) -> None:
    kept = SourceLine("a.py", 3, 2, ("def f():", "    wait()"), "")
    log(tmp_path, *[{"blocked": [{**LINE, "blocked_s": 0.5, "samples": 9}]}] * 6)
    (line,) = seen(tmp_path, source_lines={("a.py", 3): kept}).lines
    assert line.source is not None
    assert line.source.itself == "    wait()"


@pytest.mark.parametrize(("tasks", "slope"), [((5, 5, 15, 25, 35, 45), 10.0), ((5, 5, 5, 5, 5, 5), 0.0)])
def test_the_growth_of_tasks_is_a_slope(tmp_path: Path, tasks: tuple[int, ...], slope: float) -> None:
    log(tmp_path, *({"tasks": count} for count in tasks))
    figures = seen(tmp_path, window=Phase("hold", 1.0, 6.0))
    assert figures.tasks_growth_per_s == pytest.approx(slope)


def test_work_left_after_the_last_answer_is_counted_until_it_is_gone(tmp_path: Path) -> None:
    """The last answer came at 7.5 s; the server had 2 tasks of its own."""
    log(tmp_path, *({"tasks": count, "utilization": 0.0} for count in (2, 9, 9, 9, 9, 9, 9, 9, 42, 12, 2)))
    after = seen(tmp_path).after
    assert after is not None
    assert (after.tasks_left, after.idle_after_s, after.watched_s) == (40, 2.5, 3.5)


def test_requests_nobody_answered_are_no_background_work(tmp_path: Path) -> None:
    requests = samples(*((float(at), 0.5, 0) for at in range(8)), (6.0, 3.0, 0))
    requests.rows["flags"][-1] = layout.FLAG_UNFINISHED
    log(tmp_path, *({"tasks": count, "utilization": 0.0} for count in (2, 9, 9, 9, 9, 9, 9, 9, 42, 12, 2)))
    after = seen(tmp_path, requests=requests).after
    assert after is not None
    assert after.tasks_left == 39


def test_requests_in_flight_are_their_overlap_with_the_window() -> None:
    """One is under way all the time, one for a second of three, one before it."""
    load = load_figures(made_run(samples=samples((0.0, 9.0, 0), (4.0, 2.0, 0), (0.0, 1.0, 0))), WINDOW)
    assert load.in_flight == pytest.approx((3.0 + 1.0) / 3.0)
    assert load.goodput_rps == 0.0


def test_users_without_an_answer_are_counted() -> None:
    """Fewer answers than users leave some waiting, however fairly they are served."""
    for answers, never_served in ((3, 2), (2, None)):
        answered = [(at / 10, 0.1, 0) for at in range(answers)]
        load = load_figures(made_run(samples=samples(*answered, users_at=(0.0, 1.0, 2.0, 9.0))), WINDOW)
        assert (load.users, load.never_served) == (3, never_served)


def test_the_time_of_a_request_alone_comes_from_the_first_users() -> None:
    alone = samples(*((at / 10, 0.02, 0) for at in range(10)), (3.0, 0.9, 0))
    assert made_run(samples=alone).alone_s(WINDOW) == pytest.approx(0.02)


def test_where_too_few_answers_came_to_the_first_users_the_least_ever_counts() -> None:
    few = samples((0.0, 0.5, 0), (1.0, 0.3, 0), (2.0, 0.9, 0))
    assert made_run(samples=few).alone_s(WINDOW) == pytest.approx(0.3)


def test_without_a_good_answer_in_the_window_the_time_alone_is_not_known() -> None:
    assert made_run(samples=samples((0.0, 0.5, 0))).alone_s(WINDOW) is None


def test_each_name_has_a_time_alone_of_its_own() -> None:
    """Nine quick answers and one slow one in the window: the slow one's name weighs a tenth."""
    requests = samples(*((2.0 + at / 10, 0.01, 0) for at in range(9)), (2.0, 1.0, 0))
    requests.rows["name"][-1] = 1
    mixed = replace(requests, names=("quick", "slow"))
    assert made_run(samples=mixed).alone_s(WINDOW) == pytest.approx(0.9 * 0.01 + 0.1 * 1.0)


def test_the_generator_s_own_watch_is_averaged_over_the_window(tmp_path: Path) -> None:
    watch = (tuple(WatchedSecond(float(at), 1.0, 0.1 * at, (2000,), None) for at in range(1, 7)),)
    log(tmp_path, *[{}] * 6)
    generator = seen(tmp_path, requests=samples((0.0, 1.0, 0), watch=watch)).generator
    assert generator is not None
    assert generator.cpu_share == pytest.approx(0.4)
    assert generator.lag_p99_ms == 2.0


def test_the_curve_shows_each_second_against_the_users_of_its_middle(tmp_path: Path) -> None:
    log(tmp_path, *({"utilization": share} for share in (0.0, 0.3, 0.6, 0.9)))
    requests = samples((1.0, 2.0, 0), (2.0, 0.5, 1), users_at=(1.0, 2.0))
    moments = loop_curve(made_run(tmp_path, ORIGIN_S, samples=requests))
    assert [(each.at_s, each.users, each.utilization) for each in moments] == [(1.5, 1, 0.3), (2.5, 2, 0.6)]


RAMP, HOLD = Phase("ramp", 2.0, 12.0), Phase("hold", 12.0, 20.0)


@pytest.mark.parametrize(
    ("phases", "window"),
    [
        ((RAMP, HOLD, Phase("drain", 20.0, 21.0)), HOLD),
        ((RAMP, Phase("drain", 12.0, 13.0)), Phase("ramp", 9.0, 12.0)),
        ((Phase("step-5", 2.0, 8.0), Phase("step-10", 9.0, 15.0)), Phase("step-10", 9.0, 15.0)),
        ((Phase("warmup", 0.0, 2.0),), None),
    ],
    ids=["hold", "ramp alone", "steps", "neither"],
)
def test_the_window_is_where_the_load_was_highest(phases: tuple[Phase, ...], window: Phase | None) -> None:
    assert made_run(record=blank(RunRecord, phases=phases)).diagnosed == window
