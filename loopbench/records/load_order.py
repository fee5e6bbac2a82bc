"""The order the harness hands to the generator: what to ask, by how many users, for how long."""

import base64
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from loopbench.records.codec import from_json, to_json
from loopbench.records.expectation import Expectation

PATH_VARIABLE = "LOOPBENCH_LOAD_ORDER"
"""Environment variable that tells the locustfile where its order lies (user classes must exist at import time)."""

CLIENT_LLHTTP, CLIENT_FAST, CLIENT_HTTP = "llhttp", "fast", "http"


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

    @property
    def body(self) -> bytes:
        """The body's bytes, empty when there is none."""
        return base64.b64decode(self.body_base64)


@dataclass(frozen=True)
class LoadOrder:
    """One run's load. Written by the harness as `load.json`, read once by the locustfile."""

    run: str  # nonce
    url: str  # scheme, host and port of the target
    client: str  # which user class asks: one of the CLIENT_ constants
    requests: tuple[OrderedRequest, ...]  # all of them asked by every user
    users: int
    spawn_rate: float  # users per second
    warmup_users: int
    warmup_s: float
    hold_s: float
    think_time_s: tuple[float, float]  # drawn evenly between the two after every answer
    seed: int
    samples_file: str


@dataclass(frozen=True)
class UiOrder:
    """What the web UI offers: every variant of a scenario under its name, as a load of its own."""

    orders: dict[str, LoadOrder]


Order = TypeVar("Order", LoadOrder, UiOrder)


def read_order(kind: type[Order]) -> Order:
    """The order this process was started with.

    Raises:
        FormatError: it is damaged.
        KeyError: this is no process of ours.
    """
    path = Path(os.environ[PATH_VARIABLE])
    return from_json(kind, path.read_bytes(), str(path))


def write_order(order: LoadOrder | UiOrder, path: Path) -> None:
    """Lay an order down where `read_order` will find it."""
    path.write_text(to_json(order), encoding="utf-8")
