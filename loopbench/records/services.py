"""What a session keeps of the services its target talked to. Never a URL: it may hold a password."""

from dataclasses import dataclass
from typing import Final

EMBEDDED: Final = "embedded"
OWN: Final = "own"
IN_PROCESS: Final = "in process"


@dataclass(frozen=True)
class ServiceFact:
    """One service, as it was found or started."""

    name: str
    version: str  # as it says itself; "not reported" if it does not
    origin: str  # EMBEDDED: started for this session; OWN: named by the user; IN_PROCESS: a library of the target
    address: str  # host:port, without user, password and path; empty for IN_PROCESS
