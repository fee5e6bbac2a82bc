"""Session folders as earlier versions of loopbench wrote them: each is read, or refused with a sentence.

There is one archive for each format: `session.json`, `ceiling.json` and `runs/` of a short session. A change that no
longer reads the newest one needs a higher FORMAT_VERSION and an archive of its own.
"""

import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from loopbench.errors import ExitCode
from loopbench.records import FORMAT_VERSION
from tests.faults.commands import in_process
from tests.faults.faults import Ended, check_end

FORMATS = range(1, FORMAT_VERSION + 1)
OLDER = FORMATS[:-1]
ADVICE = "report it with the loopbench that wrote it, or measure again"
Call = Callable[..., Ended]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of sessions, one of each format."""
    folder = tmp_path_factory.mktemp("results")
    for number in FORMATS:
        with tarfile.open(Path(__file__).parent / "old_sessions" / f"format-{number}.tar.gz") as archive:
            archive.extractall(folder / f"2026-11-0{number}T10-00-00Z", filter="data")
    return folder


@pytest.fixture
def call(results: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Call:
    """Runs a command line in the folder of these sessions."""
    return lambda *arguments: in_process(capsys, monkeypatch, results, *arguments)


def session(number: int) -> str:
    return f"2026-11-0{number}T10-00-00Z"


@pytest.mark.parametrize("number", OLDER)
@pytest.mark.parametrize("command", ["report", "compare", "export"])
def test_an_older_format_is_refused_with_what_to_do(call: Call, command: str, number: int) -> None:
    other = [session(FORMAT_VERSION)] if command == "compare" else []
    ended = call(command, session(number), *other)
    check_end(ended, ExitCode.DATA, f"error[session-format]: {session(number)}/session.json has the older format")
    assert f"older format {number}; this loopbench reads {FORMAT_VERSION}: {ADVICE}" in ended.stderr


def test_history_names_sessions_of_older_formats_and_shows_the_others(call: Call) -> None:
    lines = call("history", ".").stdout.splitlines()
    assert lines[0] == "Waiting for 10 ms: 1 session alike, 4 users"
    left_out = [line for line in lines if line.startswith("left out: ")]
    assert [line.endswith(ADVICE) for line in left_out] == [True] * len(OLDER)


def test_a_session_of_this_format_is_reported_as_it_was_measured(call: Call) -> None:
    ended = call("report", session(FORMAT_VERSION))
    check_end(ended, 0)
    assert "Server, samples and Locust account for the same 546 requests." in ended.stderr
    assert "blocking: A call that does not yield blocks the event loop" in ended.stderr
    assert "In goodput at 4 users: blocking (0.64 to 1.56 times) is NOT RESOLVED against awaiting." in ended.stdout


def test_a_session_of_this_format_can_be_compared(call: Call) -> None:
    ended = call("compare", session(FORMAT_VERSION), session(FORMAT_VERSION))
    check_end(ended, 0)
    assert "no regression shown: blocking in B against blocking in A is NOT RESOLVED" in ended.stdout
    assert "unlike" not in ended.stdout
