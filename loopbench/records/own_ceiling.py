"""`ceiling.json`: the throughput that this generator reaches on this machine against a server that does nothing."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from loopbench.records.codec import from_json

CEILING_FILE: Final = "ceiling.json"

BUSY_SHARE: Final = 0.9
"""A generator that used this share of its core could hardly have sent more."""


@dataclass(frozen=True)
class OwnCeiling:
    """The ceiling, measured once per session with the session's kind of user and number of generators."""

    rps: float  # good answers per second of all generators together
    client: str  # the user class
    generators: int
    users: int
    window_s: float
    generator_cpu_share: float | None  # share of one core, mean of the generators; None: the run was too short

    @property
    def is_lower_bound(self) -> bool:
        """Whether the true ceiling may be higher: the generator was not saturated, or its CPU share is unknown."""
        return self.generator_cpu_share is None or self.generator_cpu_share < BUSY_SHARE


def read_own_ceiling(session_folder: Path) -> OwnCeiling | None:
    """Return the session's ceiling; None if none was measured.

    Raises:
        DataError: the file is damaged.
    """
    path = session_folder / CEILING_FILE
    if not path.exists():
        return None
    return from_json(OwnCeiling, path.read_bytes(), str(path))
