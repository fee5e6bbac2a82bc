"""Is an endpoint that `run_in` moved as fast as the same code written in that style?

    python -m benchmarks twins [--only sleep] [--rounds 8] [--out results/twins]

Each kind of endpoint in `tests/probe/twins.py` is one session of four variants, whose targets are loaded in turns: both
styles as written, and each moved to the other. Required, both ways: the verdict on a moved endpoint and its twin is
EQUIVALENT (within 5 %) or NOT RESOLVED, and no session is without a result.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from loopbench.measure import services
from loopbench.measure.stop import StopWish

ROOT: Final = Path(__file__).resolve().parents[1]
STATUS: Final = {
    "model": 201,
    "http-error": 409,
    "own-error": 418,
    "bug": 500,
    "background": 202,
    "dependency-error": 404,
}
KINDS: Final = (
    *("sleep", "requests", "file", "sqlite", "psycopg", "cpu", "json", "chain", "stream", "class", "mounted/json"),
    *("starlette/function", "dependencies", "context", *STATUS),
)
ASK: Final = {"requests": "upstream", "psycopg": "postgres"}
"""Services by the kind that asks them. The benchmark starts them: a scenario with services is not measured in turns."""
DEPENDENT: Final = {"chain", "dependencies", "dependency-error"}
"""Kinds with dependencies. Elsewhere `run_dependencies_in` would move nothing, which rule T3 refuses."""
STYLES: Final = {"thread": ("def", "async", "threadpool"), "loop": ("async", "def", "event_loop")}
"""Where the work runs: the style written so, and the other one with where it is moved to."""
WRONG_WORDS: Final = {"FASTER", "SLOWER", "INVALID"}
SCENARIO: Final = """
title = "Twins: {kind}"
[target]
app = "twins:app"
app_dir = "{app_dir}"
env = {{ {env} }}
[load]
users = 16
spawn_rate = 1000
hold_s = 1
warmup_s = 0.3
[repeat]
window_s = 3
max_rounds = {rounds}
"""
VARIANT: Final = """
[[variants]]
name = "{name}"
path = "/{style}/{kind}"
target = {{ env = {{ TWINS_FIRST = "{style}" }} }}
expect = {{ status = {status} }}
{moved}
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure every kind and print the table; return 1 if a moved endpoint differs from its twin."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", choices=KINDS)
    parser.add_argument("--rounds", type=int, default=8, help="at most; five are the fewest for EQUIVALENT")
    parser.add_argument("--out", type=Path, default=ROOT / "results" / "twins")
    wanted = parser.parse_args(arguments)
    kinds = wanted.only or KINDS
    wanted.out.mkdir(parents=True, exist_ok=True)
    print("| kind | runs in | verdict | moved over written | 95 % interval | stamp |")
    print("|---|---|---|--:|---|---|")
    with services.started({ASK[kind] for kind in kinds if kind in ASK}, wanted.out, StopWish()) as running:
        words = [word for kind in kinds for word in _measured(kind, wanted.rounds, wanted.out, running.env)]
    wrong = sum(word in WRONG_WORDS for word in words)
    print(f"{'FAIL' if wrong else 'PASS'}: {wrong} of {len(words)} moved endpoints differ from their twins")
    return 1 if wrong else 0


def scenario(kind: str, rounds: int, env: Mapping[str, str]) -> str:
    """Return the text of a session: both styles of a kind, as written and moved."""
    quoted = ", ".join(f'{name} = "{value}"' for name, value in env.items())
    head = SCENARIO.format(kind=kind, app_dir=ROOT / "tests" / "probe", env=quoted, rounds=rounds)
    return head + "".join(_pair(kind, place) for place in STYLES)


def _pair(kind: str, place: str) -> str:
    written, other, run_in = STYLES[place]
    moved = f'run_in = "{run_in}"' + (f'\nrun_dependencies_in = "{run_in}"' if kind in DEPENDENT else "")
    return "".join(
        VARIANT.format(name=f"{name} {place}", style=style, kind=kind, status=STATUS.get(kind, 200), moved=extra)
        for name, style, extra in (("written", written, ""), ("moved", other, moved))
    )


def _measured(kind: str, rounds: int, out: Path, env: Mapping[str, str]) -> list[str]:
    """Measure one kind and print its two rows; return the verdicts."""
    file = out / f"{kind.replace('/', '-')}.toml"
    file.write_text(scenario(kind, rounds, env), encoding="utf-8")
    command = [sys.executable, "-m", "loopbench", "run", str(file), "--seed", "1", "--out", str(out), "--wait"]
    with file.with_suffix(".txt").open("w", encoding="utf-8") as console:
        subprocess.run(command, stdout=console, stderr=subprocess.STDOUT, check=False)
    sessions = sorted((out / file.stem).glob("*/summary.json"))
    summary = json.loads(sessions[-1].read_text(encoding="utf-8")) if sessions else {}
    return [_row(kind, place, summary) for place in STYLES]


def _row(kind: str, place: str, summary: Mapping[str, Any]) -> str:
    quantities = (summary.get("rounds") or {}).get("quantities") or [{"verdicts": []}]
    pair = {f"written {place}", f"moved {place}"}
    found = next((each for each in quantities[0]["verdicts"] if {each["a"], each["b"]} == pair), None)
    word = str(found["verdict"]) if found else "INVALID"
    label = summary.get("stamp", {}).get("label", "no session")
    print(f"| {kind} | {place} | {word} | {_figures(found or {})} | {label} |", flush=True)
    return word


def _figures(verdict: Mapping[str, Any]) -> str:
    """Return the cells of ratio and interval, moved over written."""
    ratio, ends = verdict.get("ratio"), verdict.get("interval")
    if ratio is None or ends is None or None in ends:
        return "- | -"
    if verdict["a"].startswith("written"):
        ratio, ends = 1 / ratio, [1 / end for end in reversed(ends)]
    return f"{ratio:.3f} | {ends[0]:.3f} to {ends[1]:.3f}"


if __name__ == "__main__":
    sys.exit(main())
