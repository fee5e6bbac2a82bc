"""The command `atlas`: every scenario of a folder in its quick form, and one page with every claim and every answer."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from loopbench.commands.options import AsJson, Overrides, ScenarioFolder, Wait, below_results, scenarios_in
from loopbench.console import Speech, print_error, say
from loopbench.errors import CannotTellError, LoopbenchError, UsageError
from loopbench.showable import showable

if TYPE_CHECKING:
    from loopbench.commands.series import MeasuredSession, Series
    from loopbench.judge.atlas import Atlas, AtlasEntry, NotAsked
    from loopbench.measure.events import SessionEnded
    from loopbench.scenario import Scenario

PAGE = "atlas.html"


def atlas(  # noqa: PLR0913  one parameter an option
    folder: ScenarioFolder = None,
    *,
    only: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Only this scenario; repeatable.")] = None,
    override: Overrides = None,
    rounds: Annotated[int, typer.Option(min=0, max=100, help="Maximum rounds of each scenario.")] = 5,
    max_minutes: Annotated[
        float | None, typer.Option(min=0, help="For all scenarios: start nothing that would end later.")
    ] = None,
    wait: Wait = False,
    out: Annotated[Path, below_results("atlas", "Folder for the sessions and the page.")],
    docs: Annotated[Path, typer.Option(help="The list of claims.")] = Path("docs/claims.md"),
    write_docs: Annotated[bool, typer.Option("--write-docs", help="Write the answers into that list.")] = False,
    as_json: AsJson = False,
) -> None:
    """Measure every scenario briefly; answer every claim on a page.

    Every variant gets a ramp; the rounds measure the variants that a claim compares. If a scenario fails, or its
    service is missing, the page names it with the remedy, and the others continue. The page always shows all scenarios:
    one that is not measured this time is shown from its newest session.
    """
    if write_docs and override:
        raise UsageError(
            "--write-docs records the answers of unchanged scenarios and cannot be combined with --set",
            slug="docs-of-another-load",
            hints=("leave one of the two out",),
        )
    from loopbench.commands.series import Series
    from loopbench.judge.atlas import Atlas
    from loopbench.scenario.claims_table import SOURCES

    files, speech = scenarios_in(folder), Speech(as_json=as_json)
    series = Series(out, max_minutes, quick=True, wait=wait, words=speech.words)
    runner = _AtlasRunner(_chosen(files, only or []), out, rounds, tuple(override or ()), series, speech)
    entries = [runner.visit(file) for file in files]
    made = Atlas(datetime.now(UTC).isoformat(timespec="seconds"), tuple(entries), _not_asked(docs), SOURCES)
    if write_docs:
        _write_docs(made, files, docs, speech.words)
    _finish(made, out, speech)
    _end(entries, runner.interrupted)


def _with_rounds_for_claims(question: "Scenario") -> "Scenario":
    """Restrict the rounds to variants that a claim compares. A receipt is a count: one run is enough."""
    compared = {name for claim in question.claims if claim.receipt_key is None for name in (claim.a, claim.b)}
    wanted = [each.name for each in question.variants if each.name in {*compared, question.baseline}]
    if not compared:
        change: dict[str, object] = {"max_rounds": 0}
    elif len(wanted) < len(question.variants):
        change = {"variants": wanted}
    else:
        return question
    return question.model_copy(update={"repeat": question.repeat.model_copy(update=change)})


def _chosen(files: Sequence[Path], only: Sequence[str]) -> list[Path]:
    names = {file.stem: file for file in files}
    unknown = [name for name in only if name not in names]
    if unknown:
        folder = files[0].parent
        what = f"there is no scenario {unknown[0]!r} in {folder}"
        raise UsageError(what, slug="scenario-missing", where=str(folder), allowed=", ".join(names))
    return [file for name, file in names.items() if not only or name in only]


class _AtlasRunner:
    """Visits the chosen scenarios one by one; of the others it only finds earlier sessions."""

    def __init__(  # noqa: PLR0913
        self,
        chosen: Sequence[Path],
        out: Path,
        rounds: int,
        override: tuple[str, ...],
        series: "Series",
        speech: Speech,
    ) -> None:
        self._chosen, self._out, self._rounds, self._override = chosen, out, rounds, override
        self._series, self._speech = series, speech

    @property
    def interrupted(self) -> "SessionEnded | None":
        """The session that a signal ended."""
        return self._series.interrupted

    def visit(self, file: Path) -> "AtlasEntry":
        """Measure a scenario, or find an earlier session of it; problems become part of its entry."""
        from loopbench.scenario import load

        if file in self._chosen:
            say(f"\n[{self._chosen.index(file) + 1}/{len(self._chosen)}] {file.stem}", self._speech.words)
        try:
            question = _with_rounds_for_claims(load(file, self._override, quick=True, rounds=self._rounds))
        except LoopbenchError as error:
            print_error(error)
            return _unreadable(file, error)
        entry = _entry(question, self._visited(question), self._out)
        if file in self._chosen:
            _say_entry(entry, self._speech)
        return entry

    def _visited(self, question: "Scenario") -> "MeasuredSession":
        from loopbench.commands.series import EarlierSessions, MeasuredSession, Trouble

        if question.file in self._chosen:
            return self._series.visit(question)
        earlier = EarlierSessions.of(question, self._out)
        if earlier.complete is not None:
            return MeasuredSession(earlier.complete)
        return MeasuredSession(
            earlier.shown, Trouble("it was left out this time (--only)", "the same command without --only")
        )


def _entry(question: "Scenario", visited: "MeasuredSession", out: Path) -> "AtlasEntry":
    """Returns a scenario's entry on the page, from its session if that has a run."""
    from loopbench.commands.reporting import draw_files
    from loopbench.judge.atlas import AtlasEntry, answered, unanswered

    trouble, remedy = visited.trouble
    report = None
    if visited.session is not None:
        try:
            report = draw_files(visited.session)
        except LoopbenchError as error:
            print_error(error)
            trouble, remedy = error.what, next(iter(error.hints), "")
    if report is not None and report.damaged and not trouble:
        trouble, remedy = (
            f"not every run of it can be read: {report.damaged[0]}",
            "a new session: move that folder away",
        )
    claims = tuple(question.claims)
    return AtlasEntry(
        scenario=question.file.stem,
        title=question.title,
        session="" if report is None else report.folder.relative_to(out).as_posix(),
        measured="" if report is None else report.record.started,
        stamp="" if report is None else report.stamp.label,
        claims=unanswered(claims, trouble or "no run is complete") if report is None else answered(report, claims),
        trouble=trouble,
        remedy=remedy,
    )


def _unreadable(file: Path, error: LoopbenchError) -> "AtlasEntry":
    from loopbench.judge.atlas import AtlasEntry

    return AtlasEntry(file.stem, file.stem, "", "", "", (), error.what, f"loopbench plan {file}")


def _say_entry(entry: "AtlasEntry", speech: Speech) -> None:
    for claim in entry.claims:
        say(f"claim {showable(claim.answer.claim.id)}: {showable(claim.answer.sentence)}", speech.results)
    if entry.trouble:
        say(showable(entry.not_measured), speech.words)


def _finish(made: "Atlas", out: Path, speech: Speech) -> None:
    """Write the page and `atlas.json`; print the summary."""
    from loopbench.judge.atlas import atlas_values
    from loopbench.plots.atlas_page import render_atlas_page
    from loopbench.records.files import write_file

    out.mkdir(parents=True, exist_ok=True)
    write_file(out / PAGE, render_atlas_page(made))
    text = json.dumps(atlas_values(made), indent=1, allow_nan=False, ensure_ascii=False) + "\n"
    write_file(out / "atlas.json", text)
    words = speech.words
    say("", words)
    say(made.sentence, speech.results)
    for entry in made.entries:
        if entry.trouble:
            say(f"{entry.scenario}: {showable(entry.not_measured)}", words)
    say(f"page: {out / PAGE}", words)
    speech.give(text)


def _not_asked(docs: Path) -> tuple["NotAsked", ...]:
    from loopbench.judge.atlas import NotAsked
    from loopbench.scenario.claims_table import not_asked

    try:
        page = docs.read_text(encoding="utf-8")
    except (OSError, ValueError):  # no list, or no text: the page goes without it
        return ()
    return tuple(NotAsked(*row) for row in not_asked(page))


def _write_docs(made: "Atlas", files: Sequence[Path], docs: Path, words: TextIO) -> None:
    """Answers that were not measured this time stay as they are."""
    from loopbench.scenario.claims_table import answers_in, rewritten, shipped

    try:
        page, scenarios = docs.read_text(encoding="utf-8"), shipped(files[0].parent)
        docs.write_text(rewritten(page, scenarios, answers_in(page, scenarios) | made.cells), encoding="utf-8")
    except (OSError, ValueError, LoopbenchError) as problem:  # a page that is no text, or has no block
        say(f"not written: {docs}: {showable(str(problem))}", words)
        return
    say(f"written: {docs}", words)


def _end(entries: Sequence["AtlasEntry"], interrupted: "SessionEnded | None") -> None:
    """End with the signal that stopped it, or with 3 if nothing was measured. One failed scenario is no failure."""
    from loopbench.commands.ending import leave_if_ended_early

    if interrupted is not None:
        leave_if_ended_early(interrupted)
    if not any(entry.session for entry in entries):
        raise CannotTellError("not one scenario was measured", slug="atlas-empty", hints=("read the errors above",))
