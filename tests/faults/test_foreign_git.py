"""A repository from elsewhere names programs in its settings; none of them is run, and no file is written."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from loopbench.errors import UsageError
from loopbench.measure.provenance import code_digest, git_state
from loopbench.measure.resume import check_same_code
from loopbench.measure.revisions import checked_out
from loopbench.measure.store import write_session
from loopbench.plan import make_plan
from loopbench.records.session import SESSION_FILE
from loopbench.scenario import Scenario, load
from loopbench.session import describe

SCENARIO = Path(__file__).parents[2] / "scenarios" / "file_write.toml"


def git(folder: Path, *arguments: str) -> None:
    name = ["-c", "user.name=x", "-c", "user.email=x@localhost", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *name, *arguments], cwd=folder, check=True, capture_output=True)  # noqa: S607  the user's git


@pytest.fixture
def evil(tmp_path: Path) -> Path:
    """A program that leaves a mark when it is run."""
    program = tmp_path / "evil.sh"
    program.write_text(f"#!/bin/sh\ntouch {tmp_path / 'mark'}\ncat\n")
    program.chmod(0o755)
    return program


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """One commit, and after it a change of the same length, so that git has to read the file."""
    folder = tmp_path / "app"
    folder.mkdir()
    git(folder, "init")
    (folder / "main.py").write_text("1")
    (folder / ".gitattributes").write_text("*.py filter=evil diff=evil\n")
    git(folder, "add", ".")
    git(folder, "commit", "-m", "first")
    (folder / "main.py").write_text("2")
    return folder


def filtered(folder: Path, evil: Path) -> None:
    for name in ("filter.evil.clean", "filter.evil.process", "filter.evil.smudge"):
        git(folder, "config", name, str(evil))


def differed(folder: Path, evil: Path) -> None:
    for name in ("diff.evil.textconv", "diff.evil.command", "diff.external"):
        git(folder, "config", name, str(evil))


def monitored(folder: Path, evil: Path) -> None:
    git(folder, "config", "core.fsmonitor", str(evil))
    hook = folder / ".git" / "hooks" / "post-index-change"
    hook.write_bytes(evil.read_bytes())
    hook.chmod(0o755)


def promised(folder: Path, evil: Path) -> None:
    """Objects that a program is to fetch: they are missing."""
    settings = {
        "core.repositoryformatversion": "1", "extensions.partialClone": "origin", "remote.origin.url": str(folder),
        "remote.origin.promisor": "true", "remote.origin.uploadpack": str(evil), "protocol.file.allow": "always",
    }  # fmt: skip
    for name, value in settings.items():
        git(folder, "config", name, value)
    tree = subprocess.run(["git", "rev-parse", "HEAD^{tree}"], cwd=folder, capture_output=True, text=True, check=True)  # noqa: S607
    (folder / ".git" / "objects" / tree.stdout[:2] / tree.stdout[2:].strip()).unlink()


@pytest.mark.real
@pytest.mark.parametrize("prepare", [filtered, differed, monitored, promised])
def test_the_state_of_a_repository_is_read_without_its_programs(
    prepare: Callable[[Path, Path], None], repository: Path, evil: Path
) -> None:
    prepare(repository, evil)
    state, digest = git_state(repository), code_digest(repository)
    assert not evil.with_name("mark").exists()
    assert state.get("dirty", True)
    assert digest is not None


@pytest.fixture
def scenario(repository: Path) -> Scenario:
    """A scenario of the app in that repository."""
    file = repository.with_name("s.toml")
    file.write_text('[target]\napp = "main:app"\napp_dir = "app"\n[[variants]]\nname = "v"\npath = "/"\n')
    return load(file)


@pytest.mark.real
def test_a_repository_cannot_name_another_folder_for_its_files(
    scenario: Scenario, repository: Path, tmp_path: Path
) -> None:
    git(repository, "config", "core.worktree", str(tmp_path))
    assert git_state(repository)["dirty"]
    with checked_out(scenario, ("HEAD",)) as (revision,):
        assert (revision.app_dirs[repository] / "main.py").read_text() == "1"
    (repository / "main.py").write_text("1")
    assert not git_state(repository)["dirty"]


@pytest.mark.real
def test_a_folder_that_looks_like_the_inside_of_a_repository_is_none(
    scenario: Scenario, repository: Path, tmp_path: Path
) -> None:
    git(repository, "config", "core.worktree", str(tmp_path))
    for each in (repository / ".git").iterdir():
        each.rename(repository / each.name)
    (repository / ".git").rmdir()
    assert git_state(repository)["commit"].startswith("not observable")
    with pytest.raises(UsageError, match="is in no git repository"), checked_out(scenario, ("HEAD",)):
        pass


@pytest.fixture
def session(tmp_path: Path) -> tuple[Path, Scenario]:
    """A session begun with a scenario of ours."""
    folder = tmp_path / "session"
    folder.mkdir()
    scenario = load(SCENARIO)
    write_session(folder, describe(scenario, make_plan(scenario, 7), quick=False, explain=False))
    return folder, scenario


@pytest.mark.real
@pytest.mark.parametrize("commit", ["HEAD", "--output=../stolen", "--ext-diff"])
def test_a_session_cannot_name_a_folder_or_a_commit_that_git_is_started_with(
    commit: str, session: tuple[Path, Scenario], repository: Path, evil: Path
) -> None:
    """`--resume` compares digests of the scenario's own folders; what a foreign record names is not opened."""
    filtered(repository, evil)
    folder, scenario = session
    record = json.loads((folder / SESSION_FILE).read_text())
    record["provenance"]["git"][str(repository)] = {
        "commit": commit, "dirty": False, "python_dirty": False, "code": "0" * 64,
    }  # fmt: skip
    (folder / SESSION_FILE).write_text(json.dumps(record))
    check_same_code(folder, scenario)
    assert not evil.with_name("mark").exists()
    assert not (repository.parent / "stolen").exists()
