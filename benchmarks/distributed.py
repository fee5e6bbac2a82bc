"""Do generators on several hosts measure the same as one, and is a lost one noticed? It simulates four hosts.

Network namespaces joined by a bridge act as the hosts: the target, the master, and two workers. The workers' clocks are
shifted by hours from the master's (time namespaces), so that comparing clocks gives wrong results. One process on the
master's host and the two workers measure a ramp of 100 users in turn; goodput at the same number of users is compared
inside pairs. Then one worker is killed and one is disconnected, mid-run.

    sudo .venv/bin/python -m benchmarks distributed [--quick] [--pairs N] [--part curve|lost|all]

Needs root, `ip` (iproute2) and `unshare` (util-linux); without them it prints that and measures nothing. The namespaces
are always removed at the end. It takes about 5 minutes with the default of 5 pairs, 3 with --quick.
"""

import argparse
import contextlib
import math
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from scipy import stats

from loopbench.judge.figures import percent
from loopbench.judge.run.samples import read_samples
from loopbench.judge.run.time_axis import users_alive
from loopbench.records.generators import GENERATORS_FILE, read_generators
from loopbench.records.session import RunRecord, read_run, run_folders

ROOT: Final = Path(__file__).resolve().parents[1]
LOOPBENCH: Final = Path(sys.executable).with_name("loopbench")
USERS: Final = 100
SPAWN_RATE: Final = 10
HOLD_S: Final = 8.0
PORT: Final = 8000
NETWORK: Final = "10.213.77"
HOSTS: Final = {"target": 2, "master": 3, "worker-1": 4, "worker-2": 5}
CLOCK_SHIFT_S: Final = {"worker-1": 5_000, "worker-2": 90_000}
MUST_END_WITHIN_S: Final = 15.0
MAX_HALF_WIDTH: Final = 0.10
EXIT_GENERATOR: Final = 5

SCENARIO: Final = """
title = "One generator against two on other hosts"
question = "Do they measure the same?"
[target]
url = "http://{network}.2:{port}"
probe_dir = "{probe}"
[load]
users = {users}
spawn_rate = {rate}
hold_s = {hold}
think_time_s = [0.04, 0.06]
drain_s = 5
{spread}
[repeat]
max_rounds = 0
[[variants]]
name = "hello"
path = "/hello"
"""
WORKER: Final = f"""
from loopbench.measure.worker import serve_as_worker
serve_as_worker("{NETWORK}.{HOSTS["master"]}", 5557, print)
"""
ONE: Final = ""
TWO: Final = f'remote_workers = 2\nmaster_bind = "{NETWORK}.{HOSTS["master"]}"\n'


@dataclass(frozen=True)
class Measured:
    """One run: its record, and good answers per second and user in each quarter of the ramp and in the hold."""

    record: RunRecord
    goodput_per_user: tuple[float, ...]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print everything; return 1 if a claim was not reached."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--quick", action="store_true", help="three pairs")
    options.add_argument("--pairs", type=int, default=5, help="at least two")
    options.add_argument("--part", choices=("curve", "lost", "all"), default="all")
    given = options.parse_args(arguments)
    missing = what_is_missing()
    if missing:
        print(f"{missing}. Nothing was measured.")
        return 0
    with tempfile.TemporaryDirectory(prefix="loopbench-distributed-") as name, network() as hosts:
        folder = Path(name)
        folder.chmod(0o755)
        passed = []
        if given.part != "lost":
            with target(hosts, folder), workers(hosts):
                passed.append(same_curve(hosts, folder, 3 if given.quick else given.pairs))
        for how in ("killed", "cut off") if given.part != "curve" else ():
            with target(hosts, folder), workers(hosts):
                passed.append(lost_worker(hosts, folder, how))
    return 0 if all(passed) else 1


def what_is_missing() -> str:
    """Return why this machine cannot simulate four hosts; empty if it can."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    absent = [tool for tool in ("ip", "unshare") if shutil.which(tool) is None]
    return f"{' and '.join(absent)} cannot be found" if absent else ""


class Hosts:
    """Network namespaces on one bridge. Names contain the process id, so that two benchmarks do not collide."""

    def __init__(self) -> None:
        self.bridge = f"lb{os.getpid()}"
        self._names = {host: f"lb{os.getpid()}-{number}" for host, number in HOSTS.items()}

    def create(self) -> None:
        """Create the bridge, the namespaces, and a virtual cable for each."""
        ip("link", "add", self.bridge, "type", "bridge")
        ip("link", "set", self.bridge, "up")
        for host, name in self._names.items():
            cable = f"{self.bridge}v{HOSTS[host]}"
            ip("netns", "add", name)
            ip("link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", name)
            ip("link", "set", cable, "master", self.bridge, "up")
            ip("-n", name, "addr", "add", f"{NETWORK}.{HOSTS[host]}/24", "dev", "eth0")
            ip("-n", name, "link", "set", "eth0", "up")
            ip("-n", name, "link", "set", "lo", "up")

    def remove(self) -> None:
        """Remove all of it, after ending the processes that still run in the namespaces."""
        for name in self._names.values():
            for pid in ip("netns", "pids", name, check=False).split():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
            ip("netns", "del", name, check=False)
        ip("link", "del", self.bridge, check=False)

    def cut_off(self, host: str) -> None:
        """Disconnect a host."""
        ip("link", "set", f"{self.bridge}v{HOSTS[host]}", "down")

    def join(self, host: str) -> None:
        """Reconnect a host."""
        ip("link", "set", f"{self.bridge}v{HOSTS[host]}", "up")

    def start(self, host: str, command: Sequence[str | Path], **env: str) -> subprocess.Popen[str]:
        """Start a command on a host, with that host's clock."""
        shift_s = CLOCK_SHIFT_S.get(host, 0)
        clock = ["unshare", "--time", "--monotonic", str(shift_s), "--fork", "--kill-child"] if shift_s else []
        line = ["ip", "netns", "exec", self._names[host], *clock, *map(str, command)]
        return subprocess.Popen(
            line, cwd=ROOT, env=os.environ | env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )


def ip(*arguments: str, check: bool = True) -> str:
    """Run one `ip` command and return its output."""
    line = ["ip", *arguments]
    return subprocess.run(
        line, check=check, stdout=subprocess.PIPE, stderr=None if check else subprocess.DEVNULL, text=True
    ).stdout


@contextmanager
def network() -> Iterator[Hosts]:
    """Create the hosts and always remove them at the end."""
    hosts = Hosts()
    previous = signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        hosts.create()
        yield hosts
    finally:
        hosts.remove()
        signal.signal(signal.SIGTERM, previous)


@contextmanager
def target(hosts: Hosts, folder: Path) -> Iterator[None]:
    """Run the target app on its host, with the probe writing into a folder that the master can read."""
    shutil.rmtree(folder / "probe", ignore_errors=True)
    (folder / "probe").mkdir()
    line: list[str | Path] = [
        sys.executable,
        "-m",
        "uvicorn",
        "target_app.main:app",
        "--host",
        f"{NETWORK}.{HOSTS['target']}",
    ]
    line += ["--port", str(PORT), "--loop", "loopbench_probe:new_uvloop_loop", "--timeout-keep-alive", "75"]
    env = {"PYTHONPATH": str(ROOT / "probe"), "LOOPBENCH_PROBE_DIR": str(folder / "probe")}
    with ended(hosts.start("target", [*line, "--no-access-log", "--log-level", "warning"], **env)):
        yield


@contextmanager
def workers(hosts: Hosts) -> Iterator[None]:
    """Run what `loopbench worker` runs, on both workers' hosts."""
    line = [sys.executable, "-c", WORKER]
    with ExitStack() as stack:
        for host in CLOCK_SHIFT_S:
            stack.enter_context(ended(hosts.start(host, line)))
        yield


@contextmanager
def ended(process: subprocess.Popen[str]) -> Iterator[subprocess.Popen[str]]:
    """Terminate the process at the end, then kill it if necessary."""
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


def start_run(hosts: Hosts, folder: Path, spread: str, out: Path, hold_s: float) -> subprocess.Popen[str]:
    """Start `loopbench run` on the master's host."""
    facts = {"network": NETWORK, "port": PORT, "users": USERS, "rate": SPAWN_RATE, "hold": hold_s}
    file = folder / "curve.toml"
    file.write_text(SCENARIO.format(**facts, probe=folder / "probe", spread=spread))
    return hosts.start("master", [LOOPBENCH, "run", file, "--out", out, "--seed", "1"])


def measure(hosts: Hosts, folder: Path, spread: str, number: int) -> Measured:
    """Measure one run. Its stamp is ignored, because it depends on the noise of this machine."""
    out = folder / f"out-{number}-{'two' if spread else 'one'}"
    process = start_run(hosts, folder, spread, out, HOLD_S)
    output, _ = process.communicate(timeout=180)
    runs = [run for session in out.glob("*/*") for run in run_folders(session)]
    if len(runs) != 1:
        raise SystemExit(f"loopbench run left no run (exit code {process.returncode}):\n{output}")
    return Measured(read_run(runs[0]), goodput_per_user(runs[0]))


def goodput_per_user(folder: Path) -> tuple[float, ...]:
    """Return good answers per second and user, in each quarter of the ramp and in the hold.

    Quarters are by number of users, not by time, because Locust decides when users come, and a master is slower.
    """
    samples = read_samples(folder)
    phases = {phase.name: phase for phase in read_run(folder).phases}
    since_s, until_s = phases["ramp"].start_s, phases["hold"].end_s
    ends_s = np.sort(samples.end_s[samples.good & samples.loaded])
    changes_s = np.unique(np.clip([at for at, kind, _ in samples.events if "user_" in kind], since_s, until_s))
    edges_s = np.concatenate([changes_s, [until_s]])
    lengths_s, answers = np.diff(edges_s), np.diff(np.searchsorted(ends_s, edges_s))
    users = users_alive((edges_s[:-1] + edges_s[1:]) / 2, samples.events)
    quarters = [(users > low) & (users <= low + USERS // 4) for low in range(0, USERS, USERS // 4)]
    quarters[-1] &= users < USERS  # with all users the hold begins
    return tuple(float(answers[at].sum() / (lengths_s * users)[at].sum()) for at in (*quarters, users == USERS))


def same_curve(hosts: Hosts, folder: Path, pairs: int) -> bool:
    """Measure interleaved pairs; return whether all counts are equal and every ratio's interval contains 1."""
    results: dict[str, list[Measured]] = {ONE: [], TWO: []}
    for number in range(pairs):
        for spread in (ONE, TWO) if number % 2 == 0 else (TWO, ONE):
            found = measure(hosts, folder, spread, number)
            results[spread].append(found)
            counts = found.record.counts
            print(
                f"pair {number + 1} of {pairs}, {'two workers' if spread else 'one process'}: server {counts.server}, "
                f"samples {counts.samples}, Locust {counts.locust}; hold {USERS * found.goodput_per_user[-1]:.0f} RPS",
                flush=True,
            )
    every = [*results[ONE], *results[TWO]]
    equal = all(run.record.counts.agree and run.record.users_started == USERS for run in every)
    print(f"three equal counts in {len(every)} runs of {USERS} users: {verdict(equal)}")
    return same_goodput(results[ONE], results[TWO]) and equal


def same_goodput(ones: list[Measured], twos: list[Measured]) -> bool:
    """Print the table of ratios and return whether they pass."""
    passed = True
    print(f"{'goodput, two workers / one process':<38} {'ratio':>6}  95 % interval")
    for index, name in enumerate(("1 to 25 users", "26 to 50", "51 to 75", "76 to 99", "100, held")):
        logs = [
            math.log(b.goodput_per_user[index] / a.goodput_per_user[index]) for a, b in zip(ones, twos, strict=True)
        ]
        mean = statistics.mean(logs)
        half = float(stats.t.ppf(0.975, len(logs) - 1)) * statistics.stdev(logs) / math.sqrt(len(logs))
        passed &= abs(mean) <= half <= MAX_HALF_WIDTH or abs(mean) + half <= MAX_HALF_WIDTH / 2
        print(f"{name:<38} {math.exp(mean):6.3f}  [{math.exp(mean - half):.3f}, {math.exp(mean + half):.3f}]")
    rule = (
        f"contains 1 and is at most +-{percent(MAX_HALF_WIDTH)}, or lies within +-{percent(MAX_HALF_WIDTH / 2)} of it"
    )
    print(f"the same curve (every interval {rule}): {verdict(passed)}")
    return passed


def lost_worker(hosts: Hosts, folder: Path, how: str) -> bool:
    """Lose a worker mid-run; print how long the run took to end, its exit code and its message."""
    out = folder / f"out-{how.replace(' ', '-')}"
    with ended(start_run(hosts, folder, TWO, out, hold_s=60.0)) as process:
        pid = pid_of_second_worker(process, out)
        time.sleep(8)  # into the ramp
        began = time.monotonic()
        if how == "killed":
            os.kill(pid, signal.SIGKILL)
        else:
            hosts.cut_off("worker-2")
        try:
            output, _ = process.communicate(timeout=60)
        finally:
            hosts.join("worker-2")
        took_s = time.monotonic() - began
    sentence = next((line for line in output.splitlines() if line.startswith("error[")), output[-300:])
    passed = took_s < MUST_END_WITHIN_S and process.returncode == EXIT_GENERATOR and "INVALID" in sentence
    print(f"a worker {how} mid-run: ended after {took_s:.1f} s with exit code {process.returncode}: {verdict(passed)}")
    print(f"    {sentence}")
    return passed


def pid_of_second_worker(process: subprocess.Popen[str], out: Path) -> int:
    """Return the process id as soon as both workers have connected. Workers share our process ids, not our network."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        for file in out.rglob(GENERATORS_FILE):
            known = read_generators(file.parent)
            if known is not None and len(known.workers) == 2:
                return next(worker.pid for worker in known.workers if worker.index == 1)
        time.sleep(0.1)
    process.terminate()
    raise SystemExit(f"the workers never came:\n{process.communicate()[0]}")


def verdict(passed: bool) -> str:
    """Return PASS or FAIL."""
    return "PASS" if passed else "FAIL"


if __name__ == "__main__":
    sys.exit(main())
