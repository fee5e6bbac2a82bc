"""Where a request's time goes: what the stamps and the probe's sums say, and what is unknown."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from loopbench.judge.diagnosis.time_spent import (
    AFTER_APP,
    BEFORE_APP,
    ELSEWHERE,
    ESTIMATED,
    EXACT,
    IN_QUEUE,
    IN_THREAD,
    ON_LOOP,
    SIDE_BY_SIDE,
    UNKNOWN,
    WATCH_LEVEL,
    RequestTime,
    TimeSpent,
    time_spent,
)
from loopbench.judge.run.run import Run
from loopbench.judge.run.samples import DTYPE, Samples
from loopbench.records.load_spec import LoadSpec
from loopbench.records.session import Phase
from loopbench.scenario import Request
from tests.judge.made_run import made_run
from tests.probe.test_probe_log import second, start, write

ORIGIN_S = 100.0
WINDOW = Phase("hold", 0.0, 4.0)
ROUTE = "GET /items/{id}"


def samples(*requests: tuple[float, float, float]) -> Samples:
    """Requests of one name as (latency, before the app, in the app), a hundredth of a second apart."""
    rows = np.zeros(len(requests), dtype=DTYPE)
    rows["start_s"] = 0.01 * np.arange(len(requests))
    for row, (latency_s, before_s, in_app_s) in zip(rows, requests, strict=True):
        row["latency_s"], row["before_app_s"], row["in_app_s"] = latency_s, before_s, in_app_s
    return Samples(rows, ("mine",), ("",), (), ())


def explained(at_s: float, *, routes: list[dict[str, Any]], queues: list[dict[str, Any]]) -> dict[str, Any]:
    times = {"t0_monotonic_s": ORIGIN_S + at_s, "t1_monotonic_s": ORIGIN_S + at_s + 1}
    return {"record": "explain", **times, "routes": routes, "queues": queues}


def route(**sums: float) -> dict[str, Any]:
    empty = dict.fromkeys(("in_app_s", "in_app_max_s", "on_loop_s", "on_loop_max_s", "after_app_s"), 0.0)
    return {"route": ROUTE, "requests": 10, **empty, **sums}


def jobs(wait_s: float, run_s: float, of: str | None = ROUTE) -> dict[str, Any]:
    return {"pool": "anyio", "route": of, "jobs": 10, "wait_s": wait_s, "wait_max_s": wait_s, "run_s": run_s}


def spent(
    folder: Path, requests: Samples, *records: dict[str, Any], level: str = "explain", target: str = "/items/7?q=1"
) -> TimeSpent:
    write(folder, 7, start(level=level), *records)
    found = time_spent(run(folder, requests, target), WINDOW)
    assert found is not None
    return found


def run(folder: Path, requests: Samples, target: str = "/") -> Run:
    spec = LoadSpec.model_construct(requests=[Request(name="mine", path=target)])
    return made_run(folder, ORIGIN_S, samples=requests, spec=spec)


def only(told: TimeSpent) -> RequestTime:
    (request,) = told.requests
    return request


def test_the_parts_of_a_request_add_up_to_its_latency(tmp_path: Path) -> None:
    """Ten requests of 1 s in the app: 0.1 on the loop, 0.3 queueing, 0.4 in a thread; 0.2 are left."""
    sums = explained(1, routes=[route(in_app_s=10.0, on_loop_s=1.0)], queues=[jobs(3.0, 4.0), jobs(9.0, 9.0, of=None)])
    request = only(spent(tmp_path, samples((1.5, 0.25, 0.9), (1.5, 0.25, 0.9), (1.5, math.nan, math.nan)), sums))
    assert (request.route, request.requests, request.stamped) == (ROUTE, 3, 2)
    assert {part.name: part.mean_s for part in request.parts} == pytest.approx(
        {BEFORE_APP: 0.25, ON_LOOP: 0.1, IN_QUEUE: 0.3, IN_THREAD: 0.4, ELSEWHERE: 0.2, AFTER_APP: 0.25}
    )
    assert {part.basis for part in request.parts} == {EXACT}
    assert sum(part.mean_s or 0.0 for part in request.parts) == pytest.approx(request.latency_s)


def test_work_after_the_answer_is_told_apart_from_the_latency(tmp_path: Path) -> None:
    sums = explained(1, routes=[route(in_app_s=5.0, on_loop_s=6.0, after_app_s=20.0)], queues=[])
    request = only(spent(tmp_path, samples((1.0, 0.25, 0.5)), sums))
    assert (request.after_answer_s, request.mean_s(AFTER_APP)) == (2.0, 0.25)
    assert request.mean_s(ELSEWHERE) == pytest.approx(1.9)


def test_jobs_side_by_side_leave_no_rest_to_be_told(tmp_path: Path) -> None:
    sums = explained(1, routes=[route(in_app_s=10.0)], queues=[jobs(0.0, 50.0)])
    rest = next(part for part in only(spent(tmp_path, samples((1.0, 0.1, 0.5)), sums)).parts if part.name == ELSEWHERE)
    assert (rest.mean_s, rest.basis, rest.why) == (None, UNKNOWN, SIDE_BY_SIDE)


def test_seconds_outside_the_window_do_not_count(tmp_path: Path) -> None:
    inside = explained(3, routes=[route(on_loop_s=1.0)], queues=[])
    after = explained(4, routes=[route(on_loop_s=9.0)], queues=[jobs(5.0, 5.0)])
    told = spent(tmp_path, samples((1.0, 0.1, 0.5)), inside, after)
    assert only(told).mean_s(ON_LOOP) == pytest.approx(0.1)
    assert told.pools == ()


def test_slow_requests_are_told_from_quick_ones(tmp_path: Path) -> None:
    quick, slow = (0.1, 0.01, 0.05), (1.0, 0.9, 0.05)
    told = only(spent(tmp_path, samples(*[quick] * 100, *[slow] * 100), explained(1, routes=[], queues=[])))
    assert [(group.low, group.high, group.requests) for group in told.groups] == [
        (0.0, 0.5, 100),
        (0.5, 0.9, 80),
    ]  # of the slowest twenty there are eighteen and two: too few for a figure
    assert [round(group.before_app_s, 3) for group in told.groups] == [0.01, 0.9]
    assert told.groups[1].after_app_s == pytest.approx(0.05, abs=1e-6)


def test_the_watch_level_estimates_the_pools_and_invents_nothing(tmp_path: Path) -> None:
    """Two waiters all the time and one answer a second: two seconds of waiting a request."""
    seconds = [second(ORIGIN_S + at, 0, anyio_waiting_mean=2.0) for at in range(4)]
    told = spent(tmp_path, samples(*[(0.5, math.nan, math.nan)] * 4), *seconds, level="watch")
    assert [(pool.pool, pool.waiting, pool.wait_s, pool.basis) for pool in told.pools] == [
        ("anyio", 2.0, 2.0, ESTIMATED)
    ]
    assert {(part.mean_s, part.basis, part.why) for part in only(told).parts} == {(None, UNKNOWN, WATCH_LEVEL)}
    assert only(told).latency_s == 0.5


def test_the_explain_level_waits_are_the_jobs_own(tmp_path: Path) -> None:
    sums = explained(1, routes=[route()], queues=[jobs(3.0, 4.0), jobs(1.0, 0.0, of=None)])
    (pool,) = spent(tmp_path, samples(*[(0.5, 0.1, 0.1)] * 8), sums).pools
    assert (pool.waiting, pool.wait_s, pool.basis) == (1.0, 0.5, EXACT)


def test_without_a_probe_nothing_is_known(tmp_path: Path) -> None:
    assert time_spent(run(tmp_path, samples((0.5, math.nan, math.nan))), WINDOW) is None


@pytest.mark.parametrize(
    ("pattern", "target", "fits"),
    [
        ("GET /a", "/a?x=1", True),
        ("GET /a", "/ab", False),
        ("POST /a", "/a", False),
        ("GET /items/{id}", "/items/7", True),
        ("GET /items/{id:int}/x", "/items/7/x", True),
        ("GET /items/{id}", "/items/7/more", False),
        ("GET /files/{rest:path}", "/files/a/b", True),
        ("GET /a.b", "/axb", False),
        ("GET /" + "{a:path}" * 50 + "Z", "/" + "a" * 1_000, False),  # of a damaged log
    ],
)
def test_a_request_finds_the_route_that_serves_it(tmp_path: Path, pattern: str, target: str, *, fits: bool) -> None:
    told = spent(tmp_path, samples(), explained(1, routes=[{**route(), "route": pattern}], queues=[]), target=target)
    assert only(told).route == (pattern if fits else None)
