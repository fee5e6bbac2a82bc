"""From figures to a class, by the table: no clock, no processes. Real apps are in `tests/test_sick_apps.py`."""

from typing import Any

import pytest

from loopbench.judge.diagnosis.diagnosis import Confidence, diagnose, not_observed
from loopbench.judge.diagnosis.findings import Kind
from loopbench.judge.diagnosis.load_figures import Failures
from loopbench.judge.diagnosis.loop_figures import AfterLoad, GeneratorFigures, ProcessShare, Quiet
from loopbench.judge.diagnosis.loop_lines import LoopLine, Owner
from loopbench.judge.diagnosis.waits import TaskCounts, ThreadPool
from tests.judge.figures import figures, line, load, name_load, wait

BLOCKED = {"utilization": 0.99, "loop_cpu": 0.03, "process_cpu": 0.05, "blocked": 0.95, "blocked_waiting": 0.94}
FULL = {"utilization": 0.99, "loop_cpu": 0.97, "process_cpu": 0.99}
COMPUTING = {**FULL, "blocked": 0.9, "blocked_waiting": 0.05}
FIGHT = {"utilization": 0.98, "loop_cpu": 0.70, "process_cpu": 0.99, "anyio_borrowed": 40.0, "anyio_waiting": 55.0}
POOL = {"anyio_borrowed": 39.9, "anyio_waiting": 20.0}
LEFT = AfterLoad(tasks_left=500, idle_after_s=None, watched_s=2.0)
QUEUE = load(names=(name_load(alone_s=0.05),))
GET = ("asyncio/queues.py:get",)
CHECKOUT = ("sqlalchemy/pool/impl.py:_do_get", "sqlalchemy/util/queue.py:get")
BUSY_GENERATOR = GeneratorFigures(cpu_share=0.97, lag_p99_ms=40.0)

TABLE: list[tuple[str, dict[str, Any], Kind]] = [
    ("occupied, not computing", {**BLOCKED, "lines": (line(),)}, Kind.LOOP_BLOCKED),
    ("occupied by steps too short to be lines", {**BLOCKED, "blocked": 0.0, "blocked_waiting": 0.0}, Kind.LOOP_BLOCKED),
    ("half of the time blocked, time left", {"utilization": 0.6, "blocked": 0.5, "blocked_waiting": 0.5, "lines": (line(),)}, Kind.LOOP_BLOCKED),  # noqa: E501  a row
    ("now and then a long step", {"utilization": 0.4, "blocked": 0.15, "blocked_waiting": 0.01, "lines": (line(seconds=1.2),)}, Kind.LOOP_BLOCKED),  # noqa: E501  a row
    ("blocked while a thread computes", {**BLOCKED, "process_cpu": 0.5, "lines": (line(),)}, Kind.LOOP_BLOCKED),
    ("blocked by what leaves no line", {"utilization": 0.5, "blocked_unseen": 0.4}, Kind.LOOP_BLOCKED),
    ("computing all the time", FULL, Kind.LOOP_CPU_BOUND),
    ("computing in long steps", {**COMPUTING, "lines": (line(cpu_s=7.9),)}, Kind.LOOP_CPU_BOUND),
    ("computing, kept from its processor", {**COMPUTING, "loop_cpu": 0.4, "process_cpu": 0.4, "run_queue": 0.55, "blocked_waiting": 0.5, "lines": (line(cpu_s=3.5),)}, Kind.LOOP_CPU_BOUND),  # noqa: E501  a row
    ("no CPU clock, nothing blocked", {**FULL, "loop_cpu": None, "blocked_waiting": None}, Kind.LOOP_CPU_BOUND),
    ("threads compute beside a full loop", FIGHT, Kind.GIL_CONTENTION),
    ("threads compute, the loop starves", {**FIGHT, "loop_cpu": 0.03, "blocked": 0.5, "blocked_waiting": 0.5}, Kind.GIL_CONTENTION),  # noqa: E501  a row
    ("threads compute, the loop has time", {"utilization": 0.5, "loop_cpu": 0.2, "process_cpu": 0.99, **POOL}, Kind.GIL_CONTENTION),  # noqa: E501  a row
    ("waiters for anyio's threads", POOL, Kind.ANYIO_POOL_SATURATED),
    ("waiters for the executor", {"executor_queue": 30.0, "executor_threads": 6}, Kind.EXECUTOR_SATURATED),
    ("tasks left behind", {"after": LEFT}, Kind.BACKGROUND_BACKLOG),
    ("tasks growing under steady users", {"tasks_growth_per_s": 150.0, "after": None}, Kind.BACKGROUND_BACKLOG),
    ("a full loop and tasks left behind", {**FULL, "after": LEFT}, Kind.BACKGROUND_BACKLOG),
    ("tasks waiting for threads that no request waits for", {**POOL, "after": LEFT}, Kind.BACKGROUND_BACKLOG),
    ("the generator is full", {"generator": BUSY_GENERATOR}, Kind.GENERATOR_SATURATED),
    ("generator and target are both full", {**FULL, "generator": BUSY_GENERATOR}, Kind.LOOP_CPU_BOUND),
    ("users outside a loop that has time", {"load": load(never_served=20)}, Kind.ACCEPT_STARVATION),
    ("collecting garbage", {"gc_share": 0.2}, Kind.GC_PAUSES),
    ("collecting garbage all the time", {**FULL, "gc_share": 0.5}, Kind.GC_PAUSES),
    ("collecting the garbage of one line", {**FULL, "gc_share": 0.5, "lines": (line(cpu_s=7.9),)}, Kind.LOOP_CPU_BOUND),
    ("threads beside a loop that has what it wants", {**FULL, "process_cpu": 1.14}, Kind.LOOP_CPU_BOUND),
    ("all users wait, and the loop and the pools are idle", {}, Kind.DOWNSTREAM_WAIT),
    ("most users think", {"load": load(in_flight=2.0)}, Kind.NO_BOTTLENECK),
    ("requests of a name are never answered", {"load": load(names=(name_load(goodput_rps=0.0),))}, Kind.ENDLESS_WAIT),
    ("many hops for each answer", {**FIGHT, "hops_per_answer": 500.0}, Kind.THREAD_HOPS),
    ("full while no request is in flight", {**FULL, "quiet": Quiet(0.99, ())}, Kind.SPINNING),
    ("most answers fail", {"load": load(failures=Failures(0.9, 500, "slow", 0.01))}, Kind.ANSWERS_FAIL),
    ("some answers fail and users mostly think", {"load": load(in_flight=2.0, failures=Failures(0.02, 500, "slow", 0.01))}, Kind.ANSWERS_FAIL),  # noqa: E501  a row
    ("answers fail after a wait for a thread", {**POOL, "load": load(failures=Failures(0.9, 500, "slow", 1.0))}, Kind.ANYIO_POOL_SATURATED),  # noqa: E501  a row
    ("tasks wait for a pool, others hold it", {"load": QUEUE, "waits": (wait("request", 29.0, *GET), wait("request", 10.0))}, Kind.APP_POOL),  # noqa: E501  a row
    ("threads wait for a pool inside a full thread pool", {**POOL, "load": QUEUE, "pools": (ThreadPool("anyio", 40, 40, 0),), "waits": (wait("anyio", 25.0, *CHECKOUT), wait("anyio", 15.0))}, Kind.APP_POOL),  # noqa: E501  a row
    ("all threads wait for the same, so that it is their work", {**POOL, "load": QUEUE, "pools": (ThreadPool("anyio", 40, 40, 0),), "waits": (wait("anyio", 40.0, "queue.py:get"),)}, Kind.ANYIO_POOL_SATURATED),  # noqa: E501  a row
    ("tasks wait for a pool while other programs have the loop's processor", {**FULL, "utilization": 0.87, "loop_cpu": 0.17, "process_cpu": 0.17, "run_queue": 0.7, "load": QUEUE, "waits": (wait("request", 29.0, *GET), wait("request", 10.0))}, Kind.APP_POOL),  # noqa: E501  a row
    ("threads wait for something narrower that no pattern knows", {**POOL, "load": load(names=(name_load(alone_s=0.005),))}, Kind.APP_POOL),  # noqa: E501  a row
    ("threads are taken by requests that do not queue", {**POOL, "load": load(names=(name_load(alone_s=0.005, goodput_rps=20.0), name_load(name="other", alone_s=1.0, goodput_rps=30.0)))}, Kind.ANYIO_POOL_SATURATED),  # noqa: E501  a row
    ("requests wait for a process pool", {"load": QUEUE, "waits": (wait("request", 38.0, text="await loop.run_in_executor(processes, work)"),)}, Kind.APP_POOL),  # noqa: E501  a row
    ("an executor of its own is full", {"load": QUEUE, "pools": (ThreadPool("legacy", 32, 32, 9),)}, Kind.APP_POOL),
    ("requests behind others on their connections", {"tasks": TaskCounts(10, 0, 0, 2, pipelined=9)}, Kind.CONNECTION_HELD),  # noqa: E501  a row
    ("a constant 44 ms outside the app", {"load": load(in_flight=5.0, answers_rps=114.0, names=(name_load(spread_s=0.002),)), "tasks": TaskCounts(0.1, 0, 0, 2, 0)}, Kind.DELAYED_ACK),  # noqa: E501  a row
    ("threads compute in what other programs leave", {**FULL, "loop_cpu": 0.1, "process_cpu": 0.386, "run_queue": 0.745}, Kind.GIL_CONTENTION),  # noqa: E501  a row
    ("other programs have the processor", {**FULL, "loop_cpu": 0.05, "process_cpu": 0.06, "run_queue": 0.8}, Kind.LOOP_CPU_BOUND),  # noqa: E501  a row
    ("nothing seen", {"seconds_seen": 0.0}, Kind.NOT_OBSERVED),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "kind"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_the_figures_decide_the_class(changes: dict[str, Any], kind: Kind) -> None:
    diagnosis = diagnose(figures(**changes))
    assert diagnosis.kind == kind, diagnosis.sentence
    assert all(evidence.holds for evidence in diagnosis.evidence)


def test_every_class_is_reached_by_the_table() -> None:
    assert {kind for _, _, kind in TABLE} == set(Kind)


def test_what_else_holds_is_told_beside_it() -> None:
    diagnosis = diagnose(figures(**BLOCKED, lines=(line(),), load=load(never_served=27)))
    assert (diagnosis.kind, [each.kind for each in diagnosis.also]) == (Kind.LOOP_BLOCKED, [Kind.ACCEPT_STARVATION])
    assert "27 of 40 users never had an answer" in diagnosis.also[0].sentence


def test_a_class_is_told_once_and_the_last_resorts_only_alone() -> None:
    diagnosis = diagnose(figures(**COMPUTING, lines=(line(cpu_s=7.9),)))
    assert [each.kind for each in diagnosis.also] == [Kind.LOOP_BLOCKED]


def test_other_programs_that_take_the_processor_are_named() -> None:
    diagnosis = diagnose(figures(**FULL | {"loop_cpu": 0.2, "process_cpu": 0.2, "run_queue": 0.75}))
    assert "other programs take its processor (its thread used 20 % of a core and waited 75 %" in diagnosis.sentence
    own = diagnose(figures(**FULL | {"loop_cpu": 0.95, "process_cpu": 0.95}))
    assert "this is what one process can do" in own.sentence


def test_threads_in_a_library_are_named_by_the_line_that_waits_for_them() -> None:
    """`run_in_executor(pool, time.sleep, 1)` leaves no own line in the thread."""
    waits = (wait("legacy", 32.0, owner=Owner.LIBRARY, file="/lib/thread.py"), wait("request", 38.0))
    diagnosis = diagnose(figures(load=QUEUE, pools=(ThreadPool("legacy", 32, 32, 9),), waits=waits))
    assert [each.file for each in diagnosis.lines] == [waits[1].line.file]


def test_a_line_of_the_library_is_never_the_guilty_one_while_there_is_another() -> None:
    framework = line(owner=Owner.LIBRARY, file="/lib/uvicorn/server.py", seconds=5.0, share=0.7)
    diagnosis = diagnose(figures(**BLOCKED, lines=(framework, line(seconds=2.0, share=0.3))))
    assert diagnosis.guilty is not None
    assert diagnosis.guilty.file == "/srv/app.py"


def test_a_line_that_hardly_counts_is_not_guilty_for_the_framework_s_time() -> None:
    framework = line(owner=Owner.LIBRARY, file="/lib/asyncio/events.py", seconds=8.0, share=0.98)
    diagnosis = diagnose(figures(**BLOCKED, lines=(framework, line(seconds=0.1, share=0.02))))
    assert diagnosis.guilty == framework


@pytest.mark.parametrize("sampled", [(), (line(line=9),)], ids=["no line sampled", "lines under load"])
def test_a_task_that_polls_is_found_by_what_it_awaits(sampled: tuple[LoopLine, ...]) -> None:
    """It gives up the GIL in the selector only, where a sampler sees no line of its own."""
    polls = wait("other", 1.0, "asyncio/tasks.py:sleep", inner_function="__sleep0")
    sleeps = wait("other", 2.0, "asyncio/tasks.py:sleep", line=12)
    diagnosis = diagnose(figures(**FULL, quiet=Quiet(0.99, ()), waits=(sleeps, polls), lines=sampled))
    assert (diagnosis.kind, diagnosis.guilty) == (Kind.SPINNING, polls.line)


def test_a_block_without_a_line_blames_none() -> None:
    busy = line(blocked=False, seconds=1.0)
    assert diagnose(figures(utilization=0.5, blocked_unseen=0.4, lines=(busy,))).lines == ()


def test_only_classes_that_a_line_explains_show_lines() -> None:
    assert diagnose(figures(**POOL, lines=(line(seconds=0.1),))).lines == ()


def test_a_full_loop_shows_its_short_steps_where_those_took_longer() -> None:
    busy = line(blocked=False, seconds=6.0, line=9)
    diagnosis = diagnose(figures(**FULL, blocked=0.02, blocked_waiting=0.02, lines=(line(seconds=0.2), busy)))
    assert diagnosis.lines == (busy,)


def test_a_loop_held_in_short_steps_blames_them_and_not_a_rare_long_one() -> None:
    short, rare = line(blocked=False, seconds=8.0, line=9), line(seconds=0.5)
    diagnosis = diagnose(figures(**{**BLOCKED, "blocked": 0.05, "blocked_waiting": 0.05}, lines=(rare, short)))
    assert (diagnosis.kind, diagnosis.guilty) == (Kind.LOOP_BLOCKED, short)
    assert "in steps of up to 10 ms" in diagnosis.sentence


HANDED_OVER: dict[str, Any] = {
    "blocked": False,
    "owner": Owner.NEAR,
    "line": 5,
    "inner_file": "/lib/asyncio/selector_events.py",
    "inner_line": 1057,
    "inner_function": "write",
    "seconds": 9.0,
    "share": 0.95,
}


def test_where_asyncio_hands_over_the_gil_is_not_guilty_while_a_line_of_the_user_s_was_seen() -> None:
    own = line(blocked=False, seconds=0.4, share=0.05, line=9)
    diagnosis = diagnose(figures(**FULL, lines=(line(**HANDED_OVER), own)))
    assert diagnosis.guilty == own
    assert "Of the code that was seen, most at" in diagnosis.sentence


def test_where_only_the_hand_over_was_seen_it_is_said_how_to_see_more() -> None:
    diagnosis = diagnose(figures(**FULL, lines=(line(**HANDED_OVER),)))
    assert "Most of it" not in diagnosis.sentence
    assert any("LOOPBENCH_PROBE_SIGNAL_SAMPLER" in remedy for remedy in diagnosis.remedies)


def test_where_little_of_the_loop_s_time_was_seen_it_is_said_how_little() -> None:
    diagnosis = diagnose(figures(**FULL, lines=(line(blocked=False, seconds=0.08, cpu_s=0.07),)))
    assert "Only 0.08 s of 9.9 s were seen on a line, the longest at srv/app.py:7 in slow." in diagnosis.sentence


def test_no_share_is_more_than_all() -> None:
    assert "101 %" not in diagnose(figures(**{**BLOCKED, "blocked": 1.01}, lines=(line(),))).sentence


def test_more_than_one_core_is_not_all_under_one_gil() -> None:
    assert "without the GIL" in diagnose(figures(**{**FIGHT, "process_cpu": 1.6})).sentence
    assert "without the GIL" not in diagnose(figures(**FIGHT)).sentence


def test_lines_of_two_workers_are_weighed_against_the_time_of_both() -> None:
    """Of ten seconds each, 0.8 s are 8 % of one and 4 % of two."""
    two = (ProcessShare(1, 10, 0.3), ProcessShare(2, 10, 0.3))
    changes: dict[str, Any] = {"blocked": 0.11, "blocked_waiting": 0.11, "lines": (line(seconds=0.8),)}
    assert diagnose(figures(**changes)).kind == Kind.LOOP_BLOCKED
    assert diagnose(figures(**changes, processes=two)).kind == Kind.DOWNSTREAM_WAIT


@pytest.mark.parametrize(
    ("changes", "confidence"),
    [
        (FULL, Confidence.CLEAR),
        ({**FULL, "seconds_seen": 2.0}, Confidence.BORDERLINE),
        ({"utilization": 0.86, "loop_cpu": 0.85, "process_cpu": 0.86}, Confidence.BORDERLINE),
    ],
)
def test_a_short_look_or_a_narrow_figure_makes_a_diagnosis_borderline(
    changes: dict[str, Any], confidence: Confidence
) -> None:
    assert diagnose(figures(**changes)).confidence == confidence


@pytest.mark.parametrize(("alone_s", "is_narrow"), [(0.005, True), (0.195, False), (None, False)])
def test_the_width_of_a_queue_comes_from_little_s_law(*, alone_s: float | None, is_narrow: bool) -> None:
    """At 200 answers a second of 5 ms each one request is worked on, and 38 wait for it."""
    sentence = diagnose(figures(load=load(names=(name_load(alone_s=alone_s),)))).sentence
    assert ("About 1 requests are worked on at a time" in sentence) == is_narrow


def test_a_saturated_pool_of_the_app_is_named_with_its_width_and_its_line() -> None:
    waits = (wait("request", 29.0, *GET), wait("request", 10.0))
    diagnosis = diagnose(figures(load=QUEUE, waits=waits))
    assert "about 10 wide: 29 wait on average at srv/app.py:7 in slow" in diagnosis.sentence
    assert diagnosis.guilty is not None
    assert diagnosis.guilty.line == 7


def test_where_requests_hold_what_they_wait_for_both_ways_are_named() -> None:
    stuck = load(names=(name_load(goodput_rps=0.0),))
    waits = tuple(
        wait("request", mean, *GET, calls=(f"srv/app.py:{function}", "srv/app.py:slow", *GET))
        for function, mean in (("users", 29.0), ("articles", 10.0))
    )
    assert "29 came there through users and 10 through articles" in diagnose(figures(load=stuck, waits=waits)).sentence


def test_a_quick_request_in_the_queue_of_slow_ones_is_advised_to_need_no_thread() -> None:
    names = (name_load(alone_s=1.0), name_load(name="health", alone_s=0.002, in_flight=20.0, goodput_rps=20.0))
    assert diagnose(figures(**POOL, load=load(names=names))).remedies[0].startswith("make health `async def`")


def test_the_wait_for_a_thread_is_told_by_little_s_law() -> None:
    assert "waits 100 ms for a thread" in diagnose(figures(**POOL)).sentence


def test_without_a_line_there_is_still_advice() -> None:
    diagnosis = diagnose(figures(**BLOCKED))
    assert diagnosis.guilty is None
    assert diagnosis.remedies


def test_the_absence_of_a_diagnosis_says_why() -> None:
    assert not_observed("the probe did not run").sentence == "The loop was not observed: the probe did not run."
