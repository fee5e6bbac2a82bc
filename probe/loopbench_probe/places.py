"""Which line of whose code a thread is on.

A place names two lines: the innermost one of the user's own code, which can be changed, and the innermost of all,
which is what really runs. The user's own is what lies neither in the standard library nor in site-packages.
"""

from __future__ import annotations

import os
import sysconfig
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from types import FrameType

_USER, _LIBRARY, _PROBE, _RUNNER, _LOOP, _SELECTOR = range(6)
_RUNNERS = ("asyncio/runners.py", "uvicorn/server.py", "uvicorn/_compat.py")
_LOOP_FUNCTIONS = frozenset({"_run_once", "run_forever", "run_until_complete"})
_SITE = ("/site-packages/", "/dist-packages/")
_OWN_FOLDER = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120  compared with co_filename, a string


class Place(NamedTuple):
    """Where a thread is; `user_*` is None when none of the user's code is on the stack."""

    user_file: str | None
    user_line: int | None
    user_function: str | None
    file: str
    line: int
    function: str


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
            frame = frame.f_back
        return None if inner is None or waiting else _place(None, inner)

    def _kind(self, frame: FrameType) -> int:
        code = frame.f_code
        kind = self._kinds.get(code.co_filename)
        if kind is None:
            kind = self._kinds[code.co_filename] = self._kind_of_file(code.co_filename)
        if kind == _LOOP and code.co_name not in _LOOP_FUNCTIONS:
            return _LIBRARY
        return kind

    def _kind_of_file(self, name: str) -> int:
        path = name.replace(os.sep, "/")
        if name.startswith(_OWN_FOLDER):
            return _PROBE
        if path.endswith(_RUNNERS):
            return _RUNNER
        if path.endswith("asyncio/base_events.py"):
            return _LOOP
        if path.endswith("/selectors.py") and name.startswith(self._library):
            return _SELECTOR
        if name.startswith(self._library) or any(part in path for part in _SITE):
            return _LIBRARY
        return _USER


def _place(user: FrameType | None, inner: FrameType) -> Place:
    line, name = inner.f_lineno or 0, inner.f_code  # a frame between two lines has none
    if user is None:
        return Place(None, None, None, name.co_filename, line, name.co_name)
    code = user.f_code
    return Place(code.co_filename, user.f_lineno or 0, code.co_name, name.co_filename, line, name.co_name)
