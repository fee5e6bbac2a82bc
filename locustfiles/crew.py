"""The workers of one master: their facts, the stage each has reached, and whether one is missing."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from locustfiles import messages
from locustfiles.sinks import FileSink
from loopbench.records.generators import GeneratorFacts
from loopbench.records.session import samples_file


@dataclass
class Member:
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


class Crew:
    """The workers by Locust's client id, in the order of their greetings.

    Args:
        size: expected number of workers.
        folder: the run's folder; each worker's samples get a file there.
    """

    def __init__(self, size: int, folder: Path) -> None:
        self.size = size
        self._folder = folder
        self._members: dict[str, Member] = {}

    def __iter__(self) -> Iterator[Member]:
        return iter(self._members.values())

    def __getitem__(self, client_id: str) -> Member:
        return self._members[client_id]

    def get(self, client_id: str) -> Member | None:
        """Return the worker with this client id; None if it has not been admitted."""
        return self._members.get(client_id)

    @property
    def facts(self) -> tuple[GeneratorFacts, ...]:
        """The facts of all workers, in order."""
        return tuple(member.facts for member in self)

    def refusal(self, greeting: dict[str, Any]) -> str | None:
        """Return why this worker cannot take part; None if it can."""
        if problem := messages.version_problem(greeting):
            return problem
        if len(self._members) == self.size:
            return f"the run has its {self.size} workers already: correct remote_workers, or start fewer"
        return None

    def admit(self, client_id: str, greeting: dict[str, Any]) -> Member:
        """Add a worker and create its samples file."""
        index = len(self._members)
        facts = GeneratorFacts(index, str(greeting["host"]), int(greeting["pid"]), str(greeting["clock"]))
        member = self._members[client_id] = Member(facts, FileSink(self._folder / samples_file(index)))
        return member

    def all_have(self, stage: str) -> bool:
        """Return whether all expected workers are here and have reached a stage of `Member`."""
        return len(self._members) == self.size and all(getattr(member, stage) for member in self)

    def waiting_for(self, stage: str) -> str:
        """Name the workers that have not reached a stage, for a message."""
        late = [member.name for member in self if not getattr(member, stage)]
        return ", ".join(late) or f"{self.size - len(self._members)} of {self.size} workers"

    def trouble(self, answering: Mapping[str, bool]) -> str | None:
        """Return what is wrong with the crew, or None.

        Args:
            answering: for each connected client id, whether its heartbeats still arrive.
        """
        for client_id, member in self._members.items():
            if client_id not in answering:
                return f"{member.name} has ended"
            if not answering[client_id]:
                return f"{member.name} does not answer any more"
        extra = len(answering) - len(self._members)
        if extra > 0:
            return "a worker connected mid-run: a lost one was restarted, or there are too many"
        return None
