"""`ceiling.json`: the throughput that this generator reaches on this machine against a server that does nothing."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from loopbench.records.codec import read_json

CEILING_FILE: Final = "ceiling.json"


@dataclass(frozen=True)
class OwnCeiling:
    """The ceiling, measured once per session with the session's kind of user and number of generators."""

    rps: float  # good answers per second of all generators together
    client: str  # the user class
    generators: int
    users: int
    window_s: float
    generator_cpu_share: float | None  # share of one core, mean of the generators; None: the run was too short


def read_own_ceiling(session_folder: Path) -> OwnCeiling | None:
    """Return the session's ceiling; None if none was measured. Raises DataError if the file is damaged."""
    return read_json(OwnCeiling, session_folder / CEILING_FILE)
