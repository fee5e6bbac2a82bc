"""003's messages: Google Pub/Sub's own client, five messages that do not block and five that do, while users come.

The client calls back on threads of its own. What goes wrong is to bring its messages onto the event loop, where one
blocking handler stops every request.
"""

import asyncio
import secrets
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, TypedDict

from fastapi import APIRouter, FastAPI, Query, Request
from google.api_core.exceptions import GoogleAPIError
from google.cloud import pubsub_v1  # type: ignore[import-untyped]
from google.cloud.pubsub_v1.subscriber.message import Message  # type: ignore[import-untyped]
from pydantic import BaseModel

PROJECT = "example-project"
ACK_DEADLINE_S = 60
NON_BLOCKING, BLOCKING = b"non-blocking", b"blocking"
MESSAGES_OF_A_KIND = 5

BlockMs = Annotated[int, Query(ge=0, le=10_000, description="Milliseconds a blocking message takes (003: 5000).")]
EveryMs = Annotated[int, Query(ge=100, le=60_000, description="Milliseconds from one batch of messages to the next.")]
PageMs = Annotated[int, Query(ge=0, le=1000, description="Milliseconds the page waits for a database of its own.")]


class Hello(BaseModel):
    """What 003's `/` says. It has nothing to do with the messages."""

    message: str = "Hello World"


class Receipt(BaseModel):
    """What came of the messages."""

    published: int
    handled: int
    blocking_handled: int
    backlog: int
    idle: bool


class Feed:
    """A topic, its subscription, a consumer, and a thread that publishes ten messages again and again."""

    def __init__(self, style: str, block_ms: int, every_ms: int) -> None:
        self.published = self.handled = self.blocking_handled = 0
        self._block_s, self._every_s = block_ms / 1000, every_ms / 1000
        self._loop = asyncio.get_running_loop()
        self._handlers: set[asyncio.Task[None]] = set()
        self._lock, self._ending = threading.Lock(), threading.Event()
        self._publisher, self._subscriber = pubsub_v1.PublisherClient(), pubsub_v1.SubscriberClient()
        name = f"loopbench-{secrets.token_hex(8)}"
        self._topic = self._publisher.topic_path(PROJECT, name)
        self._subscription = self._subscriber.subscription_path(PROJECT, name)
        self._callback = {"threads": self.handle, "loop": self._to_loop, "loop-blocking": self._to_loop_badly}[style]
        self._thread = threading.Thread(target=self._publish, daemon=True)

    def start(self) -> None:
        """Subscribe, then publish: the calls block, so this is no work for the loop."""
        self._publisher.create_topic(request={"name": self._topic})
        settings = {"name": self._subscription, "topic": self._topic, "ack_deadline_seconds": ACK_DEADLINE_S}
        try:
            self._subscriber.create_subscription(request=settings)
        except GoogleAPIError:
            self._publisher.delete_topic(request={"topic": self._topic})  # or each further request leaves one more
            raise
        self._pulling = self._subscriber.subscribe(self._subscription, callback=self._callback)
        self._thread.start()

    def _publish(self) -> None:
        """003's client: five that do not block, then five that do."""
        while not self._ending.is_set():
            for kind in (NON_BLOCKING, BLOCKING):
                for _ in range(MESSAGES_OF_A_KIND):
                    self._publisher.publish(self._topic, kind).result()
                    self.published += 1
            self._ending.wait(self._every_s)

    def handle(self, message: Message) -> None:
        """003's callback. On a thread of the client's it blocks nobody."""
        if message.data == BLOCKING:
            time.sleep(self._block_s)
        self._count(message)

    def _to_loop(self, message: Message) -> None:
        """On the loop, with a handler that awaits."""
        self._loop.call_soon_threadsafe(self._spawn, message)

    def _spawn(self, message: Message) -> None:
        task = self._loop.create_task(self._handle_async(message))
        self._handlers.add(task)
        task.add_done_callback(self._handlers.discard)

    async def _handle_async(self, message: Message) -> None:
        if message.data == BLOCKING:
            await asyncio.sleep(self._block_s)
        self._count(message)

    def _to_loop_badly(self, message: Message) -> None:
        """The mistake: 003's callback, brought onto the loop. Five blocking messages, and nobody is served."""
        self._loop.call_soon_threadsafe(self.handle, message)

    def _count(self, message: Message) -> None:
        with self._lock:
            self.handled += 1
            self.blocking_handled += message.data == BLOCKING
        message.ack()

    @property
    def idle(self) -> bool:
        """Nothing is published any more, and everything is handled."""
        return not self._thread.is_alive() and self.published == self.handled

    def pause(self) -> None:
        """Publish no more; what is under way is handled."""
        self._ending.set()

    def close(self) -> None:
        """End the threads, remove subscription and topic."""
        self._ending.set()
        self._thread.join()
        self._pulling.cancel()
        try:
            self._pulling.result()  # it has ended when this returns
            self._subscriber.delete_subscription(request={"subscription": self._subscription})
            self._publisher.delete_topic(request={"topic": self._topic})
        except GoogleAPIError:
            pass  # the server went first
        self._subscriber.close()
        self._publisher.stop()


class Feeds:
    """At most one feed, started by the first request that wants it."""

    def __init__(self) -> None:
        self.running: Feed | None = None
        self._lock = asyncio.Lock()

    async def ensure(self, style: str, block_ms: int, every_ms: int) -> None:
        """Messages of this style flow when this returns."""
        if self.running is None:
            async with self._lock:
                if self.running is None:
                    feed = Feed(style, block_ms, every_ms)
                    await asyncio.to_thread(feed.start)
                    self.running = feed


class State(TypedDict):
    """What the endpoints find in `request.state`."""

    feeds: Feeds


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[State]:
    """The feed lives as long as the app."""
    feeds = Feeds()
    yield {"feeds": feeds}
    if feeds.running is not None:
        await asyncio.to_thread(feeds.running.close)


router = APIRouter(prefix="/messages/pubsub", tags=["messages"], lifespan=lifespan)


async def page(page_ms: int) -> Hello:
    """003's page, after waiting for its own data. The loop serves others meanwhile, if it can."""
    await asyncio.sleep(page_ms / 1000)
    return Hello()


@router.get("/none")
async def without_messages(page_ms: PageMs = 0) -> Hello:
    """For comparison: nothing but web requests."""
    return await page(page_ms)


@router.get("/threads")
async def threads(request: Request, block_ms: BlockMs = 200, every_ms: EveryMs = 2000, page_ms: PageMs = 0) -> Hello:
    """The client's callback threads handle the messages, as 003 advises."""
    await request.state.feeds.ensure("threads", block_ms, every_ms)
    return await page(page_ms)


@router.get("/loop")
async def on_loop(request: Request, block_ms: BlockMs = 200, every_ms: EveryMs = 2000, page_ms: PageMs = 0) -> Hello:
    """A handler on the loop that awaits."""
    await request.state.feeds.ensure("loop", block_ms, every_ms)
    return await page(page_ms)


@router.get("/loop-blocking")
async def on_loop_blocking(
    request: Request, block_ms: BlockMs = 200, every_ms: EveryMs = 2000, page_ms: PageMs = 0
) -> Hello:
    """The mistake: a handler on the loop that blocks. This very route waits for it, and every other."""
    await request.state.feeds.ensure("loop-blocking", block_ms, every_ms)
    return await page(page_ms)


@router.get("/receipt")
async def receipt(request: Request) -> Receipt:
    """What was published, what was handled. Asking for it ends the publishing, so that an end can be reached."""
    feed: Feed | None = request.state.feeds.running
    if feed is None:
        return Receipt(published=0, handled=0, blocking_handled=0, backlog=0, idle=True)
    feed.pause()
    published, handled = feed.published, feed.handled
    return Receipt(
        published=published,
        handled=handled,
        blocking_handled=feed.blocking_handled,
        backlog=published - handled,
        idle=feed.idle,
    )
