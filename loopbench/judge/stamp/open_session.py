"""A session's folder, opened once: its complete runs, what each of them is compared with, and the stamp of each."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from loopbench.errors import DataError
from loopbench.judge.run.run import Run, open_run
from loopbench.judge.stamp.canaries import Canaries, session_canaries
from loopbench.judge.stamp.generator_metrics import generator_metrics
from loopbench.judge.stamp.load_metrics import load_metrics
from loopbench.judge.stamp.machine_metrics import machine_metrics, usual_delay
from loopbench.judge.stamp.metrics import Metrics, NotApplicable, NotObservable
from loopbench.judge.stamp.stamp import Stamp, evaluate
from loopbench.judge.stamp.target_metrics import Reference, effective_settings, target_metrics
from loopbench.records.failures import Failures, read_failures
from loopbench.records.own_ceiling import OwnCeiling, read_own_ceiling
from loopbench.records.session import KIND_TIMELINE, RunRecord, SessionRecord, read_run, read_session, run_folders
from loopbench.scenario.load_settings import LITTLE_RPS


@dataclass(frozen=True)
class OpenSession:
    """A session and its runs. Of each run only `run.json` is read so far."""

    folder: Path  # the session's
    record: SessionRecord  # its `session.json`
    records: dict[Path, RunRecord]  # of every complete run, by folder
    runs: tuple[Run, ...]  # the complete runs that were under load, in order
    damaged: dict[str, DataError]  # folder names of the runs that cannot be opened, with what is wrong
    failures: Failures  # variants that were left out

    @property
    def timelines(self) -> tuple[Path, ...]:
        """Folders of the complete timeline runs, in order."""
        return tuple(path for path, record in self.records.items() if record.kind == KIND_TIMELINE)

    @cached_property
    def canaries(self) -> Canaries:
        """Of all complete runs."""
        return session_canaries(self.records.values())

    @cached_property
    def usual_delay(self) -> float:
        """See `machine_metrics.usual_delay`. A run whose sensors cannot be read is left out."""
        return usual_delay(self._readable, remote=bool(self.record.scenario.load.remote_workers))

    @property
    def _readable(self) -> Iterator[Run]:
        for run in self.runs:
            try:
                run.sensors_within(*run.shown)
            except DataError:  # named among the damaged when the run itself is judged
                continue
            yield run

    @cached_property
    def ceiling(self) -> OwnCeiling | NotObservable | NotApplicable | None:
        """The generators' own; None: never measured."""
        load = self.record.scenario.load
        if load.asks_for_little:
            return NotApplicable(f"the load asks for at most {LITTLE_RPS:,.0f} requests/s, which any generator sends")
        if load.locustfile:
            return NotObservable("the users of a locustfile are measured on the app alone")
        if load.remote_workers:
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
                yield Reference(run.variant.served, effective_settings(run.record, run.probe))
            except DataError:  # named among the damaged when the run itself is judged
                continue


def open_session(folder: Path) -> OpenSession:
    """Open a session's folder and its complete runs."""
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
    return OpenSession(folder, session, records, tuple(runs), damaged, read_failures(folder))


def stamp_run(run: Run, session: OpenSession) -> Stamp:
    """The stamp of one run."""
    return evaluate(run_metrics(run, session))


def run_metrics(run: Run, session: OpenSession) -> Metrics:
    """Every figure of one run that the rules ask for. Arguments and errors as for `stamp_run`."""
    return {
        **target_metrics(run, session.reference),
        **load_metrics(run),
        **generator_metrics(run, session.ceiling),
        **machine_metrics(
            run, session.canaries, session.usual_delay, remote=bool(session.record.scenario.load.remote_workers)
        ),
    }
