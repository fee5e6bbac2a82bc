"""Requests the probe's stamps on an answer, and reads them.

At the explain level the probe stamps an answer on request: when the app was entered and when it began to answer, on the
host's monotonic clock. A client on the same host can then split its latency into parts. `probe/` repeats these names,
because it shares no code with other packages.
"""

import math
from typing import Final, NamedTuple

ASK_HEADER: Final = "x-loopbench-stamp"  # request header; any value

STAMPED_EVERY: Final = 4
"""One request in so many asks for stamps, because each stamped head is new and must be parsed in full."""

_MARK: Final = b"\r\nx-loopbench-app: "
_CLOCKS_AGREE_S: Final = 0.001


class Stamps(NamedTuple):
    """The server-side times of one request, in seconds. NaN: not observed."""

    before_app_s: float  # from sending (or opening its connection) until the app was entered
    in_app_s: float  # from then until the app began to answer


UNSTAMPED: Final = Stamps(math.nan, math.nan)


def read_stamps(head: bytes, start_s: float, latency_s: float) -> Stamps:
    """Read the stamps from an answer's header section, for a request sent at `start_s` on the monotonic clock.

    Stamps outside the request's own time come from another clock; the result is then NaN.
    """
    at = head.find(_MARK)
    if at < 0:
        return UNSTAMPED
    at += len(_MARK)
    try:
        entered_us, answering_us = map(int, head[at : head.index(b"\r\n", at)].split())
    except ValueError:
        return UNSTAMPED
    before_app_s, in_app_s = entered_us / 1e6 - start_s, (answering_us - entered_us) / 1e6
    fits = before_app_s >= -_CLOCKS_AGREE_S and in_app_s >= 0 and before_app_s + in_app_s <= latency_s + _CLOCKS_AGREE_S
    return Stamps(max(0.0, before_app_s), in_app_s) if fits else UNSTAMPED
