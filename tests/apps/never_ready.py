"""An app whose start-up never ends."""

import asyncio
from typing import Any


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:  # noqa: ARG001  ASGI's signature
    """Wait for what never comes."""
    await asyncio.sleep(600)
