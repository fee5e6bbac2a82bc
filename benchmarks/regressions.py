"""Does `loopbench compare` find a planted regression, and none where nothing changed?

    python -m benchmarks compare [--tries 10] [--rounds 5]

It creates a repository with a small app whose endpoint awaits 5 ms; the next commit blocks for 20 ms instead. Both
revisions are compared once (required: exit code 1, and the line is named). Then the first is compared with its
unchanged working tree, `--tries` times (required: never exit code 1). A try of five rounds takes about two and a half
minutes.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from benchmarks.generator_runs import verdict
from loopbench.errors import ExitCode

APP: Final = """
import asyncio, time
from fastapi import FastAPI
app = FastAPI()
@app.get("/items")
async def items():
    {work}
    return {{"items": [1, 2, 3]}}
"""
SOUND: Final = "await asyncio.sleep(0.005)"
SICK: Final = "time.sleep(0.020)"
SCENARIO: Final = """
title = "Items"
question = "Is it slower than it was?"
[target]
app = "app:app"
[load]
users = 20
spawn_rate = 10
hold_s = 5
think_time_s = 0.02
[[variants]]
name = "items"
path = "/items"
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Print one line per try; return 1 if any was wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tries", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_repository(folder)
        code, output = compare(folder, "HEAD~1", "HEAD", options.rounds)
        found = code == ExitCode.REGRESSION and "app.py:7 in items" in output
        print(f"{verdict(reached=found)} planted: exit code {code}", flush=True)
        git(folder, "checkout", "-q", "HEAD~1")
        codes = []
        for number in range(1, options.tries + 1):
            code, output = compare(folder, "HEAD", ".", options.rounds)
            codes.append(code)
            result = next((line for line in output.splitlines() if line.split(":")[0] in WORDS), output[-200:])
            print(
                f"{verdict(reached=code != ExitCode.REGRESSION)} try {number}, unchanged: {code}: {result}", flush=True
            )
    return 0 if found and ExitCode.REGRESSION not in codes else 1


WORDS: Final = ("REGRESSION", "no regression shown", "CANNOT TELL")


def make_repository(folder: Path) -> None:
    """Create the two commits: first sound, then with the regression."""
    git(folder, "init", "-q")
    (folder / ".gitignore").write_text("results/\n__pycache__/\n", encoding="utf-8")
    (folder / "bench.toml").write_text(SCENARIO, encoding="utf-8")
    for work in (SOUND, SICK):
        (folder / "app.py").write_text(APP.format(work=work), encoding="utf-8")
        git(folder, "add", ".")
        git(folder, "commit", "-q", "-m", work)


def git(folder: Path, *arguments: str) -> None:
    """Run one git command in the repository."""
    author = ("-c", "user.name=benchmark", "-c", "user.email=benchmark@example.invalid")
    line = ["git", "-C", str(folder), *author, *arguments]
    subprocess.run(line, check=True)


def compare(folder: Path, before: str, after: str, rounds: int) -> tuple[int, str]:
    """Run `loopbench compare` and return exit code and output."""
    line = [sys.executable, "-m", "loopbench", "compare", "bench.toml"]
    line += ["--rev", before, "--rev", after, "--rounds", str(rounds)]
    done = subprocess.run(line, cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


if __name__ == "__main__":
    sys.exit(main())
