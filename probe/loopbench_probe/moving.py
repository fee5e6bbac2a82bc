"""Runs one route's endpoint, or its dependencies, in the other concurrency style, without a change to the app.

An `async def` is moved into a thread of the pool by driving its coroutine there by hand, a plain `def` onto the event
loop by calling it there. FastAPI and Starlette do the rest as they would with the same code written in that style,
because they are handed a function of that style. One that really awaits cannot be moved into a thread.

The same wrappers are active in every variant of a comparison, so that they cost every variant the same.
"""

from __future__ import annotations

import gc
import os
import re
import sys
from contextlib import asynccontextmanager, contextmanager, suppress
from contextvars import ContextVar
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from loopbench_probe.await_chains import frames_of
from loopbench_probe.places import Places

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
    from types import FrameType, TracebackType

    from loopbench_probe.settings import Moves

    App = Callable[..., Awaitable[None]]

EVENT_LOOP, THREADPOOL = "event_loop", "threadpool"
_LOOP_IS_MISSING = ("no running event loop", "There is no current event loop")
_LOOP_ERRORS = frozenset({"AsyncLibraryNotFoundError", "NoEventLoopError"})  # sniffio's, anyio's
_MAX_CAUSES = 10
_PLACEHOLDER = re.compile(r"\$?\{[^}]*\}")  # of a path in a scenario
_FUNCTION_APP = "request_response.<locals>.app"  # what Starlette makes of a route's function

_selected: ContextVar[bool] = ContextVar("loopbench_selected", default=False)
"""Whether this task serves a request of the route whose calls are moved."""


class CannotMoveError(RuntimeError):
    """A function awaits, so that it cannot run in a thread."""


class Moved:
    """Calls of one kind: the style they are moved to (empty: none), and their counts."""

    def __init__(self, style: str, refuse: Callable[[Any, list[FrameType]], CannotMoveError]) -> None:
        self.style, self._refuse = style, refuse
        self.moved = self.kept = self.refused = 0

    def choose(self, call: Any, is_async: bool) -> tuple[Any, bool]:
        """Return what to call instead of `call`, and whether that is a coroutine function."""
        wanted = self._wanted(is_async)
        if wanted is None:
            return call, is_async
        return partial(_on_loop if wanted else self._in_thread, call), wanted

    def choose_generator(self, call: Any, is_async: bool) -> Any:
        """Return what to call instead of a dependency that yields."""
        wanted = self._wanted(is_async)
        return call if wanted is None else partial(_yield_on_loop if wanted else self._yield_in_thread, call)

    def is_async(self, as_written: bool) -> bool:
        """Return whether the app's function counts as a coroutine function in what follows its call."""
        return self.style == EVENT_LOOP if self.style and _selected.get() else as_written

    def _wanted(self, is_async: bool) -> bool | None:
        """Count a call. Return whether it becomes asynchronous; None: it stays as it is."""
        if not _selected.get():
            return None
        if not self.style or (self.style == EVENT_LOOP) == is_async:
            self.kept += 1
            return None
        self.moved += 1
        return not is_async

    def _in_thread(self, call: Any, /, *arguments: Any, **named: Any) -> Any:
        return self._drive(call, call(*arguments, **named))

    def _yield_in_thread(self, call: Any, /, *arguments: Any, **named: Any) -> Iterator[Any]:
        manager = asynccontextmanager(call)(*arguments, **named)
        value = self._drive(call, manager.__aenter__())
        try:
            yield value
        except BaseException as problem:
            if not self._drive(call, manager.__aexit__(type(problem), problem, problem.__traceback__)):
                raise
        else:
            self._drive(call, manager.__aexit__(None, None, None))

    def _drive(self, call: Any, coroutine: Any) -> Any:
        """Run a coroutine to its end in this thread, which has no event loop.

        Raises:
            CannotMoveError: it suspended itself or asked for the event loop.
        """
        try:
            next(coroutine.__await__())
        except StopIteration as end:
            return end.value
        except BaseException as problem:
            missing = _missing_loop(problem)
            if missing is None:
                raise
            raise self._refused(call, _frames_at(missing.__traceback__)) from problem
        refusal = self._refused(call, frames_of(coroutine))
        with suppress(BaseException):  # what it does when it is closed has no one to hear of it
            coroutine.close()
        raise refusal

    def _refused(self, call: Any, frames: list[FrameType]) -> CannotMoveError:
        self.refused += 1
        return self._refuse(call, frames)


async def _on_loop(call: Any, /, *arguments: Any, **named: Any) -> Any:
    return call(*arguments, **named)


async def _yield_on_loop(call: Any, /, *arguments: Any, **named: Any) -> AsyncIterator[Any]:
    with contextmanager(call)(*arguments, **named) as value:
        yield value


class Moving:
    """All calls of one route. Create it before the app is imported.

    Args:
        moves: which route, and what becomes of its calls.
        write: called at the first refusal, from any thread.
    """

    def __init__(self, moves: Moves, write: Callable[[dict[str, Any]], None]) -> None:
        self._method, _, path = moves.route.partition(" ")
        path, *more = _PLACEHOLDER.split(path.rstrip("/"))
        pattern = re.compile("[^/]+".join(map(re.escape, (path, *more))))
        self._is_route: Callable[[str], Any] = pattern.fullmatch if more else path.__eq__
        self._write, self._because, self._places = write, "", Places()
        self._endpoint = Moved(moves.run_in, self._refuse)
        self._dependencies = Moved(moves.run_dependencies_in, self._refuse)

    def select(self, app: App) -> App:
        """Return the app with the route's requests marked."""
        method, is_route, mark = self._method, self._is_route, _selected.set

        def selecting(scope: Any, receive: Any, send: Any) -> Awaitable[None]:
            mark(scope.get("method") == method and bool(is_route(scope["path"].rstrip("/"))))
            return app(scope, receive, send)

        return selecting

    def install(self) -> None:
        """Wrap FastAPI's and Starlette's functions, of those that are installed."""
        with suppress(ImportError):  # first, because older ones import Starlette's `request_response` by its name
            import fastapi.dependencies.utils  # noqa: PLC0415  the target may not have it
            import fastapi.routing  # noqa: PLC0415

            self._wrap_endpoints(fastapi.routing)
            self._wrap_dependencies(fastapi.dependencies.utils)
        with suppress(ImportError):
            import starlette.endpoints  # noqa: PLC0415
            import starlette.routing  # noqa: PLC0415

            self._wrap_classes(starlette.endpoints)
            self._wrap_functions(starlette.routing)

    def _wrap_endpoints(self, routing: Any) -> None:
        run, serialize, endpoint = routing.run_endpoint_function, routing.serialize_response, self._endpoint

        def run_endpoint(*, dependant: Any, is_coroutine: bool, **named: Any) -> Awaitable[Any]:
            call, is_async = endpoint.choose(dependant.call, is_coroutine)
            chosen = dependant if call is dependant.call else SimpleNamespace(call=call)
            return run(dependant=chosen, is_coroutine=is_async, **named)  # type: ignore[no-any-return]

        def serialize_response(*, is_coroutine: bool = True, **named: Any) -> Awaitable[Any]:
            return serialize(is_coroutine=endpoint.is_async(is_coroutine), **named)  # type: ignore[no-any-return]

        routing.run_endpoint_function, routing.serialize_response = run_endpoint, serialize_response

    def _wrap_dependencies(self, utils: Any) -> None:
        """Wrap those that return (by the pair of names that runs them) and those that yield."""
        dependencies, solver = self._dependencies, _name_in(utils, "solve_generator")
        is_async_generator, solve = _asker(utils, "is_async_gen_callable"), getattr(utils, solver)
        _wrap_runner(utils, dependencies, _name_in(utils, "is_coroutine_callable"))

        def solve_generator(*, call: Any = None, dependant: Any = None, **named: Any) -> Awaitable[Any]:
            written = call or dependant.call
            chosen = dependencies.choose_generator(written, is_async_generator(written))
            if dependant is None:
                return solve(call=chosen, **named)  # type: ignore[no-any-return]
            return solve(dependant=_with_call(dependant, chosen), **named)  # type: ignore[no-any-return]

        setattr(utils, solver, solve_generator)

    def _wrap_classes(self, endpoints: Any) -> None:
        _wrap_runner(endpoints, self._endpoint, "is_async_callable")

    def _wrap_functions(self, routing: Any) -> None:
        """Wrap functions at a route's creation; of apps that exist already (uvicorn may load them first), now."""
        request_response = routing.request_response
        run = _runner(self._endpoint, routing.is_async_callable, routing.run_in_threadpool)

        def wrapped(function: Any) -> Any:
            async def answer(request: Any) -> Any:
                return await run(function, request)

            return request_response(answer)

        routing.request_response = wrapped
        of_fastapi = getattr(sys.modules.get("fastapi.routing"), "APIRoute", ())
        for route in gc.get_objects():
            if isinstance(route, routing.Route) and not isinstance(route, of_fastapi):
                holder = _innermost_holder(route)
                if getattr(holder.app, "__qualname__", "") == _FUNCTION_APP:
                    holder.app = wrapped(route.endpoint)

    def _refuse(self, call: Any, frames: list[FrameType]) -> CannotMoveError:
        place = self._places.of(frames)
        where = "" if place is None else f" at {_shown(place.user_file or place.file)}:{place.user_line or place.line}"
        name = getattr(call, "__qualname__", type(call).__qualname__)
        because = f"`{name}` awaits{where}, so it cannot run in a thread"
        if not self._because:
            self._because = because
            self._write(self.record())
        return CannotMoveError(because)

    def record(self) -> dict[str, Any]:
        """Return the counts since the start, and why a call was refused."""
        kinds = {"endpoint": self._endpoint, "dependencies": self._dependencies}
        counts = {
            name: {"moved": kind.moved, "kept": kind.kept, "refused": kind.refused} for name, kind in kinds.items()
        }
        return {"record": "moves", **counts, "because": self._because}


def _runner(moved: Moved, is_async: Any, in_threadpool: Any) -> Callable[..., Awaitable[Any]]:
    def run(call: Any, *arguments: Any, **named: Any) -> Awaitable[Any]:
        chosen, on_loop = moved.choose(call, is_async(call))
        return chosen(*arguments, **named) if on_loop else in_threadpool(chosen, *arguments, **named)  # type: ignore[no-any-return]

    return run


def _wrap_runner(module: Any, moved: Moved, name: str) -> None:
    """Let a module run all its functions as if they were plain `def`, through a runner that knows better."""
    module.run_in_threadpool = _runner(moved, _asker(module, name), module.run_in_threadpool)
    if hasattr(module, name):
        setattr(module, name, lambda _call: False)
        return
    kind, solving = module.Dependant, module.solve_dependencies.__code__
    ask = getattr(kind, name).func
    setattr(kind, name, property(lambda self: sys._getframe(1).f_code is not solving and ask(self)))  # noqa: SLF001


def _asker(module: Any, name: str) -> Callable[[Any], bool]:
    """Return the framework's own function that tells the kind of a function; in some FastAPIs it is a property."""
    name = _name_in(module, name)
    if hasattr(module, name):
        return getattr(module, name)  # type: ignore[no-any-return]
    kind = module.Dependant
    ask = getattr(kind, name).func
    return lambda call: ask(kind(call=call))


def _name_in(module: Any, name: str) -> str:
    """Return the name under which a module has a function that is private in some FastAPIs."""
    return f"_{name}" if hasattr(module, f"_{name}") else name


def _innermost_holder(route: Any) -> Any:
    """Return the route, or the innermost middleware of its own."""
    while hasattr(getattr(route, "app", None), "app"):
        route = route.app
    return route


def _with_call(dependant: Any, call: Any) -> Any:
    import dataclasses  # noqa: PLC0415  Python has it loaded if there are dependants

    if call is dependant.call:
        return dependant
    return dataclasses.replace(dependant, call=call)


def _missing_loop(problem: BaseException | None) -> BaseException | None:
    """Return the error of this chain that says that this thread has no event loop."""
    for _ in range(_MAX_CAUSES):
        if problem is None:
            break
        by_text = isinstance(problem, RuntimeError) and str(problem).startswith(_LOOP_IS_MISSING)
        if by_text or type(problem).__name__ in _LOOP_ERRORS:
            return problem
        problem = problem.__cause__ or problem.__context__
    return None


def _frames_at(traceback: TracebackType | None) -> list[Any]:
    """Return the frames of a traceback, the innermost first, each at the line where the error passed through it."""
    frames: list[Any] = []
    while traceback is not None:
        frame = traceback.tb_frame
        frames.insert(0, SimpleNamespace(f_code=frame.f_code, f_locals={}, f_lineno=traceback.tb_lineno))
        traceback = traceback.tb_next
    return frames


def _shown(file: str) -> str:
    """Return a path as the user knows it."""
    short = os.path.relpath(file)
    return file if short.startswith("..") else short
