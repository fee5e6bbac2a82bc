"""Finding the server, on the stack of the loop factory or later among all objects."""

import sys
from types import SimpleNamespace
from typing import Any

import pytest
from loopbench_probe.server import Server


def make_loop() -> Server:
    """A stand-in for the factory: a frame between the server and the probe."""
    return Server()


class Uvicornlike:
    """A server with the attributes that are read from uvicorn's."""

    def __init__(self, requests: int = 0) -> None:
        self.config = object()
        self.server_state = SimpleNamespace(total_requests=requests, connections={1, 2})

    def make(self) -> Server:
        """Call the loop factory somewhere below `run`."""
        return make_loop()


def test_a_server_on_the_factory_s_stack_is_found() -> None:
    running = Uvicornlike(requests=5)
    server = running.make()
    assert (server.found, server.requests_total(), server.connections()) == (True, 5, 2)
    assert server.config is running.config


@pytest.mark.parametrize("state", [None, SimpleNamespace(total_requests="5"), SimpleNamespace(total_requests=5)])
def test_other_servers_have_no_counts(state: Any) -> None:
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


def test_with_two_servers_nothing_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is unknown which server uses this loop, so nothing is counted."""
    server = Server()
    both = Uvicornlike(), Uvicornlike()
    monkeypatch.setitem(sys.modules, "uvicorn.server", SimpleNamespace(Server=Uvicornlike))
    server.search()
    assert both
    assert not server.found
