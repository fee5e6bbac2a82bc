"""Measures the pauses of the garbage collector."""

from __future__ import annotations

import gc
import time
from typing import Any


class GcPauses:
    """Times every collection. A collection holds the GIL, whichever thread started it, so each one delays the loop."""

    def __init__(self) -> None:
        self._began_s = 0.0
        self._pauses_s: list[float] = []
        gc.callbacks.append(self._on_gc)

    def stop(self) -> None:
        """Stop observing."""
        if self._on_gc in gc.callbacks:
            gc.callbacks.remove(self._on_gc)

    def _on_gc(self, phase: str, _info: dict[str, int]) -> None:
        if phase == "start":
            self._began_s = time.perf_counter()
        else:
            self._pauses_s.append(time.perf_counter() - self._began_s)

    def take(self) -> dict[str, Any]:
        """Return the figures since the last call."""
        pauses_s, self._pauses_s = self._pauses_s, []
        return {
            "gc_collections": len(pauses_s),
            "gc_pause_s": sum(pauses_s),
            "gc_pause_max_s": max(pauses_s, default=0.0),
        }
