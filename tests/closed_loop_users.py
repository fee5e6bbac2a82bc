"""Users for a test: raw HTTP over keep-alive connections from this process, and what they saw as samples.

A stand-in for Locust where only the target is looked at: it starts in no time, and what it says of latencies is rough.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from loopbench.judge.run.samples import DTYPE, Samples
from loopbench.records import samples as layout

if TYPE_CHECKING:
    from collections.abc import Sequence

GOOD: Final = 200
TIMED_OUT, BAD_STATUS = "timeout", "bad status"


class Answer(NamedTuple):
    """One request and its outcome; times on this host's monotonic clock."""

    sent_s: float
    latency_s: float
    users: int
    user: int
    name: int = 0  # index of its path
    status: int = 200  # 0: no answer in time


@dataclass
class Seen:
    """Everything the users saw; times on this host's monotonic clock."""

    origin_s: float
    answers: list[Answer] = field(default_factory=list)
    unfinished: list[Answer] = field(default_factory=list)
    started_s: list[float] = field(default_factory=list)
    ended_s: float = 0.0  # from here on only answers under way were waited for

    def samples(self, names: Sequence[str] = ("/",)) -> Samples:
        """As the judge reads them from a run's folder."""
        rows = np.zeros(len(self.answers) + len(self.unfinished), dtype=DTYPE)
        everything = [(each, 0) for each in self.answers]
        everything += [(each, layout.FLAG_UNFINISHED) for each in self.unfinished]
        for row, (answer, flags) in zip(rows, everything, strict=True):
            row["start_s"], row["latency_s"] = answer.sent_s - self.origin_s, answer.latency_s
            row["users"], row["user"], row["name"], row["flags"] = answer.users, answer.user, answer.name, flags
            row["status"] = 0 if flags else answer.status
            row["error"] = 0 if answer.status == GOOD else 2 if answer.status else 1
        events = tuple(
            (at - self.origin_s, layout.EVENT_USER_STARTED, user) for user, at in enumerate(sorted(self.started_s))
        )
        order = np.argsort(rows["start_s"] + rows["latency_s"], kind="stable")
        return Samples(rows[order], tuple(names), ("", TIMED_OUT, BAD_STATUS), events, ())


@dataclass(frozen=True)
class Load:
    """What the users do.

    Args:
        users: how many.
        seconds: from the first user on; those whose answer has not come by then are cut off and counted.
        users_per_s: None: all at once.
        think_s: between an answer and the same user's next request.
        paths: asked in turn.
        timeout_s: after which a user gives a request up and opens a new connection.
    """

    users: int
    seconds: float
    users_per_s: float | None = None
    think_s: float = 0.0
    paths: tuple[str, ...] = ("/",)
    timeout_s: float = 60.0


def ask(port: int, load: Load) -> Seen:
    """Let the users ask a server on loopback."""
    seen = Seen(time.monotonic())
    seen.ended_s = seen.origin_s + load.seconds
    asyncio.run(_ask(seen, port, load))
    return seen


async def _ask(seen: Seen, port: int, load: Load) -> None:
    tasks = [asyncio.create_task(_user(seen, port, user, load)) for user in range(load.users)]
    _, late = await asyncio.wait(tasks, timeout=load.seconds + 0.5)
    for task in late:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _user(seen: Seen, port: int, user: int, load: Load) -> None:
    await asyncio.sleep(user / load.users_per_s if load.users_per_s else 0.0)
    if time.monotonic() >= seen.ended_s:
        return
    seen.started_s.append(time.monotonic())
    connection: _Connection | None = None
    for turn in itertools.count(user):
        name = turn % len(load.paths)
        connection = connection or await _Connection.to(port)
        try:
            status = await _asked(seen, connection, load, user, name)
        except (ConnectionError, asyncio.IncompleteReadError):  # the server closed it after the answer before
            status = 0
        if status == 0 or connection.is_closed:
            await connection.close()
            connection = None
        if time.monotonic() >= seen.ended_s:
            break
        await asyncio.sleep(load.think_s)
    if connection is not None:
        await connection.close()


async def _asked(seen: Seen, connection: _Connection, load: Load, user: int, name: int) -> int:
    users, sent_s = len(seen.started_s), time.monotonic()
    try:
        status = await asyncio.wait_for(connection.get(load.paths[name]), load.timeout_s)
    except TimeoutError:
        status = 0
    except asyncio.CancelledError:
        seen.unfinished.append(Answer(sent_s, time.monotonic() - sent_s, users, user, name, GOOD))
        await connection.close()
        raise
    seen.answers.append(Answer(sent_s, time.monotonic() - sent_s, users, user, name, status))
    return status


class _Connection:
    """A keep-alive connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self.is_closed = False

    @classmethod
    async def to(cls, port: int) -> _Connection:
        """Open one."""
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def get(self, path: str) -> int:
        """Send a request, read the whole answer, and return its status."""
        self._writer.write(f"GET {path} HTTP/1.1\r\nHost: test\r\n\r\n".encode())
        head = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        if b"transfer-encoding: chunked" in head:
            while (size := int(await self._reader.readline(), 16)) > 0:
                await self._reader.readexactly(size + 2)
            await self._reader.readexactly(2)
        else:
            length = head.partition(b"content-length:")[2].partition(b"\r\n")[0]
            await self._reader.readexactly(int(length))
        self.is_closed = b"connection: close" in head
        return int(head[9:12])

    async def close(self) -> None:
        """Close it."""
        self._writer.close()
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()
