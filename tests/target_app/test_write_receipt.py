"""The threads that did the writing, on either loop."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
import uvloop

from loopbench.bundled.target_app.file_write import Threads, receipt, write_to_file_async


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_aiofiles_uses_the_loop_s_own_threads(run: Callable[[Any], Threads]) -> None:
    """Each loop has its own thread names."""

    async def write_and_tell() -> Threads:
        await write_to_file_async(10)
        return await receipt()

    assert run(write_and_tell()).asyncio_threads >= 1
