"""What a session records about the services of its target. Never a URL, because a URL may contain a password."""

from dataclasses import dataclass
from typing import Final

EMBEDDED: Final = "embedded"
OWN: Final = "own"
IN_PROCESS: Final = "in process"


@dataclass(frozen=True)
class ServiceFact:
    """One service that was found or started."""

    name: str
    version: str  # as reported by the service; "not reported" if it does not
    origin: str  # EMBEDDED: started for this session; OWN: the user's own; IN_PROCESS: a library in the target
    address: str  # host:port, without user, password and path; empty for IN_PROCESS
