"""Revisions of an app as variants of one scenario, each in a checkout of its own.

A checkout is a clone that shares the repository's objects: the user's files are not touched, none of their hooks runs,
and the working copy knows its commit.
"""

import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from loopbench.errors import EnvironmentRefusedError, UsageError
from loopbench.measure.provenance import clean_git
from loopbench.scenario import Scenario

WORKING_TREE: Final = "."
"""Instead of a revision: the files as they are now, changes included."""


@dataclass(frozen=True)
class Revision:
    """One revision, checked out."""

    label: str  # as the user wrote it
    commit: str
    app_dirs: dict[Path, Path]  # the scenario's folders, and their places in the checkout

    def in_repository(self, text: str) -> str:
        """Returns the text with paths of the checkout replaced by those of the user's working tree."""
        for folder, place in self.app_dirs.items():
            text = text.replace(str(place), str(folder))
        return text


@contextmanager
def checked_out(scenario: Scenario, labels: Sequence[str]) -> Iterator[tuple[Revision, ...]]:
    """Check out every folder of the scenario's apps at each revision; all are removed at the end.

    Raises:
        UsageError: a folder is in no repository, or a revision is not in it.
        EnvironmentRefusedError: git is missing or a checkout failed.
    """
    targets = [scenario.target, *(scenario.target_of(each) for each in scenario.variants)]
    folders = tuple(dict.fromkeys((scenario.file.parent / target.app_dir).resolve() for target in targets))
    with tempfile.TemporaryDirectory(prefix="loopbench-revisions-") as name:
        yield tuple(_check_out(label, folders, Path(name) / str(place)) for place, label in enumerate(labels))


def at_revisions(scenario: Scenario, revisions: Sequence[Revision]) -> Scenario:
    """Returns the scenario with every variant once for each revision: `def @ main`, `def @ HEAD`.

    Claims, gates, timelines and published figures are left out.
    """
    variants = []
    for variant in scenario.variants:
        own = variant.model_dump(by_alias=True, exclude_unset=True, exclude={"published"})
        folder = (scenario.file.parent / scenario.target_of(variant).app_dir).resolve()
        for revision in revisions:
            target = own.get("target", {}) | {"app_dir": str(revision.app_dirs[folder])}
            variants.append(own | {"name": at(variant.name, revision.label), "target": target})
    raw = scenario.model_dump(
        by_alias=True, exclude_unset=True, exclude={"claims", "expect", "timelines", "baseline", "variants"}
    )
    return Scenario.model_validate(raw | {"variants": variants}, context={"file": scenario.file})


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
        if not places[folder].is_dir():
            raise UsageError(f"there is no folder {folder} at {label!r}", slug="revision-folder", where=str(top))
    return Revision(label, commit, places)


def _git(folder: Path, *arguments: str, what: str) -> str:
    """Returns what git prints about the user's repository."""
    try:
        return clean_git(folder, *arguments)
    except subprocess.CalledProcessError:
        raise UsageError(what, slug="revision", where=str(folder), hints=("git log --oneline -5",)) from None
    except (FileNotFoundError, subprocess.TimeoutExpired) as problem:
        raise EnvironmentRefusedError(f"git does not answer: {problem}", slug="git", where=str(folder)) from None


def _clone(top: Path, commit: str, into: Path) -> None:
    into.parent.mkdir(parents=True, exist_ok=True)
    try:
        clean_git(into.parent, "clone", "--quiet", "--shared", "--no-checkout", str(top), str(into))
        clean_git(into, "checkout", "--quiet", "--detach", commit)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as problem:
        output = str(getattr(problem, "stderr", "") or problem).strip()
        raise EnvironmentRefusedError(
            f"{commit[:12]} cannot be checked out", slug="revision-checkout", where=str(top), detail=output
        ) from None
