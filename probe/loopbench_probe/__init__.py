"""Attaches to a target process and records what its event loop does. Uses the standard library only.

    PYTHONPATH=<this folder's parent> LOOPBENCH_PROBE_DIR=<where to write> \
        uvicorn module:app --loop loopbench_probe:new_uvloop_loop

Each process with an event loop writes one `probe-<pid>.jsonl`. If LOOPBENCH_PROBE_DIR is not set, the factories return
a plain loop. Importing this package starts nothing. `docs/probe.md` describes the format.
"""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any

from loopbench_probe.attach import attach
from loopbench_probe.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["new_asyncio_loop", "new_uvloop_loop", "watched"]


def new_asyncio_loop(use_subprocess: bool | None = None) -> Any:
    """Return an asyncio loop with the probe attached."""
    factory = watched(asyncio.SelectorEventLoop)
    return factory() if use_subprocess is None else factory


def new_uvloop_loop(use_subprocess: bool | None = None) -> Any:
    """Return a uvloop loop with the probe attached; `use_subprocess` as in `new_asyncio_loop`.

    Raises:
        ImportError: the target's environment has no uvloop.
    """
    import uvloop  # noqa: PLC0415  the target may not have it

    factory = watched(uvloop.new_event_loop)
    return factory() if use_subprocess is None else factory


def watched(plain: Callable[[], asyncio.AbstractEventLoop] | None) -> Callable[[], asyncio.AbstractEventLoop]:
    """Wrap a loop factory so that its loops have the probe attached. None stands for `asyncio.new_event_loop`."""

    def new_loop() -> asyncio.AbstractEventLoop:
        settings = Settings.from_environment(os.environ)
        loop = asyncio.new_event_loop() if plain is None else plain()
        if settings is not None:
            attach(loop, settings)
        return loop

    return new_loop
