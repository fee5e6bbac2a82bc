"""The server's own counts, read without touching the app: uvicorn keeps them in `Server.server_state`."""

from __future__ import annotations

import gc
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import FrameType


MAX_SEARCHES = 3


class Server:
    """Whatever in this process looks like a uvicorn server; found in the stack of the factory's callers, or not yet."""

    def __init__(self) -> None:
        self._server: Any = _server_on_stack(sys._getframe(1))  # noqa: SLF001  the only way to see one's callers
        self._state: Any = _state_of(self._server)
        self._searches = 0

    @property
    def found(self) -> bool:
        """Whether its counts can be read."""
        return self._state is not None

    @property
    def config(self) -> Any:
        """The server's configuration, which holds the app; None without a server."""
        return getattr(self._server, "config", None)

    def search(self) -> None:
        """Look among all objects, for runners that build their server inside the loop.

        Stops everything for a moment, so it is not tried often.
        """
        kind = getattr(sys.modules.get("uvicorn.server"), "Server", None)
        if kind is None or self._searches == MAX_SEARCHES:
            return
        self._searches += 1
        servers = [thing for thing in gc.get_objects() if isinstance(thing, kind)]
        if len(servers) == 1:
            self._server, self._state = servers[0], _state_of(servers[0])

    def requests_total(self) -> int | None:
        """Responses completed since the start (uvicorn counts one when its last byte went to the transport)."""
        return None if self._state is None else int(self._state.total_requests)

    def connections(self) -> int | None:
        """Connections open now."""
        return None if self._state is None else len(self._state.connections)


def _server_on_stack(frame: FrameType | None) -> Any:
    while frame is not None:
        candidate = frame.f_locals.get("self")
        if _state_of(candidate) is not None:
            return candidate
        frame = frame.f_back
    return None


def _state_of(server: Any) -> Any:
    """The server's state if it has the two things that are read from it; other servers have no such attributes."""
    state = getattr(server, "server_state", None)
    countable = isinstance(getattr(state, "total_requests", None), int)
    return state if countable and isinstance(getattr(state, "connections", None), (set, list, dict)) else None
