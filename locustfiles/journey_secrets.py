"""Keeps secrets out of what a locustfile's users report: names of requests, and texts of errors."""

import os
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

from locust.env import Environment

from loopbench.scenario.secrets import secret_variables
from loopbench.secrecy import hidden, public_target, remember


def hide_secrets(environment: Environment, secrets: Iterable[str] = ()) -> None:
    """Remove these secrets, those of this process's variables and of queries from the events that are recorded."""
    remember([*secrets, *secret_variables(os.environ)])
    for event in (environment.events.request, environment.events.user_error):
        event.fire = _hiding(event.fire)  # type: ignore[method-assign]


def _hiding(fire: Callable[..., None]) -> Callable[..., None]:
    def hiding(**event: Any) -> None:
        if "name" in event:
            event["name"] = public(str(event["name"]))
        if error := event.get("exception"):
            event["exception"] = _public_error(error)
        fire(**event)

    return hiding


@lru_cache(maxsize=10_000)
def public(text: str) -> str:
    """Return a name without the secrets of this process's variables and of queries."""
    return hidden(public_target(text))


def _public_error(error: Any) -> Any:
    """Return an error as it is, or one of the same name without the secrets in its text."""
    text = public(str(error))
    if text == str(error):
        return error
    return text if isinstance(error, str) else type(type(error).__name__, (Exception,), {})(text)
