"""Reads the target's thread pools: anyio's default limiter and the loop's default executor."""

from __future__ import annotations

import importlib.util
import math
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Sequence

_READINGS = ("anyio_borrowed", "anyio_waiting", "executor_queue")


class Pools:
    """Both pools. Call `prepare` once on the loop, then `read` at every second heartbeat."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, thread_tokens: int | None, executor_threads: int | None = None
    ) -> None:
        self._loop = loop
        self._executor_threads = executor_threads
        self._thread_tokens = thread_tokens
        self._limiter: Any = None
        self._own_executor: Any = None
        self.unavailable: dict[str, str] = {}
        if not hasattr(loop, "_default_executor"):
            self._make_executor_readable()
        elif executor_threads is not None:
            loop.set_default_executor(ThreadPoolExecutor(executor_threads, thread_name_prefix="asyncio"))

    def _make_executor_readable(self) -> None:
        """Give uvloop an equal executor that Python can read (its own is hidden), and note any later one."""
        set_default = self._loop.set_default_executor

        def noted(executor: Any) -> None:
            self._own_executor = executor
            set_default(executor)

        noted(ThreadPoolExecutor(self._executor_threads, thread_name_prefix="uvloop"))
        self._loop.set_default_executor = noted  # type: ignore[method-assign]

    def prepare(self) -> None:
        """Find anyio's limiter and set its size. Call it inside a task of the loop, as anyio requires."""
        if importlib.util.find_spec("anyio") is None:
            self.unavailable["anyio"] = "anyio is not installed"
            return
        import anyio.to_thread  # noqa: PLC0415  the target may not have it

        self._limiter = anyio.to_thread.current_default_thread_limiter()
        if self._thread_tokens is not None and self._limiter.total_tokens != self._thread_tokens:
            self._limiter.total_tokens = self._thread_tokens

    @property
    def _executor(self) -> Any:
        return getattr(self._loop, "_default_executor", None) or self._own_executor

    def _tokens(self) -> int | None:
        """Return the size of anyio's limiter; None if there is none or it is unlimited (JSON has no infinity)."""
        tokens = None if self._limiter is None else self._limiter.total_tokens
        return None if tokens is None or math.isinf(tokens) else int(tokens)

    def sizes(self) -> dict[str, Any]:
        """Return the pool sizes for the start record. asyncio creates its executor at first use."""
        workers = getattr(self._executor, "_max_workers", None)
        return {
            "anyio_tokens": self._tokens(),
            "executor_threads": workers or ThreadPoolExecutor()._max_workers,  # noqa: SLF001  no thread is started
        }

    def read(self) -> tuple[int | None, ...]:
        """Return anyio's borrowed tokens, the tasks waiting for one, and the length of the default executor's queue."""
        borrowed = waiting = None
        if self._limiter is not None:
            statistics = self._limiter.statistics()
            borrowed, waiting = statistics.borrowed_tokens, statistics.tasks_waiting
        executor = self._executor
        if executor is None:
            return borrowed, waiting, 0  # not created yet, so nothing waits for it
        queue = getattr(executor, "_work_queue", None)
        return borrowed, waiting, None if queue is None else queue.qsize()

    def figures(self, readings: Sequence[tuple[int | None, ...]]) -> dict[str, Any]:
        """Return means and maxima of `read` over one second, and the current sizes."""
        figures: dict[str, Any] = {}
        for index, name in enumerate(_READINGS):
            seen = [value for value in (reading[index] for reading in readings) if value is not None]
            figures[name + "_mean"] = sum(seen) / len(seen) if seen else None
            figures[name + "_max"] = max(seen) if seen else None
        threads = getattr(self._executor, "_threads", ())
        figures["anyio_total"] = self._tokens()
        figures["executor_threads"] = len(threads)
        return figures
