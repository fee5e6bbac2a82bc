"""No garbage collection inside a look at another thread's stack, where Python would not survive it.

Python 3.11 makes frame objects when somebody asks for them (`sys._current_frames`, `frame.f_back`), and making one may
set off a collection there and then. If a collection runs Python code (`gc.callbacks`, a finalizer), that code may hand
the GIL to the very thread whose stack is being read. It returns from its functions, and the frame object that is made
afterwards points at a frame that is no more: a target died of SIGSEGV so (3.11.7, scenarios/downstream.toml). In
`sys._current_frames` it may also hang (CPython's issue 106883). Before 3.11 every frame was an object; from 3.12 on
collections wait until the bytecode is done.
"""

from __future__ import annotations

import gc
import sys
from contextlib import nullcontext
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

FRAMES_ARE_MADE_AMID_COLLECTIONS = sys.version_info[:2] == (3, 11)


class CollectorOff:
    """For the length of a look; an app that has the collector off itself keeps it off."""

    def __enter__(self) -> None:
        self._was_on = gc.isenabled()
        gc.disable()

    def __exit__(self, *_problem: object) -> None:
        if self._was_on:
            gc.enable()


def collector_off() -> AbstractContextManager[None]:
    """What a look at another thread's stack happens in."""
    return CollectorOff() if FRAMES_ARE_MADE_AMID_COLLECTIONS else nullcontext()
