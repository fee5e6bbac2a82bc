"""The sample, which records one request, and the samples file of one generator process.

A samples file is a sequence of frames (see `frames`). HEAD (JSON: its writer and clock) comes first. Then follow any of
NAME (JSON: the tables that `name` and `error` index), SAMP (packed samples), EVNT (JSON: users and phases, with their
times) and WTCH (JSON: the generator's figures about itself, see `generator_watch`). A clean end adds TRLR (JSON: the
number of samples).
"""

import json
import struct
from typing import Final, NamedTuple

HEAD: Final = b"HEAD"
NAME: Final = b"NAME"
SAMP: Final = b"SAMP"
EVNT: Final = b"EVNT"
WTCH: Final = b"WTCH"
TRLR: Final = b"TRLR"

FIELDS: Final = (
    ("start_s", "<f8"),  # when the request was sent, seconds after the run's origin (the generator's monotonic clock)
    ("latency_s", "<f4"),  # until the whole answer had arrived
    ("late_s", "<f4"),  # open mode: how long after its due time it was sent; closed mode: 0
    ("before_app_s", "<f4"),  # explain level: from sent until the app was entered; NaN when not observed
    ("in_app_s", "<f4"),  # explain level: inside the app; NaN when not observed
    ("size_bytes", "<u4"),  # body
    ("users", "<u2"),  # users alive in this generator when the answer came
    ("user", "<u2"),  # index of the user that sent it
    ("name", "<u2"),  # index into Tables.names
    ("status", "<u2"),  # 0: no answer
    ("error", "<u2"),  # index into Tables.errors; 0: a good answer
    ("flags", "<u2"),
)
"""Name and numpy type code of each field, in order, packed without gaps (40 bytes per sample)."""

STRUCT: Final = struct.Struct("<" + "".join({"f8": "d", "f4": "f", "u4": "I", "u2": "H"}[t[1:]] for _, t in FIELDS))

FLAG_NEW_CONNECTION: Final = 1  # this request had to open a connection
FLAG_RETRIED: Final = 2  # sent a second time after the first connection died before a byte came
FLAG_UNFINISHED: Final = 4  # given up at the end of the drain: latency is a lower bound
FLAG_WARMUP: Final = 8  # sent before the measured phases
FLAG_HUNG_UP: Final = 16  # the client disconnected before the answer, as ordered: servers do not count such requests

NO_ERROR: Final = 0
UNFINISHED: Final = "unfinished"
"""Error class of a request that had no answer when the drain ended (a censored latency, not a failure to count)."""
HUNG_UP: Final = "hung up"
"""Error class of a request whose client disconnected as ordered: neither a good answer nor a failure."""

Event = tuple[float, str, int | str]  # (seconds after the origin, one of the EVENT_ constants, its value)

EVENT_PHASE: Final = "phase"  # value: the name of the phase that begins
EVENT_USER_STARTED: Final = "user_started"  # value: the user's index
EVENT_USER_STOPPED: Final = "user_stopped"
EVENT_USER_ERROR: Final = "user_error"  # value: an exception in the user's own code, and its line
EVENT_REDIRECTED: Final = "redirected"  # value: redirects followed, each a further request to the server
EVENT_LOAD_ENDED: Final = "load_ended"  # open mode; value: requests due until then, sent or not
EVENT_DUE_UNSENT: Final = (
    "due_unsent"  # open mode; value: how many requests due at this time or just before were never sent
)

PHASE_WARMUP: Final = "warmup"
PHASE_RAMP: Final = "ramp"
PHASE_SETTLE: Final = "settle"
PHASE_HOLD: Final = "hold"
PHASE_DRAIN: Final = "drain"
PHASE_STOPPED: Final = "stopped"  # interleaved runs: another target is loaded, and this one's processes are stopped
PHASE_END: Final = "end"
STEP_PREFIX: Final = "step-"


def step_phase(users: int) -> str:
    """Return the name of the window of one level of a step load."""
    return f"{STEP_PREFIX}{users}"


class Head(NamedTuple):
    """The first frame: the run, the generator and its clock."""

    format: int
    run: str  # the run's nonce
    generator: int  # index of the generator process
    origin_monotonic_s: float  # on that host's monotonic clock
    origin_unix_s: float  # wall clock at the same moment, for display only: never subtracted
    clock: str  # name of that monotonic clock (see `clocks`): only times on the same clock may be compared


class Tables(NamedTuple):
    """The texts that a sample's indices refer to. Index 0 of `errors` means no error."""

    names: list[str]
    errors: list[str]


class Trailer(NamedTuple):
    """The last frame of a closed file. If a reader counts other numbers, samples were lost."""

    samples: int
    locust_requests: int  # the count of Locust's own statistics at the same moment


def to_json(value: Head | Tables | Trailer) -> bytes:
    """Return the payload of a HEAD, NAME or TRLR frame."""
    return json.dumps(value._asdict(), separators=(",", ":")).encode()
