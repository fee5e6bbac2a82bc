"""Does the stamp stay silent on a clean run, and speak where a fault was planted? Real processes, a quiet machine.

    python -m benchmarks stamp [--tries 3]

Each try: a wait of 20 ms with 100 users who think 50 ms, alone; the same beside a process that wants the target's core;
and Locust's HttpUser on `/hello` without think time. (An answer that takes half a millisecond is no clean case on a
virtual machine: its timers alone are late by a tenth of that, which is what rule G3 is there to say.) Wanted: nothing
of M1 to M5 and G1 to G4 in the first, M3 and M5 in the second, one of G1 to G3 INVALID in the third.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
SCENARIO: Final = """
title = "hello"
question = "Who is the bottleneck?"
[target]
app = "target_app.only:{kind}"
app_dir = "{root}"
[load]
users = 100
spawn_rate = {spawn_rate}
hold_s = {hold_s}
warmup_s = 0.5
{more}
[repeat]
max_rounds = 0
[[variants]]
name = "hello"
path = "{path}"
"""
THINKING: Final = {"kind": "wait", "path": "/wait/async?seconds=0.02", "more": "think_time_s = 0.05"}
SLOW_CLIENT: Final = {"kind": "trivial", "path": "/hello", "more": 'user = "http"'}
MACHINE: Final = {"M1", "M2", "M3", "M4", "M5"}
GENERATOR: Final = {"G1", "G2", "G3", "G4"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the tries and print what was found; 1 if any was wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tries", type=int, default=3)
    wrong = 0
    for number in range(1, parser.parse_args(arguments).tries + 1):
        clean, beside, slow = found(THINKING), found(THINKING, burning=True), found(SLOW_CLIENT)
        outcomes = {
            "clean": not (MACHINE | GENERATOR) & set(clean),
            "a burner on the target's core": {"M3", "M5"} <= set(beside),
            "HttpUser": "INVALID" in {slow.get(rule) for rule in ("G1", "G2", "G3")},
        }
        for (what, right), faults in zip(outcomes.items(), (clean, beside, slow), strict=True):
            wrong += not right
            said = ", ".join(f"{rule} {level}" for rule, level in sorted(faults.items())) or "nothing"
            print(f"{'PASS' if right else 'FAIL'}: try {number}, {what}: {said}", flush=True)
    return 1 if wrong else 0


def found(load: dict[str, str], *, burning: bool = False, spawn_rate: int = 20, hold_s: int = 6) -> dict[str, str]:
    """Returns the level of each rule that has a finding on one short session."""
    with tempfile.TemporaryDirectory() as name, _burner() if burning else nullcontext():
        folder = Path(name)
        (folder / "hello.toml").write_text(
            SCENARIO.format(root=ROOT, spawn_rate=spawn_rate, hold_s=hold_s, **load), encoding="utf-8"
        )
        command = [sys.executable, "-m", "loopbench", "run", "hello.toml", "--seed", "1"]
        subprocess.run(command, cwd=folder, capture_output=True, check=False)
        (summary,) = folder.glob("results/hello/*/summary.json")
        findings = json.loads(summary.read_text(encoding="utf-8"))["stamp"]["findings"]
    return {finding["id"]: finding["level"] for finding in findings}


@contextmanager
def _burner() -> Iterator[None]:
    """A process on each of the target's cores that wants it for itself (the generator has the last)."""
    cores = sorted(os.sched_getaffinity(0))
    code = (
        "import os, sys; os.sched_setaffinity(0, {int(sys.argv[1])}); parent = int(sys.argv[2])\n"
        "while os.getppid() == parent: pass"  # however we end, it ends too
    )
    line = [sys.executable, "-c", code]
    processes = [subprocess.Popen([*line, str(core), str(os.getpid())]) for core in cores[:-1] or cores]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


if __name__ == "__main__":
    sys.exit(main())
