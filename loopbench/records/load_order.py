"""The order that the harness gives to the generator: the requests, the users and the durations."""

import base64
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from loopbench.records.codec import from_json, to_json
from loopbench.records.expectation import Expectation

PATH_VARIABLE = "LOOPBENCH_LOAD_ORDER"
"""Environment variable with the path of the locustfile's order. A worker without it gets its order from its master."""

CLIENT_LLHTTP, CLIENT_FAST, CLIENT_HTTP = "llhttp", "fast", "http"
MODE_CLOSED, MODE_OPEN = "closed", "open"
ARRIVALS_CONSTANT, ARRIVALS_EXPONENTIAL = "constant", "exponential"


@dataclass(frozen=True)
class OrderedRequest:
    """One request as sent over the wire, and what its answer must be."""

    name: str
    method: str
    target: str  # path and query, percent-encoded
    headers: dict[str, str]
    body_base64: str
    timeout_s: float
    weight: int
    expect: Expectation
    hang_up_after_s: float | None = None  # disconnect so many seconds after sending; None: wait for the answer
    hang_up_turns: int = 0  # how many of the `weight` turns hang up

    @property
    def body(self) -> bytes:
        """The body's bytes; empty if there is none."""
        return base64.b64decode(self.body_base64)


@dataclass(frozen=True)
class Level:
    """One level of a step load."""

    users: int
    hold_s: float


@dataclass(frozen=True)
class LoadOrder:
    """The load of one run, which the locustfile reads once. `load.json` is the same without possible secrets."""

    run: str  # nonce
    url: str  # scheme, host and port of the target
    kind: str  # kind of the run: one of the KIND_ constants of `session`
    client: str  # the user class: one of the CLIENT_ constants
    requests: tuple[OrderedRequest, ...]  # every user sends all of them
    users: int
    spawn_rate: float  # users per second
    warmup_users: int
    warmup_s: float
    settle_s: float  # plateau, steps: between the arrival of the users and the window
    hold_s: float  # ramp, plateau: with all users present
    steps: tuple[Level, ...]  # steps: the levels in order
    mode: str  # MODE_CLOSED: users send after thinking; MODE_OPEN: requests are due on a schedule
    rate_rps: tuple[float, float]  # open mode: due requests per second, from and to; (0, 0) in closed mode
    arrivals: str  # open mode: gaps between due requests, one of the ARRIVALS_ constants
    explain: bool  # ask the probe for each request's stamps
    think_time_s: tuple[float, float]  # range of the pause after every answer, uniform
    seed: int
    samples_file: str  # the first generator's; the others' are in the same folder
    generators: int = 1  # number of processes that share this load
    generator: int = 0  # index of the process that reads this; set by its master

    @property
    def own_seed(self) -> int:
        """Seed of one generator. With one seed for all, their users would think in step."""
        return self.seed + 1_000_003 * self.generator

    @property
    def ramp_s(self) -> float:
        """Seconds from the first user to the last. In open mode the rate rises for as long, with all users present."""
        return (self.users - 1) / self.spawn_rate


@dataclass(frozen=True)
class UiOrder:
    """The loads that the web UI offers, one per variant of a scenario, and the token for access to it."""

    title: str  # of the scenario
    orders: dict[str, LoadOrder]  # by the name that the start form shows
    url: str  # the target's; loads go nowhere else
    token: str
    probe_folder: str | None  # where the target's probe writes; None: not readable from here


Order = TypeVar("Order", LoadOrder, UiOrder)


def read_order(kind: type[Order]) -> Order:
    """Return the order that this process was started with.

    Raises:
        DataError: the order is damaged.
        KeyError: the environment names no order.
    """
    path = Path(os.environ[PATH_VARIABLE])
    return from_json(kind, path.read_bytes(), str(path))


def write_order(order: LoadOrder | UiOrder, path: Path) -> None:
    """Write an order to a file for `read_order`."""
    path.write_text(order_text(order), encoding="utf-8")


def order_text(order: LoadOrder | UiOrder) -> str:
    """Return an order as text for `read_order`."""
    return to_json(order)
