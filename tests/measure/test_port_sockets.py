"""The kernel tells the sockets on a port by state, and only those of the server."""

import socket
import struct
from contextlib import ExitStack

import pytest

from loopbench.measure import port_sockets
from loopbench.measure.kernel_files import NotObservableError
from loopbench.measure.port_sockets import read_port


@pytest.mark.real
def test_connections_are_counted_from_the_server_s_side() -> None:
    with ExitStack() as stack:
        server = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=50))
        port = server.getsockname()[1]
        for _ in range(4):
            stack.enter_context(socket.create_connection(("127.0.0.1", port)))
        accepted, _ = server.accept()
        stack.enter_context(accepted)
        seen = read_port(port)
    assert seen.established == 4  # not 8: the clients' ends have other local ports
    assert seen.accept_queue == 3
    assert seen.accept_queue_limit == 50


@pytest.mark.real
def test_a_server_that_closes_is_seen_to() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as client:
            server.accept()[0].close()
            assert client.recv(1) == b""
            assert read_port(port).closing == 1  # FIN-WAIT-2
        assert read_port(port).time_wait == 1


@pytest.mark.real
def test_a_port_nobody_uses_has_no_queue() -> None:
    seen = read_port(1)
    assert seen.established == 0
    assert seen.accept_queue is None


class Refusing:
    """A kernel, or a sandbox, that answers with an error message."""

    def __init__(self, *_: object) -> None:
        pass

    def __enter__(self) -> "Refusing":  # noqa: PYI034  no subclass will come
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def settimeout(self, _: float) -> None:
        """Nothing to wait for."""

    def send(self, _: bytes) -> None:
        """Taken and ignored."""

    def recv(self, _: int) -> bytes:
        """-EPERM."""
        return port_sockets.HEADER.pack(20, port_sockets.NLMSG_ERROR, 0, 1, 0) + struct.pack("=i", -1)


def test_a_refusal_is_not_observable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "socket", Refusing)
    with pytest.raises(NotObservableError, match="EPERM"):
        read_port(80)
