"""Finding the server: on the stack of the loop's maker, or later among all objects."""

import sys
from types import SimpleNamespace
from typing import Any

import pytest
from loopbench_probe.server import Server


def make_loop() -> Server:
    """Stands in for the factory: a frame between the server and the probe."""
    return Server()


class Uvicornlike:
    """Has what is read from a uvicorn server."""

    def __init__(self, requests: int = 0) -> None:
        self.config = object()
        self.server_state = SimpleNamespace(total_requests=requests, connections={1, 2})

    def make(self) -> Server:
        """A loop factory is called somewhere below the server's `run`."""
        return make_loop()


def test_a_server_that_runs_the_loop_s_maker_is_found() -> None:
    running = Uvicornlike(requests=5)
    server = running.make()
    assert (server.found, server.requests_total(), server.connections()) == (True, 5, 2)
    assert server.config is running.config


@pytest.mark.parametrize("state", [None, SimpleNamespace(total_requests="5"), SimpleNamespace(total_requests=5)])
def test_other_servers_count_nothing_and_say_so(state: Any) -> None:
    other = Uvicornlike()
    other.server_state = state
    server = other.make()
    assert (server.found, server.requests_total(), server.connections()) == (False, None, None)


def test_a_server_made_later_is_found_among_all_objects(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server()
    later = Uvicornlike(requests=3)
    monkeypatch.setitem(sys.modules, "uvicorn.server", SimpleNamespace(Server=Uvicornlike))
    server.search()
    assert server.requests_total() == later.server_state.total_requests == 3


def test_two_servers_are_one_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whose loop this is cannot be told, so nothing is counted."""
    server = Server()
    both = Uvicornlike(), Uvicornlike()
    monkeypatch.setitem(sys.modules, "uvicorn.server", SimpleNamespace(Server=Uvicornlike))
    server.search()
    assert both
    assert not server.found
