"""Sums by route and by pool; a coroutine stepped by hand behaves normally."""

import asyncio
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI
from loopbench_probe.explain import APP_HEADER, MAX_ROUTES, OTHER_ROUTES, STAMP_HEADER, Explain, Job

from loopbench.records import stamps


async def ask(app: Any, explain: Explain, **scope: Any) -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    full = {"type": "http", "method": "GET", "path": "/p", "headers": [], **scope}
    await explain.wrap(app)(full, None, send)
    return sent


async def answering(_scope: Any, _receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"a", b"b")]})
    await send({"type": "http.response.body", "body": b""})


def test_an_answer_keeps_its_headers_and_gets_the_stamps_if_the_client_sent_one() -> None:
    explain = Explain()
    start, _body = asyncio.run(ask(answering, explain, headers=[(b"x-loopbench-stamp", b"1"), (b"accept", b"*/*")]))
    assert start["headers"][0] == (b"a", b"b")
    assert start["headers"][1][0] == APP_HEADER
    entered_us, answering_us = map(int, start["headers"][1][1].split())
    assert entered_us <= answering_us
    assert [row["requests"] for row in explain.take()["routes"]] == [1]


def test_the_names_of_the_headers_are_the_generator_s() -> None:
    assert STAMP_HEADER.decode() == stamps.ASK_HEADER
    head = b"HTTP/1.1 200 OK\r\n" + APP_HEADER + b": 1500000 1750000\r\n\r\n"
    assert stamps.read_stamps(head, 1.0, 1.0) == (0.5, 0.25)


@pytest.mark.parametrize("headers", [[], [(b"accept", b"*/*")]])
def test_an_answer_without_a_stamp_request_is_unchanged(headers: list[tuple[bytes, bytes]]) -> None:
    start, _body = asyncio.run(ask(answering, Explain(), headers=headers))
    assert start["headers"] == [(b"a", b"b")]


def test_results_of_awaits_and_exceptions_pass_through() -> None:
    seen: list[Any] = []

    async def app(_scope: Any, _receive: Any, _send: Any) -> None:
        seen.append(await asyncio.sleep(0, "slept"))
        try:
            await asyncio.wait_for(asyncio.Event().wait(), 0.001)
        except TimeoutError:
            seen.append("timed out")
        raise LookupError("mine")

    explain = Explain()
    with pytest.raises(LookupError, match="mine"):
        asyncio.run(ask(app, explain))
    assert seen == ["slept", "timed out"]
    assert [row["requests"] for row in explain.take()["routes"]] == [1]


def test_a_cancellation_reaches_the_app() -> None:
    seen: list[str] = []

    async def app(_scope: Any, _receive: Any, _send: Any) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise

    async def cancel() -> None:
        task = asyncio.ensure_future(ask(app, Explain()))
        await asyncio.sleep(0)
        task.cancel()
        await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(cancel())
    assert seen == ["cancelled"]


@pytest.mark.parametrize(
    ("scope", "route"),
    [
        ({"route": type("Route", (), {"path": "/items/{id}"})()}, "GET /items/{id}"),
        ({"route": type("Route", (), {"path": "/x"})(), "root_path": "/mounted"}, "GET /mounted/x"),
        ({"endpoint": ask}, "GET ask"),
        ({}, "GET /p"),
        ({"endpoint": ask, "fastapi": {"effective_route_context": None}}, "GET ask"),
        ({"fastapi": "an app's own"}, "GET /p"),
    ],
)
def test_a_route_is_named_by_its_pattern_or_its_endpoint_or_its_path(scope: dict[str, Any], route: str) -> None:
    explain = Explain()
    asyncio.run(ask(answering, explain, **scope))
    assert list(explain.routes) == [route]


def test_routes_of_an_included_router_have_its_prefix() -> None:
    inner, outer, app, explain = APIRouter(prefix="/items"), APIRouter(), FastAPI(), Explain()
    inner.get("/{id}")(_nothing)
    outer.include_router(inner, prefix="/v1")
    app.include_router(outer, prefix="/api")
    app.include_router(inner, prefix="/old")
    for path in ("/api/v1/items/1", "/old/items/2"):
        asyncio.run(ask(app, explain, path=path, query_string=b""))
    assert list(explain.routes) == ["GET /api/v1/items/{id}", "GET /old/items/{id}"]


async def _nothing() -> None: ...


def test_requests_are_added_up_by_route() -> None:
    explain = Explain()
    route = explain.route({"method": "GET", "path": "/a"})
    route.add(2.0, 1.0, 0.75, 0.25)
    route.add(4.0, 1.0, 0.5, 0.25)
    (row,) = explain.take()["routes"]
    assert row == {
        "route": "GET /a",
        "requests": 2,
        "in_app_s": 6.0,
        "in_app_max_s": 4.0,
        "on_loop_s": 2.0,
        "on_loop_max_s": 0.75,
        "after_app_s": 0.5,
    }
    assert explain.take()["routes"] == []


def test_a_second_has_its_own_sums_and_maxima() -> None:
    explain = Explain()
    route = explain.route({"method": "GET", "path": "/a"})
    route.add(4.0, 1.0, 1.0, 0.0)
    explain.take()
    route.add(2.0, 0.5, 0.5, 0.0)
    (row,) = explain.take()["routes"]
    assert (row["requests"], row["in_app_s"], row["in_app_max_s"], row["on_loop_max_s"]) == (1, 2.0, 2.0, 0.5)


def test_paths_without_a_router_do_not_fill_the_log() -> None:
    explain = Explain()
    for number in range(MAX_ROUTES + 5):
        explain.route({"method": "GET", "path": f"/{number}"}).add(0.0, 0.0, 0.0, 0.0)
    rows = explain.take()["routes"]
    assert len(rows) == MAX_ROUTES + 1
    assert rows[-1]["route"] == OTHER_ROUTES
    assert rows[-1]["requests"] == 5


def test_jobs_are_added_up_by_pool_and_route() -> None:
    explain = Explain()
    explain.jobs.extend([Job("anyio", "GET /a", 0.5, 1.0), Job("anyio", "GET /a", 1.5, 1.0), Job("x", None, 0.0, 2.0)])
    assert explain.take()["queues"] == [
        {"pool": "anyio", "route": "GET /a", "jobs": 2, "wait_s": 2.0, "wait_max_s": 1.5, "run_s": 2.0},
        {"pool": "x", "route": None, "jobs": 1, "wait_s": 0.0, "wait_max_s": 0.0, "run_s": 2.0},
    ]


def test_a_job_of_a_request_s_task_counts_for_the_request() -> None:
    explain = Explain()

    async def app(_scope: Any, _receive: Any, _send: Any) -> None:
        async def in_a_task() -> None:
            explain._job("pool", lambda: None)()

        await asyncio.create_task(in_a_task())

    asyncio.run(ask(app, explain))
    explain._job("pool", lambda: None)()
    assert [row["route"] for row in explain.take()["queues"]] == ["GET /p", None]
