"""Revisions of an app, each checked out apart, as variants of one scenario."""

import shutil
import subprocess
from pathlib import Path

import pytest

from loopbench.errors import ExitCode, UsageError
from loopbench.measure.events import SessionEnded
from loopbench.measure.lines import rename_folders
from loopbench.measure.revisions import Revision, at_revisions, checked_out
from loopbench.scenario import Scenario, load
from tests.first_scenario.calling import call

SCENARIO = """
title = "Before and after"
question = "Is it slower?"
baseline = "hello"

[target]
app = "app:app"
app_dir = "service"

[load]
users = 3

[[variants]]
name = "hello"
path = "/hello"
published = { rps = 5 }
"""


def git(repository: Path, *arguments: str) -> str:
    author = ("-c", "user.name=a", "-c", "user.email=a@example.invalid")
    line = ["git", "-C", str(repository), *author, *arguments]
    return subprocess.run(line, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def scenario(tmp_path: Path) -> Scenario:
    """In a repository of two commits: the app says 1, then 2; on disk it says 3."""
    service = tmp_path / "service"
    service.mkdir()
    (tmp_path / "bench.toml").write_text(SCENARIO)
    git(tmp_path, "init", "-q", "-b", "main")
    for number in (1, 2):
        (service / "app.py").write_text(f"answer = {number}\n")
        committed(tmp_path, str(number))
    (service / "app.py").write_text("answer = 3\n")
    return load(tmp_path / "bench.toml")


def committed(repository: Path, message: str) -> None:
    git(repository, "add", ".")
    git(repository, "commit", "-q", "-m", message)


def answers(scenario: Scenario, *labels: str) -> list[str]:
    with checked_out(scenario, labels) as revisions:
        return [next(iter(each.app_dirs.values())).joinpath("app.py").read_text().strip() for each in revisions]


def test_each_revision_has_its_own_files(scenario: Scenario) -> None:
    assert answers(scenario, "main~1", "main", ".") == ["answer = 1", "answer = 2", "answer = 3"]


def test_the_users_repository_is_left_as_it_was(scenario: Scenario) -> None:
    folder = scenario.file.parent
    before = git(folder, "worktree", "list"), git(folder, "status", "--porcelain"), git(folder, "branch", "-a")
    answers(scenario, "main~1", "main")
    assert (
        git(folder, "worktree", "list"),
        git(folder, "status", "--porcelain"),
        git(folder, "branch", "-a"),
    ) == before


def test_no_hook_of_the_users_runs(scenario: Scenario) -> None:
    hook = scenario.file.parent / ".git/hooks/post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    assert answers(scenario, "main") == ["answer = 2"]


def test_the_checkouts_are_gone_afterwards(scenario: Scenario) -> None:
    with checked_out(scenario, ("main",)) as (revision,):
        (place,) = revision.app_dirs.values()
    assert not place.exists()


def test_a_revision_that_is_not_there_is_the_users_mistake(scenario: Scenario) -> None:
    with pytest.raises(UsageError, match="'no-such' is no revision"), checked_out(scenario, ("no-such",)):
        pass


def test_a_folder_without_a_repository_is_the_users_mistake(tmp_path: Path) -> None:
    (tmp_path / "service").mkdir()
    (tmp_path / "bench.toml").write_text(SCENARIO)
    lonely = load(tmp_path / "bench.toml")
    with pytest.raises(UsageError, match="is in no git repository"), checked_out(lonely, ("main",)):
        pass


def test_an_option_is_no_revision(scenario: Scenario) -> None:
    with pytest.raises(UsageError, match="is no revision"), checked_out(scenario, ("--help",)):
        pass


def with_copy(scenario: Scenario, *files: str) -> Scenario:
    (scenario.file.parent / "service/.gitignore").write_text(".env\n")
    (scenario.file.parent / "service/.env").write_text("KEY=1")
    return load(scenario.file, (f"target.copy={list(files)}",))


def test_a_file_that_git_ignores_is_brought_into_the_checkout(scenario: Scenario) -> None:
    with checked_out(with_copy(scenario, ".env"), ("main", ".")) as revisions:
        (place,) = revisions[0].app_dirs.values()
        assert (place / ".env").read_text() == "KEY=1"


@pytest.mark.parametrize("file", ["no-such", "../../../../etc/hostname"])
def test_what_is_not_there_or_leads_out_of_the_checkout_is_not_brought(scenario: Scenario, file: str) -> None:
    with pytest.raises(UsageError, match="is no file or folder"), checked_out(with_copy(scenario, file), ("main",)):
        pass


def test_nothing_is_brought_through_a_link_of_the_revision(scenario: Scenario, tmp_path: Path) -> None:
    service, elsewhere = scenario.file.parent / "service", tmp_path / "elsewhere"
    elsewhere.mkdir()
    (service / "data").symlink_to(elsewhere)
    committed(scenario.file.parent, "a link")
    (service / "data").unlink()
    (service / "data").mkdir()
    (service / "data" / "file").write_text("mine")
    with (
        pytest.raises(UsageError, match="is no file or folder"),
        checked_out(with_copy(scenario, "data/file"), ("HEAD",)),
    ):
        pass
    assert list(elsewhere.iterdir()) == []


def test_an_app_behind_a_link_of_the_revision_is_not_measured(scenario: Scenario, tmp_path: Path) -> None:
    """It would be the same app at every revision."""
    (scenario.file.parent / "service").rename(tmp_path / "moved")
    (scenario.file.parent / "service").symlink_to(tmp_path / "moved")
    committed(scenario.file.parent, "a link")
    (scenario.file.parent / "service").unlink()
    shutil.copytree(tmp_path / "moved", scenario.file.parent / "service")
    with pytest.raises(UsageError, match="there is no folder"), checked_out(scenario, ("HEAD",)):
        pass


@pytest.mark.parametrize("labels", [("same", "same"), ("HEAD", "x" * 400)])
def test_revisions_that_name_no_variants_are_the_users_mistake(scenario: Scenario, labels: tuple[str, str]) -> None:
    folder = (scenario.file.parent / "service").resolve()
    revisions = [Revision(label, "c", {folder: Path(f"/{label}/service")}) for label in labels]
    with pytest.raises(UsageError, match="cannot be named after the revisions"):
        at_revisions(scenario, revisions)


def test_lines_of_a_checkout_are_named_in_the_repository(tmp_path: Path) -> None:
    (tmp_path / "probe-1.jsonl").write_text(r'{"user_file": "/checkout/caf\u00e9/app.py"}')
    for name in ("lines.json", "target.log"):
        (tmp_path / name).write_text("/checkout/café/app.py:3", encoding="utf-8")
    rename_folders(tmp_path, {"/checkout/café": "/repo/café"})
    assert (tmp_path / "probe-1.jsonl").read_text() == r'{"user_file": "/repo/caf\u00e9/app.py"}'
    for name in ("lines.json", "target.log"):
        assert (tmp_path / name).read_text(encoding="utf-8") == "/repo/café/app.py:3"


def test_every_variant_is_there_once_for_each_revision(scenario: Scenario) -> None:
    folder = (scenario.file.parent / "service").resolve()
    revisions = [Revision(label, "c", {folder: Path(f"/{label}/service")}) for label in ("old", "new")]
    made = at_revisions(scenario, revisions)
    assert [each.name for each in made.variants] == ["hello @ old", "hello @ new"]
    assert [each.served.app_dir for each in made.variants] == ["/old/service", "/new/service"]
    assert [each.published.rps for each in made.variants] == [None, None]
    assert made.load.users == 3
    assert made.file == scenario.file
    assert made.baseline == "hello @ old", "as `compare` words it"


def test_the_working_tree_is_described_in_words_and_a_commit_by_its_digits() -> None:
    assert Revision(".", ".", {}).described == ". (the files as they are)"
    assert Revision("main", "30f0157e27f3" + 28 * "0", {}).described == "main (30f0157e27f3)"


@pytest.mark.parametrize(("options", "code"), [((), ExitCode.CANNOT_TELL), (("--exit-zero",), ExitCode.OK)])
@pytest.mark.parametrize(
    ("module", "command"), [("comparing", ("compare", "--rev", "HEAD", "--rev", ".")), ("measuring", ("run",))]
)
def test_a_session_for_which_no_run_fits_into_the_time_says_so(
    module: str,
    command: tuple[str, ...],
    options: tuple[str, ...],
    code: ExitCode,
    scenario: Scenario,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ended = SessionEnded(tmp_path, finished_runs=0, planned_runs=4, interrupted_by=None, error=None)
    monkeypatch.setattr(f"loopbench.commands.{module}.begin_session", lambda *_: ended)
    done = call(capsys, tmp_path, *command, str(scenario.file), "--max-minutes", "0.4", *options)
    assert done.code == code
    assert "error[no-time]: nothing was measured: no run fits into the time\n" in done.err
    assert "--max-minutes" in done.err
