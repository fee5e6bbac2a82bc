"""The figures that a generator records about itself, in WTCH frames of its samples file.

A row covers a second; where targets are loaded in turns, a phase of one target's slice.

A frame's payload is a JSON array of rows, each with the fields of `WatchedSecond` in order. The judge decides which
figures are too high.
"""

import json
import math
from collections.abc import Iterable
from typing import NamedTuple

from loopbench.records.codec import parse_json


class WatchedSecond(NamedTuple):
    """About one second, or a phase of a slice, of one generator process."""

    at_s: float  # its end, in seconds after the generator's origin
    span_s: float  # actual length
    cpu_s: float  # CPU time of the process, all threads, user and system
    lags_us: tuple[int, ...]  # lateness of each heartbeat, in order; empty if none ran
    new_connections: int | None  # opened by our own client; None: another client, which does not count them

    @property
    def cpu_share(self) -> float:
        """CPU time divided by wall time: 1 is a whole core."""
        return self.cpu_s / self.span_s


def lag_ms(seconds: Iterable[WatchedSecond], quantile: float) -> float | None:
    """Return a quantile of the loop's lag over all heartbeats of several seconds, in milliseconds.

    It is the nearest rank; None if no heartbeat ran. Percentiles of seconds must not be averaged.
    """
    lags_us = sorted(lag_us for second in seconds for lag_us in second.lags_us)
    if not lags_us:
        return None
    rank = max(1, math.ceil(quantile * len(lags_us)))
    return lags_us[rank - 1] / 1000


def encode_seconds(seconds: Iterable[WatchedSecond]) -> bytes:
    """Return the payload of a WTCH frame."""
    return json.dumps([tuple(second) for second in seconds], separators=(",", ":")).encode()


def decode_seconds(payload: bytes) -> tuple[WatchedSecond, ...]:
    """Return the rows of a WTCH frame. Raises ValueError if the payload is not an array of rows."""
    rows = parse_json(payload)
    try:
        return tuple(
            WatchedSecond(float(at), float(span), float(cpu), tuple(map(int, lags)), None if new is None else int(new))
            for at, span, cpu, lags, new in rows
        )
    except TypeError as problem:
        raise ValueError(f"no rows of a generator's watch: {problem}") from None
