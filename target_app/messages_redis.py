"""Incoming messages (after 003): three ways to consume them, and their effect on web requests.

It uses Redis pub/sub with three consumers: a thread, a task on the loop, and the same task with a blocking handler.
Every consumer handles one message at a time, so it falls behind if messages come faster than it handles them.
"""

import asyncio
import os
import secrets
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Annotated

import redis
import redis.asyncio
from fastapi import APIRouter, Query, Request
from pydantic import BaseModel

from .lifespan import keep

URL = os.environ.get("LOOPBENCH_REDIS_URL", "redis://127.0.0.1:1/0")
CHANNEL = f"loopbench:messages:{secrets.token_hex(8)}"
DEFAULT_MS = 10
POLL_S = 0.5
"""Interval at which a consuming thread checks whether to end."""

HandleMs = Annotated[int, Query(ge=0, le=10_000, description="Milliseconds that the handler of a message takes.")]


class Published(BaseModel):
    """The number of consumers that Redis delivered the message to."""

    consumers: int


class Receipt(BaseModel):
    """The counts of the messages."""

    published: int
    handled: int
    backlog: int
    most_behind: int  # the largest backlog so far
    idle: bool


def handle_blocking(message: bytes) -> None:
    """A handler that blocks its thread."""
    time.sleep(int(message) / 1000)


async def handle_async(message: bytes) -> None:
    """A handler that awaits, so that the loop is free."""
    await asyncio.sleep(int(message) / 1000)


async def handle_badly(message: bytes) -> None:
    """The mistake: a coroutine that blocks, which, as 003 notes, easily happens."""
    time.sleep(int(message) / 1000)  # noqa: ASYNC251  the mistake to show


AsyncHandler = Callable[[bytes], Awaitable[None]]


class Consumers:
    """One consumer per style, started by its first message."""

    def __init__(self) -> None:
        self.published = 0
        self.handled = 0
        self.most_behind = 0
        self.client = redis.asyncio.Redis.from_url(URL, socket_timeout=None)  # messages may come at any time
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._starting = asyncio.Lock()

    async def publish(self, style: str, handle_ms: int) -> Published:
        """Start this style's consumer if necessary, then send it one message."""
        async with self._starting:
            if style == "thread" and self._thread is None:
                await self._start_thread()
            elif style != "thread" and style not in self._tasks:
                await self._start_task(style)
        self.published += 1
        self.most_behind = max(self.most_behind, self.published - self.handled)
        return Published(consumers=await self.client.publish(f"{CHANNEL}:{style}", handle_ms))

    async def _start_thread(self) -> None:
        client = redis.Redis.from_url(URL, socket_timeout=None)
        subscription = redis.client.PubSub(client.connection_pool)
        await asyncio.to_thread(self._subscribe, subscription)
        self._thread = threading.Thread(target=self._consume_in_thread, args=(client, subscription), daemon=True)
        self._thread.start()

    def _subscribe(self, subscription: redis.client.PubSub) -> None:
        """Subscribe, and return when the consumer listens."""
        subscription.subscribe(f"{CHANNEL}:thread")
        while subscription.get_message(timeout=POLL_S) is None:
            pass  # Redis's first message confirms the subscription

    def _consume_in_thread(self, client: redis.Redis, subscription: redis.client.PubSub) -> None:
        """Consume in a thread, whose handler may block."""
        with client, subscription:  # a client without references closes its connections
            while not self._ending.is_set():
                message = subscription.get_message(timeout=POLL_S)
                if message is not None and message["type"] == "message":
                    handle_blocking(message["data"])
                    self.handled += 1

    async def _start_task(self, style: str) -> None:
        subscription = self.client.pubsub()
        await subscription.subscribe(f"{CHANNEL}:{style}")
        while await subscription.get_message(timeout=POLL_S) is None:
            pass  # Redis's first message confirms the subscription
        handle = handle_badly if style == "loop-blocking" else handle_async
        self._tasks[style] = asyncio.create_task(self._consume_on_loop(subscription, handle))

    async def _consume_on_loop(self, subscription: redis.asyncio.client.PubSub, handle: AsyncHandler) -> None:
        """Consume in a task on the loop, which works as long as the handler awaits."""
        async with subscription:
            async for message in subscription.listen():
                if message["type"] == "message":
                    await handle(message["data"])
                    self.handled += 1

    async def close(self) -> None:
        """End all consumers."""
        self._ending.set()
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join)
        await self.client.aclose()


router = APIRouter(prefix="/messages/redis", tags=["messages"], lifespan=keep("consumers", Consumers))


@router.post("/thread")
async def to_thread(request: Request, handle_ms: HandleMs = DEFAULT_MS) -> Published:
    """Publish to the thread. Its handler blocks, but only the next message waits for it."""
    published: Published = await request.state.consumers.publish("thread", handle_ms)
    return published


@router.post("/loop")
async def to_loop(request: Request, handle_ms: HandleMs = DEFAULT_MS) -> Published:
    """Publish to the task on the loop whose handler awaits."""
    published: Published = await request.state.consumers.publish("loop", handle_ms)
    return published


@router.post("/loop-blocking")
async def to_loop_blocking(request: Request, handle_ms: HandleMs = DEFAULT_MS) -> Published:
    """The mistake: publish to the task on the loop whose handler blocks. Every message stops every request."""
    published: Published = await request.state.consumers.publish("loop-blocking", handle_ms)
    return published


@router.get("/receipt")
async def receipt(request: Request) -> Receipt:
    """Return the counts of published and handled messages."""
    consumers: Consumers = request.state.consumers
    published, handled = consumers.published, consumers.handled
    return Receipt(
        published=published,
        handled=handled,
        backlog=published - handled,
        most_behind=consumers.most_behind,
        idle=published == handled,
    )
