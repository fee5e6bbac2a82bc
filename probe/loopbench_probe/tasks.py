"""How many tasks are not done."""

from __future__ import annotations

import asyncio


def tasks_pending(loop: asyncio.AbstractEventLoop) -> int | None:
    """Tasks of `loop` not finished, asked from another thread; None if they changed too fast to be counted."""
    try:
        return len(asyncio.all_tasks(loop))
    except RuntimeError:
        return None
