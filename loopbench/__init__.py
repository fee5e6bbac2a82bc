"""loopbench: which concurrency style should this FastAPI endpoint use, what does the wrong one cost, and why."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from loopbench.llhttp.user import LlhttpUser as LlhttpUser
    from loopbench.notebook import Session as Session
    from loopbench.notebook import load as load

__version__ = "0.1.0"

_LAZY = {"LlhttpUser": "loopbench.llhttp.user", "Session": "loopbench.notebook", "load": "loopbench.notebook"}
"""Public names that are imported on first use: `llhttp` imports Locust, `notebook` imports pandas."""


def __getattr__(name: str) -> Any:
    """Import a public name on first use."""
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
