"""One piece of work in a process of its own beside this one: drawing uses one core, and there are mostly two.

The process is a copy of this one (fork), so that nothing has to be handed over; it dies with this one, whatever ends
it, and leaves signals to it. With one core, or beside other threads (a copy has none of them, but all their locks), the
work is done here and now instead.
"""

import contextlib
import ctypes
import os
import pickle
import signal
import threading
import warnings
from collections.abc import Callable, Iterator
from typing import Final

PR_SET_PDEATHSIG: Final = 1
SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextlib.contextmanager
def beside(work: Callable[[], object]) -> Iterator[None]:
    """Do some work while the block runs; when the block ends it is done.

    Args:
        work: what it returns is lost. What it raises is raised when the block ends.
    """
    if len(os.sched_getaffinity(0)) == 1 or threading.active_count() > 1:
        work()
        yield
        return
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb") as pipe:
        child = _forked()
        if child == 0:
            _do(work, writer)
        os.close(writer)
        try:
            yield
            problem = pipe.read()
        except BaseException:
            os.kill(child, signal.SIGKILL)
            raise
        finally:
            _, status = os.waitpid(child, 0)
    if problem:
        raise pickle.loads(problem)  # noqa: S301  written by our own copy
    if status:
        raise ChildProcessError(f"the process that draws was ended: {status}")


def _forked() -> int:
    with warnings.catch_warnings():
        # Python 3.12 counts the idle threads of numpy's BLAS; drawing uses none.
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def _do(work: Callable[[], object], writer: int) -> None:
    """In the copy: never returns."""
    code = 1
    try:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        problem = _problem_of(work)
        with os.fdopen(writer, "wb") as pipe:
            pipe.write(problem)
        code = 0
    finally:
        os._exit(code)  # whatever was raised: nothing of the caller's may run twice


def _problem_of(work: Callable[[], object]) -> bytes:
    """What it raised, to be raised in the process that waits; empty if it is done."""
    try:
        work()
    except Exception as error:  # noqa: BLE001  whatever it is
        return _pickled(error)
    return b""


def _pickled(error: Exception) -> bytes:
    try:
        return pickle.dumps(error)
    except Exception:  # noqa: BLE001  an error that holds what cannot be pickled
        return pickle.dumps(RuntimeError(f"{type(error).__name__}: {error}"))
