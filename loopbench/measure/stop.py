"""Stopping and pausing by signals. The first signal is remembered and checked between steps."""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager
from types import FrameType
from typing import Final, TypeVar

import psutil

T = TypeVar("T")

POLL_S: Final = 0.05
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class InterruptedRunError(Exception):
    """A signal asked for the end. It is not a failure: finished runs stay, and the report is drawn."""


class StopWish:
    """Whether a signal asked for the end, and which; and how often the session was paused.

    Args:
        promise: printed on stderr at the first signal; empty: nothing.
    """

    def __init__(self, promise: str = "") -> None:
        self.signal_number: int | None = None
        self.pauses = 0
        self._promise = promise

    def check(self) -> None:
        """Continue, or leave. Raises InterruptedRunError if a signal has come."""
        if self.signal_number is not None:
            raise InterruptedRunError

    def within(self, timeout_s: float, work: Callable[[], T]) -> T:
        """Return what blocking work returns, or raise what it raises. It runs in a thread of its own.

        Raises:
            TimeoutError: it takes longer than `timeout_s` seconds; its thread ends by itself.
        """
        done: Future[T] = Future()
        threading.Thread(target=_do, args=(work, done), daemon=True).start()
        ends_s = time.monotonic() + timeout_s
        while not done.done():
            self.check()
            if time.monotonic() > ends_s:
                raise TimeoutError
            wait([done], POLL_S)
        return done.result()

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Remember the first signal; restore the default, so that the second ends the process at once.

        The minders then end the children. Signals that are ignored on purpose stay ignored: SIGHUP under `nohup`,
        SIGTSTP in a shell without job control.
        """
        handled = [*SIGNALS[:2], *(number for number in (signal.SIGHUP, signal.SIGTSTP) if not _is_ignored(number))]
        handlers = {number: self._pause if number == signal.SIGTSTP else self._remember for number in handled}
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


def _do(work: Callable[[], T], done: "Future[T]") -> None:
    try:
        done.set_result(work())
    except Exception as problem:  # noqa: BLE001  raised again where the result is awaited
        done.set_exception(problem)


def write_plainly(line: str) -> None:
    """Write a line to stderr from a signal handler, without Python's buffers, which may be in use."""
    with contextlib.suppress(OSError):
        os.write(2, f"\n{line}\n".encode())


def _is_ignored(number: int) -> bool:
    return signal.getsignal(number) is signal.SIG_IGN


def _send_to_children(number: int) -> None:
    """Send a signal to all processes below the minders, which the terminal does not reach."""
    ours = os.getsid(0)
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.Error, OSError):
            for process in child.children(recursive=True) if os.getsid(child.pid) != ours else ():
                process.send_signal(number)
