"""What a generator notes about itself, once a second, in WTCH frames of its samples file.

A frame's payload is a JSON array of rows, each with the fields of `WatchedSecond` in order. A row says what the
second cost, not whether that was too much: the limits are the judge's.
"""

import json
import math
from collections.abc import Iterable
from typing import NamedTuple


class WatchedSecond(NamedTuple):
    """About one second of one generator process."""

    at_s: float  # its end, seconds after the generator's origin
    span_s: float  # its real length
    cpu_s: float  # CPU time the process used in it, all threads, user and system
    lags_us: tuple[int, ...]  # how late each heartbeat ran, in the order of the beats; empty when none ran at all
    new_connections: int | None  # opened by our own client; None: another client, which does not say

    @property
    def cpu_share(self) -> float:
        """CPU time per time: 1 is a whole core."""
        return self.cpu_s / self.span_s

    @property
    def lag_p50_ms(self) -> float | None:
        """Median lag of the loop; None when no heartbeat ran."""
        return lag_ms([self], 0.5)

    @property
    def lag_p99_ms(self) -> float | None:
        """99th percentile of the loop's lag; None when no heartbeat ran. Of 50 beats that is the largest."""
        return lag_ms([self], 0.99)

    @property
    def lag_max_ms(self) -> float | None:
        """Largest lag of the loop; None when no heartbeat ran."""
        return lag_ms([self], 1.0)


def lag_ms(seconds: Iterable[WatchedSecond], quantile: float) -> float | None:
    """A quantile of the loop's lag over several seconds together, from every heartbeat (percentiles are not averaged).

    Nearest rank, in milliseconds; None when no heartbeat ran.
    """
    lags_us = sorted(lag_us for second in seconds for lag_us in second.lags_us)
    if not lags_us:
        return None
    rank = max(1, math.ceil(quantile * len(lags_us)))
    return lags_us[rank - 1] / 1000


def encode_seconds(seconds: Iterable[WatchedSecond]) -> bytes:
    """The payload of a WTCH frame."""
    return json.dumps([tuple(second) for second in seconds], separators=(",", ":")).encode()


def decode_seconds(payload: bytes) -> tuple[WatchedSecond, ...]:
    """The rows of a WTCH frame.

    Raises:
        ValueError: it holds something else.
    """
    rows = json.loads(payload)
    try:
        return tuple(
            WatchedSecond(float(at), float(span), float(cpu), tuple(map(int, lags)), None if new is None else int(new))
            for at, span, cpu, lags, new in rows
        )
    except TypeError as problem:
        raise ValueError(f"no rows of a generator's watch: {problem}") from None
