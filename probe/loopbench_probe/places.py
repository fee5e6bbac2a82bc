"""Which line of whose code a thread is on.

A place names two lines: the innermost one of the user's own code, which can be changed, and the innermost of all,
which is what really runs. The user's own is what lies neither in the standard library nor in site-packages.

Where none of the user's code is on the stack (an answer being serialised, a middleware of somebody else's), the place
says what is *near*: the endpoint whose request is being served, or else the innermost line of a package that is neither
framework nor server.
"""

from __future__ import annotations

import functools
import os
import sysconfig
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from types import FrameType

_USER, _LIBRARY, _PROBE, _RUNNER, _LOOP, _SELECTOR, _ROUTING, _PACKAGE = range(8)
_FILES = {
    _RUNNER: ("asyncio/runners.py", "uvicorn/server.py", "uvicorn/_compat.py"),
    _LOOP: ("asyncio/base_events.py",),
    _ROUTING: ("starlette/routing.py",),
}
_LOOP_FUNCTIONS = frozenset({"_run_once", "run_forever", "run_until_complete"})
_SITE = ("/site-packages/", "/dist-packages/")
_FRAMEWORK = frozenset(
    {"anyio", "fastapi", "h11", "httptools", "pydantic", "pydantic_core", "starlette", "uvicorn", "uvloop"}
    | {"websockets", "wsproto"}
)
"""Packages that run for every request, whatever the app does: being found in them says nothing about anybody."""
_OWN_FOLDER = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120  compared with co_filename, a string


class Place(NamedTuple):
    """Where a thread is; `user_*` is None when none of the user's code is on the stack, `near_*` when some is."""

    user_file: str | None
    user_line: int | None
    user_function: str | None
    file: str
    line: int
    function: str
    near_file: str | None = None
    near_line: int | None = None
    near_function: str | None = None


class Places:
    """Reads stacks. Remembers what kind of file each is, because there are few files and many looks."""

    def __init__(self) -> None:
        paths = sysconfig.get_paths()
        self._library = ("<", paths["stdlib"] + os.sep, paths["platstdlib"] + os.sep)  # "<": frozen or generated
        self._kinds: dict[str, int] = {}

    def of(self, frame: FrameType | None) -> Place | None:
        """The place of a loop thread with this innermost frame; None when the loop itself waits or keeps its books.

        The stack is read up to the loop that runs it: who called `uvicorn.run` blocks nothing.
        """
        inner: FrameType | None = None
        package: FrameType | None = None
        route: FrameType | None = None
        waiting = True  # until something that is not the loop's own selector turns up
        while frame is not None:
            kind = self._kind(frame)
            if kind in (_RUNNER, _LOOP):
                break
            if kind == _USER:
                return _place(frame, inner or frame)
            if kind != _PROBE:
                inner = inner or frame
                waiting = waiting and kind == _SELECTOR
                package = package or (frame if kind == _PACKAGE else None)
                route = frame if kind == _ROUTING else route
            frame = frame.f_back
        if inner is None or waiting:
            return None
        return _place(None, inner)._replace(**_near(route, package))

    def _kind(self, frame: FrameType) -> int:
        code = frame.f_code
        kind = self._kinds.get(code.co_filename)
        if kind is None:
            kind = self._kinds[code.co_filename] = self._kind_of_file(code.co_filename)
        if kind == _LOOP and code.co_name not in _LOOP_FUNCTIONS:
            return _LIBRARY
        if kind == _ROUTING and code.co_name != "handle":
            return _LIBRARY
        return kind

    def _kind_of_file(self, name: str) -> int:
        path = name.replace(os.sep, "/")
        if name.startswith(_OWN_FOLDER):
            return _PROBE
        for kind, endings in _FILES.items():
            if path.endswith(endings):
                return kind
        if path.endswith("/selectors.py") and name.startswith(self._library):
            return _SELECTOR
        package = _package_of(path)
        if package is not None:
            return _LIBRARY if package in _FRAMEWORK else _PACKAGE
        return _LIBRARY if name.startswith(self._library) else _USER


def _package_of(path: str) -> str | None:
    """Top-level name of an installed package's file; None for other files."""
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
    return Place(code.co_filename, user.f_lineno or 0, code.co_name, name.co_filename, line, name.co_name)


def _near(route: FrameType | None, package: FrameType | None) -> dict[str, Any]:
    """The endpoint that a frame of Starlette's `Route.handle` serves, or else the package's line."""
    endpoint = None if route is None else getattr(route.f_locals.get("self"), "endpoint", None)
    while isinstance(endpoint, functools.partial):
        endpoint = endpoint.func
    code = getattr(getattr(endpoint, "__wrapped__", endpoint), "__code__", None)
    if code is not None:
        return {"near_file": code.co_filename, "near_line": code.co_firstlineno, "near_function": code.co_name}
    if package is None:
        return {}
    code = package.f_code
    return {"near_file": code.co_filename, "near_line": package.f_lineno or 0, "near_function": code.co_name}
