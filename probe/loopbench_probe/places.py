"""Finds the line of code that a thread executes.

A place names two lines: the innermost line of the user's own code, which the user can change, and the innermost line of
all, which is what runs. The user's own code is everything outside the standard library and site-packages, and any
package in site-packages whose endpoints are served, because an app may be installed.

If none of the user's code is on the stack (a response is being serialised, a third-party middleware runs), the place
names what is *near*: a package that a response is sent through, the endpoint whose request is served, or else the
innermost line of a package that is neither framework nor server.
"""

from __future__ import annotations

import functools
import inspect
import linecache
import os
import re
import sysconfig
from types import CodeType
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import FrameType

_USER, _LIBRARY, _UNSEEN, _RUNNER, _LOOP, _SELECTOR, _ROUTING, _SENDING, _PACKAGE = range(9)
_FILES = {
    _RUNNER: ("asyncio/runners.py", "uvicorn/server.py", "uvicorn/_compat.py"),
    _LOOP: ("asyncio/base_events.py",),
    _ROUTING: ("starlette/routing.py", "fastapi/routing.py"),
    _SENDING: ("starlette/responses.py",),
}
_FUNCTIONS = {
    _LOOP: frozenset({"_run_once", "run_forever", "run_until_complete"}),
    _ROUTING: frozenset({"handle"}),
    _SENDING: frozenset({"__call__", "stream_response"}),
}
"""The functions of those files that have the kind; other functions in them count as library code."""
_SITE = ("/site-packages/", "/dist-packages/")
_FRAMEWORK = frozenset(
    {"anyio", "fastapi", "h11", "httptools", "pydantic", "pydantic_core", "starlette", "uvicorn", "uvloop"}
    | {"websockets", "wsproto"}
)
"""Packages that run for every request whatever the app does, so that a frame in them names no cause."""
_SOURCES = (".py", ".pyw", ".pyx", ".ipynb")
"""Suffixes of source files. Other code (a template compiled to Python) has lines of no file that can be opened."""
_MAX_WRAPPERS = 10
_MAX_DECORATOR_LINES = 100
_DEFINITION = re.compile(r"\s*(async\s+)?def\s")
_OWN_FOLDER = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120  compared with co_filename, a string


MAX_CALLS = 8


class Place(NamedTuple):
    """Where a thread is. `user_*` is None if none of the user's code is on the stack, `near_*` is None if some is.

    `calls` are the innermost calls that lead there, outermost first, one for each file in a row:
    `sqlalchemy/orm/session.py:execute`. `is_async` tells whether the user's or near function is a coroutine's.
    """

    user_file: str | None
    user_line: int | None
    user_function: str | None
    file: str
    line: int
    function: str
    near_file: str | None = None
    near_line: int | None = None
    near_function: str | None = None
    calls: tuple[str, ...] = ()
    is_async: bool | None = None


class Places:
    """Reads stacks. Caches the kind of each file, because there are few files and many looks."""

    def __init__(self) -> None:
        paths = sysconfig.get_paths()
        self._library = ("<", paths["stdlib"] + os.sep, paths["platstdlib"] + os.sep)  # "<": frozen or generated
        self._kinds: dict[str, int] = {}
        self._shorts: dict[str, str] = {}
        self._apps: set[str] = set()  # packages in site-packages that serve endpoints

    def of(self, frames: Iterable[FrameType], serving: Callable[[], Any] = lambda: None) -> Place | None:
        """Return the place for these frames, the innermost first; None while the loop waits or runs its own code.

        The stack is read only up to the event loop, because the caller of `uvicorn.run` does not block the loop. A
        stack of the loop's thread that does not reach the loop is that of a greenlet: `serving` then returns the
        endpoint of the request that is served.
        """
        seen, user, reached = self._until_the_loop(frames)
        if not seen or all(kind == _SELECTOR for _, kind in seen):
            return None
        below = seen[: user + 1]
        endpoint = next((code for frame, kind in below if kind == _ROUTING and (code := _endpoint_of(frame))), None)
        if user == len(seen) and not reached:
            endpoint = endpoint or _code_of(serving())
        inner, calls = seen[0][0], self._calls([frame for frame, _ in seen])
        if user < len(seen) and endpoint is None:  # with an endpoint, the user's code only awaits the request
            return _place(seen[user][0], inner)._replace(calls=calls)
        packages = [frame for frame, kind in below if kind == _PACKAGE]
        return self._of_no_user(inner, packages, endpoint, _sent_through(below))._replace(calls=calls)

    def _until_the_loop(self, frames: Iterable[FrameType]) -> tuple[list[tuple[FrameType, int]], int, bool]:
        """Return the frames with their kinds, the index of the user's innermost, and whether the loop was reached."""
        seen: list[tuple[FrameType, int]] = []
        user: int | None = None
        reached = False
        for frame in frames:
            kind = self._kind(frame)
            reached = kind in (_RUNNER, _LOOP)
            if reached or (user is not None and len(seen) >= MAX_CALLS):
                break
            if kind != _UNSEEN:
                if kind == _USER and user is None:
                    user = len(seen)
                seen.append((frame, kind))
        return seen, len(seen) if user is None else user, reached

    def _calls(self, frames: list[FrameType]) -> tuple[str, ...]:
        """Return the innermost calls, outermost first: for frames of one file in a row, the outermost function."""
        calls: list[tuple[str, str]] = []
        for frame in frames:
            code = frame.f_code
            if calls and calls[-1][0] == code.co_filename:
                calls[-1] = (code.co_filename, code.co_name)
            elif len(calls) < MAX_CALLS:
                calls.append((code.co_filename, code.co_name))
            else:
                break
        return tuple(f"{self._short(file)}:{function}" for file, function in reversed(calls))

    def _short(self, name: str) -> str:
        """Return a path from its package on; of the user's own, the last two parts."""
        short = self._shorts.get(name)
        if short is None:
            path = name.replace(os.sep, "/")
            inside = next((path.rpartition(site)[2] for site in _SITE if site in path), None)
            if inside is None:
                root = next((each for each in self._library[1:] if name.startswith(each)), None)
                inside = "/".join(path.split("/")[-2:]) if root is None else path[len(root) :]
            short = self._shorts[name] = inside
        return short

    def _of_no_user(
        self, inner: FrameType, packages: list[FrameType], endpoint: CodeType | None, sent_through: FrameType | None
    ) -> Place:
        """Return the place for a stack on which none of the user's code runs. `packages` are innermost first."""
        if endpoint is not None and self._is_of_an_installed_app(endpoint):
            own = next((each for each in packages if _package_of_code(each.f_code) in self._apps), None)
            if own is not None:
                return _place(own, inner)
        place = _place(None, inner)
        # FastAPI's own endpoints (/docs) cannot be changed, and are mostly those of a neighbour.
        if sent_through is None and endpoint is not None and _package_of_code(endpoint) not in _FRAMEWORK:
            return place._replace(
                near_file=endpoint.co_filename,
                near_line=definition_line(endpoint),
                near_function=endpoint.co_name,
                is_async=_is_async(endpoint),
            )
        near = sent_through or next(iter(packages), None)
        if near is None:
            return place
        code = near.f_code
        return place._replace(near_file=code.co_filename, near_line=near.f_lineno or 0, near_function=code.co_name)

    def _is_of_an_installed_app(self, endpoint: CodeType) -> bool:
        """Return whether an endpoint lies in a package. From then on that package counts as the user's code."""
        package = _package_of_code(endpoint)
        if package is None or package in _FRAMEWORK:
            return False
        if package not in self._apps:
            self._apps.add(package)
            self._kinds.clear()
        return True

    def _kind(self, frame: FrameType) -> int:
        code = frame.f_code
        kind = self._kinds.get(code.co_filename)
        if kind is None:
            kind = self._kinds[code.co_filename] = self._kind_of_file(code.co_filename)
        functions = _FUNCTIONS.get(kind)
        return _LIBRARY if functions is not None and code.co_name not in functions else kind

    def _kind_of_file(self, name: str) -> int:
        path = name.replace(os.sep, "/")
        if name.startswith(_OWN_FOLDER):
            return _UNSEEN
        for kind, endings in _FILES.items():
            if path.endswith(endings):
                return kind
        if path.endswith("/selectors.py") and name.startswith(self._library):
            return _SELECTOR
        package = _package_of(path)
        if package is not None:
            return _USER if package in self._apps else _LIBRARY if package in _FRAMEWORK else _PACKAGE
        if name.startswith(self._library):
            return _LIBRARY
        suffix = os.path.splitext(path)[1]  # noqa: PTH122  a string as above
        return _UNSEEN if suffix and suffix not in _SOURCES else _USER


@functools.lru_cache(maxsize=1000)
def definition_line(code: CodeType) -> int:
    """Return the line of a function's `def`. Python counts from its first decorator; so do we without its source."""
    lines = linecache.getlines(code.co_filename)[code.co_firstlineno - 1 :][:_MAX_DECORATOR_LINES]
    found = (number for number, line in enumerate(lines, code.co_firstlineno) if _DEFINITION.match(line))
    return next(found, code.co_firstlineno)


def callers(frame: FrameType | None) -> Iterator[FrameType]:
    """Yield a frame and its callers, the innermost first."""
    while frame is not None:
        yield frame
        frame = frame.f_back


def _package_of(path: str) -> str | None:
    """Return the top-level package of a file in site-packages; None for other files."""
    for site in _SITE:
        _, found, inside = path.rpartition(site)
        if found:
            return inside.split("/")[0].removesuffix(".py")
    return None


def _place(user: FrameType | None, inner: FrameType) -> Place:
    line, name = inner.f_lineno or 0, inner.f_code  # a frame between two lines has none
    if user is None:
        return Place(None, None, None, name.co_filename, line, name.co_name)
    code = user.f_code
    own = (code.co_filename, user.f_lineno or 0, code.co_name)
    return Place(*own, name.co_filename, line, name.co_name, is_async=_is_async(code))


def _is_async(code: CodeType) -> bool:
    return bool(code.co_flags & (inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR))


def _sent_through(below: list[tuple[FrameType, int]]) -> FrameType | None:
    """Return the innermost frame of a package that an answer is being sent through."""
    package: FrameType | None = None
    for frame, kind in below:
        if kind == _PACKAGE:
            package = package or frame
        elif kind == _SENDING and package is not None:
            return package
    return None


def _package_of_code(code: CodeType) -> str | None:
    return _package_of(code.co_filename.replace(os.sep, "/"))


def _endpoint_of(route: FrameType) -> CodeType | None:
    """Return the endpoint's code of a frame of a route's `handle`; None for a mount or class."""
    return _code_of(getattr(route.f_locals.get("self"), "endpoint", None))


def _code_of(endpoint: Any) -> CodeType | None:
    """Return an endpoint's code, without decorators."""
    for _ in range(_MAX_WRAPPERS):
        if isinstance(endpoint, functools.partial):
            endpoint = endpoint.func
        elif hasattr(endpoint, "__wrapped__"):
            endpoint = endpoint.__wrapped__
    call = getattr(type(endpoint), "__call__", None)  # noqa: B004  the code is needed, not whether it is callable
    code = getattr(endpoint, "__code__", None) or getattr(call, "__code__", None)
    return code if isinstance(code, CodeType) else None
