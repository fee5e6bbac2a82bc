"""Revisions of an app, each checked out apart, as variants of one scenario."""

import subprocess
from pathlib import Path

import pytest

from loopbench.errors import UsageError
from loopbench.measure.revisions import Revision, at_revisions, checked_out
from loopbench.scenario import Scenario, load

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
        git(tmp_path, "add", ".")
        git(tmp_path, "commit", "-q", "-m", str(number))
    (service / "app.py").write_text("answer = 3\n")
    return load(tmp_path / "bench.toml")


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


def test_every_variant_is_there_once_for_each_revision(scenario: Scenario) -> None:
    folder = (scenario.file.parent / "service").resolve()
    revisions = [Revision(label, "c", {folder: Path(f"/{label}/service")}) for label in ("old", "new")]
    made = at_revisions(scenario, revisions)
    assert [each.name for each in made.variants] == ["hello @ old", "hello @ new"]
    assert [made.target_of(each).app_dir for each in made.variants] == ["/old/service", "/new/service"]
    assert [each.published.rps for each in made.variants] == [None, None]
    assert made.load.users == 3
    assert made.file == scenario.file
