"""Wraps the app for servers other than uvicorn: attaches the probe, counts the requests, and adds the nonce.

LOOPBENCH_PROBE_APP=module:attribute LOOPBENCH_PROBE_APP_DIR=FOLDER hypercorn loopbench_probe.served:app
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
import os
import sys
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from loopbench_probe.attach import attach
from loopbench_probe.server import Server
from loopbench_probe.settings import PREFIX, Settings

if TYPE_CHECKING:
    from collections.abc import Callable

NONCE_HEADER = b"x-loopbench-run"
BODY, WHOLE_FILE = "http.response.body", "http.response.pathsend"


class CountedApp(Server):
    """An app whose answers are counted and carry the run's nonce. The probe uses it in place of uvicorn's counts."""

    found = True

    def __init__(self, app: Any, settings: Settings) -> None:
        super().__init__()
        self._app, self._settings = app, settings
        self._nonce = (NONCE_HEADER, settings.nonce.encode())
        self._tasks: set[Any] = set()
        self._answered = 0
        self._attached = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one connection of any kind; count it if it is a request."""
        if not self._attached:
            self._attached = True
            attach(asyncio.get_running_loop(), self._settings, self)
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        task = asyncio.current_task()
        self._tasks.add(task)
        try:
            await self._app(scope, receive, self._counting(send))
        finally:
            self._tasks.discard(task)

    def _counting(self, send: Any) -> Callable[[Any], Any]:
        async def counted(message: Any) -> None:
            kind = message["type"]
            if kind == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), self._nonce]}
            await send(message)
            if kind == WHOLE_FILE or (kind == BODY and not message.get("more_body", False)):
                self._answered += 1

        return counted

    def wrap_app(self, wrap: Callable[[Any], Any]) -> str:
        """See `Server.wrap_app`."""
        self._app = wrap(self._app)
        return ""

    def requests_total(self) -> int:
        """See `Server.requests_total`."""
        return self._answered

    def tasks(self) -> Any:
        """See `Server.tasks`."""
        return self._tasks


def served(environ: Any = os.environ) -> CountedApp:
    """Return the app that the environment names. A callable without required arguments is a factory, as for uvicorn.

    Raises:
        KeyError: the environment names no app, or no folder for the probe's log.
        ImportError, AttributeError: there is no such app.
    """
    sys.path.insert(0, environ[PREFIX + "APP_DIR"])
    module, _, attribute = environ[PREFIX + "APP"].partition(":")
    app = attrgetter(attribute)(importlib.import_module(module))
    settings = Settings.from_environment(environ)
    if settings is None:
        raise KeyError(PREFIX + "DIR")
    return CountedApp(app() if _is_factory(app) else app, settings)


def _is_factory(app: Any) -> bool:
    parameters = inspect.signature(app).parameters.values() if inspect.isfunction(app) else [None]
    return all(each is not None and each.default is not each.empty for each in parameters)


if PREFIX + "APP" in os.environ:
    app = served()
