"""`loopbench export` and `loopbench history`, as the command line calls them."""

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from loopbench.cli import app
from loopbench.errors import DataError

EXAMPLE = Path(__file__).parents[1] / "results" / "example"


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """One session of one scenario."""
    shutil.copytree(EXAMPLE, tmp_path / "file-write" / "2026-11-20T10-22-05Z")
    return tmp_path


def session(results: Path) -> Path:
    return next((results / "file-write").iterdir())


def test_export_writes_into_the_session_and_says_where(results: Path) -> None:
    done = CliRunner().invoke(app, ["export", str(session(results))], catch_exceptions=False)
    assert (session(results) / "export" / "samples.csv").is_file()
    assert "30,191 requests" in done.stdout


def test_an_export_that_lacks_a_run_is_an_error_and_the_rest_is_kept(results: Path) -> None:
    (session(results) / "runs" / "0001-ramp-aiofiles" / "run.json").write_text("{")
    done = CliRunner().invoke(app, ["export", str(session(results))])
    assert isinstance(done.exception, DataError)
    assert "0001-ramp-aiofiles" in done.exception.what
    assert (session(results) / "export" / "samples.csv").is_file()


def test_history_as_json_is_json_alone_also_with_a_chart(results: Path) -> None:
    folder = results / "file-write"
    done = CliRunner().invoke(app, ["history", str(folder), "--json", "--chart"], catch_exceptions=False)
    assert len(json.loads(done.stdout)["sessions"]) == 1
    assert {path.name for path in folder.glob("history.*")} == {"history.svg", "history.png"}


def test_history_finds_the_sessions_of_a_scenarios_file(results: Path) -> None:
    file = Path(__file__).parents[1] / "scenarios" / "file_write.toml"
    done = CliRunner().invoke(app, ["history", str(file), "--out", str(results)], catch_exceptions=False)
    assert "1 session alike, 30 users" in done.stdout
