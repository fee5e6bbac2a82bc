"""Does the probe name the right line with the right time, and is its utilization correct?

A small FastAPI app (below) blocks its loop in known ways and measures them with `perf_counter`. A real uvicorn runs it
with the probe, on both loops. The probe's log is compared with the app's own times.

    python -m benchmarks.probe_accuracy [--quick] [--repeat 3] [--json]

Exit status 1: a claim was not reached.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import http.client
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from fastapi import FastAPI

from loopbench.judge.figures import percent
from loopbench.measure.target import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

HERE = Path(__file__).resolve()
LOOPS = ("asyncio", "uvloop")
DUTIES = (0.2, 0.6, 0.8, 1.0)
DUTY_PERIOD_S = 0.05
FAST_REQUESTS = 120
MIN_SHARE, MAX_SHARE, MAX_UTILIZATION_ERROR = 0.95, 1.05, 0.02
MAX_EXTRA_S = 0.0015
"""Allowed excess per block. What the server does in the same turn of the loop cannot be separated from the block, and
does not shrink with it; so a share above MAX_SHARE is accepted up to this time."""

# --- the app: every function below blocks on the one line that is marked -----------------------------------------

app = FastAPI()
truth_s: defaultdict[str, float] = defaultdict(float)


def sleep_12_ms() -> None:
    """Block the loop for 12 ms."""
    time.sleep(0.012)  # guilty: sleep_12_ms


def sleep_25_ms() -> None:
    """Block the loop for 25 ms."""
    time.sleep(0.025)  # guilty: sleep_25_ms


def sleep_100_ms() -> None:
    """Block the loop for 100 ms."""
    time.sleep(0.100)  # guilty: sleep_100_ms


def python_60_ms() -> None:
    """Block with pure Python in one line; the GIL is released on request."""
    end_s = time.perf_counter() + 0.060
    while time.perf_counter() < end_s: pass  # guilty: python_60_ms  # fmt: skip  # noqa: E701


def gil_held_c_call() -> None:
    """Block with one C call that never releases the GIL, so that no look is possible while it runs."""
    sum(range(_GIL_HELD_ITEMS))  # guilty: gil_held_c_call


KINDS = (sleep_12_ms, sleep_25_ms, sleep_100_ms, python_60_ms, gil_held_c_call)


def _items_for(seconds: float) -> int:
    """Return how many numbers C adds up in about this time on this machine."""
    begin_s = time.perf_counter()
    sum(range(1_000_000))
    return int(1_000_000 * seconds / (time.perf_counter() - begin_s))


_GIL_HELD_ITEMS = _items_for(0.060)


@app.get("/block/{kind}")
async def block(kind: str) -> str:
    """Block the loop in the given way and record the time it took."""
    work = next(each for each in KINDS if each.__name__ == kind)
    begin_s = time.perf_counter()
    work()
    truth_s[kind] += time.perf_counter() - begin_s
    return kind


@app.get("/fast")
async def fast() -> str:
    """Answer at once."""
    return "fast"


@app.get("/truth")
async def truth() -> dict[str, float]:
    """Return the seconds blocked so far, by kind."""
    return dict(truth_s)


@app.get("/duty/{share}")
async def duty(share: float, seconds: float) -> dict[str, float]:
    """Keep the loop busy for `share` of the time; return the period and the true share."""
    busy_s = 0.0
    begin_s = time.monotonic()
    while time.monotonic() - begin_s < seconds:
        at_s = time.monotonic()
        time.sleep(share * DUTY_PERIOD_S)  # noqa: ASYNC251  the point of it
        busy_s += time.monotonic() - at_s
        await asyncio.sleep((1.0 - share) * DUTY_PERIOD_S)
    end_s = time.monotonic()
    return {"begin_s": begin_s, "end_s": end_s, "share": busy_s / (end_s - begin_s)}


# --- the measurement ---------------------------------------------------------------------------------------------


class Target:
    """A running uvicorn with the probe, and one connection to it."""

    def __init__(self, loop: str, folder: Path, port: int) -> None:
        self.folder = folder
        environ = {
            **os.environ,
            "PYTHONPATH": str(HERE.parents[1] / "probe"),
            "LOOPBENCH_PROBE_DIR": str(folder),
        }
        command = [sys.executable, "-m", "uvicorn", f"{HERE.stem}:app", "--app-dir", str(HERE.parent)]
        options = ["--port", str(port), "--loop", f"loopbench_probe:new_{loop}_loop", "--log-level", "warning"]
        self.process = subprocess.Popen([*command, *options], env=environ)
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def wait_until_ready(self) -> None:
        """Wait for the first answer."""
        for _ in range(200):
            try:
                self.get("/fast")
            except OSError:
                self.connection.close()
                time.sleep(0.05)
            else:
                return
        raise RuntimeError("the target did not start")

    def get(self, path: str) -> Any:
        """Send one request and return the JSON answer."""
        self.connection.request("GET", path)
        return json.loads(self.connection.getresponse().read())

    def stop(self) -> list[dict[str, Any]]:
        """Stop the target and return its probe's records."""
        self.connection.close()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)
        (log,) = self.folder.glob("probe-*.jsonl")
        return [json.loads(line) for line in log.read_text().splitlines()]


@contextlib.contextmanager
def _target(loop: str) -> Iterator[Target]:
    with tempfile.TemporaryDirectory() as folder:
        target = Target(loop, Path(folder), free_port())
        try:
            target.wait_until_ready()
            yield target
        finally:
            if target.process.poll() is None:
                target.process.kill()
                target.process.wait()


def _guilty_line(kind: str) -> int:
    lines = HERE.read_text().splitlines()
    return next(number for number, text in enumerate(lines, 1) if f"# guilty: {kind}" in text)


def _blocked(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [line for record in records if record["record"] == "second" for line in record["blocked"]]


def measure_lines(loop: str, kind: str, repeats: int, phase: random.Random) -> dict[str, Any]:
    """Return the share of the true blocked time that the probe attributed to the right line, and to other lines."""
    with _target(loop) as target:
        for _ in range(repeats):
            time.sleep(0.005 + phase.random() * 0.015)  # so that blocks begin at any phase between two looks
            target.get(f"/block/{kind}")
        true_s = target.get("/truth")[kind]
        blocked = _blocked(target.stop())
    right = [line for line in blocked if (line["user_file"], line["user_line"]) == (str(HERE), _guilty_line(kind))]
    wrong = [line for line in blocked if line not in right and line["user_file"] is not None]
    return {
        "loop": loop,
        "kind": kind,
        "true_s": true_s,
        "right_line": sum(line["blocked_s"] for line in right) / true_s,
        "extra_s": (sum(line["blocked_s"] for line in right) - true_s) / repeats,
        "other_user_lines": sum(line["blocked_s"] for line in wrong) / true_s,
    }


def measure_innocence(loop: str) -> dict[str, Any]:
    """Return the user lines that the probe names for requests that block nothing."""
    with _target(loop) as target:
        for _ in range(FAST_REQUESTS):
            target.get("/fast")
            time.sleep(0.01)
        blamed = [line for line in _blocked(target.stop()) if line["user_file"] is not None]
    return {"loop": loop, "requests": FAST_REQUESTS, "user_lines_blamed": len(blamed)}


def measure_utilization(loop: str, share: float, seconds: float) -> dict[str, Any]:
    """Return the probe's utilization over the whole seconds of a known duty cycle."""
    with _target(loop) as target:
        known = target.get(f"/duty/{share}?seconds={seconds}")
        records = target.stop()
    inside = [
        record
        for record in records
        if record["record"] == "second"
        and record["t0_monotonic_s"] >= known["begin_s"]
        and record["t1_monotonic_s"] <= known["end_s"]
    ]
    lengths = [record["t1_monotonic_s"] - record["t0_monotonic_s"] for record in inside]
    measured = sum(r["utilization"] * length for r, length in zip(inside, lengths, strict=True)) / sum(lengths)
    return {
        "loop": loop,
        "duty": share,
        "true": known["share"],
        "measured": measured,
        "error": measured - known["share"],
    }


class Spread(NamedTuple):
    """One figure over the repetitions of the whole benchmark."""

    low: float
    high: float

    def shown(self, form: str) -> str:
        """Return one number, or minimum and maximum."""
        ends = [format(end, form) for end in self]
        return ends[0] if ends[0] == ends[1] else " to ".join(ends)

    @property
    def percents(self) -> str:
        """Return one share in percent, or minimum and maximum."""
        ends = [percent(end, ".1f") for end in self]
        return ends[0] if ends[0] == ends[1] else " to ".join(ends)


def _spread(rows: list[dict[str, Any]], keys: tuple[str, ...], figure: str) -> dict[tuple[Any, ...], Spread]:
    values: defaultdict[tuple[Any, ...], list[float]] = defaultdict(list)
    for row in rows:
        values[tuple(row[key] for key in keys)].append(row[figure])
    return {key: Spread(min(found), max(found)) for key, found in values.items()}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; return 1 if a claim is not reached in any repetition."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true", help="half the blocks, half the time")
    parser.add_argument("--repeat", type=int, default=1, help="repetitions of everything; the tables show the spread")
    options = parser.parse_args(arguments)
    repeats, duty_s = (20, 3.0) if options.quick else (40, 6.0)
    phase = random.Random(1)  # noqa: S311  phases, not secrets
    lines, innocence, duties = [], [], []
    for _ in range(options.repeat):
        lines += [measure_lines(loop, kind.__name__, repeats, phase) for kind in KINDS for loop in LOOPS]
        innocence += [measure_innocence(loop) for loop in LOOPS]
        duties += [measure_utilization(loop, share, duty_s) for share in DUTIES for loop in LOOPS]
    kept = _kept(lines, innocence, duties)
    if options.json:
        print(json.dumps({"lines": lines, "innocence": innocence, "utilization": duties, "kept": kept}, indent=1))
    else:
        _print(lines, innocence, duties)
        print("\n" + "\n".join(f"{'PASS' if good else 'FAIL'}: {promise}" for promise, good in kept.items()))
    return 0 if all(kept.values()) else 1


def _kept(
    lines: list[dict[str, Any]], innocence: list[dict[str, Any]], duties: list[dict[str, Any]]
) -> dict[str, bool]:
    """Return each claim, and whether every row reaches it."""
    most = f"{percent(MAX_SHARE)}, or {1e3 * MAX_EXTRA_S} ms too much per block"
    return {
        f"at least {percent(MIN_SHARE)} of the blocked time on the right line": all(
            row["right_line"] >= MIN_SHARE for row in lines
        ),
        f"at most {most}": all(row["right_line"] <= MAX_SHARE or row["extra_s"] <= MAX_EXTRA_S for row in lines),
        f"no user line blamed by {FAST_REQUESTS} non-blocking requests": not any(
            row["user_lines_blamed"] for row in innocence
        ),
        f"utilization within {MAX_UTILIZATION_ERROR} of truth": all(
            abs(row["error"]) <= MAX_UTILIZATION_ERROR for row in duties
        ),
    }


def _print(lines: list[dict[str, Any]], innocence: list[dict[str, Any]], duties: list[dict[str, Any]]) -> None:
    right, wrong, true, extra = (
        _spread(lines, ("kind", "loop"), figure) for figure in ("right_line", "other_user_lines", "true_s", "extra_s")
    )
    print("| blocked by | loop | true, s | on the right line | too much, s per block | on other user lines |")
    print("|---|---|---|---|---|---|")
    for (kind, loop), share in right.items():
        others, true_s = wrong[kind, loop].percents, true[kind, loop].shown(".2f")
        print(f"| {kind} | {loop} | {true_s} | {share.percents} | {extra[kind, loop].shown('.4f')} | {others} |")
    print("\n| non-blocking requests | loop | user lines blamed |\n|---|---|---|")
    for (loop,), blamed in _spread(innocence, ("loop",), "user_lines_blamed").items():
        print(f"| {FAST_REQUESTS} | {loop} | {blamed.shown('d')} |")
    print("\n| duty cycle | loop | error of the utilization |\n|---|---|---|")
    for (share, loop), error in _spread(duties, ("duty", "loop"), "error").items():
        print(f"| {share} | {loop} | {error.shown('+.4f')} |")


if __name__ == "__main__":
    sys.exit(main())
