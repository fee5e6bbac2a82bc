"""The explain level: measures exactly where each request's time goes. It costs too much to be always on.

There are two kinds of wrappers. One wraps the app, steps its coroutine by hand and times how long each step holds the
loop. The others wrap `anyio.to_thread.run_sync` and `ThreadPoolExecutor.submit`; they record which request submitted a
job, when, and when a thread started it.

Work in tasks that a request starts (a task group, `BaseHTTPMiddleware`) does not count towards its on-loop time. Jobs
submitted by such tasks do count towards the request, because a task inherits the context in which it was created.
"""

from __future__ import annotations

import functools
import sys
import types
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator, Iterator, MutableMapping

    from loopbench_probe.server import Server

    Scope = MutableMapping[str, Any]

STAMP_HEADER = b"x-loopbench-stamp"  # request header, with any value: asks for stamps on the response
APP_HEADER = b"x-loopbench-app"
"""Response header: when the app was entered and when it began to answer, in microseconds of the monotonic clock."""
MAX_ROUTES = 200
OTHER_ROUTES = "(other)"

_scope: ContextVar[Scope | None] = ContextVar("loopbench_scope", default=None)
"""The scope of the request that this task, or the task that created it, serves."""


class Route:
    """Time spent by the requests of one route since the start, measured on the app's side, in seconds.

    The sums are updated in place. Keeping ten thousand records a second would mostly cost garbage collection.
    """

    SUMS = ("requests", "in_app_s", "on_loop_s", "after_app_s")
    MAXIMA = ("in_app_max_s", "on_loop_max_s")
    __slots__ = (*SUMS, *MAXIMA, "_reported")

    def __init__(self) -> None:
        self.requests = 0
        self.in_app_s = self.in_app_max_s = 0.0  # until the app handed the last part of the response to the server
        self.on_loop_s = self.on_loop_max_s = 0.0  # time on the loop: all steps, and the longest step
        self.after_app_s = 0.0  # from the last part of the response until the app returned: background tasks, teardown
        self._reported = dict.fromkeys(self.SUMS, 0)

    def add(self, in_app_s: float, on_loop_s: float, longest_s: float, after_app_s: float) -> None:
        """Add one request."""
        self.requests += 1
        self.in_app_s += in_app_s
        self.on_loop_s += on_loop_s
        self.after_app_s += after_app_s
        if in_app_s > self.in_app_max_s:  # noqa: PLR1730  `max` costs a call
            self.in_app_max_s = in_app_s
        if longest_s > self.on_loop_max_s:  # noqa: PLR1730
            self.on_loop_max_s = longest_s

    def take(self) -> dict[str, Any]:
        """Return what was added since the last call. Sums are subtracted, so a concurrent addition is not lost."""
        now = {name: getattr(self, name) for name in self.SUMS}
        row = {name: value - self._reported[name] for name, value in now.items()}
        row.update({name: getattr(self, name) for name in self.MAXIMA})
        self._reported = now
        self.in_app_max_s = self.on_loop_max_s = 0.0
        return row


class Job(NamedTuple):
    """One job submitted to a thread pool."""

    pool: str
    route: str | None  # None: submitted outside any request
    wait_s: float  # until a thread started it
    run_s: float


class Explain:
    """Collects in the app's threads and reports in the probe's."""

    def __init__(self) -> None:
        self.routes: dict[str, Route] = {}
        self.jobs: deque[Job] = deque()

    def install(self, server: Server) -> str:
        """Install the wrappers. Return the reason why the app could not be wrapped, or an empty string."""
        self._watch_executors()
        self._watch_anyio()
        return server.wrap_app(self.wrap)

    def wrap(self, app: Callable[..., Any]) -> Callable[..., Awaitable[None]]:  # noqa: C901  see its docstring
        """Return the app with its HTTP requests timed.

        The app is stepped by one generator and one closure per request, with few clock reads. It is one function
        because each further call would cost every request time.
        """
        route_of, serving = self.route, _scope.set

        @types.coroutine
        def timed(scope: Scope, receive: Any, send: Any) -> Generator[Any, Any, None]:  # noqa: C901  see above
            if scope["type"] != "http":
                yield from app(scope, receive, send).__await__()
                return
            serving(scope)
            wanted = False
            for name, _ in scope["headers"]:
                if name == STAMP_HEADER:
                    wanted = True
                    break
            entered_s = answered_s = began_s = monotonic()
            on_loop_s = longest_s = 0.0

            def stamped(message: MutableMapping[str, Any]) -> Awaitable[None]:
                nonlocal answered_s
                answered_s = monotonic()
                if wanted and message["type"] == "http.response.start":
                    message = _with_stamps(message, entered_s, answered_s)
                return send(message)  # type: ignore[no-any-return]

            steps = app(scope, receive, stamped).__await__()
            try:
                for awaited in steps:  # creates no exception at its end, unlike `send`; a loop sends None anyway
                    while True:
                        took_s = monotonic() - began_s
                        on_loop_s += took_s
                        if took_s > longest_s:  # noqa: PLR1730  `max` costs a call
                            longest_s = took_s
                        try:
                            yield awaited
                        except GeneratorExit:
                            began_s = monotonic()
                            steps.close()
                            raise
                        except BaseException as problem:  # noqa: BLE001  the app has to receive whatever is thrown in
                            began_s = monotonic()
                            try:
                                awaited = steps.throw(problem)  # noqa: PLW2901  the loop continues with it
                            except StopIteration:
                                return
                        else:
                            began_s = monotonic()
                            break
            finally:
                now_s = monotonic()
                took_s = now_s - began_s
                if answered_s == entered_s:  # the app sent no response
                    answered_s = now_s
                longest_s = took_s if took_s > longest_s else longest_s  # noqa: FURB136  `max` costs a call
                route_of(scope).add(answered_s - entered_s, on_loop_s + took_s, longest_s, now_s - answered_s)

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
        scope, jobs, handed_s = _scope.get(), self.jobs, monotonic()

        def timed(*arguments: Any, **named: Any) -> Any:
            began_s = monotonic()
            try:
                return work(*arguments, **named)
            finally:
                ended_s = monotonic()
                route = None if scope is None else _route_name(scope)
                jobs.append(Job(pool, route, began_s - handed_s, ended_s - began_s))

        return timed

    def route(self, scope: Scope) -> Route:
        """Return the sums that this request belongs to."""
        name = _route_name(scope)
        known = self.routes.get(name)
        if known is None:
            name = name if len(self.routes) < MAX_ROUTES else OTHER_ROUTES
            known = self.routes.setdefault(name, Route())
        return known

    def _rows(self) -> Iterator[dict[str, Any]]:
        for name, route in list(self.routes.items()):
            yield {"route": name, **route.take()}

    def take(self) -> dict[str, Any]:
        """Return sums and maxima since the last call, by route, and by pool and route."""
        return {
            "routes": [row for row in self._rows() if row["requests"]],
            "queues": _by_pool_and_route(_drained(self.jobs)),
        }


def _with_stamps(message: MutableMapping[str, Any], entered_s: float, answering_s: float) -> dict[str, Any]:
    """Return a copy with the stamps, because a response object may be sent again."""
    stamps = b"%d %d" % (entered_s * 1e6, answering_s * 1e6)
    return {**message, "headers": [*message.get("headers", ()), (APP_HEADER, stamps)]}


def _route_name(scope: Scope) -> str:
    """Return the route's pattern if a router left it in the scope, else the endpoint's name, else the path."""
    path = getattr(_joined(scope.get("route"), scope.get("fastapi")), "path", None)
    if path is not None:
        return f"{scope['method']} {scope.get('root_path', '')}{path}"
    return f"{scope['method']} {getattr(scope.get('endpoint'), '__qualname__', None) or scope['path']}"


def _joined(route: Any, kept: Any) -> Any:
    """Return the route with the prefixes of its routers, which newer FastAPIs keep beside it in the scope."""
    context = kept.get("effective_route_context") if isinstance(kept, dict) else None
    return context if route is not None and getattr(context, "original_route", None) is route else route


def _drained(queue: deque[Any]) -> list[Any]:
    return [queue.popleft() for _ in range(len(queue))]


def _by_pool_and_route(jobs: list[Job]) -> list[dict[str, Any]]:
    groups: dict[tuple[str, str | None], list[Job]] = {}
    for job in jobs:
        groups.setdefault((job.pool, job.route), []).append(job)
    return [
        {
            "pool": pool,
            "route": route,
            "jobs": len(group),
            "wait_s": sum(job.wait_s for job in group),
            "wait_max_s": max(job.wait_s for job in group),
            "run_s": sum(job.run_s for job in group),
        }
        for (pool, route), group in groups.items()
    ]
