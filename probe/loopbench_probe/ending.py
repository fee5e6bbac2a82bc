"""Runs a callback when the process ends, by exit or by SIGTERM (SIGKILL cannot be caught).

uvicorn catches SIGTERM, finishes the requests in flight, restores the previous handler and raises the signal again. A
handler installed before uvicorn's therefore runs at the very end, after the last response.
"""

from __future__ import annotations

import atexit
import signal
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType


def at_end(call: Callable[[str], None]) -> None:
    """Register `call(reason)` for the exit or termination of this process. It may be called twice.

    Forked children inherit the registration, so `call` has to check the process id.
    """
    atexit.register(call, "exit")
    if threading.current_thread() is threading.main_thread():
        _before_sigterm(call)


def _before_sigterm(call: Callable[[str], None]) -> None:
    before: Any = signal.getsignal(signal.SIGTERM)
    if before is None or before is signal.SIG_IGN:  # set outside Python, or ignored on purpose: do not replace it
        return

    def on_sigterm(number: int, _frame: FrameType | None) -> None:
        call("SIGTERM")
        signal.signal(number, before)
        signal.raise_signal(number)

    signal.signal(signal.SIGTERM, on_sigterm)
