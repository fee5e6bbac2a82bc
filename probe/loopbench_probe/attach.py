"""Attaches the probe to a loop, once per process, and detaches it at the end."""

from __future__ import annotations

import asyncio
import atexit
import gc
import itertools
import os
import platform
import signal
import threading
import time
from typing import TYPE_CHECKING, Any

from loopbench_probe.clocks import Clocks, GcPauses
from loopbench_probe.explain import Explain
from loopbench_probe.heartbeat import Heartbeat
from loopbench_probe.idle import idle_source
from loopbench_probe.log import FORMAT_VERSION, Log
from loopbench_probe.moving import Moving
from loopbench_probe.places import Places
from loopbench_probe.pools import Pools
from loopbench_probe.server import Server
from loopbench_probe.settings import EXPLAIN
from loopbench_probe.waits import TaskWaits
from loopbench_probe.watching import Watcher, keep_watching

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from loopbench_probe.settings import Settings

_attached: list[Probe] = []  # this process's probe; a forked child inherits its parent's


def attach(loop: asyncio.AbstractEventLoop, settings: Settings, server: Server | None = None) -> None:
    """Watch `loop` until it is closed or the process ends. A process has one log, so later loops are not watched."""
    if any(probe.pid == os.getpid() for probe in _attached):
        return
    _attached[:] = [Probe(loop, settings, server or Server())]


class Probe:
    """All observers of one loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, settings: Settings, server: Server) -> None:
        self.pid = os.getpid()
        self._loop, self._settings = loop, settings
        self._server = server
        self._idle, self._no_idle_because = idle_source(loop)
        self._pools = Pools(loop, settings.thread_tokens, settings.executor_threads)
        self._tasks = TaskWaits(loop, self._server, Places())
        self._heartbeat = Heartbeat(loop, settings.tick_s, self._pools, self._tasks)
        self._hops = _count_hops(loop)
        self._explain = Explain() if settings.level == EXPLAIN else None
        self._routes_unavailable = ""
        self._log = Log(settings.directory, self.pid)
        self._moving = Moving(settings.moves, self._log.write) if settings.moves else None
        self._writing = threading.RLock()  # re-entrant: a signal may interrupt the main thread while it ends the log
        self._started = self._ended = False
        self._close_loop = loop.close
        loop.close = self._before_close  # type: ignore[method-assign]
        self._starting = loop.create_task(self._start())  # runs before the server's own first step
        at_end(self.end)

    async def _start(self) -> None:
        """Start the observers on the loop, in its first iteration, without awaiting anything."""
        self._pools.prepare()
        if self._explain is not None:
            self._routes_unavailable = self._explain.install(self._server)
        if self._moving is not None:
            self._moving.install()
            self._server.wrap_app(self._moving.select)
        if self._settings.gc_freeze:
            self._server.wrap_app(_freeze)
        self._clocks = Clocks(self._idle)
        self._gc_pauses = GcPauses()
        self._watcher = Watcher(self._loop, self._settings, self._idle, self._heartbeat, self._server.requests_total)
        self._heartbeat.start()
        self._log.write(self._start_record())
        self._started = True
        arguments = (self._look, self._settings.poll_s, self._write_second)
        threading.Thread(target=keep_watching, args=arguments, name="loopbench-probe", daemon=True).start()

    def _before_close(self) -> None:
        self.end("loop closed")
        self._close_loop()

    def _look(self) -> None:
        """Look once, on the watching thread. The lock prevents reading a closed loop."""
        with self._writing:
            if not self._ended:
                self._watcher.look()

    def _write_second(self) -> bool:
        """Write the second's record, on the watching thread. Return False if the log has ended."""
        if not self._server.found:
            self._server.search()
        with self._writing:
            if self._ended:
                return False
            self._log.write(*self._last_second())
            return True

    def _last_second(self) -> list[dict[str, Any]]:
        second = {
            "record": "second",
            **self._clocks.take(),
            **self._heartbeat.take(),
            **self._counts(),
            "threads": threading.active_count(),
            "tasks": _tasks_pending(self._loop),
            "hops_total": self._hops.__reduce__()[1][0],  # the next number, which `count` shows nowhere else
            **self._gc_pauses.take(),
            **self._watcher.take(),
        }
        times = {name: second[name] for name in ("t0_monotonic_s", "t1_monotonic_s")}
        waits = {"record": "waits", **times, "tasks": self._tasks.take(), "threads": self._watcher.threads.take()}
        moves = [] if self._moving is None else [self._moving.record()]
        explain = [] if self._explain is None else [{"record": "explain", **times, **self._explain.take()}]
        return [second, waits, *moves, *explain]

    def end(self, reason: str) -> None:
        """Write the rest of the last second and the end record, and stop looking at the loop."""
        if os.getpid() != self.pid:  # a forked child must not end its parent's log
            return
        with self._writing:
            if self._ended:
                return
            self._ended = True
            end = {"record": "end", "time_monotonic_s": time.monotonic(), "reason": reason, **self._counts()}
            if self._started:
                self._log.write(*self._last_second(), end)
                self._stop()
            else:
                self._log.write(end)
            self._log.close()

    def _stop(self) -> None:
        self._heartbeat.stop()
        self._gc_pauses.stop()
        self._watcher.stop()

    def _counts(self) -> dict[str, Any]:
        return {"requests_total": self._server.requests_total(), "connections": self._server.connections()}

    def _start_record(self) -> dict[str, Any]:
        unavailable = self._unavailable()
        return {
            "record": "start",
            "format": FORMAT_VERSION,
            "pid": self.pid,
            "nonce": self._settings.nonce,
            "time_monotonic_s": time.monotonic(),
            "time_unix_s": time.time(),
            "python": platform.python_version(),
            "loop_class": f"{type(self._loop).__module__}.{type(self._loop).__qualname__}",
            "idle_source": None if self._idle is None else self._idle.name,
            "level": self._settings.level,
            "available": [name for name in _MEASURED if name not in unavailable],
            "unavailable": unavailable,
            "settings": {
                "poll_s": self._settings.poll_s,
                "tick_s": self._settings.tick_s,
                "overdue_s": self._settings.overdue_s,
                "thread_tokens": self._settings.thread_tokens,
                "executor_threads": self._settings.executor_threads,
                "gc_freeze": self._settings.gc_freeze,
                "signal_sampler": self._settings.signal_sampler,
            },
            "pools": self._pools.sizes(),
        }

    def _unavailable(self) -> dict[str, str]:
        reasons = dict(self._pools.unavailable)
        if self._idle is None:
            reasons["utilization"] = self._no_idle_because
        if not self._clocks.has_loop_cpu:
            reasons["loop_cpu_share"] = "this system has no CPU clock of another thread"
        if not self._server.found:
            reasons["requests_total"] = "no uvicorn server was found when the loop was made; looked for again later"
        if self._watcher.no_lines_because:
            reasons["lines"] = self._watcher.no_lines_because
        if self._watcher.no_sampler_because:
            reasons["signal_sampler"] = self._watcher.no_sampler_because
        if self._routes_unavailable:
            reasons["routes"] = self._routes_unavailable
        return reasons


def _freeze(app: Any) -> Any:
    """Collect, then take everything that exists out of later collections."""
    gc.collect()
    gc.freeze()
    return app


def _count_hops(loop: asyncio.AbstractEventLoop) -> itertools.count[int]:
    """Count the calls by which threads hand their results to `loop`. The counter is read from its next number."""
    hops, call_soon_threadsafe = itertools.count(), loop.call_soon_threadsafe

    def counted(*arguments: Any, **named: Any) -> Any:
        next(hops)  # one C call, so that no other thread comes between
        return call_soon_threadsafe(*arguments, **named)

    loop.call_soon_threadsafe = counted  # type: ignore[method-assign]
    return hops


def _tasks_pending(loop: asyncio.AbstractEventLoop) -> int | None:
    """Count the unfinished tasks of `loop` from another thread; None if they changed too fast to be counted."""
    try:
        return len(asyncio.all_tasks(loop))
    except RuntimeError:
        return None


_MEASURED = ("utilization", "loop_cpu_share", "requests_total", "anyio")


def at_end(call: Callable[[str], None]) -> None:
    """Register `call(reason)` for the exit or termination of this process. It may be called twice.

    SIGKILL cannot be caught. uvicorn catches SIGTERM, finishes the requests in flight, restores the previous handler
    and raises the signal again: a handler installed before uvicorn's runs at the very end, after the last response.
    Forked children inherit the registration, so `call` has to check the process id.
    """
    atexit.register(call, "exit")
    if threading.current_thread() is threading.main_thread():
        _before_sigterm(call)


def _before_sigterm(call: Callable[[str], None]) -> None:
    before: Any = signal.getsignal(signal.SIGTERM)
    if before is None or before is signal.SIG_IGN:  # set outside Python, or ignored on purpose: do not replace it
        return

    def on_sigterm(number: int, _frame: FrameType | None) -> None:
        call("SIGTERM")
        signal.signal(number, before)
        signal.raise_signal(number)

    signal.signal(signal.SIGTERM, on_sigterm)
