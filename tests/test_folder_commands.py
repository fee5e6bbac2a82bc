"""`loopbench export`, `gc` and `history`, as the command line calls them."""

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from loopbench.cli import app
from loopbench.commands.options import scenario_files, session_folders
from loopbench.errors import DataError
from loopbench.records.baselines import save_baseline

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
    assert {path.name for path in folder.glob("history.*")} == {"history.html", "history.svg", "history.png"}


@pytest.fixture
def old(results: Path) -> list[Path]:
    """Six sessions of one scenario, oldest first, without files besides the record and a run's folder."""
    record = (EXAMPLE / "session.json").read_bytes()
    folders = [results / "many" / f"2026-11-0{day}T10-00-00Z" for day in range(1, 7)]
    for folder in folders:
        (folder / "runs" / "0001-ramp-def").mkdir(parents=True)
        (folder / "session.json").write_bytes(record)
    return folders


def collected(results: Path, *options: str) -> str:
    arguments = ["gc", "--keep", "2", "--out", str(results), *options]
    return CliRunner().invoke(app, arguments, catch_exceptions=False).stdout


@pytest.fixture(autouse=True)
def own_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A measurement on this machine does not matter here."""
    monkeypatch.setenv("LOOPBENCH_LOCK_FILE", str(tmp_path / "lock"))


def test_gc_deletes_only_with_that_option_and_keeps_the_newest_and_baselines(results: Path, old: list[Path]) -> None:
    save_baseline(old[1], "main")
    assert "3 old; nothing was deleted" in collected(results)
    assert all(folder.is_dir() for folder in old)
    assert "3 deleted" in collected(results, "--delete")
    assert [folder for folder in old if folder.exists()] == [old[1], *old[4:]]
    assert session(results).is_dir()


@pytest.mark.parametrize("options", [(), ("--delete",)])
def test_gc_as_json_names_the_old_sessions_and_whether_they_were_deleted(
    results: Path, old: list[Path], options: tuple[str, ...]
) -> None:
    arguments = ["gc", "--keep", "4", "--out", str(results), "--json", *options]
    done = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert json.loads(done.stdout) == {"old": [str(each) for each in old[:2]], "deleted": bool(options)}
    assert [each.exists() for each in old[:2]] == [not options] * 2
    assert "2 " in done.stderr


def test_gc_leaves_links_foreign_folders_and_other_names_alone(results: Path, old: list[Path]) -> None:
    elsewhere = results / "elsewhere"
    old[0].rename(elsewhere)
    old[0].symlink_to(elsewhere)
    (old[1] / "runs" / "link").symlink_to(elsewhere)
    (old[2] / "session.json").write_text("{}")
    (results / "linked").symlink_to(results / "many")
    (results / "many" / "notes").mkdir()
    text = collected(results, "--delete")
    assert text.count("left alone") == 3
    assert [folder for folder in old if not folder.exists()] == [old[3]]
    assert (elsewhere / "session.json").is_file()
    assert (results / "many" / "notes").is_dir()


def test_gc_deletes_nothing_where_the_baselines_are_not_known(results: Path, old: list[Path]) -> None:
    (results / "many" / "baselines.json").write_text("{")
    done = CliRunner().invoke(app, ["gc", "--keep", "1", "--delete", "--out", str(results)])
    assert isinstance(done.exception, DataError)
    assert all(folder.is_dir() for folder in old)


def test_history_finds_the_sessions_of_a_scenarios_file(results: Path) -> None:
    file = Path(__file__).parents[1] / "scenarios" / "file_write.toml"
    done = CliRunner().invoke(app, ["history", str(file), "--out", str(results)], catch_exceptions=False)
    assert "1 session alike, 30 users" in done.stdout


@pytest.mark.parametrize("name", ["$(touch x)", "a;b", "a b", "`x`", "\x1b[31m"])
def test_a_completion_is_a_plain_word_for_the_shell(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The shell inserts it as it is."""
    monkeypatch.chdir(tmp_path)
    for folder in ("results/good", f"results/{name}"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "session.json").touch()
    for file in ("good.toml", f"{name}.toml"):
        (tmp_path / file).touch()
    assert session_folders("results/") == ["results/good"]
    assert scenario_files("") == ["good.toml"]
