"""The wish to stop: set by the first signal, looked at between steps, so that nothing is cut in the middle."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class InterruptedRunError(Exception):
    """A signal asked for the end. Not an error of anybody's: what is finished stays, the report is drawn."""


class StopWish:
    """Whether, and by which signal, an end was asked for."""

    def __init__(self) -> None:
        self.signal_number: int | None = None

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

        (The children end with the process, their minders see to that.)
        """
        previous = {number: signal.signal(number, self._remember) for number in SIGNALS}
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)

    def _remember(self, number: int, _frame: FrameType | None) -> None:
        self.signal_number = number
        for each in SIGNALS:
            signal.signal(each, signal.SIG_DFL)
