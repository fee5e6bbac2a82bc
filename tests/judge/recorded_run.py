"""A run's folder as measuring would leave it, from a simulated load without a fault; each test plants its own."""

import dataclasses
import itertools
import json
import types
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

import numpy as np
import numpy.typing as npt

from loopbench.judge.run.run import Run, open_run
from loopbench.judge.run.samples import DTYPE
from loopbench.judge.stamp.canaries import Canaries
from loopbench.judge.stamp.open_session import OpenSession, open_session
from loopbench.records import FORMAT_VERSION, codec, frames, samples
from loopbench.records.generator_watch import WatchedSecond, encode_seconds
from loopbench.records.load_spec import LoadSpec
from loopbench.records.own_ceiling import CEILING_FILE, OwnCeiling
from loopbench.records.sensors import (
    HEADER,
    SENSORS_FILE,
    UNOBSERVABLE_FILE,
    MachineUse,
    ProcessUse,
    SensorRow,
    write_row,
    write_unobservable,
)
from loopbench.records.session import (
    KIND_PLATEAU,
    KIND_RAMP,
    LOAD_FILE,
    RUN_FILE,
    RUNS_FOLDER,
    SESSION_FILE,
    STOPPED,
    Counts,
    Phase,
    RunRecord,
    SessionRecord,
    samples_file,
)
from loopbench.scenario import Request
from loopbench.scenario.load_settings import Load, Repeat
from tests.made_scenario import made_scenario

NONCE = "0123456789abcdef"
ORIGIN_S = 5_000.0
"""Of the generator on the host's monotonic clock."""
PID = 4242
WARMUP_S, SETTLE_S = 1.0, 1.0

T = TypeVar("T")
Rows = npt.NDArray[np.void]


def blank(kind: type[T], /, **known: Any) -> T:
    """A record with these fields; every other one is empty: nothing, zero, or a blank record of its own."""
    hints = get_type_hints(kind)
    missing = (each for each in dataclasses.fields(kind) if each.name not in known)  # type: ignore[arg-type]
    return kind(**known, **{each.name: _nothing(hints[each.name]) for each in missing})


def _nothing(hint: Any) -> Any:
    if get_origin(hint) is types.UnionType:
        return None if type(None) in get_args(hint) else _nothing(get_args(hint)[0])
    if get_origin(hint) is tuple and Ellipsis not in get_args(hint):
        return tuple(_nothing(each) for each in get_args(hint))
    if isinstance(hint, type) and issubclass(hint, Enum):
        return list(hint)[-1]
    return blank(hint) if isinstance(hint, type) and dataclasses.is_dataclass(hint) else (get_origin(hint) or hint)()


SCENARIO = made_scenario("def", load={"users": 20})
VARIANT = SCENARIO.variants[0]
SESSION = blank(SessionRecord, format=FORMAT_VERSION, file="made.toml", scenario=SCENARIO)
COMMAND = (
    *("python", "-m", "uvicorn", "app:app", "--app-dir", ".", "--port", "1234", "--workers", "1"),
    *("--loop", "loopbench_probe:new_uvloop_loop", "--http", "httptools", "--header", f"X-Loopbench-Run:{NONCE}"),
    "--no-access-log",
)


@dataclass(frozen=True)
class Made:
    """What a run is made from. Times in seconds.

    Args:
        service_s: latency of a request sent at a moment (seconds after the origin), and its user.
        hidden_s: what passes between the end of thinking and the next request.
        rows: changes the samples; they come in the order of their answers.
        events: changes users' starts and stops.
        watch: changes each second of the generator's watch.
        sensor: changes each row of the sensors.
        start: keys of the probe's start record.
        record: fields of `run.json`.
        load: keys of the scenario's `[load]`.
        variant: keys of the variant that differ.
        moves: counts of the probe's record of moved calls; None: it has none.
        ceiling_rps: the generator's own, of the session; None: not measured.
    """

    kind: str = KIND_PLATEAU
    users: int = 20
    think_s: float = 0.03
    hold_s: float = 8.0
    service_s: Callable[[float, int], float] = lambda _at_s, _user: 0.02
    hidden_s: float = 0.0
    rows: Callable[[Rows], Rows] = lambda rows: rows
    events: Callable[[list[samples.Event]], list[samples.Event]] = lambda events: events
    watch: Callable[[WatchedSecond], WatchedSecond] = lambda second: second
    sensor: Callable[[SensorRow], SensorRow] = lambda row: row
    unobservable: dict[str, str] = field(default_factory=dict)
    sensors: bool = True
    start: dict[str, Any] = field(default_factory=dict)
    workers: int = 1
    record: dict[str, Any] = field(default_factory=dict)
    load: dict[str, Any] = field(default_factory=dict)
    variant: dict[str, Any] = field(default_factory=dict)
    moves: dict[str, dict[str, int]] | None = None
    ceiling_rps: float | None = 20_000.0

    @property
    def phases(self) -> tuple[Phase, ...]:
        """As they would have happened."""
        names = (samples.PHASE_WARMUP, samples.PHASE_RAMP if self.kind == KIND_RAMP else samples.PHASE_SETTLE)
        lengths_s = (WARMUP_S, SETTLE_S, self.hold_s, 0.5)
        edges_s = list(itertools.accumulate(lengths_s, initial=0.0))
        return tuple(
            Phase(name, start_s, end_s)
            for name, (start_s, end_s) in zip(
                (*names, samples.PHASE_HOLD, samples.PHASE_DRAIN), itertools.pairwise(edges_s), strict=True
            )
        )


def write_run(session_folder: Path, made: Made = Made(), number: int = 1) -> Run:
    """The folder of one run, opened."""
    folder = session_folder / RUNS_FOLDER / f"{number:04d}-{made.kind}-def"
    folder.mkdir(parents=True)
    rows = made.rows(_requests(made))
    counted = int(np.count_nonzero(rows["flags"] & samples.FLAG_UNFINISHED == 0))
    _write_samples(folder, made, rows)
    _write_load(folder, made)
    for worker in range(made.workers):
        _write_probe(folder, made, PID + worker, counted // made.workers)
    if made.sensors:
        _write_sensors(folder, made)
    unfinished = len(rows) - counted
    record = {
        "counts": Counts(counted, counted, counted, unfinished),
        "canary_before_s": 0.1,
        "canary_after_s": 0.1,
        "target_exit": STOPPED,
    }
    fixed = {"format": FORMAT_VERSION, "number": number, "kind": made.kind, "variant": "def", "nonce": NONCE}
    recorded = {
        "target_command": COMMAND,
        "phases": made.phases,
        "users_started": made.users,
        "target_cpus": (0,),
        "target_exit": STOPPED,
    }
    run = blank(RunRecord, **(fixed | recorded | record | made.record))
    if made.ceiling_rps is not None:
        ceiling = OwnCeiling(
            made.ceiling_rps, "llhttp", generators=1, users=100, window_s=3.0, generator_cpu_share=0.95
        )
        (session_folder / CEILING_FILE).write_text(codec.to_json(ceiling), encoding="utf-8")
    (folder / RUN_FILE).write_text(codec.to_json(run), encoding="utf-8")
    return open_run(folder, [VARIANT.model_copy(update=made.variant)])


def session_of(run: Run, record: SessionRecord = SESSION, canaries: Canaries | None = None) -> OpenSession:
    """The session a run lies in, opened; with these canaries instead of its own."""
    folder = run.folder.parents[1]
    (folder / SESSION_FILE).write_text(codec.to_json(record), encoding="utf-8")
    session = open_session(folder)
    if canaries is not None:
        session.__dict__["canaries"] = canaries
    return session


def _requests(made: Made) -> Rows:
    """Every user asks, thinks and asks again; the server's time does not depend on other users."""
    begin_s, end_s = made.phases[1].start_s, made.phases[2].end_s
    rng = np.random.default_rng(1)
    found = []
    for user in range(made.users):
        at_s = begin_s + made.think_s * user / made.users
        flags = samples.FLAG_NEW_CONNECTION
        while at_s < end_s:
            latency_s = made.service_s(at_s, user) * rng.uniform(0.95, 1.05)
            found.append((at_s, latency_s, 0, np.nan, np.nan, 10, made.users, user, 0, 200, 0, flags))
            at_s += latency_s + made.think_s + made.hidden_s
            flags = 0
    rows = np.array(found, dtype=DTYPE)
    return rows[np.argsort(rows["start_s"] + rows["latency_s"], kind="stable")]


def _write_samples(folder: Path, made: Made, rows: Rows) -> None:
    begin_s, end_s = made.phases[1].start_s, made.phases[-1].end_s
    events: list[samples.Event] = [(begin_s, samples.EVENT_USER_STARTED, user) for user in range(made.users)]
    events += [(end_s, samples.EVENT_USER_STOPPED, user) for user in range(made.users)]
    seconds = [made.watch(WatchedSecond(float(at), 1.0, 0.2, (100,) * 50, 0)) for at in range(1, int(end_s) + 1)]
    head = samples.Head(FORMAT_VERSION, NONCE, 0, ORIGIN_S, 0.0, "this boot")
    pieces = (
        (samples.HEAD, samples.to_json(head)),
        (samples.NAME, samples.to_json(samples.Tables(["def"], ["", "body is not JSON"]))),
        (samples.EVNT, json.dumps(made.events(events)).encode()),
        (samples.SAMP, rows.tobytes()),
        (samples.WTCH, encode_seconds(seconds)),
        (samples.TRLR, samples.to_json(samples.Trailer(len(rows), len(rows)))),
    )
    (folder / samples_file(0)).write_bytes(b"".join(frames.encode(kind, payload) for kind, payload in pieces))


def _write_load(folder: Path, made: Made) -> None:
    load = {"users": made.users, "spawn_rate": made.users / SETTLE_S, "think_time_s": made.think_s} | made.load
    spec = LoadSpec(
        run=NONCE,
        url="http://127.0.0.1:1",
        kind=made.kind,
        load=Load(**load),
        repeat=Repeat(),
        requests=[Request(name="def", path="/def")],
        explain=False,
        seed=1,
        samples_file="samples-0.bin",
    )
    (folder / LOAD_FILE).write_text(codec.to_json(spec), encoding="utf-8")


def _write_probe(folder: Path, made: Made, pid: int, requests: int) -> None:
    start = {
        "record": "start",
        "format": 1,
        "pid": pid,
        "nonce": NONCE,
        "time_monotonic_s": ORIGIN_S - 1.0,
        "python": "3.11.2",
        "loop_class": "uvloop.Loop",
        "idle_source": "libuv",
        "level": "watch",
        "available": [],
        "unavailable": {},
        "settings": {},
        "pools": {"anyio_tokens": 40, "executor_threads": 6},
    }
    seconds = [
        {
            "record": "second",
            "t0_monotonic_s": ORIGIN_S + at,
            "t1_monotonic_s": ORIGIN_S + at + 1,
            "utilization": 0.5,
            "process_cpu_share": 0.25,
            "anyio_borrowed_mean": 10.0,
            "anyio_total": 40,
            "executor_queue_mean": 0.0,
            "requests_total": 0,
            "blocked": [],
            "busy": [],
        }
        for at in range(int(made.phases[-1].end_s))
    ]
    end = {"record": "end", "requests_total": requests, "reason": "stopped"}
    moves = [] if made.moves is None else [{"record": "moves", "because": "", **made.moves}]
    lines = [json.dumps(record) for record in (start | made.start, *seconds, *moves, end)]
    (folder / f"probe-{pid}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _write_sensors(folder: Path, made: Made) -> None:
    process = blank(ProcessUse, cpu_s=0.3, loop_cpu_s=0.3, run_queue_delay_s=0.001)
    machine = blank(
        MachineUse,
        cpu_total_s=2.0,
        cpu_busy_s=0.7,
        foreign_cpu_s=0.02,
        harness_cpu_s=0.01,
        steal_s=0.0,
        dirty_bytes=50_000_000,
        dirty_background_threshold_bytes=500_000_000,
        throttled_periods=0,
        listen_overflows=0,
        listen_drops=0,
    )
    ends_s = [ORIGIN_S + at + 1.0 for at in range(int(made.phases[-1].end_s) + 1)]
    rows = [SensorRow(end_s, 1.0, process, process, machine) for end_s in ends_s]
    text = HEADER + "".join(write_row(made.sensor(row)) for row in rows)
    (folder / SENSORS_FILE).write_text(text, encoding="utf-8")
    (folder / UNOBSERVABLE_FILE).write_text(write_unobservable(made.unobservable), encoding="utf-8")
