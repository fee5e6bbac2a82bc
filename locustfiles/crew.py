"""The workers of one master: who they are, how far each has come, and whether one is missing."""

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
    """One worker. Its stages are reached in this order."""

    facts: GeneratorFacts
    file: FileSink
    ready: bool = False  # has understood its order
    warm: bool = False
    closed: bool = False  # its last frame is in the file

    @property
    def name(self) -> str:
        """For people."""
        return f"worker {self.facts.index} (process {self.facts.pid} on {self.facts.host})"


class Crew:
    """The workers by Locust's client id, in the order in which they introduced themselves.

    Args:
        size: how many there are to be.
        folder: of the run; each worker's samples get a file there.
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
        """None: a stranger."""
        return self._members.get(client_id)

    @property
    def facts(self) -> tuple[GeneratorFacts, ...]:
        """Everybody, in order."""
        return tuple(member.facts for member in self)

    def refusal(self, greeting: dict[str, Any]) -> str | None:
        """Why this worker cannot take part; None if it can."""
        if problem := messages.version_problem(greeting):
            return problem
        if len(self._members) == self.size:
            return f"the run has its {self.size} workers already: correct remote_workers, or start fewer"
        return None

    def admit(self, client_id: str, greeting: dict[str, Any]) -> Member:
        """A new member, with a samples file of its own."""
        index = len(self._members)
        facts = GeneratorFacts(index, str(greeting["host"]), int(greeting["pid"]), str(greeting["clock"]))
        member = self._members[client_id] = Member(facts, FileSink(self._folder / samples_file(index)))
        return member

    def all_have(self, stage: str) -> bool:
        """Whether the crew is complete and everybody has reached a stage of `Member`."""
        return len(self._members) == self.size and all(getattr(member, stage) for member in self)

    def waiting_for(self, stage: str) -> str:
        """Who has not reached a stage, for people."""
        late = [member.name for member in self if not getattr(member, stage)]
        return ", ".join(late) or f"{self.size - len(self._members)} of {self.size} workers"

    def trouble(self, answering: Mapping[str, bool]) -> str | None:
        """What is wrong with the crew, given who is connected and whether their hearts still beat; None: nothing."""
        for client_id, member in self._members.items():
            if client_id not in answering:
                return f"{member.name} has ended"
            if not answering[client_id]:
                return f"{member.name} does not answer any more"
        strangers = len(answering) - len(self._members)
        if strangers > 0:
            return "a worker came in the middle: one was lost and has been started anew, or there are too many"
        return None
