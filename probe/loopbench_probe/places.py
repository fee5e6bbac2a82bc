"""Which line of whose code a thread is on.

A place names two lines: the innermost one of the user's own code, which can be changed, and the innermost of all,
which is what really runs. The user's own is what lies neither in the standard library nor in site-packages, and the
package in site-packages whose endpoints are served: an app may be installed.

Where none of the user's code is on the stack (an answer being serialised, a middleware of somebody else's), the place
says what is *near*: a package that a response is being sent through, the endpoint whose request is being served, or
else the innermost line of a package that is neither framework nor server.
"""

from __future__ import annotations

import functools
import os
import sysconfig
from types import CodeType
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
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
"""Of those files; what else is in them is the library's."""
_SITE = ("/site-packages/", "/dist-packages/")
_FRAMEWORK = frozenset(
    {"anyio", "fastapi", "h11", "httptools", "pydantic", "pydantic_core", "starlette", "uvicorn", "uvloop"}
    | {"websockets", "wsproto"}
)
"""Packages that run for every request, whatever the app does: being found in them says nothing about anybody."""
_SOURCES = (".py", ".pyw", ".pyx", ".ipynb")
"""Lines of anything else that runs (a template turned into Python) are lines of no file that can be opened."""
_MAX_WRAPPERS = 10
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
        self._apps: set[str] = set()  # packages in site-packages whose endpoints are served

    def of(self, frame: FrameType | None) -> Place | None:
        """The place of a loop thread with this innermost frame; None when the loop itself waits or keeps its books.

        The stack is read up to the loop that runs it: who called `uvicorn.run` blocks nothing.
        """
        inner: FrameType | None = None
        user: FrameType | None = None
        packages: list[FrameType] = []
        routes: list[FrameType] = []
        sent_through: FrameType | None = None
        waiting = True  # until something that is not the loop's own selector turns up
        while frame is not None:
            kind = self._kind(frame)
            if kind in (_RUNNER, _LOOP):
                break
            if kind == _USER:
                user, inner = frame, inner or frame
                break
            if kind != _UNSEEN:
                inner = inner or frame
                waiting = waiting and kind == _SELECTOR
                if kind == _PACKAGE:
                    packages.append(frame)
                elif kind == _ROUTING:
                    routes.append(frame)
                elif kind == _SENDING and packages:
                    sent_through = packages[0]
            frame = frame.f_back
        endpoint = next((code for code in map(_endpoint_of, routes) if code is not None), None)
        if user is not None and inner is not None and endpoint is None:  # with one, it only awaits what is served
            return _place(user, inner)
        if inner is None or (waiting and user is None):
            return None
        return self._of_no_user(inner, packages, endpoint, sent_through)

    def _of_no_user(
        self, inner: FrameType, packages: list[FrameType], endpoint: CodeType | None, sent_through: FrameType | None
    ) -> Place:
        """Of a stack on which none of the user's code is at work; packages innermost first."""
        if endpoint is not None and self._is_of_an_installed_app(endpoint):
            own = next((each for each in packages if _package_of_code(each.f_code) in self._apps), None)
            if own is not None:
                return _place(own, inner)
        place = _place(None, inner)
        if sent_through is None and endpoint is not None:
            return place._replace(
                near_file=endpoint.co_filename, near_line=endpoint.co_firstlineno, near_function=endpoint.co_name
            )
        near = sent_through or next(iter(packages), None)
        if near is None:
            return place
        code = near.f_code
        return place._replace(near_file=code.co_filename, near_line=near.f_lineno or 0, near_function=code.co_name)

    def _is_of_an_installed_app(self, endpoint: CodeType) -> bool:
        """Whether an endpoint lies in a package; its package is the user's from now on."""
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


def _package_of_code(code: CodeType) -> str | None:
    return _package_of(code.co_filename.replace(os.sep, "/"))


def _endpoint_of(route: FrameType) -> CodeType | None:
    """The code that a frame of a route's `handle` serves, under its decorators; None for a mount or a class."""
    endpoint = getattr(route.f_locals.get("self"), "endpoint", None)
    for _ in range(_MAX_WRAPPERS):
        if isinstance(endpoint, functools.partial):
            endpoint = endpoint.func
        elif hasattr(endpoint, "__wrapped__"):
            endpoint = endpoint.__wrapped__
    call = getattr(type(endpoint), "__call__", None)  # noqa: B004  its code is wanted, not whether there is one
    code = getattr(endpoint, "__code__", None) or getattr(call, "__code__", None)
    return code if isinstance(code, CodeType) else None
