"""Shared parts of the generator's benchmarks: servers on one core, loads of ours and wrk on another, paired ratios."""

import json
import math
import os
import re
import shutil
import socket
import statistics
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from loopbench.judge.run.samples import Samples, read_samples
from loopbench.measure.load import loaded
from loopbench.measure.target import free_port
from loopbench.records.frames import Frame, decode
from loopbench.records.load_spec import LoadSpec
from loopbench.records.samples import EVENT_PHASE, PHASE_DRAIN, PHASE_HOLD
from loopbench.records.session import KIND_PLATEAU, samples_file
from loopbench.scenario import Request
from loopbench.scenario.load_settings import Load as LoadSettings
from loopbench.scenario.load_settings import Repeat

SERVER_CORE, GENERATOR_CORE = 0, 1
DRAIN_S: Final = 10.0
READY_S: Final = 10.0


@dataclass(frozen=True)
class Ran:
    """One load of ours: its samples, and its evaluated window in seconds after the origin."""

    samples: Samples
    start_s: float
    end_s: float

    @property
    def in_window(self) -> Any:
        """Mask of the good answers that came inside the window."""
        ends_s = self.samples.end_s
        return self.samples.good & self.samples.loaded & (ends_s >= self.start_s) & (ends_s < self.end_s)

    @property
    def rps(self) -> float:
        """Good answers per second."""
        return float(np.count_nonzero(self.in_window)) / (self.end_s - self.start_s)

    @property
    def failures(self) -> int:
        """Number of wrong answers and of requests without an answer."""
        return int(np.count_nonzero(~self.samples.good))

    @property
    def per_user(self) -> tuple[int, int]:
        """Number of answers of the least and the most served user."""
        served = np.bincount(self.samples.rows["user"][self.in_window])
        return int(served.min()), int(served.max())


def spec(url: str, target: str, folder: Path, *, hold_s: float = 2.0, seed: int = 1, **load: Any) -> LoadSpec:
    """Return a short plateau of 100 users without think time, with these keys of `[load]`."""
    return LoadSpec(
        run="benchmark",
        url=url,
        kind=KIND_PLATEAU,
        load=LoadSettings(**({"users": 100, "spawn_rate": 100.0, "warmup_s": 0.3, "drain_s": DRAIN_S} | load)),
        repeat=Repeat(settle_s=0.5, window_s=hold_s),
        requests=[Request(name="asked", path=target)],
        explain=False,
        seed=seed,
        samples_file=str(folder / samples_file(0)),
    )


def run(spec: LoadSpec, folder: Path) -> Ran:
    """Load a server exactly as a run of a session does."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    with loaded(spec, folder, cpus=(pinned(GENERATOR_CORE),)) as load:
        load.watch(lambda _: None)
    return measured(folder)


def measured(folder: Path) -> Ran:
    """Read the results in a load's folder."""
    samples = read_samples(folder)
    marks = {str(value): at_s for at_s, kind, value in samples.events if kind == EVENT_PHASE}
    return Ran(samples, marks[PHASE_HOLD], marks[PHASE_DRAIN])


def origin_s(folder: Path) -> float:
    """Return the zero of the generator's times, on this machine's monotonic clock."""
    with (folder / samples_file(0)).open("rb") as file:
        first = next(decode(file))
    assert isinstance(first, Frame)
    return float(json.loads(bytes(first.payload))["origin_monotonic_s"])


def wrk(url: str, seconds: float, connections: int = 100) -> float:
    """Run wrk and return its answers per second."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--timeout", "60s", url]
    output = subprocess.run(on_core(GENERATOR_CORE, command), capture_output=True, text=True, check=True).stdout
    per_second = re.search(r"Requests/sec:\s+([\d.]+)", output)
    assert per_second is not None, output
    return float(per_second[1])


class Scheduled(NamedTuple):
    """The scheduler's figures of a process (schedstat), exact to the nanosecond."""

    cpu_s: float
    turns: int  # how often one of its threads was put on a core: once per wake-up

    def since(self, before: "Scheduled") -> "Scheduled":
        """Return the difference to an earlier moment."""
        return Scheduled(self.cpu_s - before.cpu_s, self.turns - before.turns)


@dataclass(frozen=True)
class Server:
    """A server that listens on loopback."""

    port: int
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        """The server's URL."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def scheduled(self) -> Scheduled:
        """Return the figures of all its threads since the start."""
        files = Path(f"/proc/{self.process.pid}/task").glob("*/schedstat")
        rows = [tuple(map(int, file.read_text(encoding="ascii").split())) for file in files]
        return Scheduled(sum(row[0] for row in rows) / 1e9, sum(row[2] for row in rows))


@contextmanager
def serving(command: Sequence[str], cwd: Path | None = None) -> Iterator[Server]:
    """Run a server on its core until the end of the block; `{port}` in the command becomes a free port."""
    port = free_port()
    line = on_core(SERVER_CORE, [part.replace("{port}", str(port)) for part in command])
    with subprocess.Popen(line, stdin=subprocess.DEVNULL, cwd=cwd) as process:
        try:
            wait_for(port, process)
            yield Server(port, process)
        finally:
            process.terminate()


def wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    """Wait until the server listens, for at most ten seconds."""
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise SystemExit(f"the server ended with code {server.returncode}")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise SystemExit("the server did not start to listen")


def pinned(core: int) -> int:
    """Return a core that this process may use: the given one, or the last if there are fewer."""
    allowed = sorted(os.sched_getaffinity(0))
    return allowed[min(core, len(allowed) - 1)]


def on_core(core: int, command: Sequence[str]) -> list[str]:
    """Return the command, pinned to one core."""
    taskset = shutil.which("taskset")
    return [taskset, "-c", str(pinned(core)), *command] if taskset else list(command)


def paired_ratio(pairs: Sequence[tuple[float, float]]) -> tuple[float, float, float]:
    """Return the geometric mean of first over second of each pair, with its 95 % interval (log-t)."""
    from scipy.stats import t  # noqa: PLC0415  half a second, only paid at the end

    logs = [math.log(one / other) for one, other in pairs]
    middle = statistics.fmean(logs)
    if len(logs) < 2:
        return math.exp(middle), math.nan, math.nan
    half = float(t.ppf(0.975, len(logs) - 1)) * statistics.stdev(logs) / math.sqrt(len(logs))
    return math.exp(middle), math.exp(middle - half), math.exp(middle + half)


def verdict(*, reached: bool) -> str:
    """Return the beginning of a claim's line."""
    return "PASS" if reached else "FAIL"
