"""The event loop alone (after the benchmark that 003's quotation comes from): echoes over TCP, without an HTTP server.

The app connects to itself, so both ends run on the loop that is measured, and nothing else does: no ASGI, no parser.
"""

import asyncio
from typing import Annotated, cast

from fastapi import APIRouter, Query
from pydantic import BaseModel

router = APIRouter(tags=["echo"])

CONNECTIONS = 10
MESSAGE = b"x" * 1_000

Rounds = Annotated[int, Query(ge=1, le=10_000, description="How often each of ten connections sends its message.")]


class Echoed(BaseModel):
    """How many echoes came back."""

    echoes: int


class Server(asyncio.Protocol):
    """Sends back what arrives."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.WriteTransport", transport)

    def data_received(self, data: bytes) -> None:
        """Echo."""
        self._transport.write(data)


class Client(Server):
    """Sends its message again each time it is back, for a number of rounds."""

    def __init__(self, rounds: int) -> None:
        self._missing = rounds * len(MESSAGE)
        self._arrived = 0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the first message."""
        super().connection_made(transport)
        self._transport.write(MESSAGE)

    def data_received(self, data: bytes) -> None:
        """Send the next message when the last one is complete. A message may arrive in parts."""
        self._missing -= len(data)
        self._arrived += len(data)
        if not self._missing:
            self.done.set_result(None)
            self._transport.close()
        elif self._arrived == len(MESSAGE):
            self._arrived = 0
            self._transport.write(MESSAGE)

    def connection_lost(self, exc: Exception | None) -> None:
        """Report a connection that ends too early."""
        if not self.done.done():
            self.done.set_exception(exc or ConnectionError("the connection was closed"))


@router.get("/echo")
async def echo(rounds: Rounds = 50) -> Echoed:
    """Open ten connections to an echo server of its own, and wait for all rounds."""
    loop = asyncio.get_running_loop()
    async with await loop.create_server(Server, "127.0.0.1", 0) as server:
        address = server.sockets[0].getsockname()
        connected = [await loop.create_connection(lambda: Client(rounds), *address) for _ in range(CONNECTIONS)]
        await asyncio.gather(*(client.done for _, client in connected))
    return Echoed(echoes=CONNECTIONS * rounds)
