"""Reads the server's own counts, which uvicorn keeps in `Server.server_state`, without touching the app."""

from __future__ import annotations

import gc
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType


MAX_SEARCHES = 3


class Server:
    """The uvicorn server of this process, found in the stack of the loop factory's callers or later by `search`."""

    def __init__(self) -> None:
        self._server: Any = _server_on_stack(sys._getframe(1))  # noqa: SLF001  the only way to see one's callers
        self._state: Any = _state_of(self._server)
        self._searches = 0

    @property
    def found(self) -> bool:
        """Whether the server's counts can be read."""
        return self._state is not None

    @property
    def config(self) -> Any:
        """The server's configuration, which holds the app; None if no server was found."""
        return getattr(self._server, "config", None)

    def wrap_app(self, wrap: Callable[[Any], Any]) -> str:
        """Replace the app by `wrap(app)`, now or when it is loaded. Return why that cannot be, or an empty string."""
        config = self.config
        if config is None:
            return "no uvicorn server was found when the loop was made"
        load = config.load

        def loaded() -> None:
            load()
            config.loaded_app = wrap(config.loaded_app)

        if config.loaded:
            config.loaded_app = wrap(config.loaded_app)
        else:
            config.load = loaded
        return ""

    def search(self) -> None:
        """Search all objects for the server, for runners that create it inside the loop."""
        kind = getattr(sys.modules.get("uvicorn.server"), "Server", None)
        if kind is None or self._searches == MAX_SEARCHES:
            return
        self._searches += 1
        servers = [thing for thing in gc.get_objects() if isinstance(thing, kind)]
        if len(servers) == 1:
            self._server, self._state = servers[0], _state_of(servers[0])

    def requests_total(self) -> int | None:
        """Return the number of responses completed since the start, each counted at its last byte."""
        return None if self._state is None else int(self._state.total_requests)

    def connections(self) -> int | None:
        """Return the number of open connections."""
        return None if self._state is None else len(self._state.connections)

    def tasks(self) -> Any:
        """Return the set of tasks that serve requests; empty if the server does not say."""
        return getattr(self._state, "tasks", ())

    def pipelined(self) -> int:
        """Return how many requests were received while their connection still serves the one before."""
        connections = () if self._state is None else tuple(self._state.connections)
        return sum(len(getattr(each, "pipeline", None) or ()) for each in connections)


def _server_on_stack(frame: FrameType | None) -> Any:
    while frame is not None:
        candidate = frame.f_locals.get("self")
        if _state_of(candidate) is not None:
            return candidate
        frame = frame.f_back
    return None


def _state_of(server: Any) -> Any:
    """Return the server's state if it has the two attributes that are read from it, else None."""
    state = getattr(server, "server_state", None)
    countable = isinstance(getattr(state, "total_requests", None), int)
    return state if countable and isinstance(getattr(state, "connections", None), (set, list, dict)) else None
