"""Fault tests: which are run, and one finished session that they share."""

import dataclasses
import fcntl
import json
from pathlib import Path

import pytest

from loopbench.records.session import run_folders
from tests.faults.faults import Ended, Measuring, check_end, seed_with_first, write_scenario

HOSTILE = {
    "WEB_CONCURRENCY": "3",
    "UVICORN_WORKERS": "2",
    "LOCUST_USERS": "77",
    "LOCUST_RUN_TIME": "1s",
    "HTTP_PROXY": "http://127.0.0.1:9",
    "http_proxy": "http://127.0.0.1:9",
}
"""Each of these would change the measurement without a word."""

HOSTILE_FILES = {
    "json.py": "raise RuntimeError('not the json you look for')",
    "pyproject.toml": "[tool.locust]\nusers = 99\n",
    "locust.conf": "users = 98\n",
}
"""In the current folder, where Python and Locust would find them."""


@pytest.fixture(scope="session")
def healthy(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Ended:
    """A small session in the most hostile of environments, measured once for all tests that need finished runs."""
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "healthy"  # shared by all processes of pytest-xdist
    with Path(f"{folder}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        kept = folder / "ended.json"
        if not kept.exists():
            folder.mkdir()
            kept.write_text(json.dumps(dataclasses.asdict(_measure_healthy(folder)), default=str))
        facts = json.loads(kept.read_text())
        return Ended(facts["code"], facts["stdout"], facts["stderr"], folder, facts["before"], tuple(facts["events"]))


def _measure_healthy(folder: Path) -> Ended:
    file = write_scenario(folder)
    for name, content in HOSTILE_FILES.items():
        (folder / name).write_text(content)
    with Measuring(folder, file, "--seed", str(seed_with_first(file)), env=HOSTILE) as measuring:
        ended = measuring.end()
    check_end(ended, 0)
    return ended


@pytest.fixture(scope="session")
def finished_run(healthy: Ended) -> Path:
    """The folder of a run that has finished, for `begun_session`."""
    return next(run_folders(healthy.session))
