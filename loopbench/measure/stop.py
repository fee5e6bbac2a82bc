"""The wish to stop: set by the first signal, looked at between steps, so that nothing is cut in the middle.

And the wish to pause (Ctrl-Z): what is being measured stands still with the harness, and does not count.
"""

import contextlib
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import psutil

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class InterruptedRunError(Exception):
    """A signal asked for the end. Not an error of anybody's: what is finished stays, the report is drawn."""


class StopWish:
    """Whether, and by which signal, an end was asked for; how often a pause was.

    Args:
        promise: what the first signal is answered with, on stderr; empty: nothing.
    """

    def __init__(self, promise: str = "") -> None:
        self.signal_number: int | None = None
        self.pauses = 0
        self._promise = promise

    def check(self) -> None:
        """Go on, or leave.

        Raises:
            InterruptedRunError: a signal has come.
        """
        if self.signal_number is not None:
            raise InterruptedRunError

    @contextmanager
    def listening(self) -> Iterator[None]:
        """First signal: remember it. Second: back to the default, so that it ends the process at once.

        (The children end with the process, their minders see to that.) A signal that is ignored stays so where that
        was asked for: SIGHUP under `nohup`, SIGTSTP in a shell without job control.
        """
        heard = [*SIGNALS[:2], *(number for number in (signal.SIGHUP, signal.SIGTSTP) if not _is_ignored(number))]
        handlers = {number: self._pause if number == signal.SIGTSTP else self._remember for number in heard}
        previous = {number: signal.signal(number, handler) for number, handler in handlers.items()}
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)

    def _remember(self, number: int, _frame: FrameType | None) -> None:
        self.signal_number = number
        for each in SIGNALS:
            if not _is_ignored(each):
                signal.signal(each, signal.SIG_DFL)
        if self._promise:
            write_plainly(f"stopping ({signal.Signals(number).name}): {self._promise}")

    def _pause(self, _number: int, _frame: FrameType | None) -> None:
        self.pauses += 1
        _send_to_children(signal.SIGSTOP)
        os.kill(os.getpid(), signal.SIGSTOP)  # here the shell takes over, until `fg`
        _send_to_children(signal.SIGCONT)


def write_plainly(line: str) -> None:
    """A line on stderr from inside a signal handler: past Python's buffers, which may be in use at that moment."""
    with contextlib.suppress(OSError):
        os.write(2, f"\n{line}\n".encode())


def _is_ignored(number: int) -> bool:
    return signal.getsignal(number) is signal.SIG_IGN


def _send_to_children(number: int) -> None:
    """To everything that runs in a session of its own below us, out of the terminal's reach.

    Not to the minders themselves: one that stands still could not end its tree if we were killed now.
    """
    ours = os.getsid(0)
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.Error, OSError):
            for process in child.children(recursive=True) if os.getsid(child.pid) != ours else ():
                process.send_signal(number)
