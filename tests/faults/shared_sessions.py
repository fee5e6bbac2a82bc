"""Sessions that are measured once and read by many tests, in whichever process of pytest-xdist they run."""

import dataclasses
import fcntl
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from loopbench.errors import ExitCode
from tests.faults.faults import BEFORE, Ended, Measuring, check_end, seed_with_first, write_scenario

HOSTILE: Final = {
    "WEB_CONCURRENCY": "3",
    "UVICORN_WORKERS": "2",
    "LOCUST_USERS": "77",
    "LOCUST_RUN_TIME": "1s",
    "HTTP_PROXY": "http://127.0.0.1:9",
    "http_proxy": "http://127.0.0.1:9",
}
"""Each of these would change the measurement without a word."""

HOSTILE_FILES: Final = {
    "json.py": "raise RuntimeError('not the json you look for')",
    "pyproject.toml": "[tool.locust]\nusers = 99\n",
    "locust.conf": "users = 98\n",
}
"""In the current folder, where Python and Locust would find them."""

PLAIN_APPS: Final = Path(__file__).parents[1] / "apps"
SLOW: Final = BEFORE.replace("/fine", "/slow")


def healthy_session(tmp_path_factory: pytest.TempPathFactory) -> Ended:
    """Two variants, measured with nothing recorded beforehand, in a hostile environment; `--json`, `--wait`."""
    return _measured_once(tmp_path_factory, "healthy", _measure_healthy)


def failed_session(tmp_path_factory: pytest.TempPathFactory) -> Ended:
    """`/slow` of `tests/apps/healthy.py` is measured, `/wrong` fails its verification; `--explain`, two workers."""
    return _measured_once(tmp_path_factory, "failed", _measure_failed)


def _measured_once(factory: pytest.TempPathFactory, name: str, measure: Callable[[Path], Ended]) -> Ended:
    """Measure into a folder that all processes of pytest-xdist share, unless one of them has done so already."""
    base = factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / name
    with Path(f"{folder}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        kept = folder / "ended.json"
        if not kept.exists():
            shutil.rmtree(folder, ignore_errors=True)  # another test has failed to measure it
            folder.mkdir()
            kept.write_text(json.dumps(dataclasses.asdict(measure(folder)), default=str))
        facts = json.loads(kept.read_text())
        return Ended(facts["code"], facts["stdout"], facts["stderr"], folder, facts["before"], tuple(facts["events"]))


HEALTHY_THINK_TIME_S: Final = 0.002
"""So short that the load asks for much, and the generator's ceiling is measured."""


def _measure_healthy(folder: Path) -> Ended:
    file = write_scenario(folder, think_time_s=HEALTHY_THINK_TIME_S)
    for name, content in HOSTILE_FILES.items():
        (folder / name).write_text(content)
    options = ("--seed", str(seed_with_first(file)), "--json")
    with Measuring(folder, file, *options, env=HOSTILE, lock=("--wait",)) as measuring:
        ended = measuring.end()
    check_end(ended, 0)
    return ended


def _measure_failed(folder: Path) -> Ended:
    load = {"workers": 2, "users": 10, "spawn_rate": 10}
    file = write_scenario(folder, app="healthy:app", apps=PLAIN_APPS, before=SLOW, path="/wrong", **load)
    with Measuring(folder, file, "--explain", "--seed", str(seed_with_first(file))) as measuring:
        ended = measuring.end()
    check_end(ended, ExitCode.TARGET, "error[wrong-answer]", "status 500, expected 200")
    return ended
