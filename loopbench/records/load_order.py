"""The order the harness hands to the generator: what to ask, by how many users, for how long."""

import base64
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from loopbench.records.codec import from_json, to_json
from loopbench.records.expectation import Expectation

PATH_VARIABLE = "LOOPBENCH_LOAD_ORDER"
"""Environment variable that tells the locustfile where its order lies. Without it a worker gets it from its master."""

CLIENT_LLHTTP, CLIENT_FAST, CLIENT_HTTP = "llhttp", "fast", "http"
MODE_CLOSED, MODE_OPEN = "closed", "open"
ARRIVALS_CONSTANT, ARRIVALS_EXPONENTIAL = "constant", "exponential"


@dataclass(frozen=True)
class OrderedRequest:
    """One request as it goes over the wire, and what its answer must be."""

    name: str
    method: str
    target: str  # path and query, percent-encoded
    headers: dict[str, str]
    body_base64: str
    timeout_s: float
    weight: int
    expect: Expectation
    hang_up_after_s: float | None = None  # close the connection so long after sending; None: wait for the answer
    hang_up_turns: int = 0  # of its `weight` turns, those that hang up

    @property
    def body(self) -> bytes:
        """The body's bytes, empty when there is none."""
        return base64.b64decode(self.body_base64)


@dataclass(frozen=True)
class Level:
    """One level of a step load."""

    users: int
    hold_s: float


@dataclass(frozen=True)
class LoadOrder:
    """One run's load. The locustfile reads it once. `load.json` is the same without what may be secret."""

    run: str  # nonce
    url: str  # scheme, host and port of the target
    kind: str  # of run: one of the KIND_ constants of `session`
    client: str  # which user class asks: one of the CLIENT_ constants
    requests: tuple[OrderedRequest, ...]  # all of them asked by every user
    users: int
    spawn_rate: float  # users per second
    warmup_users: int
    warmup_s: float
    settle_s: float  # plateau, steps: after users have come, before anything counts
    hold_s: float  # ramp, plateau: all users there
    steps: tuple[Level, ...]  # steps: in the order they are walked
    mode: str  # MODE_CLOSED: users ask when they have thought; MODE_OPEN: requests are due on a schedule
    rate_rps: tuple[float, float]  # open mode: due requests per second, from and to; (0, 0) in closed mode
    arrivals: str  # open mode: gaps between due requests, one of the ARRIVALS_ constants
    explain: bool  # ask the probe for each request's stamps
    think_time_s: tuple[float, float]  # drawn evenly between the two after every answer
    seed: int
    samples_file: str  # of the first generator; the others' lie beside it
    generators: int = 1  # processes that share this load
    generator: int = 0  # which of them reads this; its master fills it in

    @property
    def own_seed(self) -> int:
        """For what each generator draws by itself: with one seed for all, their users would think in step."""
        return self.seed + 1_000_003 * self.generator

    @property
    def ramp_s(self) -> float:
        """Seconds from the first user to the last; in open mode the rate climbs as long, with all users there."""
        return (self.users - 1) / self.spawn_rate


@dataclass(frozen=True)
class UiOrder:
    """What the web UI offers: variants of a scenario, each as a load of its own, to the person who holds the token."""

    title: str  # of the scenario
    orders: dict[str, LoadOrder]  # by what the start form shows
    url: str  # of the target; no load goes anywhere else
    token: str
    probe_folder: str | None  # where the target's probe writes; None: nothing of it can be read from here


Order = TypeVar("Order", LoadOrder, UiOrder)


def read_order(kind: type[Order]) -> Order:
    """The order this process was started with.

    Raises:
        DataError: it is damaged.
        KeyError: this is no process of ours.
    """
    path = Path(os.environ[PATH_VARIABLE])
    return from_json(kind, path.read_bytes(), str(path))


def write_order(order: LoadOrder | UiOrder, path: Path) -> None:
    """Lay an order down where `read_order` will find it."""
    path.write_text(order_text(order), encoding="utf-8")


def order_text(order: LoadOrder | UiOrder) -> str:
    """An order as `read_order` reads it."""
    return to_json(order)
