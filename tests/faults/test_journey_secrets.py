"""A locustfile of one's own puts secrets into the names of requests and the texts of errors.

Locust runs in a process of its own, because it patches the standard library.
"""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

KEY = "kéy/hunter2-x"

SCRIPT = """
import json, os
from locust.env import Environment
from loopbench.locustfiles.journey_secrets import hide_secrets

class ShopError(Exception): pass

key, seen, plain = os.environ["SHOP_API_KEY"], [], ShopError("no stock")
environment = Environment()
runner = environment.create_local_runner()
environment.events.request.add_listener(lambda exception, **_: seen.append(exception))
hide_secrets(environment, [os.environ["OF_THE_SCENARIO"]])
for name, error in ((f"/items/{key}?token=other-secret&page=2", None), ("own", ShopError(f"no {key}")),
                    ("text", f"no {key}"), ("answer", f"500: {os.environ['OF_THE_SCENARIO']}"), ("plain", plain)):
    environment.events.request.fire(
        request_type="GET", name=name, response_time=1.0, response_length=1, exception=error, context={})
environment.events.user_error.fire(user_instance=None, exception=ShopError(key), tb=None)
print(json.dumps({
    "names": [name for name, _ in environment.stats.entries],
    "failures": [f"{type(each).__name__}: {each}" for each in seen[1:]],
    "errors": [str(each.error) for each in environment.stats.errors.values()],
    "exceptions": [each["msg"] for each in runner.exceptions.values()],
    "same": seen[-1] is plain,
}))
"""


@pytest.fixture(scope="module")
def recorded() -> dict[str, Any]:
    """Return what Locust and other listeners hold after requests that name the secret."""
    env = os.environ | {"SHOP_API_KEY": KEY, "OF_THE_SCENARIO": "harmless-name"}
    done = subprocess.run([sys.executable, "-c", SCRIPT], env=env, capture_output=True, text=True, check=True)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_names_hold_no_secret_of_a_variable_or_a_query(recorded: dict[str, Any]) -> None:
    assert recorded["names"] == ["/items/***?token=***&page=2", "own", "text", "answer", "plain"]


def test_failures_keep_their_kind_without_the_secret(recorded: dict[str, Any]) -> None:
    assert recorded["failures"] == [
        "ShopError: no ***",
        "str: no ***",
        "str: 500: ***",
        "ShopError: no stock",
    ]
    assert not any(KEY in error for error in recorded["errors"])


def test_exceptions_hold_no_secret(recorded: dict[str, Any]) -> None:
    assert recorded["exceptions"] == ["***"]


def test_an_error_without_a_secret_stays_the_same_object(recorded: dict[str, Any]) -> None:
    assert recorded["same"]
