"""An endpoint that the probe moved answers as its twin that was written in that style; in a real uvicorn.

`TWINS_PYTHON=/path/to/bin/python pytest tests/probe/test_moving.py` asks the same of another environment, such as one
with an old FastAPI. It needs fastapi, uvicorn and uvloop.
"""

import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.probe.target import HERE, PROBE_FOLDER, Target, running

pytestmark = pytest.mark.real

PYTHON = os.environ.get("TWINS_PYTHON", sys.executable)
KINDS = {
    "{kind}": (
        "json?name=b",
        "json?name=",
        "model",
        "http-error",
        "own-error",
        "bug",
        "context",
        "stream",
        "background",
        "dependencies",
        "dependency-error",
        "chain",
        "sleep",
        "cpu",
        "file",
        "sqlite",
        "class?q=1",
    ),
    "nested/dependencies": ("nested/dependencies",),
    "mounted/json": ("mounted/json?name=c",),
    "starlette/function": ("starlette/function?q=2",),
}
"""What is asked of each route; the placeholder moves every one of its kinds in one server."""

EVENTS = {"background": 1, "dependencies": 1, "dependency-error": 2}
DEPENDENCIES = {"nested/dependencies": 3, "dependencies": 2, "dependency-error": 1, "chain": 3}
MAX_ASKS = 1_000
STYLES = {"async": "event_loop", "def": "threadpool"}
OTHER = {"async": "def", "def": "async"}


@contextmanager
def moving(folder: Path, path: str, run_in: str, dependencies: str = "", loop: str = "uvloop") -> Iterator[Target]:
    """The twins with one route moved."""
    options = ["--app-dir", str(HERE.parent), "--loop", loop, "--log-level", "warning"]
    environ = {
        "PYTHONPATH": str(PROBE_FOLDER / "sitecustomize_hook"),  # old uvicorns have no other way
        "LOOPBENCH_PROBE_ROUTE": f"GET {path}",
        "LOOPBENCH_PROBE_RUN_IN": run_in,
        "LOOPBENCH_PROBE_RUN_DEPENDENCIES_IN": dependencies,
    }
    target = Target(folder, ["-m", "uvicorn", "twins:app", *options], environ, traced=False, python=PYTHON)
    with running(target) as started:
        yield started


def answer_of(target: Target, path: str) -> tuple[Any, ...]:
    """Status, headers and body, and what the endpoint left behind."""
    connection = target.connection()
    connection.request("GET", path)
    response = connection.getresponse()
    headers = sorted((name.lower(), value) for name, value in response.getheaders() if name.lower() != "date")
    body = response.read()
    connection.close()
    events: list[str] = []
    for _ in range(MAX_ASKS):  # some come after the answer
        if len(events) >= EVENTS.get(path.rpartition("/")[2], 0):
            break
        events += json.loads(target.ask("/events"))
    return response.status, headers, body, events


def counts(target: Target) -> dict[str, Any]:
    """End the target; its last record of moved calls."""
    target.stop(signal.SIGTERM)
    (records,) = target.logs()
    return [record for record in records if record["record"] == "moves"][-1]


@pytest.mark.parametrize("written", STYLES)
@pytest.mark.parametrize("route", KINDS)
def test_a_moved_endpoint_answers_as_the_twin_written_in_that_style(tmp_path: Path, route: str, written: str) -> None:
    other, kinds = OTHER[written], KINDS[route]
    with moving(tmp_path, f"/{written}/{route}", STYLES[other], STYLES[other]) as target:
        moved = [answer_of(target, f"/{written}/{kind}") for kind in kinds]
        twins = [answer_of(target, f"/{other}/{kind}") for kind in kinds]
        seen = counts(target)
    assert moved == twins
    assert seen["endpoint"] == {"moved": len(kinds), "kept": 0, "refused": 0}
    assert seen["dependencies"]["moved"] == sum(DEPENDENCIES.get(kind, 0) for kind in kinds)


def test_a_placeholder_in_the_route_is_any_one_segment(tmp_path: Path) -> None:
    with moving(tmp_path, "/async/{kind}", "threadpool") as target:
        assert json.loads(target.ask("/async/context"))["ran_in"] == "thread"
        assert json.loads(target.ask("/async/mounted/json"))["ran_in"] == "loop"


def test_only_the_route_moves_and_only_what_is_asked_for(tmp_path: Path) -> None:
    with moving(tmp_path, "/async/dependencies", "threadpool") as target:
        assert json.loads(target.ask("/async/dependencies")) == ["dependency in loop", "loop", "thread"]
        assert json.loads(target.ask("/async/json"))["ran_in"] == "loop"
        assert json.loads(target.ask("/hello")) == "loop"
        seen = counts(target)
    assert seen["endpoint"] == {"moved": 1, "kept": 0, "refused": 0}
    assert seen["dependencies"] == {"moved": 0, "kept": 2, "refused": 0}


@pytest.mark.parametrize(
    ("path", "style"), [("/async/json", "event_loop"), ("/def/json", "threadpool"), ("/hello", "")]
)
def test_a_call_that_is_there_already_stays_and_is_counted_so(tmp_path: Path, path: str, style: str) -> None:
    with moving(tmp_path, path, style) as target:
        target.ask(path, times=3)
        assert counts(target)["endpoint"] == {"moved": 0, "kept": 3, "refused": 0}


@pytest.mark.parametrize(
    ("loop", "path"),
    [
        ("uvloop", "/sleeps"),
        ("uvloop", "/yields"),
        ("uvloop", "/hides"),
        ("asyncio", "/sleeps"),
        pytest.param("asyncio", "/yields", marks=pytest.mark.nightly),
        pytest.param("asyncio", "/hides", marks=pytest.mark.nightly),
    ],
)
def test_one_that_awaits_is_refused_with_its_line(tmp_path: Path, path: str, loop: str) -> None:
    lines = (HERE.parent / "twins.py").read_text().splitlines()
    start = next(number for number, line in enumerate(lines) if f'"{path}"' in line)
    line = next(number for number, text in enumerate(lines, 1) if number > start and "cannot run in a thread" in text)
    with moving(tmp_path, path, "threadpool", loop=loop) as target:
        status, *_ = answer_of(target, path)
        seen = counts(target)
    assert (status, seen["endpoint"]["refused"]) == (500, 1)
    assert seen["because"] == f"`{path[1:]}` awaits at tests/probe/twins.py:{line}, so it cannot run in a thread"
