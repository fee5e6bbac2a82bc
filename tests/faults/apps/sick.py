"""An app that falls ill in the way the variable FAULT names. Without it, it is healthy.

Plain ASGI without a framework, so that nothing stands between the fault and the server.
"""

import asyncio
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable
from typing import Any

Send = Callable[[dict[str, Any]], Awaitable[None]]

FAULT = os.environ.get("FAULT", "")
AFTER = 90 if FAULT == "endless body" else 8
"""Requests that are answered well before the fault shows: more than are asked before the load. The fault that answers
nothing more must not show before the hold, which needs good answers; 100 of them would be enough for a valid run."""

FOREVER_S = 3_600
"""Longer than any test waits."""

NOT_CALLABLE = 42

answered = 0
hoard: list[bytes] = []


def sit_on_the_port() -> None:
    """Somebody else has taken the server's port, and answers."""
    port = int(sys.argv[sys.argv.index("--port") + 1])
    listening = socket.create_server(("127.0.0.1", port))

    def answer() -> None:
        while True:
            connection, _ = listening.accept()
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno")
            connection.close()

    threading.Thread(target=answer, daemon=True).start()


def go_to_the_background() -> None:
    """Leave a detached child behind: a session of its own, and TERM ignored."""
    deaf = f"import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep({FOREVER_S})"
    subprocess.Popen(["/bin/sh", "-c", f"setsid '{sys.executable}' -c '{deaf}' &"], start_new_session=True)


if FAULT == "import":
    raise RuntimeError("the database URL is not set")
if FAULT == "exit at start":
    sys.exit(3)
if FAULT == "impostor":
    sit_on_the_port()
signal.signal(signal.SIGUSR1, lambda *_: os._exit(3))


async def app(scope: dict[str, Any], receive: Any, send: Send) -> None:
    """`/fine` is always well; `/hangs` stops answering; every other path shows the fault."""
    global answered  # noqa: PLW0603  an app's state
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
        return
    answered += 1
    shows = answered > AFTER or "at once" in FAULT
    if scope["path"] == "/hangs" and shows:
        await asyncio.sleep(FOREVER_S)
    if scope["path"] == "/fine" or not shows:
        await answer(send)
    else:
        await AT_A_REQUEST.get(FAULT.removesuffix(" at once"), answer)(send)


async def lifespan(receive: Any, send: Send) -> None:
    """Say yes to whatever the server announces, unless that is the fault."""
    if FAULT == "never ready":
        await asyncio.sleep(FOREVER_S)
    if FAULT == "deaf daemon":
        go_to_the_background()
        asyncio.get_running_loop().call_later(0.1, lambda: signal.signal(signal.SIGTERM, signal.SIG_IGN))
    while True:
        message = await receive()
        await send({"type": message["type"] + ".complete"})
        if message["type"] == "lifespan.shutdown":
            return


async def start(send: Send, status: int = 200, **headers: str) -> None:
    """Begin an answer."""
    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": pairs})


async def answer(send: Send, status: int = 200, body: bytes = b'{"ok": true}', **headers: str) -> None:
    """Send one answer."""
    await start(send, status, content_length=str(len(body)), content_type="application/json", **headers)
    await send({"type": "http.response.body", "body": body})


async def wrong_status(send: Send) -> None:
    """An error."""
    await answer(send, 503)


async def wrong_body(send: Send) -> None:
    """All is well, it says, but it is not the answer."""
    await answer(send, body=b'{"ok": false}')


async def redirects_elsewhere(send: Send) -> None:
    """To this server under its other name, which is another origin."""
    port = sys.argv[sys.argv.index("--port") + 1]
    await answer(send, 302, location=f"http://localhost:{port}/elsewhere")


async def nests_deeply(send: Send) -> None:
    """JSON that no parser follows to its end."""
    await answer(send, body=b"[" * 200_000)


async def closes_mid_body(send: Send) -> None:
    """More was promised than comes."""
    await start(send, content_length="100000")
    await send({"type": "http.response.body", "body": b"x" * 1000, "more_body": True})
    raise ConnectionAbortedError("the fault that is wanted here")


async def freezes(_: Send) -> None:
    """Stop the whole process, as SIGSTOP from elsewhere would."""
    os.kill(os.getpid(), signal.SIGSTOP)


async def endless_body(send: Send) -> None:
    """It never ends."""
    await start(send)
    while True:
        await send({"type": "http.response.body", "body": b"x" * 65536, "more_body": True})
        await asyncio.sleep(0.001)


async def huge_header(send: Send) -> None:
    """A header of a MiB."""
    await answer(send, x_large="x" * 1024 * 1024)


async def floods_its_log(send: Send) -> None:
    """100 kB for each request."""
    sys.stderr.write("flood " * 16_000 + "\n")
    await answer(send)


async def says_evil_things(_: Send) -> None:
    """Terminal escapes, a CI runner's commands, a line that looks like ours; then it ends."""
    sys.stderr.write("\x1b[2J\x1b[31mred\n::error::planted\n::add-mask::x\nerror[planted]: not ours\n\u202egnp.exe\r\n")
    sys.stderr.flush()
    os._exit(3)


async def runs_out_of_memory(send: Send) -> None:
    """The next allocation fails."""
    limit = 200 * 1024 * 1024
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    hoard.append(bytes(limit))
    await answer(send)


AT_A_REQUEST = {
    "wrong status": wrong_status,
    "wrong body": wrong_body,
    "redirects": redirects_elsewhere,
    "nests deeply": nests_deeply,
    "closes mid-body": closes_mid_body,
    "freezes": freezes,
    "endless body": endless_body,
    "huge header": huge_header,
    "floods its log": floods_its_log,
    "evil log": says_evil_things,
    "out of memory": runs_out_of_memory,
}
