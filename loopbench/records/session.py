"""A session folder: its files, and the contents of `session.json` and `run.json`.

    results/<scenario>/<time>/session.json
                              runs/<number>-<kind>-<variant>/run.json, samples-0.bin, locust_stats.csv, ...

A run's folder is complete or absent. It is written under a name that starts with a dot, with `run.json` last, and then
renamed. Failed attempts, and INVALID runs that were repeated, keep such a name and are not evaluated.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from loopbench.errors import DataError
from loopbench.records import FORMAT_VERSION
from loopbench.records.claims import RecordedClaim
from loopbench.records.codec import from_json
from loopbench.records.gates import RecordedGate
from loopbench.records.services import ServiceFact

T = TypeVar("T")

SESSION_FILE: Final = "session.json"
RUN_FILE: Final = "run.json"
RUNS_FOLDER: Final = "runs"
CHARTS_FOLDER: Final = "charts"
REPORT_FILE: Final = "report.html"
SUMMARY_STEM: Final = "summary"
LOAD_ORDER_FILE: Final = "load.json"
TARGET_LOG: Final = "target.log"
LOCUST_LOG: Final = "locust.log"
LOCUST_CSV_PREFIX: Final = "locust"
SAMPLES_GLOB: Final = "samples-*.bin"
ATTEMPTS_GLOB: Final = ".*.attempt-*"

MAX_JSON_BYTES: Final = 64_000_000
"""A larger `session.json` or `run.json` is not read, because it may come from an untrusted source."""

KIND_RAMP: Final = "ramp"
KIND_PLATEAU: Final = "plateau"
KIND_STEPS: Final = "steps"
KIND_TIMELINE: Final = "timeline"
OUTSIDE_ROUNDS: Final = 0
"""The round number of runs outside rounds."""


def samples_file(generator: int) -> str:
    """Return the name of a generator process's samples file."""
    return f"samples-{generator}.bin"


@dataclass(frozen=True)
class ResolvedTarget:
    """How a variant's app was started: the scenario's and the variant's tables merged, defaults included."""

    app: str
    app_dir: str
    workers: int
    loop: str
    http: str
    thread_tokens: int
    env_names: tuple[str, ...]  # values may be secrets and are not recorded
    python: str


@dataclass(frozen=True)
class RecordedVariant:
    """One variant of the scenario, with the fields that judging and drawing need."""

    name: str
    slug: str
    method: str
    path: str  # with the query
    published_rps: float | None
    target: ResolvedTarget


@dataclass(frozen=True)
class RecordedTimeline:
    """A few requests sent at once; see `records/timeline.py`."""

    name: str
    slug: str


@dataclass(frozen=True)
class RecordedRepeat:
    """The rule for when enough rounds have been measured."""

    precision: float  # largest half-width of every declared 95 % interval (0.05: 5 %)
    min_rounds: int
    max_rounds: int
    settle_s: float
    window_s: float
    variants: tuple[str, ...] = ()  # slugs of the variants measured in rounds; empty: all


@dataclass(frozen=True)
class RecordedScenario:
    """The scenario as it was resolved."""

    file: str
    name: str
    title: str
    question: str
    source: str
    neighbours: tuple[str, ...]  # request names
    variants: tuple[RecordedVariant, ...]
    baseline: str  # slug of the variant the others are compared with; empty: each with each
    users: int
    spawn_rate: float
    hold_s: float
    warmup_s: float
    think_time_s: tuple[float, float]
    steps: tuple[int, ...]
    mode: str
    rate_rps: tuple[float, float]
    generators: int
    remote_workers: int
    client: str
    repeat: RecordedRepeat
    quick: bool
    explain: bool  # the probe's level, the same for every variant
    claims: tuple[RecordedClaim, ...] = ()
    timelines: tuple[RecordedTimeline, ...] = ()
    expect: tuple[RecordedGate, ...] = ()

    @property
    def repeated_variants(self) -> tuple[RecordedVariant, ...]:
        """The variants measured in rounds."""
        named = self.repeat.variants
        return tuple(each for each in self.variants if not named or each.slug in named)


@dataclass(frozen=True)
class PlannedRun:
    """One run of the plan."""

    number: int
    kind: str
    round: int  # OUTSIDE_ROUNDS if it belongs to no round
    variant: str  # slug; the timeline's slug for a timeline run
    seed: int
    expected_s: float

    @property
    def folder(self) -> str:
        """Name of the run's folder."""
        return f"{self.number:04d}-{self.kind}-{self.variant}"


@dataclass(frozen=True)
class SessionRecord:
    """`session.json`: written before the first run and never changed."""

    format: int
    loopbench: str
    started: str  # ISO 8601, UTC
    command: tuple[str, ...]
    scenario: RecordedScenario
    settings: dict[str, str]  # the whole scenario by dotted key; a session is resumed only with equal settings
    seed: int
    plan: tuple[PlannedRun, ...]
    machine: dict[str, Any]
    packages: dict[str, str]
    provenance: dict[str, Any]  # git state, each target's Python and its packages, uvicorn's effective settings
    environment_ignored: tuple[str, ...]  # names of ignored variables that would have changed target or generator


@dataclass(frozen=True)
class Phase:
    """One phase of a run, in seconds after the generator's origin."""

    name: str
    start_s: float
    end_s: float

    @property
    def width_s(self) -> float:
        """Its length."""
        return self.end_s - self.start_s


@dataclass(frozen=True)
class Counts:
    """Three counts of the same requests. None: that source could not be read."""

    server: int | None  # by the target itself, without the harness's own requests
    samples: int | None  # by our recorder
    locust: int | None  # by Locust's own statistics
    unfinished: int  # sent, but without an answer at the end of the drain: in none of the three
    server_says: bool = True  # False: the target runs elsewhere and its count cannot be read from here
    locust_says: bool = True  # False: a timeline, whose requests the harness sends itself

    @property
    def agree(self) -> bool:
        """Whether all counts are known and equal; a source that cannot be read is left out."""
        server = self.server if self.server_says else self.samples
        locust = self.locust if self.locust_says else self.samples
        return self.samples is not None and server == self.samples == locust


@dataclass(frozen=True)
class FileFact:
    """Size and checksum of a file at the end of its run."""

    name: str
    size_bytes: int
    crc32: int


@dataclass(frozen=True)
class RunRecord:
    """`run.json`. It is written last; a folder without it is not a run."""

    format: int
    number: int
    kind: str
    round: int
    variant: str  # slug
    attempt: int
    nonce: str
    started: str  # ISO 8601, UTC
    wall_s: float  # from first to last step, including the target's start and stop
    load_s: float  # the part in which the generator ran its phases
    port: int
    target_command: tuple[str, ...]
    load_command: tuple[str, ...]
    target_pids: tuple[int, ...]
    target_cpus: tuple[int, ...]  # empty: not pinned
    generator_cpus: tuple[int, ...]
    target_exit: str
    generator_exit: str
    phases: tuple[Phase, ...]
    users_started: int
    counts: Counts
    canary_before_s: (
        float | None
    )  # duration of fixed work on the run's cores, just before the target's start; None: not run
    canary_after_s: float | None
    services: tuple[ServiceFact, ...]
    receipt: dict[str, int | float | bool | str] | None  # the target's receipt after the drain, if requested
    files: tuple[FileFact, ...]


def read_session(folder: Path) -> SessionRecord:
    """Return the content of `session.json`.

    Raises:
        DataError: there is no session, it is damaged, or it has another format version.
    """
    return _read(SessionRecord, folder / SESSION_FILE, slug="session-format")


def read_run(folder: Path) -> RunRecord:
    """Return the content of `run.json`.

    Raises:
        DataError: as for `read_session`.
    """
    return _read(RunRecord, folder / RUN_FILE, slug="run-format")


def run_folders(session_folder: Path) -> Iterator[Path]:
    """Return the folders of the session's evaluated runs, in order."""
    runs = session_folder / RUNS_FOLDER
    if runs.is_dir():
        yield from sorted(path for path in runs.iterdir() if not path.name.startswith(".") and path.is_dir())


def kind_of(run_folder: Path) -> str:
    """Return the kind of a run, from its folder's name."""
    return run_folder.name.split("-", 2)[1]


def rejected_folders(session_folder: Path) -> tuple[Path, ...]:
    """Return the folders of complete runs that were INVALID and were repeated."""
    attempts = sorted((session_folder / RUNS_FOLDER).glob(ATTEMPTS_GLOB))
    return tuple(path for path in attempts if (path / RUN_FILE).is_file())


def rejected_runs(session_folder: Path) -> tuple[str, ...]:
    """Return the names of complete runs that were INVALID and were repeated, once per attempt."""
    return tuple(path.name[1:].rpartition(".attempt-")[0] for path in rejected_folders(session_folder))


def file_facts(folder: Path) -> tuple[FileFact, ...]:
    """Return size and checksum of every file in a run's folder except `run.json`."""
    return tuple(
        FileFact(path.name, len(data), zlib.crc32(data))
        for path in sorted(folder.iterdir())
        if path.is_file() and path.name != RUN_FILE
        for data in [path.read_bytes()]
    )


def _read(kind: type[T], path: Path, *, slug: str) -> T:
    try:
        return _read_versioned(kind, path)
    except DataError as problem:
        raise DataError(problem.what, slug=slug, where=str(path.parent), hints=("loopbench list",)) from None


def _read_versioned(kind: type[T], path: Path) -> T:
    try:
        with path.open("rb") as file:
            text = file.read(MAX_JSON_BYTES + 1)
    except FileNotFoundError:
        raise DataError(
            f"there is no {path.name} in {path.parent}: no loopbench folder, or an unfinished one"
        ) from None
    except OSError as problem:
        raise DataError(f"{path} cannot be read: {problem.strerror}") from None
    if len(text) > MAX_JSON_BYTES:
        raise DataError(f"{path} is larger than {MAX_JSON_BYTES // 1_000_000} MB: no loopbench has written it")
    _check_version(text, path)
    return from_json(kind, text, str(path))


def _check_version(text: bytes, path: Path) -> None:
    version = from_json(_Versioned, text, str(path)).format
    if version > FORMAT_VERSION:
        raise DataError(f"{path} has format {version}; this loopbench reads {FORMAT_VERSION}: update loopbench")
    if version < FORMAT_VERSION:
        raise DataError(
            f"{path} has the older format {version}; this loopbench reads {FORMAT_VERSION}: "
            "report it with the loopbench that wrote it, or measure again"
        )


@dataclass(frozen=True)
class _Versioned:
    format: int
