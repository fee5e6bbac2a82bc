"""The explain level: where each request's time goes, exactly. Costs too much to be always on.

Two things are put between the server, the app and its pools: a wrapper around the app that steps its coroutine by hand
and so knows how long each step held the loop, and wrappers around `anyio.to_thread.run_sync` and
`ThreadPoolExecutor.submit` that know when a job was handed over and when a thread took it up.

What a request does in tasks of its own (a task group, `BaseHTTPMiddleware`) is not part of its on-loop time.
"""

from __future__ import annotations

import functools
import sys
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator, Iterator, MutableMapping

SENT_HEADER = b"x-loopbench-sent"
"""Request header: when the client sent it, seconds on this host's monotonic clock."""
APP_HEADER = b"x-loopbench-app"
"""Response header: when the app was entered and when it began to answer, on the same clock."""
MOST_ROUTES = 200
OTHER_ROUTES = "(other)"


class Route:
    """What the requests of one route have taken since the start, as the app's side saw it, in seconds.

    Added up in place: ten thousand records a second would cost less to write than to have the garbage collector visit.
    """

    SUMS = ("requests", "before_app_s", "before_app_requests", "in_app_s", "on_loop_s", "after_app_s")
    MAXIMA = ("in_app_max_s", "on_loop_max_s")
    __slots__ = (*SUMS, *MAXIMA, "_told")

    def __init__(self) -> None:
        self.requests = self.before_app_requests = 0  # the latter: whose client said when it sent
        self.before_app_s = 0.0  # from sent until the app was entered
        self.in_app_s = self.in_app_max_s = 0.0  # until the last part of the answer was handed to the server
        self.on_loop_s = self.on_loop_max_s = 0.0  # holding the loop, all steps; the longest step
        self.after_app_s = 0.0  # from the last part of the answer until the app returned: background tasks, teardown
        self._told = dict.fromkeys(self.SUMS, 0)

    def add(
        self, before_app_s: float | None, in_app_s: float, on_loop_s: float, longest_s: float, after_s: float
    ) -> None:
        """One more request."""
        self.requests += 1
        if before_app_s is not None:
            self.before_app_requests += 1
            self.before_app_s += before_app_s
        self.in_app_s += in_app_s
        self.on_loop_s += on_loop_s
        self.after_app_s += after_s
        if in_app_s > self.in_app_max_s:  # noqa: PLR1730  `max` costs a call
            self.in_app_max_s = in_app_s
        if longest_s > self.on_loop_max_s:  # noqa: PLR1730
            self.on_loop_max_s = longest_s

    def take(self) -> dict[str, Any]:
        """What has been added since the last call. Sums are differenced, so that an addition meanwhile is not lost."""
        now = {name: getattr(self, name) for name in self.SUMS}
        row = {name: value - self._told[name] for name, value in now.items()}
        row.update({name: getattr(self, name) for name in self.MAXIMA})
        self._told = now
        self.in_app_max_s = self.on_loop_max_s = 0.0
        if not row["before_app_requests"]:
            row["before_app_s"] = None
        return row


class Job(NamedTuple):
    """One piece of work given to a thread pool."""

    pool: str
    wait_s: float  # until a thread took it up
    run_s: float


class Explain:
    """Collects in the app's threads, hands over in the probe's: routes grow in the loop's, a deque takes from any."""

    def __init__(self) -> None:
        self.routes: dict[str, Route] = {}
        self.jobs: deque[Job] = deque()

    def install(self, config: Any) -> str:
        """Put the wrappers in place; the reason why the app could not be wrapped, or an empty string."""
        self._watch_executors()
        self._watch_anyio()
        if config is None:
            return "no uvicorn server was found when the loop was made"
        if config.loaded:
            config.loaded_app = self.wrap(config.loaded_app)
        else:
            self._wrap_when_loaded(config)
        return ""

    def _wrap_when_loaded(self, config: Any) -> None:
        load = config.load

        def loaded() -> None:
            load()
            config.loaded_app = self.wrap(config.loaded_app)

        config.load = loaded

    def wrap(self, app: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
        """The app, its HTTP requests timed."""

        def timed(scope: MutableMapping[str, Any], receive: Any, send: Any) -> Awaitable[None]:
            return _Timed(self, app, scope, receive, send) if scope["type"] == "http" else app(scope, receive, send)

        return timed

    def _watch_executors(self) -> None:
        submit = ThreadPoolExecutor.submit

        @functools.wraps(submit)
        def timed(executor: ThreadPoolExecutor, work: Any, /, *arguments: Any, **named: Any) -> Any:
            prefix = executor._thread_name_prefix  # noqa: SLF001  the only name a pool has
            return submit(executor, self._job(f"executor {prefix}", work), *arguments, **named)

        ThreadPoolExecutor.submit = timed  # type: ignore[assignment,method-assign]

    def _watch_anyio(self) -> None:
        module = sys.modules.get("anyio.to_thread")
        if module is None:
            return
        run_sync = module.run_sync

        @functools.wraps(run_sync)
        async def timed(work: Any, *arguments: Any, **named: Any) -> Any:
            return await run_sync(self._job("anyio", work), *arguments, **named)

        module.run_sync = timed  # type: ignore[attr-defined]

    def _job(self, pool: str, work: Callable[..., Any]) -> Callable[..., Any]:
        handed_s = time.monotonic()

        def timed(*arguments: Any, **named: Any) -> Any:
            began_s = time.monotonic()
            try:
                return work(*arguments, **named)
            finally:
                self.jobs.append(Job(pool, began_s - handed_s, time.monotonic() - began_s))

        return timed

    def route(self, scope: MutableMapping[str, Any]) -> Route:
        """Where this request is added up."""
        name = _route_name(scope)
        known = self.routes.get(name)
        if known is None:
            name = name if len(self.routes) < MOST_ROUTES else OTHER_ROUTES
            known = self.routes.setdefault(name, Route())
        return known

    def _rows(self) -> Iterator[dict[str, Any]]:
        for name, route in list(self.routes.items()):
            yield {"route": name, **route.take()}

    def take(self) -> dict[str, Any]:
        """Sums and maxima since the last call, by route and by pool."""
        return {
            "routes": [row for row in self._rows() if row["requests"]],
            "queues": _by_pool(_drained(self.jobs)),
        }


class _Timed:
    """One request: awaits the app step by step, and stamps what goes in and out. Few objects, because it costs."""

    __slots__ = ("_answered_s", "_coroutine", "_entered_s", "_explain", "_scope", "_send", "_sent_s")

    def __init__(
        self, explain: Explain, app: Callable[..., Any], scope: MutableMapping[str, Any], receive: Any, send: Any
    ) -> None:
        self._explain, self._scope, self._send = explain, scope, send
        self._sent_s = _sent_s(scope)
        self._answered_s: float | None = None
        self._entered_s = time.monotonic()
        self._coroutine = app(scope, receive, self._stamp)

    def _stamp(self, message: MutableMapping[str, Any]) -> Awaitable[None]:
        """The app's `send`. Headers are copied: a response object may be sent again."""
        self._answered_s = now_s = time.monotonic()
        if self._sent_s is not None and message["type"] == "http.response.start":
            stamps = (APP_HEADER, b"%.6f %.6f" % (self._entered_s, now_s))
            message = {**message, "headers": [*message.get("headers", ()), stamps]}
        return self._send(message)  # type: ignore[no-any-return]

    def __await__(self) -> Generator[Any, Any, None]:
        step, argument = self._coroutine.send, None
        total_s = longest_s = 0.0
        try:
            while True:
                began_s = time.monotonic()
                try:
                    awaited = step(argument)
                except StopIteration:
                    return
                finally:
                    took_s = time.monotonic() - began_s
                    total_s += took_s
                    longest_s = max(longest_s, took_s)
                try:
                    argument = yield awaited
                    step = self._coroutine.send
                except GeneratorExit:
                    self._coroutine.close()
                    raise
                except BaseException as problem:  # noqa: BLE001  whatever is thrown in belongs to the coroutine
                    step, argument = self._coroutine.throw, problem
        finally:
            self._note(total_s, longest_s)

    def _note(self, total_s: float, longest_s: float) -> None:
        now_s, entered_s = time.monotonic(), self._entered_s
        answered_s = now_s if self._answered_s is None else self._answered_s
        before_s = None if self._sent_s is None else entered_s - self._sent_s
        in_app_s, after_s = answered_s - entered_s, now_s - answered_s
        self._explain.route(self._scope).add(before_s, in_app_s, total_s, longest_s, after_s)


def _sent_s(scope: MutableMapping[str, Any]) -> float | None:
    for name, value in scope["headers"]:
        if name == SENT_HEADER:
            try:
                return float(value)
            except ValueError:
                return None
    return None


def _route_name(scope: MutableMapping[str, Any]) -> str:
    """The route's pattern if a router left it in the scope, else the endpoint's name, else the path."""
    path = getattr(scope.get("route"), "path", None)
    if path is None:
        endpoint = scope.get("endpoint")
        path = getattr(endpoint, "__qualname__", None) or scope["path"]
    return f"{scope['method']} {path}"


def _drained(queue: deque[Any]) -> list[Any]:
    return [queue.popleft() for _ in range(len(queue))]


def _by_pool(jobs: list[Job]) -> list[dict[str, Any]]:
    groups: dict[str, list[Job]] = {}
    for job in jobs:
        groups.setdefault(job.pool, []).append(job)
    return [
        {
            "pool": pool,
            "jobs": len(group),
            "wait_s": sum(job.wait_s for job in group),
            "wait_max_s": max(job.wait_s for job in group),
            "run_s": sum(job.run_s for job in group),
        }
        for pool, group in groups.items()
    ]
