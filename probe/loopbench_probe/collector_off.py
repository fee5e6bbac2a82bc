"""Disables garbage collection while another thread's stack is read, on Python 3.11, where a collection can crash.

Python 3.11 creates frame objects on demand (`sys._current_frames`, `frame.f_back`), and creating one may start a
collection. If the collection runs Python code (`gc.callbacks`, a finalizer), the GIL may pass to the thread whose stack
is being read. That thread returns from its functions, and the new frame object then points at a frame that no longer
exists: a target died of SIGSEGV this way (3.11.7, scenarios/downstream.toml). `sys._current_frames` may also hang
(CPython issue 106883). Before 3.11 every frame was an object; from 3.12 on a collection waits for the end of the
bytecode.
"""

from __future__ import annotations

import gc
import sys
from contextlib import nullcontext
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

COLLECTION_CAN_CRASH_A_LOOK = sys.version_info[:2] == (3, 11)


class CollectorOff:
    """Context manager that turns the collector off and then back on, unless the app itself had it off."""

    def __enter__(self) -> None:
        self._was_on = gc.isenabled()
        gc.disable()

    def __exit__(self, *_problem: object) -> None:
        if self._was_on:
            gc.enable()


def collector_off() -> AbstractContextManager[None]:
    """Return the context manager in which another thread's stack must be read."""
    return CollectorOff() if COLLECTION_CAN_CRASH_A_LOOK else nullcontext()
