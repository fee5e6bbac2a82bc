"""The command `gc`: lists the old sessions of a results folder, and deletes them."""

import json
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import typer

from loopbench.commands.options import AsJson, Out, Wait
from loopbench.console import Speech
from loopbench.errors import DataError

SESSION_NAME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ(-\d+)?")


@dataclass(frozen=True)
class _OldSession:
    """A session that is not among the newest."""

    folder: Path
    left_because: str  # empty: it may be deleted


def gc(
    *,
    keep: Annotated[int, typer.Option(min=1, help="The newest sessions of each scenario to keep.")] = 20,
    delete: Annotated[
        bool, typer.Option("--delete/--dry-run", help="Delete the old sessions; --dry-run only lists them.")
    ] = False,
    wait: Wait = False,
    out: Out,
    as_json: AsJson = False,
) -> None:
    """List old sessions, or delete them.

    The newest of each scenario and named baselines stay. So does every folder that is a link, belongs to another user,
    or holds anything but a session that this loopbench can read.
    """
    from loopbench.measure.lock import if_busy_of, one_at_a_time

    speech = Speech(as_json=as_json)
    if not delete:
        old = _listed(out, keep, speech)
        for folder in old:
            speech.answer(f"old: {folder}")
        speech.answer(f"{len(old)} old; nothing was deleted" + ("; loopbench gc --delete deletes them" if old else ""))
    else:
        # Deleting would disturb a measurement, whose end may save a baseline.
        with one_at_a_time(if_busy_of(wait=wait, no_lock=False), speech.say):
            old = _listed(out, keep, speech)
            for folder in old:
                _delete(folder)
                speech.answer(f"deleted: {folder}")
        speech.answer(f"{len(old)} deleted")
    speech.give(json.dumps({"old": [str(folder) for folder in old], "deleted": delete}, indent=1))


def _listed(out: Path, keep: int, speech: Speech) -> list[Path]:
    """Return the sessions that may be deleted, and print which of the old ones may not."""
    found = [each for scenario_folder in _folders(out) for each in _old_sessions(scenario_folder, keep)]
    for each in found:
        if each.left_because:
            speech.answer(f"left alone: {each.folder}: {each.left_because}")
    return [each.folder for each in found if not each.left_because]


def _folders(parent: Path) -> Iterator[Path]:
    if parent.is_dir():
        yield from sorted(path for path in parent.iterdir() if path.is_dir() and not path.is_symlink())


def _old_sessions(scenario_folder: Path, keep: int) -> Iterator[_OldSession]:
    """Yield all but the newest sessions of a scenario and its baselines.

    Raises:
        DataError: the file of baselines is damaged, so that they are not known.
    """
    from loopbench.records.baselines import read_baselines

    baselines = set(read_baselines(scenario_folder).values())
    sessions = sorted(path for path in scenario_folder.iterdir() if SESSION_NAME.fullmatch(path.name))
    for folder in sessions[:-keep]:
        if folder.name not in baselines:
            yield _OldSession(folder, _left_because(folder))


def _left_because(folder: Path) -> str:
    from loopbench.records.session import read_session

    if folder.is_symlink() or not folder.is_dir():
        return "it is no folder but a link or a file"
    if folder.lstat().st_uid != os.getuid():
        return "it belongs to another user"
    try:
        read_session(folder)
    except DataError as problem:
        return problem.what
    return ""


def _delete(folder: Path) -> None:
    """Delete a session, its runs first: if that is interrupted, `session.json` is there and `gc` finds it again."""
    from loopbench.records.session import RUNS_FOLDER

    if (folder / RUNS_FOLDER).is_dir():
        shutil.rmtree(folder / RUNS_FOLDER)
    shutil.rmtree(folder)
