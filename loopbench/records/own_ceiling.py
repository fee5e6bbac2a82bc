"""What this generator reaches on this machine against a server that does nothing: `ceiling.json` of a session."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from loopbench.records.codec import from_json

CEILING_FILE: Final = "ceiling.json"

BUSY_SHARE: Final = 0.9
"""A generator that used this much of its core could not have asked much more."""


@dataclass(frozen=True)
class OwnCeiling:
    """Measured once for a machine and a session, with the session's own kind of user and number of generators."""

    rps: float  # good answers per second of all generators together
    client: str  # which user class asked
    generators: int
    users: int
    window_s: float
    generator_cpu_share: float | None  # of one core, mean of the generators; None: too short to say

    @property
    def is_lower_bound(self) -> bool:
        """Something else than the generator was full, or nobody knows: the true ceiling may be higher."""
        return self.generator_cpu_share is None or self.generator_cpu_share < BUSY_SHARE


def read_own_ceiling(session_folder: Path) -> OwnCeiling | None:
    """The session's ceiling; None when none was measured.

    Raises:
        DataError: the file is damaged.
    """
    path = session_folder / CEILING_FILE
    if not path.exists():
        return None
    return from_json(OwnCeiling, path.read_bytes(), str(path))
