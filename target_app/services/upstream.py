"""The slow upstream service: it answers after the requested number of milliseconds and counts connections.

    GET /wait/50            {"waited_ms": 50}, 50 ms later; the header X-Caller names the caller
    GET /counters/<caller>  that caller's counts: connections opened and open at once, requests and requests at once

A connection belongs to the caller of its first request. There is one set of counters per caller, so one upstream serves
every run of a session and each run reads its own. It is a bare protocol on the event loop, because it shares its cores
with the target and the generator.
"""

import asyncio
import contextlib
import importlib.util
import json
import os
import signal
import sys
import urllib.request
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

import httptools

from .launching import NotReadyError, announce, look_at_own

VARIABLE = "LOOPBENCH_UPSTREAM_URL"
MAX_WAIT_MS = 10_000


@dataclass
class Counters:
    """The counts of one caller."""

    requests: int = 0
    requests_now: int = 0
    requests_at_once: int = 0
    connections: int = 0
    connections_now: int = 0
    connections_at_once: int = 0

    def connected(self) -> None:
        """Count one more connection."""
        self.connections += 1
        self.connections_now += 1
        self.connections_at_once = max(self.connections_at_once, self.connections_now)

    def asked(self) -> None:
        """Count one more request."""
        self.requests += 1
        self.requests_now += 1
        self.requests_at_once = max(self.requests_at_once, self.requests_now)


class Connection(asyncio.Protocol):
    """One connection. Its requests come one after the other, without pipelining."""

    def __init__(self, callers: dict[str, Counters]) -> None:
        self._callers = callers
        self._counters: Counters | None = None
        self._answers: set[asyncio.TimerHandle] = set()
        self._parser = httptools.HttpRequestParser(self)
        self._path, self._caller = "", ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  asyncio's signature
        """Count the closed connection."""
        if self._counters is not None:
            self._counters.connections_now -= 1
            self._counters.requests_now -= len(self._answers)
        for answer in self._answers:
            answer.cancel()

    def data_received(self, data: bytes) -> None:
        """Feed the parser; close the connection if the data is not HTTP."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._transport.close()

    def on_url(self, url: bytes) -> None:
        """Called by httptools: the URL, in one or more pieces."""
        self._path += url.decode("ascii", "replace")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Called by httptools: one header."""
        if name.lower() == b"x-caller":
            self._caller = value.decode("ascii", "replace")

    def on_message_complete(self) -> None:
        """Called by httptools: answer the request, now or later."""
        kind, _, argument = self._path.strip("/").partition("/")
        if kind == "wait" and argument.isdecimal() and int(argument) <= MAX_WAIT_MS:
            self._answer_later(int(argument))
        elif kind == "counters":
            self._send(200, asdict(self._callers.get(argument, Counters())))
        else:
            self._send(200 if not kind else 404, {"service": "loopbench upstream"})
        self._path, self._caller = "", ""

    def _answer_later(self, wait_ms: int) -> None:
        if self._counters is None:
            self._counters = self._callers.setdefault(self._caller, Counters())
            self._counters.connected()
        self._counters.asked()
        counters = self._counters

        def answer() -> None:
            self._answers.discard(timer)
            counters.requests_now -= 1
            self._send(200, {"waited_ms": wait_ms})

        timer = asyncio.get_running_loop().call_later(wait_ms / 1000, answer)
        self._answers.add(timer)

    def _send(self, status: int, body: dict[str, int] | dict[str, str]) -> None:
        data = json.dumps(body).encode()
        reason = "OK" if status == 200 else "Not Found"
        head = f"HTTP/1.1 {status} {reason}\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
        self._transport.write(head.encode() + data)


async def serve(folder: Path) -> None:
    """Serve on a free port of loopback until SIGTERM."""
    callers: dict[str, Counters] = {}
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    server = await loop.create_server(lambda: Connection(callers), "127.0.0.1", 0, backlog=1024)
    port = server.sockets[0].getsockname()[1]
    announce(folder, f"http://127.0.0.1:{port}", "of this loopbench")
    await ended.wait()
    server.close()


def version(url: str) -> str:
    """Return an empty version if the server answers; the user's own need not report one."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with contextlib.closing(direct.open(url, timeout=5)) as answer:
            answer.read()
    except OSError as problem:
        raise NotReadyError(str(problem)) from None
    return ""


def main(folder: Path) -> int:
    """Serve, or announce the user's own server."""
    if own := os.environ.get(VARIABLE):
        return look_at_own(folder, own, version)
    if importlib.util.find_spec("uvloop"):
        import uvloop  # noqa: PLC0415  optional, but faster

        uvloop.run(serve(folder))
    else:
        asyncio.run(serve(folder))
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
