"""Named baselines: a name is one session of a scenario, and never leads out of its folder."""

import json
import re
from pathlib import Path

import pytest

from loopbench.commands.options import earlier_session
from loopbench.errors import DataError, UsageError
from loopbench.records.baselines import BASELINES_FILE, check_baseline_name, read_baselines, save_baseline


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two scenarios of two sessions."""
    monkeypatch.chdir(tmp_path)
    for scenario in ("a", "b"):
        for session in ("1", "2"):
            (tmp_path / "results" / scenario / session).mkdir(parents=True)
    return tmp_path / "results"


def test_a_name_means_the_session_that_was_saved_last(results: Path) -> None:
    save_baseline(results / "a" / "1", "main")
    save_baseline(results / "a" / "1", "v1")
    save_baseline(results / "a" / "2", "main")
    assert read_baselines(results / "a") == {"main": "2", "v1": "1"}
    assert read_baselines(results / "b") == {}


def test_a_name_is_looked_up_beside_the_other_session_and_else_everywhere(results: Path) -> None:
    save_baseline(results / "a" / "1", "main")
    assert earlier_session(Path("main"), results / "a") == results / "a" / "1"
    assert earlier_session(Path("main"), None).samefile(results / "a" / "1")
    with pytest.raises(UsageError, match="no session's folder and no baseline"):
        earlier_session(Path("main"), results / "b")
    save_baseline(results / "b" / "2", "main")
    with pytest.raises(UsageError, match="several scenarios"):
        earlier_session(Path("main"), None)


def test_a_folder_wins_over_a_name(results: Path) -> None:
    save_baseline(results / "a" / "1", "results")
    for folder in ("results", ".", "elsewhere/main"):
        assert earlier_session(Path(folder), None) == Path(folder)


@pytest.mark.parametrize("name", ["", "..", "a/b", "../x", "-x", ".x", "a b", "x\n", "x" * 65])
def test_no_name_leads_elsewhere(results: Path, name: str) -> None:
    with pytest.raises(UsageError, match=re.escape(repr(name[:60]))):
        check_baseline_name(name)
    file = results / "a" / BASELINES_FILE
    file.write_text(json.dumps({"format": 1, "sessions": {"main": name}}))
    with pytest.raises(DataError, match="cannot be used"):
        read_baselines(results / "a")


def test_a_session_whose_folder_the_file_cannot_name_is_refused_and_the_file_stays_readable(results: Path) -> None:
    save_baseline(results / "a" / "1", "main")
    (results / "a" / "my session").mkdir()
    with pytest.raises(UsageError, match="my session"):
        save_baseline(results / "a" / "my session", "main")
    assert read_baselines(results / "a") == {"main": "1"}


@pytest.mark.parametrize("text", ["{", "[]", '{"format": 2, "sessions": {}}', '{"format": 1, "sessions": {"a": 1}}'])
def test_a_damaged_file_is_an_error_and_never_no_baseline(results: Path, text: str) -> None:
    (results / "a" / BASELINES_FILE).write_text(text)
    with pytest.raises(DataError):
        read_baselines(results / "a")
