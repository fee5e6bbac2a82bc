"""`LlhttpUser` with real sockets and Locust's environment: the expected result of each check in `llhttp_script.py`."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from loopbench.records.samples import FLAG_NEW_CONNECTION, FLAG_RETRIED

HERE = Path(__file__).parent
pytestmark = pytest.mark.real

EXPECTED: dict[str, Any] = {
    "methods": {
        **{name: [200, name.upper()] for name in ("get", "post", "put", "patch", "delete", "options")},
        "head": [200, None],
    },
    "request_parts": [
        "/echo?q=x+y",
        '{"a": 1}',
        {
            "x-default": "1",
            "x-both": "own",
            "authorization": "basic dtpw",
            "content-type": "application/json",
            "accept-encoding": "gzip, deflate, br",
        },
    ],
    "response_parts": {
        "ok": True,
        "text_is_content": True,
        "header": "application/json",
        "meta": ["named", "GET"],
    },
    "events_of_a_request": {
        "first": ["GET", "n", 13, {"k": "v"}],
        "keys": [
            "context",
            "exception",
            "name",
            "request_type",
            "response",
            "response_length",
            "response_time",
            "start_time",
            "url",
        ],
        "second": ["POST", "m"],
        "flags": [FLAG_NEW_CONNECTION, 0, 0],
        "same_start": True,
        "logged": 2,
    },
    "with_block": [
        "None",
        "CatchResponseError('wrong')",
        "BadStatusError('status 500')",
        "KeyError('k')",
        "CatchResponseError('not a post')",
    ],
    "raise_in_block": [["CatchResponseError('no')", None, None], 2],
    "sent_request": [
        ["POST", '{"a": 1}', "b", "POST"],
        ["/echo?a=b", True, "/moved"],
        [
            "http://127.0.0.1:1/x",
            "b",
            "http://127.0.0.1:1/x: Connection refused",
            "ConnectRefusedError('Connection refused')",
        ],
        True,
    ],
    "bodies": ["a=1&a=2", "multipart/form-data", [True] * 4, "opened"],
    "streams": [
        "hello world!\n",
        ["hel", "lo ", "wo", "ReadTimeoutError"],
        [1, 1, 4],
        [0, 13, 3_000_000, 92],
        1,
        "hello world!\n",
    ],
    "stream_errors": [
        "ConnectRefusedError('Connection refused')",
        None,
        [],
        "BadStatusError('status 404')",
        "hello world!\n",
        "BadStatusError('status 500')",
    ],
    "encodings": [[False, False, "br"], ["hello world!\n"] * 4],
    "limits": ["ReadTimeoutError('no answer in time')", "hello world!\n", 2],
    "unsupported": [
        [f"ScriptUser.{name}" for name in ("concurrency", "proxy_host", "client_pool", "ssl_context_factory")],
        "ScriptUser",
    ],
    "rename": ["group", "/plain"],
    "connections": {"flags": [1, 0, 0, FLAG_NEW_CONNECTION, FLAG_NEW_CONNECTION], "retries": 0, "opened": 3},
    "retry_of_get": [FLAG_NEW_CONNECTION | FLAG_RETRIED, None, 1, 2],
    "retry_of_post": [0, "ConnectionLostError", 0, 2],
    "timeouts": ["ConnectRefusedError", "ConnectError", "ReadTimeoutError", True, 0],
    "dripped": ["ReadTimeoutError"] * 6,
    "slow_timer": [True, "ReadTimeoutError", True],
    "killed": [1, 2, True],
    "stopped_user": [True, [[]]],
    "concurrent": [[True] * 5, 5],
    "big_upload": 5_000_000,
    "redirects": [
        ["GET", "/echo?a=b", "", ["authorization", "x-a"]],
        ["POST", "/echo", '{"a": 1}'],
        ["ForeignRedirectError", "BadStatusError('status 302')"],
        [302, True],
        [FLAG_NEW_CONNECTION, 0, 0, 0, 0],
    ],
    "login_in_host": [True, [], False],
    "cookies": [["a=1; Path=/", "b=2; Path=/"], "a=1; b=2", None, None],
    "tls": [[13, 3_000_000, 13], 1, "ReadTimeoutError", "ConnectError", "ConnectError"],
    "statistics": [True, [55, 11], 18],
    "bulk_or_events": [[True, False, True], 1, 3, 0, 0],
    "observed": [
        [["/plain?***", 13, 200], ["sent", 13, 200], ["/status_404", 13, 404], "cut /never"],
        ["/status_500", "with a listener"],
        1,
        ["/plain?***", "/status_404", "/status_500", "sent", "with a listener"],
        1,
    ],
    "checks": [
        "CatchResponseError('200 13')",
        200,
        13,
        "GET /plain: 200 13",
        "ZeroDivisionError('integer division or modulo by zero')",
        [2, 2],
    ],
}


@contextmanager
def torture_server(*arguments: str) -> Iterator[str]:
    """Run a server until the end of the block and yield its port."""
    command = [sys.executable, "-P", str(HERE / "torture_server.py"), *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        yield server.stdout.readline().strip()
        server.stdin.close()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Create a self-signed certificate with its key."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed")
    folder = tmp_path_factory.mktemp("tls")
    key, chain = folder / "key.pem", folder / "certificate.pem"
    command = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"]
    subprocess.run([*command, "-keyout", str(key), "-out", str(chain)], check=True, capture_output=True)
    chain.write_text(key.read_text() + chain.read_text())
    return chain


@pytest.fixture(scope="module")
def seen(certificate: Path) -> dict[str, Any]:
    """Run all checks in one process and return their results."""
    with torture_server() as port, torture_server(str(certificate)) as tls_port:
        command = [sys.executable, "-P", str(HERE / "llhttp_script.py"), port, tls_port]
        run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0, run.stderr
    results: dict[str, Any] = json.loads(run.stdout)
    return results


@pytest.mark.parametrize("check", EXPECTED)
def test_each_check_gives_the_expected_result(check: str, seen: dict[str, Any]) -> None:
    """See the check's name and docstring."""
    assert seen[check] == EXPECTED[check]


def test_every_check_has_an_expected_result(seen: dict[str, Any]) -> None:
    assert set(seen) == set(EXPECTED)
