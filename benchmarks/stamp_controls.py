"""Does the stamp have no findings on a clean run, and find planted faults? Real processes, on a quiet machine.

    python -m benchmarks stamp [--tries 3]

Each try has three cases: a wait of 20 ms with 100 users and 50 ms think time; the same with another process that uses
the target's core; and a client on `/hello` that computes for 10 ms between its requests. (An answer of half a
millisecond is not a clean case on a virtual machine, whose timers are late by a tenth of that; rule G3 reports this.)
Required: none of M1 to M5 and G1 to G4 in the first case, M3 and an INVALID by M5 in the second, one of G1 to G3
INVALID in the third.
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
question = "What is the bottleneck?"
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
{variant}
"""
THINKING: Final = {"kind": "wait", "variant": 'path = "/wait/async?seconds=0.02"', "more": "think_time_s = 0.05"}
SLOW_CLIENT: Final = {
    "kind": "trivial",
    "variant": "",
    "more": f'locustfile = "{Path(__file__).with_name("http_users.py")}"',
}
MACHINE: Final = {"M1", "M2", "M3", "M4", "M5"}
GENERATOR: Final = {"G1", "G2", "G3", "G4"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the tries and print the findings; return 1 if any was wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tries", type=int, default=3)
    wrong = 0
    for number in range(1, parser.parse_args(arguments).tries + 1):
        clean, beside, slow = found(THINKING), found(THINKING, burning=True), found(SLOW_CLIENT)
        outcomes = {
            "clean": not (MACHINE | GENERATOR) & set(clean),
            "a burner on the target's core": "M3" in beside and beside.get("M5") == "INVALID",
            "a slow client": "INVALID" in {slow.get(rule) for rule in ("G1", "G2", "G3")},
        }
        for (what, right), faults in zip(outcomes.items(), (clean, beside, slow), strict=True):
            wrong += not right
            shown = ", ".join(f"{rule} {level}" for rule, level in sorted(faults.items())) or "nothing"
            print(f"{'PASS' if right else 'FAIL'}: try {number}, {what}: {shown}", flush=True)
    return 1 if wrong else 0


def found(load: dict[str, str], *, burning: bool = False) -> dict[str, str]:
    """Measure one short session and return the level of each rule with a finding."""
    with tempfile.TemporaryDirectory() as name, burner() if burning else nullcontext():
        file = write_scenario(Path(name), load)
        command = [sys.executable, "-m", "loopbench", "run", file.name, "--seed", "1"]
        subprocess.run(command, cwd=name, capture_output=True, check=False)
        return levels(Path(name))


def write_scenario(folder: Path, load: dict[str, str], *, spawn_rate: int = 20, hold_s: int = 6) -> Path:
    """Write the scenario of one case into a folder; return its path."""
    file = folder / "hello.toml"
    file.write_text(SCENARIO.format(root=ROOT, spawn_rate=spawn_rate, hold_s=hold_s, **load), encoding="utf-8")
    return file


def levels(folder: Path) -> dict[str, str]:
    """Return the level of each rule with a finding in the only session of a folder."""
    (summary,) = folder.glob("results/hello/*/summary.json")
    findings = json.loads(summary.read_text(encoding="utf-8"))["stamp"]["findings"]
    return {finding["id"]: finding["level"] for finding in reversed(findings)}  # the worst first


@contextmanager
def burner() -> Iterator[None]:
    """Run a busy process on each of the target's cores (the generator has the last core)."""
    cores = sorted(os.sched_getaffinity(0))
    code = (
        "import os, sys; os.sched_setaffinity(0, {int(sys.argv[1])}); parent = int(sys.argv[2])\n"
        "while os.getppid() == parent: pass"  # it ends with this process, however that ends
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
