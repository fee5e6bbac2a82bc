"""Attaches the probe to apps that call `uvicorn.run` themselves. It needs only this folder on PYTHONPATH.

Python imports a module of this name at every start. It waits until `uvicorn.config` is imported and then makes every
`Config` create its loop of the configured kind through the probe. A `sitecustomize` that this one shadows runs first.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

_HERE = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120  pathlib would slow every start down
_AWAITED = "uvicorn.config"


def _run_hidden_sitecustomize() -> None:
    elsewhere = [folder for folder in sys.path if os.path.abspath(folder) != _HERE]  # noqa: PTH100
    spec = importlib.machinery.PathFinder.find_spec("sitecustomize", elsewhere)
    if spec is not None and spec.loader is not None:
        spec.loader.exec_module(importlib.util.module_from_spec(spec))


class _Awaiting:
    """A finder that lets `uvicorn.config` be imported as usual, then adapts it. It finds nothing itself."""

    def find_spec(self, name: str, path: Sequence[str] | None, _target: ModuleType | None = None) -> Any:
        if name != _AWAITED:
            return None
        sys.meta_path.remove(self)  # type: ignore[arg-type]
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        if spec is not None and spec.loader is not None:
            self._adapt_after(spec.loader)
        return spec

    @staticmethod
    def _adapt_after(loader: Any) -> None:
        execute = loader.exec_module

        def execute_and_adapt(module: ModuleType) -> None:
            execute(module)
            _adapt(module.Config)

        loader.exec_module = execute_and_adapt


def _adapt(config_class: Any) -> None:
    """Make `Config` create its loop through the probe; before uvicorn 0.36 it only chose the loop's policy."""
    if not hasattr(config_class, "get_loop_factory"):
        _adapt_policy(config_class)
        return
    get_loop_factory = config_class.get_loop_factory

    def get_watched_factory(self: Any) -> Any:
        import loopbench_probe  # noqa: PLC0415  only in processes that serve

        factory = get_loop_factory(self)
        if getattr(factory, "__module__", "").startswith("loopbench_probe"):
            return factory
        return loopbench_probe.watched(factory)

    config_class.get_loop_factory = get_watched_factory


def _adapt_policy(config_class: Any) -> None:
    setup_event_loop = config_class.setup_event_loop

    def setup_watched_loop(self: Any) -> None:
        import asyncio  # noqa: PLC0415  only in processes that serve

        import loopbench_probe  # noqa: PLC0415

        setup_event_loop(self)
        policy: Any = asyncio.get_event_loop_policy()
        policy.new_event_loop = loopbench_probe.watched(policy.new_event_loop)

    config_class.setup_event_loop = setup_watched_loop


if os.environ.get("LOOPBENCH_PROBE_DIR"):
    sys.path.append(os.path.dirname(_HERE))  # noqa: PTH120
    sys.meta_path.insert(0, _Awaiting())  # type: ignore[arg-type]
_run_hidden_sitecustomize()
