"""The no-op server gives one answer per request, however the requests arrive."""

import http.client
import subprocess
import sys
from collections.abc import Iterator
from unittest.mock import Mock

import pytest

from loopbench.bundled.target_app.noop_server import ANSWER, BODY, LISTENING, NoopProtocol, whole_request

PATIENCE_S = 60
GET = b"GET /hello HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"


@pytest.mark.parametrize(
    ("received", "end"),
    [(GET, len(GET)), (POST, len(POST)), (POST + GET, len(POST)), (GET[:-1], None), (POST[:-1], None), (b"", None)],
)
def test_a_request_ends_behind_its_headers_and_its_body(received: bytes, end: int | None) -> None:
    assert whole_request(received) == end


@pytest.mark.parametrize(
    ("pieces", "answers"),
    [
        ([GET], 1),
        ([GET, GET], 2),
        ([GET + GET + GET], 3),
        ([POST], 1),
        ([POST[:-2], POST[-2:] + GET], 2),
        ([GET[:10], GET[10:]], 1),
        ([bytes([byte]) for byte in GET + POST + GET], 3),
        ([GET[:-1]], 0),
    ],
)
def test_every_whole_request_is_answered_once_however_it_was_cut(pieces: list[bytes], answers: int) -> None:
    transport, protocol = Mock(), NoopProtocol()
    protocol.connection_made(transport)
    for piece in pieces:
        protocol.data_received(piece)
    assert b"".join(call.args[0] for call in transport.write.call_args_list) == ANSWER * answers


@pytest.fixture
def port() -> Iterator[int]:
    with subprocess.Popen(
        [sys.executable, "-m", "loopbench.bundled.target_app.noop_server"], stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        line = server.stdout.readline()
        assert line.startswith(LISTENING)
        yield int(line.removeprefix(LISTENING))
        server.terminate()
        assert server.wait(PATIENCE_S) == 0, "it ends cleanly when asked to"


@pytest.mark.real
def test_it_says_where_it_listens_and_speaks_http(port: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    for method, body in (("GET", None), ("POST", b"hello"), ("GET", None)):
        connection.request(method, "/anything", body=body)
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (200, BODY)
    connection.close()
