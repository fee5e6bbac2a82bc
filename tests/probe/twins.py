"""An app whose endpoints exist twice, as `async def` and as plain `def`, otherwise word by word the same.

`/async/KIND` and `/def/KIND`. Each endpoint reports where it ran: in a thread or on the event loop. `TWINS_FIRST`
(`def` or `async`) names the style whose routes come first: routes are tried in their order, which takes time.
"""

import asyncio
import contextlib
import os
import sqlite3
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextvars import ContextVar
from typing import Annotated, Any

from fastapi import APIRouter, BackgroundTasks, Depends, FastAPI, HTTPException, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.endpoints import HTTPEndpoint
from starlette.routing import Mount, Route

app = FastAPI()
plain, coroutine = APIRouter(), APIRouter()
visitor: ContextVar[str] = ContextVar("visitor", default="none yet")
events: list[str] = []


def place() -> str:
    """Return where the caller runs."""
    with contextlib.suppress(RuntimeError):
        asyncio.get_running_loop()
        return "loop"
    return "loop" if threading.current_thread() is threading.main_thread() else "thread"


class TeapotError(Exception):
    """Has a handler of the app's own."""


@app.exception_handler(TeapotError)
async def teapot(_request: Request, problem: TeapotError) -> JSONResponse:
    """Answer with the problem's text."""
    return JSONResponse({"problem": str(problem)}, status_code=418)


@app.middleware("http")
async def introduce(request: Request, call_next: Any) -> Response:
    """Set a context variable, and report what it is after the answer."""
    visitor.set("the middleware's")
    response: Response = await call_next(request)
    response.headers["x-visitor"] = visitor.get()
    return response


@app.get("/events")
async def all_events() -> list[str]:
    """Return what was noted since the last call."""
    seen, events[:] = list(events), []
    return seen


class Item(BaseModel):
    """A response model, which FastAPI validates in a thread for plain `def`."""

    name: str
    ran_in: str


def note(text: str) -> None:
    """A background task."""
    events.append(f"{text} in {place()}")


def returned() -> str:
    """A dependency that returns."""
    return f"dependency in {place()}"


async def returned_async() -> str:
    """The same, asynchronous."""
    return f"dependency in {place()}"


def yielded() -> Iterator[str]:
    """A dependency that yields, and notes how it ends."""
    ran_in = place()
    try:
        yield ran_in
    except HTTPException as problem:
        events.append(f"dependency saw {problem.status_code} in {place()}")
        raise
    finally:
        events.append(f"dependency closed in {place()}")


async def yielded_async() -> AsyncIterator[str]:
    """The same, asynchronous."""
    ran_in = place()
    try:
        yield ran_in
    except HTTPException as problem:
        events.append(f"dependency saw {problem.status_code} in {place()}")
        raise
    finally:
        events.append(f"dependency closed in {place()}")


@plain.get("/json")
def json_(name: str = "a") -> dict[str, str]:
    return {"name": name, "ran_in": place()}


@coroutine.get("/json")
async def json_async(name: str = "a") -> dict[str, str]:
    return {"name": name, "ran_in": place()}


@plain.get("/model", response_model=Item, status_code=201)
def model(response: Response) -> Any:
    response.headers["x-own"] = "set"
    return {"name": "a", "ran_in": place(), "left": "out"}


@coroutine.get("/model", response_model=Item, status_code=201)
async def model_async(response: Response) -> Any:
    response.headers["x-own"] = "set"
    return {"name": "a", "ran_in": place(), "left": "out"}


@plain.get("/http-error")
def http_error() -> None:
    raise HTTPException(409, f"in {place()}", headers={"x-why": "taken"})


@coroutine.get("/http-error")
async def http_error_async() -> None:
    raise HTTPException(409, f"in {place()}", headers={"x-why": "taken"})


@plain.get("/own-error")
def own_error() -> None:
    raise TeapotError(place())


@coroutine.get("/own-error")
async def own_error_async() -> None:
    raise TeapotError(place())


@plain.get("/bug")
def bug() -> None:
    raise ZeroDivisionError(place())


@coroutine.get("/bug")
async def bug_async() -> None:
    raise ZeroDivisionError(place())


@plain.get("/context")
def context() -> dict[str, str]:
    before = visitor.get()
    visitor.set("the endpoint's")
    return {"before": before, "ran_in": place()}


@coroutine.get("/context")
async def context_async() -> dict[str, str]:
    before = visitor.get()
    visitor.set("the endpoint's")
    return {"before": before, "ran_in": place()}


@plain.get("/stream")
def stream() -> StreamingResponse:
    ran_in = place()
    return StreamingResponse((f"{ran_in} {part}\n" for part in range(3)), headers={"x-own": "stream"})


@coroutine.get("/stream")
async def stream_async() -> StreamingResponse:
    ran_in = place()
    return StreamingResponse((f"{ran_in} {part}\n" for part in range(3)), headers={"x-own": "stream"})


@plain.get("/background", status_code=202)
def background(tasks: BackgroundTasks) -> dict[str, str]:
    tasks.add_task(note, "background")
    return {"ran_in": place()}


@coroutine.get("/background", status_code=202)
async def background_async(tasks: BackgroundTasks) -> dict[str, str]:
    tasks.add_task(note, "background")
    return {"ran_in": place()}


@plain.get("/dependencies")
def dependencies(a: Annotated[str, Depends(returned)], b: Annotated[str, Depends(yielded)]) -> list[str]:
    return [a, b, place()]


@coroutine.get("/dependencies")
async def dependencies_async(
    a: Annotated[str, Depends(returned_async)], b: Annotated[str, Depends(yielded_async)]
) -> list[str]:
    return [a, b, place()]


@plain.get("/dependency-error")
def dependency_error(_: Annotated[str, Depends(yielded)]) -> None:
    raise HTTPException(404, place())


@coroutine.get("/dependency-error")
async def dependency_error_async(_: Annotated[str, Depends(yielded_async)]) -> None:
    raise HTTPException(404, place())


def outer(inner: Annotated[str, Depends(returned)]) -> str:
    """A dependency of a dependency."""
    return f"{inner}, {place()}"


async def outer_async(inner: Annotated[str, Depends(returned_async)]) -> str:
    """The same, asynchronous."""
    return f"{inner}, {place()}"


def outermost(inner: Annotated[str, Depends(outer)]) -> str:
    """The end of a chain."""
    return f"{inner}, {place()}"


async def outermost_async(inner: Annotated[str, Depends(outer_async)]) -> str:
    """The same, asynchronous."""
    return f"{inner}, {place()}"


@plain.get("/chain")
def chain(whole: Annotated[str, Depends(outermost)]) -> list[str]:
    return [whole, place()]


@coroutine.get("/chain")
async def chain_async(whole: Annotated[str, Depends(outermost_async)]) -> list[str]:
    return [whole, place()]


def sleep() -> str:
    time.sleep(0.002)
    return "slept"


def cpu() -> str:
    return str(sum(number * number for number in range(20_000)))


def file() -> str:
    with tempfile.TemporaryFile() as scratch:
        scratch.write(b"x" * 100_000)
        scratch.seek(0)
        return str(len(scratch.read()))


def sqlite() -> str:
    with contextlib.closing(sqlite3.connect(":memory:")) as database:
        database.execute("CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT)")
        database.executemany("INSERT INTO item (name) VALUES (?)", [(f"item {number}",) for number in range(100)])
        (count,) = database.execute("SELECT count(*) FROM item").fetchone()
    return str(count)


def requests() -> str:
    """Ask another service."""
    import requests as client  # noqa: PLC0415  an old environment need not have it

    return client.get(f"{os.environ['LOOPBENCH_UPSTREAM_URL']}/wait/1", timeout=10).text


def psycopg() -> str:
    """Ask a database, on a connection for each request."""
    import psycopg as driver  # noqa: PLC0415  an old environment need not have it

    with driver.connect(os.environ["LOOPBENCH_POSTGRES_URL"]) as connection:
        return str(connection.execute("SELECT 1").fetchone())


def add_twins(work: Callable[[], str]) -> None:
    """Add two endpoints that do the same blocking work, each in its own style."""

    def plain_endpoint() -> dict[str, str]:
        return {"result": work(), "ran_in": place()}

    async def coroutine_endpoint() -> dict[str, str]:
        return {"result": work(), "ran_in": place()}

    plain.get(f"/{work.__name__}")(plain_endpoint)
    coroutine.get(f"/{work.__name__}")(coroutine_endpoint)


for blocking in (sleep, cpu, file, sqlite, requests, psycopg):
    add_twins(blocking)


class Plain(HTTPEndpoint):
    """A class endpoint of Starlette's."""

    def get(self, request: Request) -> Response:
        """Return where it ran."""
        return JSONResponse({"ran_in": place(), "query": request.query_params.get("q")})


class Coroutine(HTTPEndpoint):
    """The same, asynchronous."""

    async def get(self, request: Request) -> Response:
        """Return where it ran."""
        return JSONResponse({"ran_in": place(), "query": request.query_params.get("q")})


def function(request: Request) -> Response:
    return JSONResponse({"ran_in": place(), "query": request.query_params.get("q")})


async def function_async(request: Request) -> Response:
    return JSONResponse({"ran_in": place(), "query": request.query_params.get("q")})


mounted_plain = FastAPI()
mounted_plain.get("/json")(json_)
mounted_coroutine = FastAPI()
mounted_coroutine.get("/json")(json_async)

nested_plain = APIRouter(prefix="/nested")
nested_plain.get("/dependencies")(dependencies)
plain.include_router(nested_plain, dependencies=[Depends(outer)])
nested_coroutine = APIRouter(prefix="/nested")
nested_coroutine.get("/dependencies")(dependencies_async)
coroutine.include_router(nested_coroutine, dependencies=[Depends(outer_async)])

STYLES = {
    "def": (plain, Plain, mounted_plain, function),
    "async": (coroutine, Coroutine, mounted_coroutine, function_async),
}
FIRST = os.environ.get("TWINS_FIRST", "def")
for style, (router, class_endpoint, mounted, function_endpoint) in sorted(
    STYLES.items(), key=lambda one: one[0] != FIRST
):
    app.include_router(router, prefix=f"/{style}")
    app.router.routes.extend([Route(f"/{style}/class", class_endpoint), Mount(f"/{style}/mounted", mounted)])
    app.mount(f"/{style}/starlette", Starlette(routes=[Route("/function", function_endpoint)]))


@app.get("/sleeps")
async def sleeps() -> str:
    await asyncio.sleep(0.001)  # cannot run in a thread
    return place()


@app.get("/yields")
async def yields() -> str:
    await asyncio.sleep(0)  # cannot run in a thread
    return place()


@app.get("/hides")
async def hides() -> str:
    try:
        await asyncio.sleep(0.001)  # cannot run in a thread
    except Exception as problem:
        raise HTTPException(500, "hidden") from problem
    return place()


@app.get("/hello")
async def hello() -> str:
    """The neighbour, which nothing moves."""
    return place()
