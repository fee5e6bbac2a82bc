"""loopbench: which concurrency style should this FastAPI endpoint use, what does the wrong one cost, and why."""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """`loopbench.load` and `loopbench.Session`, brought in when first asked for: they carry pandas (`notebook`)."""
    if name in {"Session", "load"}:
        return getattr(import_module("loopbench.notebook"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
