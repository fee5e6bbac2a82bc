"""Fault tests: which are run, and one finished session that they share."""

from pathlib import Path

import pytest

from loopbench.records.session import run_folders
from tests.faults.faults import Ended, Measuring, check_end, seed_with_first, write_scenario

SLOW = "--slow-faults"

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


def pytest_addoption(parser: pytest.Parser) -> None:
    """`pytest tests/faults --slow-faults` runs the whole table."""
    parser.addoption(SLOW, action="store_true", help="run the expensive lines of the fault table too")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the expensive ones out unless they are asked for."""
    if config.getoption(SLOW, default=False):
        return
    slow = [item for item in items if item.get_closest_marker("slow_faults")]
    if slow:
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if item not in slow]


@pytest.fixture(scope="session")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Ended:
    """A small session, measured once for all tests that need finished runs, in the most hostile of environments."""
    folder = tmp_path_factory.mktemp("healthy")
    file = write_scenario(folder)
    for name, content in HOSTILE_FILES.items():
        (folder / name).write_text(content)
    with Measuring(folder, file, "--seed", str(seed_with_first(file)), env=HOSTILE) as measuring:
        ended = measuring.end()
    check_end(ended, 0)
    return ended


@pytest.fixture(scope="session")
def finished_run(healthy: Ended) -> Path:
    """Folder of the run that has finished before a fault comes: for `begun_session`."""
    return next(run_folders(healthy.session))
