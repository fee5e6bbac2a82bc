"""Session folders from elsewhere: nothing outside them is read, nothing is written through them."""

import json
import os
import shutil
from pathlib import Path

import pytest

from loopbench.errors import DataError, ExitCode
from loopbench.judge.session.session_report import judge_session
from loopbench.records.session import MAX_JSON_BYTES, SESSION_FILE
from tests.faults.commands import Command

EXAMPLE = Path(__file__).parents[2] / "results" / "example"


@pytest.fixture
def session(tmp_path: Path) -> Path:
    """A copy of the example."""
    return Path(shutil.copytree(EXAMPLE, tmp_path / "session"))


def test_a_link_out_of_the_folder_is_not_followed_and_nothing_is_written(
    command: Command, session: Path, tmp_path: Path
) -> None:
    """A link called `charts` would have had our files written wherever it points."""
    shutil.rmtree(session / "charts")
    (tmp_path / "elsewhere").mkdir()
    (session / "charts").symlink_to(tmp_path / "elsewhere")
    before = {path: path.stat().st_mtime_ns for path in session.rglob("*")}
    ended = command("report", session)
    assert ended.code == ExitCode.DATA
    assert "error[session-hostile]" in ended.stderr
    assert "nothing was read or written" in ended.stderr
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert {path: path.stat().st_mtime_ns for path in session.rglob("*")} == before


@pytest.mark.parametrize("place", ["session.json", "runs/0001-ramp-aiofiles/target.log", "runs/0001-ramp-aiofiles"])
def test_what_a_link_points_to_is_not_read(place: str, session: Path, tmp_path: Path) -> None:
    """Neither a file's text nor another folder gets into a page."""
    path = session / place
    path.rename(tmp_path / "moved")
    path.symlink_to(tmp_path / "moved")
    with pytest.raises(DataError, match="symbolic link"):
        judge_session(session)


def test_a_pipe_in_the_folder_is_refused_and_not_opened(session: Path) -> None:
    """Opening it would wait for ever."""
    os.mkfifo(session / "runs" / "0001-ramp-aiofiles" / "probe-1.jsonl")
    with pytest.raises(DataError, match="a device, a pipe or a socket"):
        judge_session(session)


def test_a_file_that_is_larger_than_any_of_ours_is_refused(session: Path) -> None:
    """A terabyte of nothing takes no room on the disk, but all memory when it is read."""
    with (session / "runs" / "0001-ramp-aiofiles" / "samples-0.bin").open("ab") as file:
        file.truncate(10**12)
    with pytest.raises(DataError, match="more than any session writes"):
        judge_session(session)


def test_a_huge_session_json_is_not_read_whole(session: Path) -> None:
    """It is looked at up to the most that we would write."""
    with (session / SESSION_FILE).open("ab") as file:
        file.truncate(MAX_JSON_BYTES * 10)
    with pytest.raises(DataError, match="no loopbench has written it"):
        judge_session(session)


@pytest.mark.parametrize(
    "text", [b"[" * 100_000, b'{"format": ' + b"9" * 5_000 + b"}", b"", b"\xff\xfe", b"null", b'{"format": "2"}'],
    ids=["nested", "digits", "empty", "no text", "null", "text for a number"],
)  # fmt: skip
def test_a_session_json_that_is_none_is_damaged_data(text: bytes, session: Path) -> None:
    """One sentence, not a traceback."""
    (session / SESSION_FILE).write_bytes(text)
    with pytest.raises(DataError):
        judge_session(session)


@pytest.mark.parametrize(("version", "words"), [(99, "update loopbench"), (1, "older format 1")])
def test_another_format_says_what_to_do(command: Command, version: int, words: str, session: Path) -> None:
    """Newer and older need different steps."""
    record = json.loads((session / SESSION_FILE).read_text())
    (session / SESSION_FILE).write_text(json.dumps(record | {"format": version}))
    ended = command("report", session)
    assert ended.code == ExitCode.DATA
    assert words in ended.stderr
