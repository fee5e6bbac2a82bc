"""The last moment of a process: seen whichever way it ends, short of SIGKILL.

uvicorn catches SIGTERM, serves what is in flight, puts the handler that was there before back and raises the signal
again. A handler installed before uvicorn's is therefore called when everything is served, at the very end.
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
    """Have `call(reason)` called when this process exits or is terminated. It must not mind being called twice.

    Forked children inherit the arrangement: `call` has to know its own process.
    """
    atexit.register(call, "exit")
    if threading.current_thread() is threading.main_thread():
        _before_sigterm(call)


def _before_sigterm(call: Callable[[str], None]) -> None:
    before: Any = signal.getsignal(signal.SIGTERM)
    if before is None or before is signal.SIG_IGN:  # not ours to replace: set outside Python, or deliberately ignored
        return

    def on_sigterm(number: int, _frame: FrameType | None) -> None:
        call("SIGTERM")
        signal.signal(number, before)
        signal.raise_signal(number)

    signal.signal(signal.SIGTERM, on_sigterm)
