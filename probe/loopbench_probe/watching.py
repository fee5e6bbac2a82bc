"""Looks at the loop's thread every few milliseconds from another thread, and reports once a second."""

from __future__ import annotations

import asyncio
import gc
import sys
import threading
import time
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from loopbench_probe.clocks import cpu_clock_of_this_thread
from loopbench_probe.ledger import Ledger, Lines, Look
from loopbench_probe.places import Places, callers
from loopbench_probe.signal_sampler import SignalSampler
from loopbench_probe.waits import ThreadWaits

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from types import FrameType

    from loopbench_probe.heartbeat import Heartbeat
    from loopbench_probe.idle import LibuvIdle, SelectorIdle
    from loopbench_probe.ledger import Spent
    from loopbench_probe.places import Place
    from loopbench_probe.settings import Settings

MAX_LINES = 30  # lines of each kind that are reported per second, the longest first
MAX_SKIPPED = 7  # consecutive looks
QUICK_WAKINGS = 4  # consecutive quick wakings before the first skip: a loop that blocks now and then is quick for fewer
QUICK_ANSWERS = 4  # responses completed between two wakings that make a waking quick
COLLECTION_CAN_CRASH_A_LOOK = sys.version_info[:2] == (3, 11)


class Pace:
    """Decides which looks to skip: most while the loop answers quickly, none when something may block it.

    A look at a loop at full speed is expensive, because the CPU caches are cold. On a loop that answers many times
    between two looks no interval proves a long step. Skipping costs samples of the profile and some precision of a
    block's start.
    """

    def __init__(self) -> None:
        self._quick = 0  # consecutive wakings
        self._answers: int | None = None  # at the last waking
        self._skipped = 0  # since the last look

    def skip(self, answers: int | None) -> bool:
        """Return whether to skip this look. `answers` is the number of responses so far; None (unknown): never skip."""
        last, self._answers = self._answers, answers
        quick = last is not None and answers is not None and answers - last >= QUICK_ANSWERS
        self._quick = self._quick + 1 if quick else 0
        if self._quick <= QUICK_WAKINGS or self._skipped == MAX_SKIPPED:
            self._skipped = 0
            return False
        self._skipped += 1
        return True


class CollectorOff:
    """Context manager that turns the collector off and then back on, unless the app itself had it off."""

    def __enter__(self) -> None:
        self._was_on = gc.isenabled()
        gc.disable()

    def __exit__(self, *_problem: object) -> None:
        if self._was_on:
            gc.enable()


def collector_off() -> AbstractContextManager[None]:
    """Return the context manager in which another thread's stack must be read.

    Python 3.11 creates frame objects on demand (`sys._current_frames`, `frame.f_back`), and creating one may start a
    collection. If the collection runs Python code (`gc.callbacks`, a finalizer), the GIL may pass to the thread whose
    stack is being read. That thread returns from its functions, and the new frame object then points at a frame that
    no longer exists: a target died of SIGSEGV this way (3.11.7, scenarios/downstream.toml). `sys._current_frames` may
    also hang (CPython issue 106883). Before 3.11 every frame was an object; from 3.12 on a collection waits for the
    end of the bytecode.
    """
    return CollectorOff() if COLLECTION_CAN_CRASH_A_LOOK else nullcontext()


class Watcher:
    """Watches one loop. Create it on the loop's thread; `look` and `take` belong to the watching thread."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        settings: Settings,
        idle: SelectorIdle | LibuvIdle | None,
        heartbeat: Heartbeat,
        answers: Callable[[], int | None],
    ) -> None:
        self._loop, self._idle, self._heartbeat, self._answers = loop, idle, heartbeat, answers
        self._thread = threading.get_ident()
        self._cpu_clock = cpu_clock_of_this_thread()
        self._places = Places()
        self.threads = ThreadWaits(self._places)
        self._collector_off = collector_off()
        self.no_lines_because = "" if _has_the_gil() else "without the GIL no thread can read another's stack safely"
        self._pace = Pace()
        self._poll_s = self._pause_s = settings.poll_s  # the intended time since the last look
        self._ledger = Ledger(settings.overdue_s, 3 * sys.getswitchinterval())
        self._sampler: SignalSampler | None = None
        self.no_sampler_because = ""
        if settings.signal_sampler:
            self._install_sampler(settings.poll_s)

    def _install_sampler(self, interval_s: float) -> None:
        sampler = SignalSampler(self.seen, interval_s)
        self.no_sampler_because = sampler.install()
        if not self.no_sampler_because:
            self._sampler = sampler

    def look(self) -> None:
        """Look at the loop's thread once, unless the look may be skipped."""
        if self._pace.skip(self._answers()):
            self._pause_s += self._poll_s
            return
        with self._collector_off:
            look = self.seen(None if self.no_lines_because else self._frame())
        if self._sampler is not None:
            for earlier in self._sampler.take():
                self._ledger.add(earlier, self._poll_s)
            self._sampler.arm(working=look.place is not None)
        self._ledger.add(look, self._pause_s)
        self._pause_s = self._poll_s

    def _frame(self) -> FrameType | None:
        """Return the innermost frame of the loop's thread; sample the other threads where that is due."""
        stacks = sys._current_frames()  # noqa: SLF001  documented, and the only way to get it
        now_s = time.monotonic()
        if self.threads.is_due(now_s):
            self.threads.sample(now_s, stacks)
        return stacks.get(self._thread)

    def stop(self) -> None:
        """Disarm the sampler."""
        if self._sampler is not None:
            self._sampler.arm(working=False)

    def seen(self, frame: FrameType | None) -> Look:
        """Return what the loop's thread is doing, given its innermost frame."""
        place = self._places.of(callers(frame), self._serving)
        task = None if place is None else _task_of(self._loop)
        cpu_s = None if self._cpu_clock is None else time.clock_gettime(self._cpu_clock)
        if self._idle is None:
            return Look(time.monotonic(), None, self._heartbeat.count, task, place, cpu_s, self._answers())
        idle_s, iterations = self._idle.read()
        return Look(time.monotonic(), idle_s, iterations, task, place, cpu_s, self._answers())

    def _serving(self) -> Any:
        """Return the endpoint that uvicorn's current task serves; None in any other task."""
        task = asyncio.current_task(self._loop)
        frame = getattr(None if task is None else task.get_coro(), "cr_frame", None)
        cycle = None if frame is None else frame.f_locals.get("self")
        scope = getattr(cycle, "scope", None)
        return scope.get("endpoint") if isinstance(scope, dict) else None

    def take(self) -> dict[str, Any]:
        """Return the blocked and busy lines since the last call."""
        lines: Lines = self._ledger.take()
        return {
            "blocked": _listed(lines.blocked, "blocked_s"),
            "busy": _listed(lines.busy, "busy_s"),
            "blocked_unseen_s": lines.unseen_s,
        }


def _has_the_gil() -> bool:
    """Return whether this Python has the GIL; free-threaded builds crash (CPython issue 152355)."""
    is_enabled = getattr(sys, "_is_gil_enabled", None)
    return is_enabled is None or bool(is_enabled())


def _task_of(loop: asyncio.AbstractEventLoop) -> tuple[int, str] | None:
    """Return the identity of the running task. Its name distinguishes it from a later task at the same address."""
    task = asyncio.current_task(loop)
    return None if task is None else (id(task), task.get_name())


def _listed(lines: dict[Place, Spent], time_key: str) -> list[dict[str, Any]]:
    """Return the lines as records, the longest time first."""
    ordered = sorted(lines.items(), key=lambda line: -line[1].seconds)
    return [
        {**place._asdict(), time_key: round(spent.seconds, 6), **_rest(spent)} for place, spent in ordered[:MAX_LINES]
    ]


def _rest(spent: Spent) -> dict[str, Any]:
    longest = {} if spent.longest_s is None else {"longest_s": round(spent.longest_s, 6)}
    return {"cpu_s": _rounded(spent.cpu_s), "samples": spent.samples, **longest}


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 6)


def keep_watching(look: Callable[[], None], poll_s: float, each_second: Callable[[], bool]) -> None:
    """Call `look` every `poll_s` and `each_second` every second, until `each_second` returns False."""
    next_report_s = time.monotonic() + 1.0
    while True:
        time.sleep(poll_s)
        look()
        if time.monotonic() >= next_report_s:
            if not each_second():
                return
            next_report_s = time.monotonic() + 1.0
