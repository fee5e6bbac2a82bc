"""Revisions of an app as variants of one scenario, each in a checkout of its own.

A checkout is a clone that shares the repository's objects: the user's files are not touched, none of their hooks runs,
and the working copy knows its commit.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from loopbench.errors import EnvironmentRefusedError, UsageError
from loopbench.measure.provenance import clean_git, git_of
from loopbench.measure.scratch import scratch_folder
from loopbench.records.codec import first_problem
from loopbench.scenario import Scenario

WORKING_TREE: Final = "."  # instead of a revision: the files as they are now, changes included


CLONE: Final = ("clone", "--quiet", "--shared", "--no-checkout", "--end-of-options")


@dataclass(frozen=True)
class Revision:
    """One revision, checked out."""

    label: str  # as the user wrote it
    commit: str
    app_dirs: dict[Path, Path]  # the scenario's folders, and their places in the checkout

    @property
    def described(self) -> str:
        """The label, and what it stands for: `main (30f0157e27f3)`."""
        return f"{self.label} ({'the files as they are' if self.label == WORKING_TREE else self.commit[:12]})"

    @property
    def checkouts(self) -> dict[str, str]:
        """Places in the checkout, which is deleted at the end, and the folders that they are copies of."""
        return {str(place): str(folder) for folder, place in self.app_dirs.items() if place != folder}


@contextmanager
def checked_out(scenario: Scenario, labels: Sequence[str]) -> Iterator[tuple[Revision, ...]]:
    """Check out every folder of the scenario's apps at each revision; all are removed at the end.

    Raises:
        UsageError: a folder is in no repository, or a revision is not in it.
        EnvironmentRefusedError: git is missing or a checkout failed.
    """
    targets = [scenario.target, *(each.served for each in scenario.variants)]
    folders = tuple(dict.fromkeys((scenario.file.parent / target.app_dir).resolve() for target in targets))
    with scratch_folder() as scratch:
        revisions = tuple(_check_out(label, folders, scratch / str(place)) for place, label in enumerate(labels))
        for revision in revisions:
            for file in scenario.target.copy_:
                _bring(file, folders[0], revision.app_dirs[folders[0]], scratch)
        yield revisions


def _bring(name: str, folder: Path, place: Path, checkouts: Path) -> None:
    """Copy a file or folder that git does not know into a checkout."""
    source, goal = folder / name, Path(os.path.normpath(place / name))
    if place == folder:
        return
    if not source.exists() or not all(_is_below(each, checkouts) for each in (goal, *goal.rglob("*"))):
        raise UsageError(
            f"copy = {name!r} is no file or folder of the repository",
            slug="revision-copy",
            where=str(source),
            allowed="a path relative to app_dir",
        )
    goal.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, goal, dirs_exist_ok=True)
    else:
        shutil.copy2(source, goal)


def _is_below(path: Path, folder: Path) -> bool:
    """Whether a path lies in a folder, also where a revision has a link on the way."""
    return path.resolve().is_relative_to(folder.resolve())


def at_revisions(scenario: Scenario, revisions: Sequence[Revision]) -> Scenario:
    """Returns the scenario with every variant once for each revision: `def @ main`, `def @ HEAD`.

    Raises:
        UsageError: the revisions are called the same, or a variant's name is too long with one.
    """
    variants = []
    for variant in scenario.variants:
        own = variant.model_dump(by_alias=True, exclude_unset=True, exclude={"published"})
        folder = (scenario.file.parent / variant.served.app_dir).resolve()
        for revision in revisions:
            target = own.get("target", {}) | {"app_dir": str(revision.app_dirs[folder])}
            variants.append(own | {"name": at(variant.name, revision.label), "target": target})
    raw = scenario.model_dump(
        by_alias=True, exclude_unset=True, exclude={"claims", "expect", "timelines", "baseline", "variants"}
    )
    if len(scenario.variants) == 1:  # the page then compares as the command does: the later one with the first
        raw["baseline"] = variants[0]["name"]
    try:
        return Scenario.model_validate(raw | {"variants": variants}, context={"file": scenario.file})
    except ValidationError as problem:
        what = f"the variants cannot be named after the revisions: {first_problem(problem)}"
        raise UsageError(what, slug="revision", allowed="two different names") from None


def at(variant: str, label: str) -> str:
    """The name of a variant at a revision."""
    return f"{variant} @ {label}"


def _check_out(label: str, folders: Sequence[Path], into: Path) -> Revision:
    if label == WORKING_TREE:
        return Revision(label, label, {folder: folder for folder in folders})
    places: dict[Path, Path] = {}
    clones: dict[Path, Path] = {}
    commit = ""
    for folder in folders:
        top = Path(_git(folder, "rev-parse", "--show-toplevel", what=f"{folder} is in no git repository"))
        if top not in clones:
            known = f"{label!r} is no revision of the repository {top}"
            commit = _git(folder, "rev-parse", "--verify", "--end-of-options", f"{label}^{{commit}}", what=known)
            clones[top] = into / str(len(clones))
            _clone(top, commit, clones[top])
        places[folder] = clones[top] / folder.relative_to(top.resolve())
        if not places[folder].is_dir() or not _is_below(places[folder], into):
            raise UsageError(f"there is no folder {folder} at {label!r}", slug="revision-folder", where=str(top))
    return Revision(label, commit, places)


def _git(folder: Path, *arguments: str, what: str) -> str:
    """Returns what git prints about the user's repository."""
    try:
        return git_of(folder, *arguments)
    except subprocess.CalledProcessError:
        raise UsageError(what, slug="revision", where=str(folder), hints=("git log --oneline -5",)) from None
    except (FileNotFoundError, subprocess.TimeoutExpired) as problem:
        raise EnvironmentRefusedError(f"git does not answer: {problem}", slug="git", where=str(folder)) from None


def _clone(top: Path, commit: str, into: Path) -> None:
    into.parent.mkdir(parents=True, exist_ok=True)
    try:
        clean_git(into.parent, *CLONE, str(top), str(into), protocols="file")
        clean_git(into, "checkout", "--quiet", "--detach", commit)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as problem:
        output = str(getattr(problem, "stderr", "") or problem).strip()
        raise EnvironmentRefusedError(
            f"{commit[:12]} cannot be checked out", slug="revision-checkout", where=str(top), detail=output
        ) from None
