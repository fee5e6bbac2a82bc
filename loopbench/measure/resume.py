"""Checks before an interrupted session continues: same settings, seed, plan and code."""

import re
from pathlib import Path
from typing import Final

from loopbench.errors import UsageError
from loopbench.measure.provenance import code_digest, code_folders
from loopbench.plan import make_plan
from loopbench.records.session import SessionRecord, read_session
from loopbench.scenario import Scenario

MAX_SHOWN = 5

WORDS: Final = re.compile(r"title|question|source|claims\[\d+\]\.(text|where)")
"""Settings that only describe the question: changing one does not change the measurement."""


def check_resumable(folder: Path, scenario: Scenario, *, explain: bool) -> int:
    """Returns the seed of a session that may continue with this scenario.

    Raises:
        DataError: there is no session, or it is damaged or of another format.
        UsageError: the scenario has changed; the error names the difference.
    """
    record = read_session(folder)
    differences = _differences(record, scenario, explain=explain)
    if not differences and make_plan(scenario, record.seed).runs != record.plan:
        differences = [f"the plan, as loopbench {record.loopbench} made it"]
    if differences:
        shown = differences[:MAX_SHOWN] + ([f"{len(differences) - MAX_SHOWN} more"] * (len(differences) > MAX_SHOWN))
        raise UsageError(
            "the scenario is not what it was when this session began: " + "; ".join(shown),
            slug="resume-differs",
            where=str(folder),
            hints=("undo the change, with the same --quick, --rounds and --set", "or begin a new session"),
            kept="nothing in the session was touched",
        )
    return record.seed


def check_same_code(folder: Path, scenario: Scenario) -> None:
    """Check that the code of the scenario and its apps has not changed since this session began.

    Of the session's record only the digests are used, and only compared.

    Raises:
        DataError: there is no session.
        UsageError: Python files below an app's folder, or below the scenario's, have changed; the rounds of
            one interval would be of two programs.
    """
    states = read_session(folder).provenance.get("git", {})
    for path in code_folders(scenario):
        before, now = states.get(str(path), {}).get("code"), code_digest(path)
        if None not in (before, now) and before != now:
            raise UsageError(
                f"Python files in {path} are not what they were when this session began",
                slug="resume-other-code",
                where=str(folder),
                hints=("restore them", "or begin a new session: a comparison is about one program"),
                kept="nothing in the session was touched",
            )


def _differences(record: SessionRecord, scenario: Scenario, *, explain: bool) -> list[str]:
    before, now = record.scenario.settings, scenario.settings
    before = before | {"--explain": str(record.explain)}
    now = now | {"--explain": str(explain)}
    asked = [key for key in sorted(before | now) if not WORDS.fullmatch(key)]
    changed = [key for key in asked if before.get(key) != now.get(key)]
    return [f"{key} was {before.get(key, 'absent')}, is {now.get(key, 'absent')}" for key in changed]
