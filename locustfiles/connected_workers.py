"""The workers of one master: their facts, the stage each has reached, and whether one is missing."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loopbench.locustfiles import messages
from loopbench.locustfiles.sinks import FileSink
from loopbench.records.generators import GeneratorFacts
from loopbench.records.session import samples_file


@dataclass
class ConnectedWorker:
    """One worker. It reaches its three stages in this order."""

    facts: GeneratorFacts
    file: FileSink
    ready: bool = False  # has accepted its order
    warm: bool = False
    closed: bool = False  # its last frame is in the samples file

    @property
    def name(self) -> str:
        """The worker's name in messages."""
        return f"worker {self.facts.index} (process {self.facts.pid} on {self.facts.host})"


class ConnectedWorkers:
    """The workers by Locust's client id, in the order of their HELLO messages.

    Args:
        size: expected number of workers.
        folder: the run's folder; each worker's samples get a file there.
    """

    def __init__(self, size: int, folder: Path) -> None:
        self.size = size
        self._folder = folder
        self._by_client: dict[str, ConnectedWorker] = {}

    def __iter__(self) -> Iterator[ConnectedWorker]:
        return iter(self._by_client.values())

    def __getitem__(self, client_id: str) -> ConnectedWorker:
        return self._by_client[client_id]

    def get(self, client_id: str) -> ConnectedWorker | None:
        """Return the worker with this client id; None if it has not been admitted."""
        return self._by_client.get(client_id)

    @property
    def facts(self) -> tuple[GeneratorFacts, ...]:
        """The facts of all workers, in order."""
        return tuple(worker.facts for worker in self)

    def refusal(self, hello: dict[str, Any]) -> str | None:
        """Return why this worker cannot take part; None if it can."""
        if problem := messages.version_problem(hello):
            return problem
        if hello.get("key") != messages.worker_key():  # an order may hold passwords
            return "it was not started by this measurement"
        if len(self._by_client) == self.size:
            return f"the run has its {self.size} workers already: correct remote_workers, or start fewer"
        return None

    def admit(self, client_id: str, hello: dict[str, Any]) -> ConnectedWorker:
        """Add a worker and create its samples file."""
        index = len(self._by_client)
        facts = GeneratorFacts(index, str(hello["host"]), int(hello["pid"]), str(hello["clock"]))
        worker = self._by_client[client_id] = ConnectedWorker(facts, FileSink(self._folder / samples_file(index)))
        return worker

    def all_have(self, stage: str) -> bool:
        """Return whether all expected workers are here and have reached a stage of `ConnectedWorker`."""
        return len(self._by_client) == self.size and all(getattr(worker, stage) for worker in self)

    def waiting_for(self, stage: str) -> str:
        """Name the workers that have not reached a stage, for a message."""
        late = [worker.name for worker in self if not getattr(worker, stage)]
        return ", ".join(late) or f"{self.size - len(self._by_client)} of {self.size} workers"

    def problem(self, answering: Mapping[str, bool]) -> str | None:
        """Return what is wrong with the workers; None if nothing is.

        Args:
            answering: for each connected client id, whether its heartbeats still arrive.
        """
        for client_id, worker in self._by_client.items():
            if client_id not in answering:
                return f"{worker.name} has ended"
            if not answering[client_id]:
                return f"{worker.name} does not answer any more"
        extra = len(answering) - len(self._by_client)
        if extra > 0:
            return "a worker connected mid-run: a lost one was restarted, or there are too many"
        return None
