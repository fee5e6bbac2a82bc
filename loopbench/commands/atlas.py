"""The command `atlas`: every scenario of a folder in its quick form, and one page with every claim and every answer."""

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from loopbench.commands.options import RESULTS, Overrides
from loopbench.console import print_error, say
from loopbench.errors import CannotTellError, LoopbenchError, UsageError
from loopbench.showable import showable

if TYPE_CHECKING:
    from loopbench.judge.atlas import Atlas, AtlasEntry, NotAsked
    from loopbench.measure.session import SessionOutcome, Wanted
    from loopbench.plan import Plan
    from loopbench.scenario import Scenario

PAGE = "atlas.html"
TIME_IS_UP = "the time given was up"
GO_ON = "the same command again: what is complete is kept"


def atlas(  # noqa: PLR0913  one parameter an option
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where the scenarios are.")] = Path("scenarios"),
    *,
    only: Annotated[list[str] | None, typer.Option(metavar="NAME", help="This scenario alone; repeatable.")] = None,
    override: Overrides = None,
    rounds: Annotated[int, typer.Option(min=0, max=100, help="Rounds at most, of each scenario.")] = 5,
    max_minutes: Annotated[
        float | None, typer.Option(min=0, help="For all of them: begin nothing that would end later.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for sessions and page.")] = RESULTS / "atlas",
    docs: Annotated[Path, typer.Option(help="The list of claims.")] = Path("docs/claims.md"),
    write_docs: Annotated[bool, typer.Option("--write-docs", help="Write the answers into that list.")] = False,
) -> None:
    """Measure every scenario in its quick form; answer every claim of every source on one page.

    Every variant has its ramp; in rounds are those whose figures a claim compares. A scenario that fails, or whose
    service is missing, is named with what would bring it, and the others go on.
    """
    from loopbench.measure.session import Wanted
    from loopbench.scenario import load

    ends_s = None if max_minutes is None else time.monotonic() + 60 * max_minutes
    entries: list[AtlasEntry] = []
    interrupted: SessionOutcome | None = None
    files = _chosen(folder, only or [])
    for number, file in enumerate(files, 1):
        say(f"\n[{number}/{len(files)}] {file.stem}")
        try:
            question = _with_rounds_for_claims(load(file, tuple(override or ()), quick=True, rounds=rounds))
        except LoopbenchError as error:
            print_error(error)
            entries.append(_unreadable(file, error))
            continue
        left = None if ends_s is None else max(0.0, (ends_s - time.monotonic()) / 60)
        visited = _visit(question, out, Wanted(quick=True, max_minutes=left))
        entries.append(_entry(question, visited, out))
        _say_entry(entries[-1])
        if visited is not None and visited.outcome is not None and visited.outcome.interrupted_by is not None:
            interrupted = visited.outcome
            break
    _finish(entries, files, out, docs, write_docs=write_docs)
    _leave(entries, interrupted)


def _with_rounds_for_claims(question: "Scenario") -> "Scenario":
    """Rounds of the variants whose figures a claim compares; a receipt is a count, which one run tells as well."""
    compared = {
        name for claim in question.claims if claim.recorded().receipt_key is None for name in (claim.a, claim.b)
    }
    wanted = [each.name for each in question.variants if each.name in {*compared, question.baseline}]
    if not compared:
        change: dict[str, object] = {"max_rounds": 0}
    elif len(wanted) < len(question.variants):
        change = {"variants": wanted}
    else:
        return question
    return question.model_copy(update={"repeat": question.repeat.model_copy(update=change)})


@dataclass(frozen=True)
class _Visit:
    """What became of a scenario. No outcome: its session was complete already."""

    session: Path
    outcome: "SessionOutcome | None"


def _chosen(folder: Path, only: Sequence[str]) -> list[Path]:
    files = sorted(folder.glob("*.toml"))
    if not files:
        raise UsageError(f"there are no scenarios in {folder}", slug="no-scenarios", where=str(folder.resolve()))
    names = {file.stem: file for file in files}
    unknown = [name for name in only if name not in names]
    if unknown:
        what = f"there is no scenario {unknown[0]!r} in {folder}"
        raise UsageError(what, slug="scenario-missing", where=str(folder), allowed=", ".join(names))
    return [file for name, file in names.items() if not only or name in only]


def _visit(question: "Scenario", out: Path, wanted: "Wanted") -> _Visit | None:
    """Keep a complete session of this scenario, go on with one that is not, or begin one; None: no time left."""
    from loopbench.commands.measuring import begin_session, new_seed, resume_session

    begun = next(_sessions(question, out), None)
    if begun is not None and _is_complete(*begun):
        say(f"kept: {begun[0]}")
        return _Visit(begun[0], None)
    if wanted.max_minutes == 0:
        return None
    if begun is not None:
        return _Visit(begun[0], resume_session(question, begun[0], wanted))
    outcome = begin_session(question, new_seed(None), out, wanted)
    return _Visit(outcome.folder, outcome)


def _sessions(question: "Scenario", out: Path) -> Iterator[tuple[Path, "Plan"]]:
    """Sessions of exactly this scenario and these settings, the newest first."""
    from loopbench.measure.resume import check_resumable
    from loopbench.plan import make_plan
    from loopbench.records.session import SESSION_FILE

    for file in sorted((out / question.name).glob(f"*/{SESSION_FILE}"), reverse=True):
        try:
            seed = check_resumable(file.parent, question, explain=False)
        except LoopbenchError:  # other settings, or damaged: a new one is measured beside it
            continue
        yield file.parent, make_plan(question, seed)


def _is_complete(folder: Path, plan: "Plan") -> bool:
    """Every run is there, or as many rounds as it takes and narrow enough."""
    from loopbench.measure.store import run_path
    from loopbench.session_judge import SessionJudge

    missing = [run for run in plan.runs if not run_path(folder, run.folder).is_dir()]
    if any(run.round <= plan.fewest_rounds for run in missing):
        return False
    return not missing or SessionJudge().standing(folder).enough


def _entry(question: "Scenario", visited: _Visit | None, out: Path) -> "AtlasEntry":
    """What the page says of it: from its session, if there is one with a run in it."""
    from loopbench.commands.reporting import draw_files
    from loopbench.judge.atlas import AtlasEntry, answered, unanswered

    trouble, remedy = (TIME_IS_UP, GO_ON) if visited is None else _trouble(visited.outcome)
    report = None
    if visited is not None and (visited.outcome is None or visited.outcome.finished_runs):
        try:
            report = draw_files(visited.session)
        except LoopbenchError as error:
            print_error(error)
            trouble, remedy = error.what, next(iter(error.hints), "")
    claims = tuple(claim.recorded() for claim in question.claims)
    return AtlasEntry(
        scenario=question.file.stem,
        title=question.title,
        session="" if report is None else report.folder.relative_to(out).as_posix(),
        stamp="" if report is None else report.stamp.label,
        claims=unanswered(claims, trouble or "no run is complete") if report is None else answered(report),
        trouble=trouble,
        remedy=remedy,
    )


def _trouble(outcome: "SessionOutcome | None") -> tuple[str, str]:
    """What kept a scenario from its end, and the one command that helps."""
    if outcome is None:
        return "", ""
    if outcome.error is not None:
        print_error(outcome.error)
        return outcome.error.what, next(iter(outcome.error.hints), "")
    if outcome.interrupted_by is not None:
        return "it was stopped by a signal", GO_ON
    return (TIME_IS_UP, GO_ON) if outcome.finished_runs < outcome.planned_runs else ("", "")


def _unreadable(file: Path, error: LoopbenchError) -> "AtlasEntry":
    from loopbench.judge.atlas import AtlasEntry

    return AtlasEntry(file.stem, file.stem, "", "", (), error.what, f"loopbench plan {file}")


def _say_entry(entry: "AtlasEntry") -> None:
    for claim in entry.claims:
        say(f"claim {showable(claim.answer.claim.id)}: {showable(claim.answer.sentence)}")
    if entry.trouble:
        say(showable(entry.not_measured))


def _finish(entries: Sequence["AtlasEntry"], files: Sequence[Path], out: Path, docs: Path, *, write_docs: bool) -> None:
    """The page, `atlas.json`, the console, and the list of claims if that was asked for."""
    from loopbench.judge.atlas import Atlas, atlas_values
    from loopbench.scenario.claims_table import SOURCES
    from plots.atlas_page import write_atlas_page

    made = Atlas(datetime.now(UTC).isoformat(timespec="seconds"), tuple(entries), _not_asked(docs), SOURCES)
    out.mkdir(parents=True, exist_ok=True)
    write_atlas_page(made, out / PAGE)
    text = json.dumps(atlas_values(made), indent=1, allow_nan=False, ensure_ascii=False) + "\n"
    (out / "atlas.json").write_text(text, encoding="utf-8")
    if write_docs:
        _write_docs(made, files, docs)
    say()
    say(made.sentence)
    for entry in entries:
        if entry.trouble:
            say(f"{entry.scenario}: {showable(entry.not_measured)}")
    say(f"page: {out / PAGE}")


def _not_asked(docs: Path) -> tuple["NotAsked", ...]:
    from loopbench.judge.atlas import NotAsked
    from loopbench.scenario.claims_table import not_asked

    return tuple(NotAsked(*row) for row in not_asked(docs.read_text(encoding="utf-8"))) if docs.is_file() else ()


def _write_docs(made: "Atlas", files: Sequence[Path], docs: Path) -> None:
    """Answers that were not measured this time stay as they are."""
    from loopbench.scenario.claims_table import answers_in, rewritten, shipped

    page, scenarios = docs.read_text(encoding="utf-8"), shipped(files[0].parent)
    docs.write_text(rewritten(page, scenarios, answers_in(page, scenarios) | made.cells), encoding="utf-8")
    say(f"written: {docs}")


def _leave(entries: Sequence["AtlasEntry"], interrupted: "SessionOutcome | None") -> None:
    """With the signal that ended it; with 3 if nothing at all was measured; a scenario in trouble is no failure."""
    from loopbench.commands.ending import leave_if_ended_early

    if interrupted is not None:
        leave_if_ended_early(interrupted)
    if not any(entry.session for entry in entries):
        raise CannotTellError("not one scenario was measured", slug="atlas-empty", hints=("read the errors above",))
