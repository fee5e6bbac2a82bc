"""Fault tests: one finished session that they share, and commands inside the test's own process."""

from collections.abc import Callable
from pathlib import Path

import pytest

from loopbench.records.session import run_folders
from tests.faults.commands import Command, in_process
from tests.faults.faults import Ended
from tests.faults.shared_sessions import healthy_session


@pytest.fixture(scope="session")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Ended:
    """A small session without a fault, measured once for all tests."""
    return healthy_session(tmp_path_factory)


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Command:
    """Runs a command line in the test's own process and folder."""
    return lambda *arguments: in_process(capsys, monkeypatch, tmp_path, *arguments)


@pytest.fixture
def finished_run(request: pytest.FixtureRequest) -> Callable[[], Path]:
    """Returns the folder of a run that has finished. Called only where one is needed: the first call measures it."""

    def find() -> Path:
        session: Ended = request.getfixturevalue("healthy")
        return next(run_folders(session.session))

    return find
