"""Rides along in a target process and tells what its event loop was doing. The standard library alone.

    PYTHONPATH=<this folder's parent> LOOPBENCH_PROBE_DIR=<where to write> \
        uvicorn module:app --loop loopbench_probe:new_uvloop_loop

Every process with a loop writes one `probe-<pid>.jsonl`. Without the variable the factories return the plain loop.
Nothing starts at import. The format is described in `docs/probe.md`.
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
    """An asyncio loop with the probe aboard.

    Called with `use_subprocess`, as uvicorn calls the loop setups of its own, the answer is a factory of such loops.
    """
    factory = watched(asyncio.SelectorEventLoop)
    return factory() if use_subprocess is None else factory


def new_uvloop_loop(use_subprocess: bool | None = None) -> Any:
    """A uvloop loop with the probe aboard; `use_subprocess` as in `new_asyncio_loop`.

    Raises:
        ImportError: the target's environment has no uvloop.
    """
    import uvloop  # noqa: PLC0415  only when it is asked for

    factory = watched(uvloop.new_event_loop)
    return factory() if use_subprocess is None else factory


def watched(plain: Callable[[], asyncio.AbstractEventLoop] | None) -> Callable[[], asyncio.AbstractEventLoop]:
    """A factory like `plain` (None: whatever asyncio makes here), whose loops have the probe aboard."""

    def new_loop() -> asyncio.AbstractEventLoop:
        settings = Settings.from_environment(os.environ)
        loop = asyncio.new_event_loop() if plain is None else plain()
        if settings is not None:
            attach(loop, settings)
        return loop

    return new_loop
