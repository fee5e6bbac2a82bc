"""How often does loopbench find a difference that does not exist, or miss one? It measures one endpoint twice.

    python -m benchmarks same-twice [--sessions 6] [--rounds 8] [--handicap 0.05] [--out results/same-twice]

Each session is a whole `loopbench run`: ramps, then rounds of fresh targets. Required: at most one of six sessions has
the verdict FASTER or SLOWER (a 95 % interval misses the truth once in twenty). With a handicap the second endpoint
computes that much more (hello and HTTP dilute it a little); nine of ten sessions must find it slower.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[1]
SCENARIO: Final = """
title = "The same endpoint under two names"
question = "Is a difference found where there is none?"
[target]
app = "target_app.only:{app}"
app_dir = "{root}"
[load]
users = 100
spawn_rate = 20
hold_s = 6
think_time_s = [0.01, 0.05]
[repeat]
max_rounds = {rounds}
[[requests]]
name = "hello"
path = "/hello"
[[variants]]
name = "one"
path = "{path}"
params = {{ {parameter} = {one} }}
[[variants]]
name = "two"
path = "{path}"
params = {{ {parameter} = {two} }}
"""
WORK: Final = {"app": "file_write", "path": "/write", "parameter": "num_chars", "one": 1_000_000, "two": 1_000_000}
HASHES: Final = 4_000
"""Two milliseconds of computing: most of a request, so that a handicap shows in the throughput."""
WRONG_WORDS: Final = {"FASTER", "SLOWER"}


@dataclass(frozen=True)
class Outcome:
    """One quantity of one session."""

    session: int
    stamp: str
    quantity: str
    verdict: dict[str, Any]
    repeated: int

    @property
    def line(self) -> str:
        """Return the row of the table."""
        low, high = self.verdict["interval"] or (float("nan"), float("nan"))
        ratio = self.verdict["ratio"] or float("nan")
        return (
            f"| {self.session} | {self.quantity} | {self.verdict['verdict']} | {ratio:.3f} | {low:.3f} to {high:.3f} | "
            f"{self.verdict['rounds']} | {self.repeated} | {self.stamp} |"
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the sessions and print the table; return 1 if more of them are wrong than chance allows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, default=6)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--handicap", type=float, default=0.0)
    parser.add_argument("--out", type=Path, default=ROOT / "results" / "same-twice")
    wanted = parser.parse_args(arguments)
    outcomes = []
    for session in range(1, wanted.sessions + 1):
        outcomes += _session(session, _scenario(wanted.rounds, wanted.handicap), wanted.out / str(session))
        print(f"session {session} of {wanted.sessions} is done", flush=True)
    print("| session | quantity | verdict | ratio | 95 % interval | rounds | repeated runs | stamp |")
    print("|---|---|---|--:|---|--:|--:|---|")
    for outcome in outcomes:
        print(outcome.line)
    return _judge_handicap(outcomes) if wanted.handicap else _judge(outcomes, wanted.sessions)


def _scenario(rounds: int, handicap: float) -> str:
    work = WORK
    if handicap:
        two = round(HASHES * (1 + handicap))
        work = {"app": "cpu", "path": "/cpu/hash-inline", "parameter": "rounds", "one": HASHES, "two": two}
    return SCENARIO.format(root=ROOT, rounds=rounds, **work)


def _session(number: int, text: str, out: Path) -> list[Outcome]:
    out.mkdir(parents=True)
    scenario = out / "same_twice.toml"
    scenario.write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "loopbench", "run", str(scenario), "--seed", str(number), "--out", str(out)]
    with (out / "console.txt").open("w", encoding="utf-8") as console:
        subprocess.run(command, stdout=console, stderr=subprocess.STDOUT, check=False)
    (file,) = out.glob("same-twice/*/summary.json")
    summary = json.loads(file.read_text(encoding="utf-8"))
    found = summary["rounds"]
    return [
        Outcome(number, summary["stamp"]["label"], quantity["name"], quantity["verdicts"][0], found["rejected_runs"])
        for quantity in found["quantities"]
    ]


def _judge_handicap(outcomes: list[Outcome]) -> int:
    found = [each.verdict["verdict"] == "FASTER" for each in outcomes if each.quantity.startswith("goodput")]
    failed = sum(found) < 0.9 * len(found)
    print(f"{'FAIL' if failed else 'PASS'}: the handicap was found in {sum(found)} of {len(found)}")
    return 1 if failed else 0


def _judge(outcomes: list[Outcome], sessions: int) -> int:
    allowed = max(1, round(sessions / 6))
    failed = 0
    for quantity in dict.fromkeys(outcome.quantity for outcome in outcomes):
        words = [outcome.verdict["verdict"] for outcome in outcomes if outcome.quantity == quantity]
        wrong = sum(word in WRONG_WORDS for word in words)
        failed += wrong > allowed
        print(f"{'FAIL' if wrong > allowed else 'PASS'}: {quantity}: a difference was found in {wrong} of {sessions}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
