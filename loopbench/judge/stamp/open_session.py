"""A session's folder, opened once: its complete runs, and what each of them is compared with."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from loopbench.errors import DataError
from loopbench.judge.run.run import Run, open_run
from loopbench.judge.stamp.canaries import Canaries, session_canaries
from loopbench.judge.stamp.metrics import NotObservable
from loopbench.judge.stamp.target_metrics import Reference, effective_settings
from loopbench.records.own_ceiling import OwnCeiling, read_own_ceiling
from loopbench.records.session import KIND_TIMELINE, RunRecord, SessionRecord, read_run, read_session, run_folders


@dataclass(frozen=True)
class OpenSession:
    """A session and its runs. Of each run only `run.json` is read so far.

    Args:
        folder: the session's.
        record: its `session.json`.
        records: of every complete run, by folder.
        runs: the complete runs that were under load, in order.
        damaged: folder names of the runs that cannot be opened, with what is wrong.
    """

    folder: Path
    record: SessionRecord
    records: dict[Path, RunRecord]
    runs: tuple[Run, ...]
    damaged: dict[str, DataError]

    @property
    def timelines(self) -> tuple[Path, ...]:
        """Folders of the complete timeline runs, in order."""
        return tuple(path for path, record in self.records.items() if record.kind == KIND_TIMELINE)

    @cached_property
    def canaries(self) -> Canaries:
        """Of all complete runs."""
        return session_canaries(self.records.values())

    @cached_property
    def ceiling(self) -> OwnCeiling | NotObservable | None:
        """The generators' own; None: never measured."""
        if self.record.scenario.remote_workers:
            return NotObservable("the generators run on other machines, and our no-op server listens on loopback alone")
        try:
            return read_own_ceiling(self.folder)
        except DataError as problem:
            return NotObservable(problem.what)

    @cached_property
    def reference(self) -> Reference | None:
        """Settings of the first run whose probe logs can be read; None without any."""
        return next(self._references(), None)

    def _references(self) -> Iterator[Reference]:
        for run in self.runs:
            try:
                yield Reference(run.variant.target, effective_settings(run.record, run.probe))
            except DataError:  # named among the damaged when the run itself is judged
                continue


def open_session(folder: Path) -> OpenSession:
    """Open a session's folder and its complete runs.

    Raises:
        DataError: it is no session, or its `session.json` is damaged or of another format.
    """
    session = read_session(folder)
    records: dict[Path, RunRecord] = {}
    runs: list[Run] = []
    damaged: dict[str, DataError] = {}
    for path in run_folders(folder):
        try:
            records[path] = record = read_run(path)
            if record.kind != KIND_TIMELINE:
                runs.append(open_run(path, session.scenario.variants, record))
        except DataError as problem:
            damaged[path.name] = problem
    return OpenSession(folder, session, records, tuple(runs), damaged)
