"""The store is killed, or fails, at every single operation: a run counts whole or not at all, and can be resumed."""

import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest

from loopbench.errors import DataError
from loopbench.records.session import SessionRecord, file_facts, read_run, read_session, run_folders
from tests.faults import store_operations
from tests.faults.faults import PATIENCE_S

EXAMPLE = Path(__file__).parents[2] / "results" / "example"
"""The session in the repository: its records are written again and again."""

FEWEST_OPERATIONS = 15


ERRORS_LIKE_EIO = ("ENOSPC", "EXDEV", "EROFS")
"""The store treats every error of the system alike."""


@pytest.mark.parametrize(
    "mode",
    ["kill before", "kill after", "kill half", "EIO"]
    + [pytest.param(error, marks=pytest.mark.nightly) for error in ERRORS_LIKE_EIO],
)
def test_every_operation_of_the_store_may_fail(mode: str, tmp_path: Path) -> None:
    """Wherever it ended, what is there is whole, and a second walk completes the session beside it."""
    script = store_operations.__file__
    assert script is not None
    done = subprocess.run(
        [sys.executable, script, mode, tmp_path, EXAMPLE],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= FEWEST_OPERATIONS
    run = dataclasses.replace(read_run(next(run_folders(EXAMPLE))), files=())
    for number in range(1, int(done.stdout) + 1):
        folder = tmp_path / str(number)
        check_whole(folder)
        store_operations.walk(folder, read_session(EXAMPLE), run)
        (session,) = (file.parent for file in folder.glob("*/session.json"))
        assert [path.name for path in run_folders(session)] == [store_operations.RUN]


def check_whole(folder: Path) -> None:
    """No session without its record, no run without its own; an unfinished session is reported as one."""
    for place in folder.glob("*"):
        if not (place / "session.json").exists():
            with pytest.raises(DataError, match="unfinished"):
                read_session(place)
            continue
        assert isinstance(read_session(place), SessionRecord)
        for run in run_folders(place):
            assert read_run(run).number == 1
            assert {fact.name for fact in file_facts(run)} == {"samples-0.bin"}
