"""The master of several generators: sends the order and the phases, writes the reports, ends the run if one is lost.

It sends no requests itself. A worker marks a phase in its own record, on its own clock, when the master's message
arrives. Each worker's connection keeps the order of the messages.
"""

import dataclasses
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NoReturn

import gevent
from locust.env import Environment
from locust.rpc import Message
from locust.runners import STATE_MISSING, MasterRunner

from loopbench.locustfiles import messages
from loopbench.locustfiles.connected_workers import ConnectedWorkers
from loopbench.locustfiles.phases import Phases, Users
from loopbench.locustfiles.shape import PhasesShape
from loopbench.records.generators import (
    EXIT_GAVE_UP,
    LOST_WORKER,
    WORKER_LATE,
    WORKER_REFUSED,
    Generators,
    write_generators,
)
from loopbench.records.load_spec import LoadSpec

READY_WAIT_S: Final = 15.0
WARM_WAIT_S: Final = 30.0  # added to the duration of the warm-up, because its last request may take long

LAST_REPORT_WAIT_S: Final = 15.0  # added to the drain, which workers end by themselves

LOOK_S: Final = 0.02
WATCH_S: Final = 0.25
QUIT_WAIT_S: Final = 0.3
NO_USERS: Final[Users] = (0, 1.0)


class Master:
    """Leads the workers through one run."""

    def __init__(self, environment: Environment, runner: MasterRunner, spec: LoadSpec) -> None:
        self._environment = environment
        self._runner = runner
        self._spec = spec
        self._folder = Path(spec.samples_file).parent
        self._workers = ConnectedWorkers(spec.load.processes, self._folder)
        self._known = Generators(master_port=runner.server.port)
        self._phases = Phases(spec, self._announce)
        self._finishing = False
        PhasesShape.levels = self._lead()
        runner.register_message(messages.HELLO, self._admit_worker)
        runner.register_message(messages.READY, self._is_ready)
        runner.register_message(messages.WARM, self._is_warm)
        environment.events.worker_report.add_listener(self._take_report)
        environment.events.spawning_complete.add_listener(self._all_users_came)
        environment.events.test_stopping.add_listener(self._finish)
        self._note()

    def _lead(self) -> Iterator[Users]:
        """Yield the users of the warm-up and of all phases. A test with no users makes every worker warm up."""
        self._wait_until_all("ready", READY_WAIT_S)
        gevent.spawn(self._watch)
        yield NO_USERS
        self._wait_until_all("warm", self._spec.load.warmup_s + WARM_WAIT_S)
        self._phases.load_begins()
        yield from self._phases.levels

    def _admit_worker(self, msg: Message, **_: Any) -> None:
        refusal = self._workers.refusal(msg.data)
        if refusal:
            self._runner.send_message(messages.REFUSED, {"why": refusal}, msg.node_id)
            self._give_up(f"the worker on {msg.data.get('host')} was refused: {refusal}", WORKER_REFUSED)
        worker = self._workers.admit(msg.node_id, msg.data)
        self._note(workers=self._workers.facts)
        order = {"order": self._spec.clear_json(), "generator": worker.facts.index}
        self._runner.send_message(messages.ORDER, order, msg.node_id)

    def _is_ready(self, msg: Message, **_: Any) -> None:
        self._workers[msg.node_id].ready = True

    def _is_warm(self, msg: Message, **_: Any) -> None:
        self._workers[msg.node_id].warm = True

    def _announce(self, phase: str) -> None:
        self._runner.send_message(messages.PHASE, {"phase": phase})

    def _all_users_came(self, user_count: int, **_: Any) -> None:
        if user_count:
            self._phases.all_users_came()

    def _take_report(self, client_id: str, data: dict[str, Any]) -> None:
        """Write the report's frames. Locust's own listeners run first, so its statistics include this report."""
        worker = self._workers.get(client_id)
        if worker is None or worker.closed:
            return
        worker.file.write(data[messages.FRAMES])
        if data[messages.CLOSED]:
            worker.file.close()
            worker.closed = True

    def _finish(self, **_: Any) -> None:
        """Drain before Locust sends `quit`: Locust waits half a second for last reports, a drain may take 30 s."""
        if self._finishing:
            return
        self._finishing = True
        self._phases.drain()
        self._wait_until_all("closed", self._environment.stop_timeout + LAST_REPORT_WAIT_S)
        self._note(locust_requests=self._environment.stats.total.num_requests)

    def _wait_until_all(self, stage: str, timeout_s: float) -> None:
        deadline_s = time.perf_counter() + timeout_s
        while not self._workers.all_have(stage):
            if time.perf_counter() > deadline_s:
                self._give_up(
                    f"{self._workers.waiting_for(stage)} did not become {stage} within {timeout_s:g} s", WORKER_LATE
                )
            gevent.sleep(LOOK_S)

    def _watch(self) -> None:
        while not self._workers.all_have("closed"):
            answering = {client_id: node.state != STATE_MISSING for client_id, node in self._runner.clients.items()}
            if problem := self._workers.problem(answering):
                self._give_up(problem, LOST_WORKER)
            gevent.sleep(WATCH_S)

    def _give_up(self, problem: str, slug: str) -> NoReturn:
        """Record the reason, stop the workers and exit, because the load is no longer the one that was ordered."""
        self._note(problem=problem, problem_slug=slug)
        sys.stderr.write(f"gave up: {problem}\n")
        sys.stderr.flush()
        self._runner.send_message("quit")  # Locust's own message: workers elsewhere must stop loading the target
        gevent.sleep(QUIT_WAIT_S)
        os._exit(EXIT_GAVE_UP)

    def _note(self, **news: Any) -> None:
        self._known = dataclasses.replace(self._known, **news)
        write_generators(self._known, self._folder)
