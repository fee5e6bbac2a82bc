"""Follows a suspended task from its coroutine down to what it awaits. Call it on the loop's own thread.

On that thread every other task is suspended, so that no frame changes while it is read. Python offers the next link as
`cr_await`, `gi_yieldfrom` or `ag_await`; the wrappers between two of them (`coroutine.__await__()`, an async
generator's `__anext__()`) show it only to the garbage collector. Where a task waits for another task (`wait_for`, a
task group of Starlette's) or runs a greenlet (SQLAlchemy's asyncio support), the chain continues in it.
"""

from __future__ import annotations

import asyncio
import gc
from types import AsyncGeneratorType, CoroutineType, FrameType, GeneratorType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MAX_LINKS = 60
_LINKS: dict[type, tuple[str, str]] = {
    CoroutineType: ("cr_frame", "cr_await"),
    GeneratorType: ("gi_frame", "gi_yieldfrom"),
    AsyncGeneratorType: ("ag_frame", "ag_await"),
}
_HOLDERS = {
    "greenlet_spawn": ("sqlalchemy/util/", "context"),
    "wait_for": ("asyncio/tasks.py", "fut"),
    "call_next": ("starlette/middleware/base.py", "task_group"),
    "__call__": ("starlette/responses.py", "task_group"),
}
"""Functions that wait for code that is not below them: a part of their file's name, and the local that leads there."""


def suspended_frames(task: asyncio.Task[Any]) -> list[FrameType]:
    """Return the frames of a suspended task, the innermost first."""
    return frames_of(task.get_coro())


def frames_of(link: Any) -> list[FrameType]:
    """Return the frames of a suspended coroutine, the innermost first."""
    frames: list[FrameType] = []
    for _ in range(MAX_LINKS):
        if link is None:
            break
        names = _LINKS.get(type(link)) or _LINKS.get(_base_of(link))
        if names is None:
            link = _behind(link)
            continue
        frame = getattr(link, names[0])
        link = getattr(link, names[1])
        if frame is not None:
            frames.append(frame)
            held = _held_by(frame)
            frames.extend(reversed(list(_greenlet_frames(held))))
            link = _task_in(held) or link
    frames.reverse()
    return frames


def _base_of(link: Any) -> type:
    """Return the type whose names apply to a coroutine of a C extension (Cython), which has them too."""
    return CoroutineType if hasattr(link, "cr_await") and hasattr(link, "cr_frame") else type(link)


def _behind(link: Any) -> Any:
    """Return what a wrapper or a task hands on to; None at a plain future, the end of the chain."""
    if isinstance(link, asyncio.Task):
        return link.get_coro()
    if asyncio.isfuture(link):
        children = getattr(link, "_children", ())  # of `gather`
        return next((child for child in children if not child.done()), None)
    return next((each for each in gc.get_referents(link) if type(each) in _LINKS or asyncio.isfuture(each)), None)


def _held_by(frame: FrameType) -> Any:
    part, variable = _HOLDERS.get(frame.f_code.co_name, ("", ""))
    return frame.f_locals.get(variable) if variable and part in frame.f_code.co_filename.replace("\\", "/") else None


def _task_in(held: Any) -> asyncio.Task[Any] | None:
    tasks: Iterable[Any] = getattr(held, "_tasks", ()) if held is not None else ()
    candidates = (held, *tasks)
    return next((each for each in candidates if isinstance(each, asyncio.Task) and not each.done()), None)


def _greenlet_frames(held: Any) -> Iterator[FrameType]:
    frame = getattr(held, "gr_frame", None)
    while frame is not None:
        yield frame
        frame = frame.f_back
