"""The generator's own ceiling: its throughput against a server that does nothing, measured once for a session.

A throughput near it would be the generator's, not the target's (rule G4).
"""

import json
import secrets
import shutil
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from loopbench.errors import GeneratorError
from loopbench.measure import environment, store
from loopbench.measure.load import loaded
from loopbench.measure.machine import Cores
from loopbench.measure.stop import StopWish
from loopbench.measure.supervise import Supervised, log_tail
from loopbench.records import samples
from loopbench.records.codec import to_json
from loopbench.records.files import open_file
from loopbench.records.frames import Frame, decode
from loopbench.records.generator_watch import WatchedSecond, decode_seconds
from loopbench.records.load_spec import LoadSpec
from loopbench.records.own_ceiling import CEILING_FILE, OwnCeiling, read_own_ceiling
from loopbench.records.session import KIND_PLATEAU, samples_file
from loopbench.scenario import Request
from loopbench.scenario.load_settings import Load as LoadSettings
from loopbench.scenario.load_settings import Repeat

USERS: Final = 100
WARMUP_S: Final = 0.5
SETTLE_S: Final = 1.0
WINDOW_S: Final = 3.0
DRAIN_S: Final = 5.0
READY_S: Final = 10.0
STOP_S: Final = 2.0

SERVER: Final = "loopbench.bundled.target_app.noop_server"
LISTENING: Final = "listening on "
WORK_FOLDER: Final = ".ceiling"


def own_ceiling(session_folder: Path, *, load: LoadSettings, cores: Cores, stop: StopWish) -> OwnCeiling | None:
    """Returns the session's ceiling: the recorded one if it fits, else a new measurement of about six seconds.

    None if the generators run on other machines, because the no-op server listens on loopback only; and for users of a
    locustfile, whose requests it does not know; and for a load that asks for little.

    Raises:
        GeneratorError: the server or Locust failed; their files stay in the session's folder.
    """
    if load.remote_workers or load.locustfile or load.asks_for_little:
        return None
    known = read_own_ceiling(session_folder)
    if known is not None and known.generators == load.generators:
        return known
    work = session_folder / WORK_FOLDER
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    found = measure_own_ceiling(work, load=load, cores=cores, stop=stop)
    store.write_durably(session_folder / CEILING_FILE, to_json(found))
    shutil.rmtree(work)
    return found


def measure_own_ceiling(folder: Path, *, load: LoadSettings, cores: Cores, stop: StopWish) -> OwnCeiling:
    """Measure it, leaving the record in an empty folder."""
    with _noop_server(folder, cores.target, stop) as url:
        spec = _spec(url, load, folder)
        with loaded(spec, folder, cpus=cores.generator) as running:
            running.watch(lambda _: stop.check())
    windows = [_read_window(folder / samples_file(index)) for index in range(load.generators)]
    shares = [window.cpu_share for window in windows if window.cpu_share is not None]
    return OwnCeiling(
        rps=round(sum(window.good / window.length_s for window in windows), 1),
        client="llhttp",
        generators=load.generators,
        users=USERS,
        window_s=WINDOW_S,
        generator_cpu_share=round(statistics.fmean(shares), 3) if shares else None,
    )


@contextmanager
def _noop_server(folder: Path, cpus: tuple[int, ...], stop: StopWish) -> Iterator[str]:
    """Yield the URL of a server that ends with the block."""
    log = folder / "noop.log"
    command = [sys.executable, "-P", "-m", SERVER]
    with Supervised(command, env=environment.for_generator({}), cwd=folder, log=log, cpus=cpus) as server:
        yield _url(server, log, stop)
        server.stop(STOP_S)


def _url(server: Supervised, log: Path, stop: StopWish) -> str:
    """Wait for the URL on its first line."""
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline and server.exit_code is None:
        stop.check()
        if (first := log_tail(log).partition("\n")[0]).startswith(LISTENING):
            return first.removeprefix(LISTENING)
        time.sleep(0.02)
    raise GeneratorError(
        "the no-op server for the generator's own ceiling did not start",
        slug="ceiling-server",
        where=" ".join(server.command),
        hints=("run that command by hand",),
        detail=log_tail(log),
    )


def _spec(url: str, load: LoadSettings, folder: Path) -> LoadSpec:
    settings = {"users": USERS, "spawn_rate": float(USERS), "warmup_s": WARMUP_S, "drain_s": DRAIN_S}
    return LoadSpec(
        run=secrets.token_hex(8),
        url=url,
        kind=KIND_PLATEAU,
        load=LoadSettings.model_validate(settings | {"generators": load.generators}),
        repeat=Repeat(settle_s=SETTLE_S, window_s=WINDOW_S),
        requests=[Request(name="noop", path="/hello", timeout_s=DRAIN_S)],
        explain=False,
        seed=1,
        samples_file=str((folder / samples_file(0)).resolve()),
    )


@dataclass(frozen=True)
class _Window:
    """One generator's hold: good answers, its length, and how busy the process was in the seconds inside it."""

    good: int
    length_s: float
    cpu_share: float | None


def _read_window(path: Path) -> _Window:
    ends_s: list[float] = []
    marks: dict[str, float] = {}
    watched: list[WatchedSecond] = []
    with open_file(path) as file:
        frames = [frame for frame in decode(file) if isinstance(frame, Frame)]
    for frame in frames:
        if frame.kind == samples.SAMP:
            ends_s += [row[_START] + row[_LATENCY] for row in _rows(frame) if row[_ERROR] == samples.NO_ERROR]
        elif frame.kind == samples.EVNT:
            events = json.loads(frame.payload)
            marks |= {str(value): at_s for at_s, kind, value in events if kind == samples.EVENT_PHASE}
        elif frame.kind == samples.WTCH:
            watched += decode_seconds(frame.payload)
    begin_s, end_s = marks[samples.PHASE_HOLD], marks[samples.PHASE_DRAIN]
    inside = [each.cpu_share for each in watched if begin_s <= each.at_s - each.span_s and each.at_s <= end_s]
    return _Window(
        good=sum(begin_s <= at_s < end_s for at_s in ends_s),
        length_s=end_s - begin_s,
        cpu_share=statistics.fmean(inside) if inside else None,
    )


def _rows(frame: Frame) -> Iterator[tuple[float, ...]]:
    return samples.STRUCT.iter_unpack(frame.payload)


_NAMES = [name for name, _ in samples.FIELDS]
_START, _LATENCY, _ERROR = _NAMES.index("start_s"), _NAMES.index("latency_s"), _NAMES.index("error")
