"""A session, judged: its runs in the scenario's order, and what can be said over all of them."""

from dataclasses import dataclass
from pathlib import Path

from loopbench.errors import DataError
from loopbench.judge.published import Published, compare_with_published
from loopbench.judge.run_report import RunReport, judge_run
from loopbench.records import FormatError
from loopbench.records.session import SessionRecord, read_session, run_folders


@dataclass(frozen=True)
class SessionReport:
    """What `summary.*`, the charts and the page are made of."""

    folder: Path
    record: SessionRecord
    runs: tuple[RunReport, ...]  # in the order of the scenario's variants
    published: Published | None
    missing: tuple[str, ...]  # variants the plan holds but no complete run does
    damaged: tuple[str, ...]  # run folders that could not be used, with the reason
    notes: tuple[str, ...]

    @property
    def counts_agree(self) -> bool:
        """In every run, the server, our samples and Locust counted the same."""
        return all(run.record.counts.agree for run in self.runs)


def judge_session(folder: Path) -> SessionReport:
    """Read a session folder and judge every complete run in it.

    Raises:
        DataError: it is no session, or its `session.json` is damaged or of another format.
    """
    try:
        record = read_session(folder)
        scenario = record.scenario
    except FormatError as problem:
        raise DataError(str(problem), slug="session-format", where=str(folder), hints=("loopbench list",)) from None
    judged, damaged = _judge_runs(folder, record)
    order = {variant.slug: index for index, variant in enumerate(scenario.variants)}
    runs = tuple(sorted(judged, key=lambda run: order[run.variant.slug]))
    measured = {run.variant.slug: run.goodput_rps for run in runs}
    return SessionReport(
        folder=folder,
        record=record,
        runs=runs,
        published=compare_with_published(
            scenario.source, [(each.name, each.published_rps, measured.get(each.slug)) for each in scenario.variants]
        ),
        missing=tuple(each.name for each in scenario.variants if each.slug not in measured),
        damaged=damaged,
        notes=tuple(f"not used: {each}" for each in damaged) + _notes(record),
    )


def _judge_runs(folder: Path, record: SessionRecord) -> tuple[list[RunReport], tuple[str, ...]]:
    """Every run of the plan that can be read, and why the others cannot: one bad folder must not cost the rest."""
    planned = {run.folder: run for run in record.plan}
    judged, damaged = [], []
    for path in run_folders(folder):
        try:
            run = judge_run(path, record.scenario.variants, record.scenario.neighbours)
            expected = planned.get(path.name)
            if expected is None or (run.record.number, run.record.variant) != (expected.number, expected.variant):
                damaged.append(f"{path.name}: no run of this session's plan")
            else:
                judged.append(run)
        except (DataError, FormatError) as problem:
            damaged.append(f"{path.name}: {problem}")
    return judged, tuple(damaged)


def _notes(record: SessionRecord) -> tuple[str, ...]:
    scenario = record.scenario
    closed_loop = (
        f"Closed loop: {scenario.users} users, each waiting for its answer before asking again. Response times hold "
        "for at most that many requests in flight; they say nothing about a fixed arrival rate."
    )
    notes = [
        closed_loop,
        "One ramp run a variant: a picture, not a comparison. It carries no interval.",
    ]
    if scenario.quick:
        notes.append(
            f"A quick look: users came at {scenario.spawn_rate:.3g} a second, so each number of users was seen for "
            "a moment only. Run without --quick for the real picture."
        )
    if record.environment_ignored:
        notes.append(
            "Set here, and kept away from Locust (or from uvicorn, where it would steer it): "
            + ", ".join(record.environment_ignored)
            + "."
        )
    return tuple(notes)
