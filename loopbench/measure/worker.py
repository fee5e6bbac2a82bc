"""Makes this machine a generator of a measurement on another machine: it takes part in one run after the other.

Every run gets a fresh process. The user classes come by message; nothing but loopbench itself is loaded from this
machine, and nothing stays on its disk.
"""

import time
from collections.abc import Callable
from typing import Final

from loopbench.errors import GeneratorError
from loopbench.measure import environment
from loopbench.measure.generators import command, worker_options
from loopbench.measure.scratch import scratch_folder
from loopbench.measure.stop import InterruptedRunError, StopWish
from loopbench.measure.supervise import Supervised, describe_exit, log_tail
from loopbench.records.generators import EXIT_NO_ORDER, EXIT_REFUSED, REFUSED_PREFIX

POLL_S: Final = 0.1
PAUSE_S: Final = 0.5  # between two processes: the old master needs a moment to end

DRAIN_S: Final = 30.0  # until the master sends its own value


def serve_as_worker(host: str, port: int, announce: Callable[[str], None], runs: int | None = None) -> None:
    """Take part in the runs of the master at that address, until a signal comes or `runs` runs are over.

    Raises:
        GeneratorError: the master refused this worker, or its order may not be carried out.
    """
    stop, finished = StopWish(), 0
    announce(f"waiting for a master at {host}:{port}; it decides the requests and their target. End with Ctrl-C")
    with stop.listening():
        try:
            while runs is None or finished < runs:
                code, log = _take_part(host, port, stop)
                finished += code == 0
                _announce_end(code, log, finished, announce)
                time.sleep(PAUSE_S)
        except InterruptedRunError:
            announce(f"worker stopped after {finished} runs")


def _take_part(host: str, port: int, stop: StopWish) -> tuple[int, str]:
    """Run one process to its end; returns its exit code and the end of its log."""
    with scratch_folder() as folder:
        log = folder / "locust.log"
        line = [*command(DRAIN_S), *worker_options(host, port)]
        with Supervised(line, env=environment.for_generator({}), cwd=folder, log=log) as locust:
            while (code := locust.exit_code) is None:
                stop.check()
                time.sleep(POLL_S)
        return code, log_tail(log)


def _announce_end(code: int, log: str, finished: int, announce: Callable[[str], None]) -> None:
    """Announce how a run ended. A master that was just ending is not announced: the next process finds the next one."""
    if code == EXIT_REFUSED:
        raise GeneratorError(
            _refusal(log),
            slug="worker-refused",
            hints=("loopbench --version on both machines", "correct remote_workers"),
        )
    if code == 0:
        announce(f"run {finished} is over; waiting for the next")
    elif code != EXIT_NO_ORDER:
        announce(f"Locust ended ({describe_exit(code)}); waiting again")


def _refusal(log: str) -> str:
    reasons = [line.removeprefix(REFUSED_PREFIX) for line in log.splitlines() if line.startswith(REFUSED_PREFIX)]
    return f"this worker and the master do not fit: {reasons[-1] if reasons else 'the master gave no reason'}"
