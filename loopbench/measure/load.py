"""One run's load: Locust as subprocesses, its progress, its end. Importing it here would patch our own sockets."""

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Final

from loopbench.errors import GeneratorError, LoopbenchError, TargetError, UsageError
from loopbench.measure.generators import LOCUSTFILE, TURNS_LOCUSTFILE, GeneratorProcesses, connect_s
from loopbench.measure.supervise import describe_exit, log_tail
from loopbench.records.codec import to_json
from loopbench.records.generators import EXIT_JOURNEY, EXIT_LOCUSTFILE, WORKER_LATE
from loopbench.records.load_spec import AWAITED_VARIABLE, PATH_VARIABLE, LoadSpec, TurnsSpec
from loopbench.records.session import LOAD_FILE, LOCUST_LOG, samples_file
from loopbench.records.tail import LiveView, SampleTails
from loopbench.scenario.load_settings import Load as LoadSettings
from loopbench.scenario.secrets import parts_of
from loopbench.secrecy import remember

POLL_S: Final = 0.1
OVERDUE_S: Final = 30.0  # a generator that runs this much longer than its phases and its drain together is hung

NO_LOCUST: Final = "No module named locust"
LOCUST_WANTED: Final = "'locust>=2.47,<2.48'"  # as in pyproject.toml


class Load(AbstractContextManager["Load"]):
    """The Locust of one run, or of several in turns: starts at once, waits for `begin`, and is watched to its end.

    Importing Locust takes as long as the start of an app: both can happen at the same time.

    Args:
        load: the scenario's.
        folder: for Locust's log.
        cpus: see `GeneratorProcesses`.
        in_turns: whether it loads several targets in turns.
    """

    def __init__(self, load: LoadSettings, folder: Path, *, cpus: tuple[int, ...], in_turns: bool = False) -> None:
        self._folder = folder
        self._load = load
        self._tails = SampleTails([])
        self._limit_s = 0.0
        self._spec_file = os.fdopen(os.memfd_create("load-spec"), "w", encoding="utf-8")
        self._captured = os.fdopen(os.memfd_create("captured"), "rb")
        awaited, self._awaited = os.pipe()
        files = {PATH_VARIABLE: self._spec_file.fileno(), AWAITED_VARIABLE: awaited}
        locustfile = TURNS_LOCUSTFILE if in_turns else LOCUSTFILE
        self._processes = GeneratorProcesses(load, folder, files, self._captured.fileno(), cpus, locustfile)
        os.close(awaited)

    def begin(self, spec: LoadSpec | TurnsSpec) -> None:
        """Hand over what the generator reads, and write each run's load into its folder."""
        files = [Path(each.samples_file) for each in spec.loads]
        for file, each in zip(files, spec.loads, strict=True):
            file.with_name(LOAD_FILE).write_text(to_json(each), encoding="utf-8")
        self._load = spec.loads[0].load
        self._limit_s = connect_s(self._load) + spec.phases_s + self._load.drain_s + OVERDUE_S
        numbers = range(self._load.processes)
        paths = [file.with_name(samples_file(each)) for file in files for each in numbers]
        if len(files) == 1:
            neighbour = next((each.name for each in spec.loads[0].requests[:-1]), "")
            self._tails = SampleTails(paths, neighbour, files[0].parent)
        else:  # one figure would mix several targets
            self._tails = SampleTails(paths)
        self._spec_file.write(spec.clear_json())
        self._release()

    def _release(self) -> None:
        """Let a generator that still waits read its load."""
        self._spec_file.close()
        if self._awaited >= 0:
            os.close(self._awaited)
            self._awaited = -1

    def close(self) -> None:
        """End what still runs, write its log, and learn the secrets that users have captured. May be called twice."""
        if not self._captured.closed:
            with self._captured as captured:
                remember(part for line in captured for value in json.loads(line) for part in parts_of(value))
            self._processes.__exit__()
            self._release()

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def command(self) -> tuple[str, ...]:
        """Its command line; with several generators, the master's."""
        return self._processes.command

    @property
    def pids(self) -> tuple[int, ...]:
        """Roots of its process trees on this machine."""
        return self._processes.pids

    def end_early(self) -> None:
        """Begin the drain now, because the target has ended."""
        self._processes.ask_to_end()

    def watch(self, between: Callable[[LiveView], None]) -> str:
        """Wait for the end, calling `between` ten times a second. Returns how it ended, in words."""
        deadline = time.monotonic() + self._limit_s
        while self._processes.exit_code is None:
            if time.monotonic() > deadline:
                raise self._failed(f"Locust was still running {OVERDUE_S:g} s after its load should have ended", "hung")
            self._processes.tend()
            between(self._tails.read())
            time.sleep(POLL_S)
        code, view = self._processes.exit_code, self._tails.read()
        self._check_master(code)
        if code in (EXIT_JOURNEY, EXIT_LOCUSTFILE):
            raise self._journey_failed(code)
        if code != 0:
            raise self._failed(f"Locust failed ({describe_exit(code)})", "failed")
        if not view.closed:
            raise self._failed("Locust ended without closing its record", "torn")
        if view.samples == 0:
            raise self._failed("Locust ended without having sent a request", "no-samples")
        return describe_exit(code)

    def _check_master(self, code: int) -> None:
        """Raise the reason that the master reported, or name the workers that did not connect."""
        known, expected = self._processes.known, self._load.processes
        if known is None:
            return
        if known.problem:
            raise self._failed(f"the run is INVALID: {known.problem}", known.problem_slug)
        if code != 0 and len(known.workers) < expected:
            came = f"{len(known.workers)} of {expected} workers came within {connect_s(self._load)} s"
            raise self._failed(came, WORKER_LATE, *self._how_to_bring_workers())

    def _how_to_bring_workers(self) -> tuple[str, ...]:
        if not self._load.remote_workers:
            return ()
        return (f"on each machine: loopbench worker --master {self._load.master_bind} --port {self._load.master_port}",)

    def _journey_failed(self, code: int) -> LoopbenchError:
        log = log_tail(self._folder / LOCUST_LOG)
        what, where = log.splitlines()[-1] if log else "the locustfile does not load", str(self._load.locustfile)
        if code == EXIT_LOCUSTFILE:
            needs = "correct the locustfile; packages that it imports must be installed beside loopbench"
            return UsageError(what, slug="locustfile", where=where, hints=(needs,))
        hints = ("correct the locustfile, or the app", "read locust.log and target.log in the run's folder")
        return TargetError(what, slug="wrong-answer", where=where, hints=hints, detail=log)

    def _failed(self, what: str, slug: str, *hints: str) -> GeneratorError:
        log = log_tail(self._folder / LOCUST_LOG)
        if NO_LOCUST in log:
            hints = (f"{self.command[0]} -m pip install {LOCUST_WANTED}", *hints)
        return GeneratorError(
            what,
            slug=f"generator-{slug}",
            where=" ".join(self.command[:3]),
            hints=(*hints, "read locust.log in the run's folder", "run the scenario again"),
            detail=log,
        )


@contextmanager
def loaded(spec: LoadSpec | TurnsSpec, folder: Path, *, cpus: tuple[int, ...]) -> Iterator[Load]:
    """Start a load against targets that are ready, and yield it; see `Load`."""
    with Load(spec.loads[0].load, folder, cpus=cpus, in_turns=isinstance(spec, TurnsSpec)) as load:
        load.begin(spec)
        yield load
