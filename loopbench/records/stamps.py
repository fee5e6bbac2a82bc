"""How a client asks the probe for an answer's stamps, and how it reads them.

At the explain level the probe stamps an answer that was asked for it: when the app was entered and when it began to
answer, on the host's monotonic clock. A client on the same host, which knows when it sent, so learns what its latency
was made of. `probe/` spells these names a second time, because it shares no code with anybody.
"""

import math
from typing import Final, NamedTuple

ASK_HEADER: Final = "x-loopbench-stamp"
"""Request header; its value does not matter."""

STAMPED_EVERY: Final = 4
"""One request in so many asks: an answer whose head is new every time costs the generator its shortcut."""

_MARK: Final = b"\r\nx-loopbench-app: "
_CLOCKS_AGREE_S: Final = 0.001


class Stamps(NamedTuple):
    """What the server's side knows of one request, in seconds. NaN: not observed."""

    before_app_s: float  # from sent (or from opening a connection for it) until the app was entered
    in_app_s: float  # from then until the app began to answer


UNSTAMPED: Final = Stamps(math.nan, math.nan)


def read_stamps(head: bytes, start_s: float, latency_s: float) -> Stamps:
    """The stamps in an answer's header section, for a request sent at `start_s` on this host's monotonic clock.

    Stamps that do not fit into the request's own time come from another clock, and nothing is known then.
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
