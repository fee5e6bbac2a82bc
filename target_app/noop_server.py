"""A server that does nothing, as fast as Python allows. A generator's throughput against it is the generator's ceiling.

    python -m loopbench.bundled.target_app.noop_server [--port 8000]

It prints its address on the first line and ends on SIGTERM or SIGINT. It answers every request with the same bytes.
Requests are separated by the empty line after their headers (and a body by `Content-Length`); nothing else is parsed:
this is a measuring instrument, not an HTTP server.
"""

import argparse
import asyncio
import contextlib
import importlib.util
import re
import signal
from typing import Final, cast

BODY: Final = b'{"message":"hello"}'
ANSWER: Final = (
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: " + str(len(BODY)).encode() + b"\r\n"
    b"connection: keep-alive\r\n\r\n" + BODY
)
LISTENING: Final = "listening on http://127.0.0.1:"
END_OF_HEAD: Final = b"\r\n\r\n"
LENGTH: Final = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)", re.IGNORECASE)


class NoopProtocol(asyncio.Protocol):
    """One connection. It answers requests in order, each as soon as it has arrived whole."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._write = cast("asyncio.WriteTransport", transport).write
        self._received = b""

    def data_received(self, data: bytes) -> None:
        """Answer every whole request that has arrived."""
        if (
            not self._received
            and data.endswith(END_OF_HEAD)
            and data.count(END_OF_HEAD) == 1
            and not LENGTH.search(data)
        ):
            self._write(ANSWER)  # by far the most frequent case: one whole request without a body
            return
        self._received += data
        while (end := whole_request(self._received)) is not None:
            self._received = self._received[end:]
            self._write(ANSWER)


def whole_request(received: bytes) -> int | None:
    """Return the length of the first request, or None while it is incomplete."""
    head_end = received.find(END_OF_HEAD)
    if head_end < 0:
        return None
    length = LENGTH.search(received, 0, head_end + 2)
    end = head_end + len(END_OF_HEAD) + (int(length[1]) if length else 0)
    return end if end <= len(received) else None


async def serve(port: int) -> None:
    """Answer on loopback until a signal."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    server = await loop.create_server(NoopProtocol, "127.0.0.1", port, backlog=2048)
    print(f"{LISTENING}{server.sockets[0].getsockname()[1]}", flush=True)  # noqa: T201  read by the parent process
    try:
        await ended.wait()
    finally:
        server.close()


def main() -> None:
    """Serve, with uvloop if it is installed, so that this server is not the bottleneck."""
    parser = argparse.ArgumentParser(description="Answer everything with the same 200, as fast as possible.")
    parser.add_argument("--port", type=int, default=0, help="0, the default: any free port")
    port = parser.parse_args().port
    with contextlib.suppress(KeyboardInterrupt):
        if importlib.util.find_spec("uvloop"):
            import uvloop  # noqa: PLC0415  it may be missing

            uvloop.run(serve(port))
        else:
            asyncio.run(serve(port))


if __name__ == "__main__":
    main()
