"""A hostile HTTP server, run as a script by tests. The path of a request names the fault of its answer.

It prints its port as the first line and ends when its standard input does, so that no test can leave it running.
Every answer is bounded: an "endless" one ends after 8 MiB.
"""

import asyncio
import gzip
import json
import os
import ssl
import struct
import sys
import zlib
from collections import Counter
from collections.abc import Awaitable, Callable
from socket import SO_LINGER, SOL_SOCKET
from typing import NamedTuple

import brotli

ENDLESS_BYTES = 8 * 1024 * 1024
BODY = b"hello world!\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n" + BODY
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


class Asked(NamedTuple):
    """One request as received."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


class Line(NamedTuple):
    """A connection, and how many requests came on it before."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    earlier: int


Answerer = Callable[[Line, Asked], Awaitable[bool]]
"""Answers one request; True if the connection stays open."""

counts: Counter[str] = Counter()


def fixed(data: bytes, *, stay: bool = True) -> Answerer:
    """Answer with these bytes."""

    async def answer(line: Line, _: Asked) -> bool:
        line.writer.write(data)
        await line.writer.drain()
        return stay

    return answer


async def bytewise(line: Line, _: Asked) -> bool:
    """Send one byte per segment."""
    for position in range(len(OK)):
        line.writer.write(OK[position : position + 1])
        await line.writer.drain()
        await asyncio.sleep(0)
    return True


def dripping(first: bytes, piece: bytes, last: bytes) -> Answerer:
    """Send a good answer with a pause before each of `DRIPS` pieces."""

    async def answer(line: Line, _: Asked) -> bool:
        line.writer.write(first)
        for _sent in range(DRIPS):
            await asyncio.sleep(DRIP_S)
            line.writer.write(piece)
        line.writer.write(last)
        return True

    return answer


async def silence(line: Line, _: Asked) -> bool:
    """Never answer; wait until the client disconnects."""
    await line.reader.read()
    return False


async def half_then_silence(line: Line, asked: Asked) -> bool:
    """Stop in the middle of a body, without closing."""
    line.writer.write(OK[:-5])
    return await silence(line, asked)


def reset(after: bytes) -> Answerer:
    """Send some bytes, then a TCP reset."""

    async def answer(line: Line, _: Asked) -> bool:
        line.writer.write(after)
        await line.writer.drain()
        if after:
            await asyncio.sleep(0.05)  # a reset discards bytes that were not read yet
        line.writer.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
        line.writer.transport.abort()
        return False

    return answer


async def close_when_idle(line: Line, _: Asked) -> bool:
    """Send a good answer, then close unannounced."""
    line.writer.write(OK)
    await line.writer.drain()
    return False


async def close_on_second(line: Line, asked: Asked) -> bool:
    """Answers the first request of a connection and closes at the sight of the second."""
    return line.earlier == 0 and await fixed(OK)(line, asked)


def endless(head: bytes, piece: bytes) -> Answerer:
    """Send the same piece repeatedly."""

    async def answer(line: Line, _: Asked) -> bool:
        line.writer.write(head)
        for _sent in range(0, ENDLESS_BYTES, len(piece)):
            line.writer.write(piece)
            await line.writer.drain()
        return False

    return answer


async def echo(line: Line, asked: Asked) -> bool:
    """Answer with the request as JSON."""
    echo = {**asked._asdict(), "body": asked.body.decode("latin-1")}
    body = json.dumps(echo).encode()
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
    line.writer.write(head if asked.method == "HEAD" else head + body)
    return True


async def moved_away(line: Line, asked: Asked) -> bool:
    """Redirect to this server under its other name."""
    location = f"http://localhost:{asked.headers['host'].split(':')[1]}/echo"
    return await moved(302, location)(line, asked)


async def counted(line: Line, _: Asked) -> bool:
    """Answer with the number of requests per path."""
    body = json.dumps(counts).encode()
    line.writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    return True


def moved(status: int, location: str) -> Answerer:
    """Answer with a redirect."""
    return fixed(b"HTTP/1.1 %d Moved\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n" % (status, location.encode()))


def packed(body: bytes, encoding: str) -> bytes:
    """Answer with a Content-Encoding."""
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {encoding}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


DRIPS = 20
DRIP_S = 0.1

ANSWERS: dict[str, Answerer] = {
    "plain": fixed(OK),
    "bytewise": bytewise,
    "chunked_trailers": fixed(CHUNKED + b"5\r\nhello\r\n8;x=y\r\n world!\n\r\n0\r\nX-Sum: 1\r\n\r\n"),
    "continue_100": fixed(b"HTTP/1.1 100 Continue\r\n\r\n" + OK),
    "hints_103": fixed(b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n" * 2 + OK),
    "no_content_204": fixed(b"HTTP/1.1 204 No Content\r\n\r\n"),
    "not_modified_304": fixed(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 13\r\n\r\n"),
    "head_with_length": fixed(b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n"),
    "head_without_length": fixed(b"HTTP/1.1 200 OK\r\n\r\n"),
    "until_close": fixed(b"HTTP/1.1 200 OK\r\n\r\n" + BODY, stay=False),
    "http_10": fixed(b"HTTP/1.0 200 OK\r\n\r\n" + BODY, stay=False),
    "connection_close": fixed(OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"), stay=False),
    "three_megabytes": fixed(b"HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n" + bytes(3_000_000)),
    "length_too_long": fixed(OK.replace(b"13", b"20"), stay=False),
    "length_too_short": fixed(OK.replace(b"13", b"12")),
    "two_answers": fixed(OK + OK),
    "garbage": fixed(b"SSH-2.0-OpenSSH_9.2\r\n"),
    "bad_length": fixed(OK.replace(b"13", b"1x")),
    "length_and_chunks": fixed(OK.replace(b"\r\n\r\n", b"\r\nTransfer-Encoding: chunked\r\n\r\n")),
    "bad_chunk": fixed(CHUNKED + b"zz\r\n"),
    "switch_101": fixed(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"),
    "close_at_once": fixed(b"", stay=False),
    "close_in_header": fixed(OK[:20], stay=False),
    "close_mid_body": fixed(OK[:-5], stay=False),
    "close_mid_chunk": fixed(CHUNKED + b"5\r\nhel", stay=False),
    "dripping_interim": dripping(b"", b"HTTP/1.1 100 Continue\r\n\r\n", OK),
    "dripping_header": dripping(b"HTTP/1.1 200 OK\r\nX-Long: ", b"a", b"\r\nContent-Length: 0\r\n\r\n"),
    "dripping_body": dripping(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % DRIPS, b"a", b""),
    "never": silence,
    "stalls_mid_body": half_then_silence,
    "reset": reset(b""),
    "reset_mid_body": reset(OK[:-5]),
    "huge_header": fixed(b"HTTP/1.1 200 OK\r\nX-Huge: " + b"a" * 1024 * 1024 + b"\r\n\r\n", stay=False),
    "endless_interim": endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100),
    "endless_body": endless(b"HTTP/1.1 200 OK\r\n\r\n", bytes(65536)),
    "endless_chunks": endless(CHUNKED, b"1000\r\n" + bytes(4096) + b"\r\n"),
    "status_404": fixed(OK.replace(b"200 OK", b"404 Not Found")),
    "status_500": fixed(OK.replace(b"200 OK", b"500 Oh")),
    "gzip": fixed(packed(gzip.compress(BODY), "gzip")),
    "deflate": fixed(packed(zlib.compress(BODY), "deflate")),
    "bare_deflate": fixed(packed(zlib.compress(BODY, wbits=-15), "deflate")),
    "br": fixed(packed(brotli.compress(BODY), "br")),  # type: ignore[no-untyped-call]
    "not_gzip": fixed(packed(BODY, "gzip")),
    "moved": moved(302, "/echo?a=b"),
    "moved_away": moved_away,
    "moved_keeping": moved(307, "/echo"),
    "moved_in_circles": moved(302, "/moved_in_circles"),
    "set_cookie": fixed(OK.replace(b"\r\n\r\n", b"\r\nSet-Cookie: a=1; Path=/\r\nset-cookie: b=2; Path=/\r\n\r\n")),
    "close_when_idle": close_when_idle,
    "close_on_second": close_on_second,
    "echo": echo,
    "counts": counted,
}


async def read_request(reader: asyncio.StreamReader) -> Asked | None:
    """Read the next request of a connection; None at its end."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
        body = await reader.readexactly(int(headers.get("content-length", 0)))
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    method, target, _ = head[0].split(" ")
    return Asked(method, target, headers, body)


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One connection."""
    earlier = 0
    try:
        while asked := await read_request(reader):
            name = asked.target.split("?")[0].strip("/")
            counts[name] += 1
            if not await ANSWERS.get(name, ANSWERS["plain"])(Line(reader, writer, earlier), asked):
                break
            earlier += 1
            await writer.drain()
    except ConnectionError:
        pass  # the client disconnected, as expected
    finally:
        writer.close()


async def main(certificate: str | None) -> None:
    """Serve until standard input ends."""
    context = None
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    os._exit(0)  # clients may still be connected, and the errors of their tasks do not matter


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else None))
