"""The tasks of an `LlhttpUser` run in Locust's order; `llhttp_tasks_script.py` has the cases."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).with_name("llhttp_tasks_script.py")
CASES = (
    "one",
    "weighted",
    "random_wait",
    "sometimes_no_wait",
    "tagged",
    "stopped",
    "failing",
    "rescheduled",
    "nested",
    "no_tasks",
)
pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def seen() -> dict[str, Any]:
    """Run all cases in one process, because importing Locust changes it."""
    done = subprocess.run([sys.executable, "-P", str(SCRIPT)], capture_output=True, text=True, timeout=60, check=True)
    results: dict[str, Any] = json.loads(done.stdout)
    return results


@pytest.mark.parametrize("case", CASES)
def test_tasks_run_as_on_locusts_own_user(case: str, seen: dict[str, Any]) -> None:
    """Order, number, states, errors and the draws from the random generator are equal under ten seeds."""
    pairs = seen[case]
    assert len(pairs) == 10
    assert [own for _, own in pairs] == [locusts for locusts, _ in pairs]
    assert len({json.dumps(locusts) for locusts, _ in pairs}) == 10, "the seeds differ"


def test_every_case_is_compared(seen: dict[str, Any]) -> None:
    assert set(seen) == {*CASES, "sleeps"}


def test_only_tasks_that_did_not_wait_are_followed_by_a_sleep(seen: dict[str, Any]) -> None:
    """The first is not, because the user itself has just been started."""
    assert seen["sleeps"] == [0, 98]
