"""Earlier sessions of a scenario, for the atlas: a complete one, one to continue, one to show."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, Self

from loopbench.console import say
from loopbench.errors import LoopbenchError, UsageError
from loopbench.measure.resume import check_resumable, check_same_code
from loopbench.measure.store import run_path
from loopbench.plan import Plan, make_plan
from loopbench.records.session import SESSION_FILE, run_folders
from loopbench.scenario import Scenario


class Begun(NamedTuple):
    """Earlier sessions of this scenario with these settings; None: there is none."""

    complete: Path | None  # the newest, if nothing of it is missing
    unfinished: Path | None  # the newest, if something is
    shown: Path | None  # the newest with a run in it

    @classmethod
    def of(cls, question: Scenario, out: Path) -> Self:
        """Search the folder of the results."""
        sessions = list(_sessions(question, out))
        shown = next((folder for folder, _ in sessions if any(run_folders(folder))), None)
        if not sessions:
            return cls(None, None, shown)
        newest, plan = sessions[0]
        return cls(newest, None, shown) if _is_complete(newest, plan) else cls(None, newest, shown)


def has_same_code(session: Path) -> bool:
    """Whether the session may continue; prints why not."""
    try:
        check_same_code(session)
    except UsageError as error:
        say(f"{session} is left as it is: {error.what}")
        return False
    return True


def _sessions(question: Scenario, out: Path) -> Iterator[tuple[Path, Plan]]:
    """The newest first."""
    for file in sorted((out / question.name).glob(f"*/{SESSION_FILE}"), reverse=True):
        try:
            seed = check_resumable(file.parent, question, explain=False)
        except LoopbenchError:  # other settings, or damaged: a new one is measured beside it
            continue
        yield file.parent, make_plan(question, seed)


def _is_complete(folder: Path, plan: Plan) -> bool:
    """Every run is there, or as many rounds as it takes and narrow enough."""
    from loopbench.judge.rounds.between_runs import rounds_standing

    missing = [run for run in plan.runs if not run_path(folder, run.folder).is_dir()]
    if any(run.round <= plan.fewest_rounds for run in missing):
        return False
    try:
        return not missing or rounds_standing(folder).enough
    except LoopbenchError:  # a damaged run: its report names it, another round would not mend it
        return True
