"""003's messages: Google's Pub/Sub client receives five messages that do not block and five that do, under load.

The client calls back on its own threads. The mistake is to handle its messages on the event loop, where one blocking
handler stops every request.
"""

import asyncio
import secrets
import threading
import time
from typing import Annotated

from fastapi import APIRouter, Query, Request
from google.api_core.exceptions import GoogleAPIError
from google.cloud import pubsub_v1  # type: ignore[import-untyped]
from google.cloud.pubsub_v1.subscriber.message import Message  # type: ignore[import-untyped]
from pydantic import BaseModel

from .lifespan import keep

PROJECT = "example-project"
ACK_DEADLINE_S = 60
NON_BLOCKING, BLOCKING = b"non-blocking", b"blocking"
MESSAGES_OF_A_KIND = 5

BlockMs = Annotated[int, Query(ge=0, le=10_000, description="Milliseconds that a blocking message takes (003: 5000).")]
EveryMs = Annotated[int, Query(ge=100, le=60_000, description="Milliseconds from one batch of messages to the next.")]
PageMs = Annotated[int, Query(ge=0, le=1000, description="Milliseconds that the page waits for its own data.")]


class Hello(BaseModel):
    """The answer of 003's `/`, which is unrelated to the messages."""

    message: str = "Hello World"


class Receipt(BaseModel):
    """The counts of the messages."""

    published: int
    handled: int
    blocking_handled: int
    backlog: int
    idle: bool


class Feed:
    """A topic, its subscription, a consumer, and a thread that publishes ten messages repeatedly."""

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
        """Subscribe, then publish. The calls block, so call it outside the loop."""
        self._publisher.create_topic(request={"name": self._topic})
        settings = {"name": self._subscription, "topic": self._topic, "ack_deadline_seconds": ACK_DEADLINE_S}
        try:
            self._subscriber.create_subscription(request=settings)
        except GoogleAPIError:
            self._publisher.delete_topic(
                request={"topic": self._topic}
            )  # otherwise each further request leaves another topic
            raise
        self._pulling = self._subscriber.subscribe(self._subscription, callback=self._callback)
        self._thread.start()

    def _publish(self) -> None:
        """Publish like 003's client: five messages that do not block, then five that do."""
        while not self._ending.is_set():
            for kind in (NON_BLOCKING, BLOCKING):
                for _ in range(MESSAGES_OF_A_KIND):
                    self._publisher.publish(self._topic, kind).result()
                    self.published += 1
            self._ending.wait(self._every_s)

    def handle(self, message: Message) -> None:
        """003's callback. On one of the client's threads it blocks no request."""
        if message.data == BLOCKING:
            time.sleep(self._block_s)
        self._count(message)

    def _to_loop(self, message: Message) -> None:
        """Handle the message on the loop, with a handler that awaits."""
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
        """The mistake: 003's callback on the loop. During five blocking messages no request is served."""
        self._loop.call_soon_threadsafe(self.handle, message)

    def _count(self, message: Message) -> None:
        with self._lock:
            self.handled += 1
            self.blocking_handled += message.data == BLOCKING
        message.ack()

    @property
    def idle(self) -> bool:
        """Whether publishing has stopped and everything is handled."""
        return not self._thread.is_alive() and self.published == self.handled

    def pause(self) -> None:
        """Stop publishing; messages already sent are still handled."""
        self._ending.set()

    def close(self) -> None:
        """End the threads and remove subscription and topic."""
        self._ending.set()
        self._thread.join()
        self._pulling.cancel()
        try:
            self._pulling.result()  # returns when it has ended
            self._subscriber.delete_subscription(request={"subscription": self._subscription})
            self._publisher.delete_topic(request={"topic": self._topic})
        except GoogleAPIError:
            pass  # the server ended first
        self._subscriber.close()
        self._publisher.stop()


class Feeds:
    """At most one feed, started by the first request for it."""

    def __init__(self) -> None:
        self.running: Feed | None = None
        self._lock = asyncio.Lock()

    async def ensure(self, style: str, block_ms: int, every_ms: int) -> None:
        """Start the feed of this style, if it does not run yet."""
        if self.running is None:
            async with self._lock:
                if self.running is None:
                    feed = Feed(style, block_ms, every_ms)
                    await asyncio.to_thread(feed.start)
                    self.running = feed

    async def close(self) -> None:
        """End the feed, if one was started."""
        if self.running is not None:
            await asyncio.to_thread(self.running.close)


router = APIRouter(prefix="/messages/pubsub", tags=["messages"], lifespan=keep("feeds", Feeds))


async def page(page_ms: int) -> Hello:
    """Return 003's page after waiting for its data; the loop is free meanwhile."""
    await asyncio.sleep(page_ms / 1000)
    return Hello()


@router.get("/none")
async def without_messages(page_ms: PageMs = 0) -> Hello:
    """For comparison: web requests without messages."""
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
    """The mistake: a blocking handler on the loop. This route and every other one wait for it."""
    await request.state.feeds.ensure("loop-blocking", block_ms, every_ms)
    return await page(page_ms)


@router.get("/receipt")
async def receipt(request: Request) -> Receipt:
    """Return the counts of published and handled messages. It also stops publishing, so that the counts can settle."""
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
