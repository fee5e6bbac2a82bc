"""Looks at a loop's thread from another thread."""

import asyncio
import gc
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, cast

import pytest
from loopbench_probe.places import Places
from loopbench_probe.settings import Settings
from loopbench_probe.watching import COLLECTION_CAN_CRASH_A_LOOK, CollectorOff, Watcher


@pytest.fixture
def collections_amid_reading() -> Iterator[list[str]]:
    """Provoke collections, and collect those that begin while a stack is being read."""
    begun: list[str] = []

    def collected(phase: str, _info: dict[str, int]) -> None:
        frame = sys._getframe()
        while (frame := cast("Any", frame.f_back)) is not None:
            if frame.f_code is Places.of.__code__:
                begun.append(phase)

    thresholds = gc.get_threshold()
    gc.callbacks.append(collected)
    gc.set_threshold(1, 1000, 1000)
    yield begun
    gc.set_threshold(*thresholds)
    gc.callbacks.remove(collected)


@contextmanager
def watched() -> Iterator[Watcher]:
    """Return a watcher of an idle loop in this thread."""
    loop = asyncio.new_event_loop()
    yield Watcher(loop, Settings(directory=""), None, cast("Any", SimpleNamespace(count=0)), lambda: None)
    loop.close()


@pytest.mark.skipif(not COLLECTION_CAN_CRASH_A_LOOK, reason="only Python 3.11 collects while it makes a frame")
def test_nothing_is_collected_while_another_threads_stack_is_read(collections_amid_reading: list[str]) -> None:
    """A collection may let the other thread continue, and the reader would then read freed frames."""
    with watched() as watcher:
        looking = threading.Thread(target=watcher.look)
        looking.start()
        looking.join()
    assert collections_amid_reading == []
    assert gc.isenabled()


def test_without_the_gil_no_stack_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "_is_gil_enabled", lambda: False, raising=False)
    monkeypatch.setattr(sys, "_current_frames", lambda: pytest.fail("another thread's stack is read"))
    with watched() as watcher:
        watcher.look()
        assert "GIL" in watcher.no_lines_because


@pytest.mark.parametrize("before", [True, False])
def test_an_app_that_has_its_collector_off_keeps_it_off(before: bool) -> None:
    was_on = gc.isenabled()
    try:
        (gc.enable if before else gc.disable)()
        with CollectorOff():
            assert not gc.isenabled()
        assert gc.isenabled() is before
    finally:
        (gc.enable if was_on else gc.disable)()
