"""Where pool threads are at work and where tasks are suspended, sampled a few times per second.

Two samplers share one form of result. Threads are read by the watching thread, tasks by the loop's own thread, where
every other task is suspended (`await_chains.py`). After a sample that took long, the next one comes later.
"""

from __future__ import annotations

import asyncio
import random
import threading
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from loopbench_probe.await_chains import suspended_frames
from loopbench_probe.places import callers

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import FrameType

    from loopbench_probe.places import Place, Places
    from loopbench_probe.server import Server

MIN_PAUSE_S, MAX_PAUSE_S = 0.2, 1.0
MAX_SHARE = 0.003  # of a CPU, for each of the two samplers, unless a sample a second costs more
MAX_TASKS = 60  # tasks whose chain is followed in one sample; of more, so many are chosen at random and weighted
STARTING_FRAMES = 3  # outermost frames of a task, among which is the function that it was started for
OF_SERVERS = ("/hypercorn/", "/granian/")  # servers that keep tasks of their own
MAX_PLACES = 15  # places that are reported per second, the most frequent first

REQUEST, GIVEN_UP, AFTER_ANSWER, PART, OTHER = GROUPS = ("request", "given_up", "after_answer", "part", "other")
"""Tasks that serve a request: unanswered, its client gone, answered. Starlette's own parts of one. All other tasks."""


class Budget:
    """Spaces samples out so that their cost stays below MAX_SHARE of a CPU."""

    def __init__(self) -> None:
        self._due_s = 0.0

    def is_due(self, now_s: float) -> bool:
        """Return whether the next sample may be taken."""
        return now_s >= self._due_s

    def spend(self, now_s: float, cost_s: float) -> None:
        """Account for a sample."""
        self._due_s = now_s + min(MAX_PAUSE_S, max(MIN_PAUSE_S, cost_s / MAX_SHARE))


class Sighting(NamedTuple):
    """A group of tasks or threads, and where some of its members are."""

    group: str
    place: Place


class Sightings:
    """Sums over the samples of one second."""

    def __init__(self) -> None:
        self.samples = 0
        self.places: dict[Sighting, float] = {}
        self.counts: dict[str, float] = {}
        self.pools: dict[str, dict[str, float]] = {}

    def see(self, group: str, place: Place | None, weight: float = 1.0) -> None:
        """Count a member of a group at a place."""
        if place is not None:
            key = Sighting(group, place)
            self.places[key] = self.places.get(key, 0.0) + weight

    def count(self, name: str, number: float) -> None:
        """Add to a count."""
        self.counts[name] = self.counts.get(name, 0.0) + number

    def means(self) -> dict[str, Any]:
        """Return means over the samples."""
        samples = max(1, self.samples)
        ordered = sorted(self.places.items(), key=lambda each: -each[1])[:MAX_PLACES]
        return {
            "counts": {name: number / samples for name, number in self.counts.items()},
            "places": [
                {"group": each.group, **each.place._asdict(), "mean": round(seen / samples, 3)}
                for each, seen in ordered
            ],
            "pools": [
                {"pool": name, **{figure: value / samples for figure, value in figures.items()}}
                for name, figures in self.pools.items()
            ],
        }


class TaskWaits:
    """Samples the suspended tasks of a loop. `sample` belongs to the loop's thread; `take` to any other."""

    def __init__(self, loop: asyncio.AbstractEventLoop, server: Server, places: Places) -> None:
        self._loop, self._server, self._places = loop, server, places
        self._budget = Budget()
        self._seen = Sightings()

    def sample(self, now_s: float) -> None:
        """Take a sample if one is due."""
        if not self._budget.is_due(now_s):
            return
        began_s = time.thread_time()
        seen = self._seen
        tasks = list(asyncio.all_tasks(self._loop))
        serving = self._server.tasks()
        for name in GROUPS:
            seen.count(name, 0)
        chosen = tasks if len(tasks) <= MAX_TASKS else random.sample(tasks, MAX_TASKS)
        for task in chosen:
            self._see(seen, task, task in serving, len(tasks) / len(chosen))
        seen.count("pipelined", self._server.pipelined())
        seen.samples += 1
        self._budget.spend(now_s, time.thread_time() - began_s)

    def _see(self, seen: Sightings, task: asyncio.Task[Any], serves: bool, weight: float) -> None:
        frames = suspended_frames(task)
        group = OTHER
        if frames:
            group = _state_of(frames[-1]) if serves else _kind_of(frames)
        if not group:
            return
        seen.count(group, weight)
        seen.see(group, self._places.of(frames), weight)

    def take(self) -> dict[str, Any]:
        """Return the means since the last call."""
        seen, self._seen = self._seen, Sightings()
        return seen.means() if seen.samples else {}


def _state_of(run_asgi: FrameType) -> str:
    """Return the group of a request from the outermost frame of uvicorn's task, whose `self` is the request."""
    cycle = run_asgi.f_locals.get("self")
    if getattr(cycle, "response_complete", False):
        return AFTER_ANSWER
    return GIVEN_UP if getattr(cycle, "disconnected", False) else REQUEST


def _kind_of(frames: list[FrameType]) -> str:
    """Return the group of a task that serves no request: Starlette starts some for one (a task group)."""
    outermost = [frame.f_code.co_filename.replace("\\", "/") for frame in frames[-STARTING_FRAMES:]]
    if any(server in outermost[-1] for server in OF_SERVERS):
        return ""
    return PART if any("/starlette/" in file for file in outermost) else OTHER


class ThreadWaits:
    """Samples the threads other than the loop's and the probe's. It belongs to the watching thread."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._loop_thread = threading.get_ident()
        self._budget = Budget()
        self._seen = Sightings()

    def is_due(self, now_s: float) -> bool:
        """Return whether a sample may be taken."""
        return self._budget.is_due(now_s)

    def sample(self, now_s: float, stacks: dict[int, FrameType]) -> None:
        """Count each thread that is at work, and each pool."""
        began_s = time.thread_time()
        ignored = {self._loop_thread, threading.get_ident()}
        names = {thread.ident: thread.name for thread in threading.enumerate()}
        read: set[str] = set()  # executors whose size and queue this sample has
        for ident, frame in stacks.items():
            if ident not in ignored:
                self._see(names.get(ident, "thread"), frame, read)
        self._seen.samples += 1
        self._budget.spend(now_s, time.thread_time() - began_s)

    def _see(self, name: str, frame: FrameType, read: set[str]) -> None:
        frames = list(callers(frame))
        pool, inside = _split_at_pool(frames, name)
        if pool is None:
            self._seen.see(f"thread {_without_number(name)}", self._places.of(frames))
            return
        at_work = not _is_idle(inside, frames[len(inside)])
        figures = self._seen.pools.setdefault(pool, dict.fromkeys(("threads", "at_work", "size", "queue"), 0.0))
        figures["threads"] += 1
        figures["at_work"] += at_work
        if pool not in read:
            read.add(pool)
            size, queue = _size_and_queue(frames[len(inside)])
            figures["size"] += size
            figures["queue"] += queue
        if at_work:
            self._seen.see(pool, self._places.of(frames))

    def take(self) -> dict[str, Any]:
        """Return the means since the last call."""
        seen, self._seen = self._seen, Sightings()
        return seen.means() if seen.samples else {}


_ANYIO, _EXECUTOR = ("anyio/_backends/_asyncio.py", "run"), ("concurrent/futures/thread.py", "_worker")
_QUEUE_FILES = ("queue.py", "threading.py")


def _split_at_pool(frames: list[FrameType], name: str) -> tuple[str | None, list[FrameType]]:
    """Return the name of a thread's pool, and the frames inside the pool's own loop; None outside any pool."""
    for index in range(len(frames) - 1, -1, -1):
        code = frames[index].f_code
        for ending, function in (_ANYIO, _EXECUTOR):
            if code.co_name == function and code.co_filename.replace("\\", "/").endswith(ending):
                return "anyio" if ending == _ANYIO[0] else _without_number(name), frames[:index]
    return None, []


def _is_idle(inside: Iterable[FrameType], loop: FrameType) -> bool:
    """Return whether a pool's thread waits for a job: an executor's in C, anyio's in a queue written in Python."""
    inside = list(inside)
    if loop.f_code.co_name == _EXECUTOR[1]:
        return not inside
    return bool(inside) and all(frame.f_code.co_filename.endswith(_QUEUE_FILES) for frame in inside)


def _size_and_queue(worker: FrameType) -> tuple[int, int]:
    """Return the size and the queue length of an executor, from a frame of one of its threads; 0 for other pools."""
    known = worker.f_locals
    queue = known.get("work_queue")
    executor = known["executor_reference"]() if "executor_reference" in known else None
    return getattr(executor, "_max_workers", 0), 0 if queue is None else queue.qsize()


def _without_number(name: str) -> str:
    """Return a thread's name without the number that tells it from its siblings."""
    return name.rstrip("0123456789").rstrip("_- ") or "thread"
