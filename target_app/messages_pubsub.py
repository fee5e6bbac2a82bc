"""003's messages: Google's Pub/Sub client receives five messages that do not block and five that do, under load.

The client calls back on its own threads. 003 warns of a client on the app's event loop, such as gcloud-aio-pubsub: it
pulls messages and awaits a handler for each, and one blocking call in a handler stops every request. Here that client
is the async one of Google's library.
"""

import asyncio
import os
import secrets
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Annotated, Any

import grpc  # type: ignore[import-untyped]
from fastapi import APIRouter, Query, Request
from google.api_core.exceptions import GoogleAPIError
from google.cloud import pubsub_v1  # type: ignore[import-untyped]
from google.cloud.pubsub_v1.subscriber.message import Message  # type: ignore[import-untyped]
from google.pubsub_v1.services.subscriber import SubscriberAsyncClient
from google.pubsub_v1.services.subscriber.transports import (
    SubscriberGrpcAsyncIOTransport,
)
from google.pubsub_v1.types import ReceivedMessage
from pydantic import BaseModel

from .lifespan import keep

PROJECT = "example-project"
ACK_DEADLINE_S = 60
NON_BLOCKING, BLOCKING = b"non-blocking", b"blocking"
MESSAGES_OF_A_KIND = 5

BlockMs = Annotated[int, Query(ge=0, le=10_000, description="Milliseconds that a blocking message takes (003: 5000).")]
EveryMs = Annotated[int, Query(ge=100, le=60_000, description="Milliseconds from one batch of messages to the next.")]
PageMs = Annotated[int, Query(ge=0, le=1000, description="Milliseconds that the page waits for its own data.")]


Handler = Callable[[bytes], Coroutine[Any, Any, None]]


class Hello(BaseModel):
    """The answer of 003's `/`, which is unrelated to the messages."""

    message: str = "Hello World"


class Receipt(BaseModel):
    """The counts of the messages."""

    published: int
    handled: int
    blocking_handled: int
    handled_on_loop: int  # by the thread that also serves the requests
    backlog: int
    idle: bool


class Feed:
    """A topic, its subscription, a consumer, and a thread that publishes ten messages repeatedly."""

    def __init__(self, style: str, block_ms: int, every_ms: int) -> None:
        self.published = self.handled = self.blocking_handled = self.handled_on_loop = 0
        self._loop_thread = threading.get_ident()
        self._block_s, self._every_s = block_ms / 1000, every_ms / 1000
        self._lock, self._ending = threading.Lock(), threading.Event()
        self._publisher, self._subscriber = pubsub_v1.PublisherClient(), pubsub_v1.SubscriberClient()
        name = f"loopbench-{secrets.token_hex(8)}"
        self._topic = self._publisher.topic_path(PROJECT, name)
        self._subscription = self._subscriber.subscription_path(PROJECT, name)
        self._on_loop = {"threads": None, "loop": self._handle_async, "loop-blocking": self._handle_badly}[style]
        self._thread = threading.Thread(target=self._publish, daemon=True)

    async def start(self) -> None:
        """Subscribe, then publish."""
        await asyncio.to_thread(self._create)
        if self._on_loop is None:
            self._pulling = self._subscriber.subscribe(self._subscription, callback=self._callback)
        else:
            self._puller = asyncio.create_task(self._pull(self._on_loop))
        self._thread.start()

    def _create(self) -> None:
        self._publisher.create_topic(request={"name": self._topic})
        settings = {"name": self._subscription, "topic": self._topic, "ack_deadline_seconds": ACK_DEADLINE_S}
        try:
            self._subscriber.create_subscription(request=settings)
        except GoogleAPIError:
            self._publisher.delete_topic(
                request={"topic": self._topic}
            )  # otherwise each further request leaves another topic
            raise

    def _publish(self) -> None:
        """Publish like 003's client: five messages that do not block, then five that do."""
        while not self._ending.is_set():
            for kind in (NON_BLOCKING, BLOCKING):
                for _ in range(MESSAGES_OF_A_KIND):
                    self._publisher.publish(self._topic, kind).result()
                    self.published += 1
            self._ending.wait(self._every_s)

    def _callback(self, message: Message) -> None:
        """003's callback. On one of the client's threads it blocks no request."""
        if message.data == BLOCKING:
            time.sleep(self._block_s)
        self._count(message.data)
        message.ack()

    async def _pull(self, handle: Handler) -> None:
        """Pull messages on the app's event loop, and start a handler for each."""
        async with (
            grpc.aio.insecure_channel(os.environ["PUBSUB_EMULATOR_HOST"]) as channel,
            asyncio.TaskGroup() as tasks,
        ):
            client = SubscriberAsyncClient(transport=SubscriberGrpcAsyncIOTransport(channel=channel))
            wanted = {"subscription": self._subscription, "max_messages": 2 * MESSAGES_OF_A_KIND}
            while True:
                for received in (await client.pull(request=wanted)).received_messages:
                    tasks.create_task(self._receive(client, received, handle))

    async def _receive(
        self,
        client: SubscriberAsyncClient,
        received: ReceivedMessage,
        handle: Handler,
    ) -> None:
        await handle(received.message.data)
        self._count(received.message.data)
        await client.acknowledge(request={"subscription": self._subscription, "ack_ids": [received.ack_id]})

    async def _handle_async(self, data: bytes) -> None:
        """A handler that awaits."""
        if data == BLOCKING:
            await asyncio.sleep(self._block_s)

    async def _handle_badly(self, data: bytes) -> None:
        """The mistake: a blocking call. During five blocking messages no request is served."""
        if data == BLOCKING:
            time.sleep(self._block_s)  # noqa: ASYNC251  the mistake to show

    def _count(self, data: bytes) -> None:
        with self._lock:
            self.handled += 1
            self.blocking_handled += data == BLOCKING
            self.handled_on_loop += threading.get_ident() == self._loop_thread

    @property
    def idle(self) -> bool:
        """Whether publishing has stopped and everything is handled."""
        return not self._thread.is_alive() and self.published == self.handled

    def pause(self) -> None:
        """Stop publishing; messages already sent are still handled."""
        self._ending.set()

    async def close(self) -> None:
        """End the consumer and the threads, and remove subscription and topic."""
        self._ending.set()
        if self._on_loop is not None:
            self._puller.cancel()
            await asyncio.wait([self._puller])
        await asyncio.to_thread(self._remove)

    def _remove(self) -> None:
        self._thread.join()
        try:
            if self._on_loop is None:
                self._pulling.cancel()
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
                    await feed.start()
                    self.running = feed

    async def close(self) -> None:
        """End the feed, if one was started."""
        if self.running is not None:
            await self.running.close()


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
    """A client on the loop, whose handlers await."""
    await request.state.feeds.ensure("loop", block_ms, every_ms)
    return await page(page_ms)


@router.get("/loop-blocking")
async def on_loop_blocking(
    request: Request, block_ms: BlockMs = 200, every_ms: EveryMs = 2000, page_ms: PageMs = 0
) -> Hello:
    """The mistake: a client on the loop, whose handlers block. This route and every other one wait for them."""
    await request.state.feeds.ensure("loop-blocking", block_ms, every_ms)
    return await page(page_ms)


@router.get("/receipt")
async def receipt(request: Request) -> Receipt:
    """Return the counts of published and handled messages. It also stops publishing, so that the counts can settle."""
    feed: Feed | None = request.state.feeds.running
    if feed is None:
        return Receipt(published=0, handled=0, blocking_handled=0, handled_on_loop=0, backlog=0, idle=True)
    feed.pause()
    published, handled = feed.published, feed.handled
    return Receipt(
        published=published,
        handled=handled,
        blocking_handled=feed.blocking_handled,
        handled_on_loop=feed.handled_on_loop,
        backlog=published - handled,
        idle=feed.idle,
    )
