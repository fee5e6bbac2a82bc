"""Does independent pieces of work in several processes: most machines have at least two cores.

The processes are copies of this one (fork), so that jobs need not be picklable; they die with this one, whatever ends
it, and leave signals to it. With one core, or beside other threads (a copy has none of them, but all their locks),
everything is done here instead.
"""

import ctypes
import multiprocessing
import os
import signal
import threading
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import Any, Final, TypeVar

PR_SET_PDEATHSIG: Final = 1
SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
MAX_PROCESSES: Final = 4  # each has a run's samples in memory
_FORK: Final = multiprocessing.get_context("fork")
_jobs: list[Callable[[], Any]] = []  # in a copy

Result = TypeVar("Result")


def in_parallel(jobs: Sequence[Callable[[], Result]]) -> list[Result]:
    """Do jobs in as many processes as there are cores, and return their results in the order of the jobs.

    A job's result and its exception must be picklable. The first exception that is found ends all others.

    Raises:
        ChildProcessError: another process was ended.
    """
    processes = min(MAX_PROCESSES, len(os.sched_getaffinity(0)), len(jobs))
    if processes < 2 or threading.active_count() > 1:
        return [job() for job in jobs]
    others = multiprocessing.active_children()
    executor = ProcessPoolExecutor(processes, _FORK, _begin, (jobs, os.getpid()))
    try:
        with warnings.catch_warnings():
            # Python 3.12 counts the idle threads of numpy's BLAS; these jobs use none.
            warnings.simplefilter("ignore", DeprecationWarning)
            futures = [executor.submit(_do, index) for index in range(len(jobs))]
        for future in as_completed(futures):
            future.result()
        return [future.result() for future in futures]
    except BaseException as error:
        # The executor sends SIGTERM at most, which the processes ignore, and from Python 3.12 it waits for their end.
        for child in multiprocessing.active_children():
            if child not in others:
                child.kill()
        if isinstance(error, BrokenProcessPool):
            raise ChildProcessError("a process that works for this one was ended") from None
        raise
    finally:
        executor.shutdown(cancel_futures=True)


def _begin(jobs: Sequence[Callable[[], Any]], parent: int) -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # the parent ended before prctl, which then has no effect
        os.kill(os.getpid(), signal.SIGKILL)
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    _jobs[:] = jobs


def _do(index: int) -> Any:
    return _jobs[index]()
