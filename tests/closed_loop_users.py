"""Users for a test: raw HTTP over keep-alive connections from this process, and what they saw as samples.

A stand-in for Locust where only the target is looked at: it starts in no time, and what it says of latencies is rough.
"""

import asyncio
import contextlib
import time
from dataclasses import dataclass, field

import numpy as np

from loopbench.judge.run.samples import DTYPE, Samples
from loopbench.records import samples as layout

REQUEST = b"GET / HTTP/1.1\r\nHost: test\r\n\r\n"


@dataclass
class Seen:
    """Everything the users saw; times on this host's monotonic clock."""

    origin_s: float
    answers: list[tuple[float, float, int, int]] = field(default_factory=list)  # sent, latency, users, user
    unfinished: list[tuple[float, float, int, int]] = field(default_factory=list)
    started_s: list[float] = field(default_factory=list)
    ended_s: float = 0.0  # from here on only answers under way were waited for

    def samples(self) -> Samples:
        """As the judge reads them from a run's folder."""
        rows = np.zeros(len(self.answers) + len(self.unfinished), dtype=DTYPE)
        everything = [(each, 0) for each in self.answers]
        everything += [(each, layout.FLAG_UNFINISHED) for each in self.unfinished]
        for index, ((sent_s, latency_s, users, user), flags) in enumerate(everything):
            row = rows[index]
            row["start_s"], row["latency_s"] = sent_s - self.origin_s, latency_s
            row["users"], row["user"], row["flags"] = users, user, flags
            row["status"] = 0 if flags else 200
        events = tuple(
            (at - self.origin_s, layout.EVENT_USER_STARTED, user) for user, at in enumerate(sorted(self.started_s))
        )
        order = np.argsort(rows["start_s"] + rows["latency_s"], kind="stable")
        return Samples(rows[order], ("/",), ("",), events, ())


def ask(port: int, users: int, seconds: float, *, users_per_s: float | None = None, think_s: float = 0.0) -> Seen:
    """Let so many users ask for so long; those whose answer has not come by then are cut off and counted.

    Args:
        port: on loopback.
        users: how many.
        seconds: from the first user on.
        users_per_s: None: all at once.
        think_s: between an answer and the same user's next request.
    """
    seen = Seen(time.monotonic())
    seen.ended_s = seen.origin_s + seconds
    asyncio.run(_ask(seen, port, users, seconds, users_per_s, think_s))
    return seen


async def _ask(seen: Seen, port: int, users: int, seconds: float, users_per_s: float | None, think_s: float) -> None:
    end_s = seen.ended_s
    tasks = [
        asyncio.create_task(_user(seen, port, user, user / users_per_s if users_per_s else 0.0, end_s, think_s))
        for user in range(users)
    ]
    _, late = await asyncio.wait(tasks, timeout=seconds + 0.5)
    for task in late:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _user(seen: Seen, port: int, user: int, after_s: float, end_s: float, think_s: float) -> None:
    await asyncio.sleep(after_s)
    if time.monotonic() >= end_s:
        return
    seen.started_s.append(time.monotonic())
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    sent_s = 0.0
    try:
        while time.monotonic() < end_s:
            users, sent_s = len(seen.started_s), time.monotonic()
            writer.write(REQUEST)
            await _answer(reader)
            seen.answers.append((sent_s, time.monotonic() - sent_s, users, user))
            sent_s = 0.0
            await asyncio.sleep(think_s)
    finally:
        if sent_s:
            seen.unfinished.append((sent_s, time.monotonic() - sent_s, len(seen.started_s), user))
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def _answer(reader: asyncio.StreamReader) -> None:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    if b"transfer-encoding: chunked" in head:
        while (size := int(await reader.readline(), 16)) > 0:
            await reader.readexactly(size + 2)
        await reader.readexactly(2)
    else:
        length = head.partition(b"content-length:")[2].partition(b"\r\n")[0]
        await reader.readexactly(int(length))
    assert head.startswith(b"http/1.1 200"), head
