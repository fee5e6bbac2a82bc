"""What a run takes outside its load: start, verification, canary, end (required: at most 0.6 s, on a quiet machine).

    python -m benchmarks between-runs [--rounds N]

Most of it is the app's own. So the same app is also started by hand until it listens, and ended, as often as there are
runs, and the two are compared: a run may take 2.0 times as long outside its load as its app takes to start and end.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from benchmarks.generator_runs import serving, verdict
from loopbench.records.session import read_run, run_folders

ROOT: Final = Path(__file__).resolve().parents[1]
LIMIT_S: Final = 0.6
LIMIT_RATIO: Final = 2.0
ROUNDS: Final = 5
SCENARIO: Final = f"""
title = "between runs"
question = "How long does a run take outside its load?"
[target]
app = "target_app.main:app"
app_dir = "{ROOT}"
[load]
users = 2
warmup_s = 0.2
hold_s = 1
spawn_rate = 4
[repeat]
interleave = false
window_s = 1
settle_s = 0.2
[[variants]]
name = "hello"
path = "/hello"
[[variants]]
name = "write"
path = "/write"
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the figures; return 1 if a run takes too long."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    rounds = parser.parse_args(arguments).rounds
    with tempfile.TemporaryDirectory() as name:
        outside_s = outside_load_s(Path(name), rounds)
    app_s = [start_and_end_s() for _ in outside_s]
    middle_s, ratio = statistics.median(outside_s), statistics.median(outside_s) / statistics.median(app_s)
    fine = middle_s <= LIMIT_S and ratio <= LIMIT_RATIO
    print(f"outside the load: {middle_s:.2f} s a run, median of {len(outside_s)} (at most {LIMIT_S})")
    print(f"the app alone, started and ended: {statistics.median(app_s):.2f} s")
    print(f"{verdict(reached=fine)} ratio {ratio:.2f} (at most {LIMIT_RATIO})")
    return 0 if fine else 1


def outside_load_s(folder: Path, rounds: int) -> list[float]:
    """Measure a session, and return for each run how long it took outside its load."""
    (folder / "between.toml").write_text(SCENARIO, encoding="utf-8")
    command = [sys.executable, "-m", "loopbench", "run", "between.toml", "--wait", "--rounds", str(rounds)]
    subprocess.run(command, cwd=folder, check=False)  # its verdict, and its validity, are of no interest
    (session,) = (folder / "results").glob("*/*")
    return [read_run(run).outside_load_s for run in run_folders(session)]


def start_and_end_s() -> float:
    """Return how long the app takes to start, until it listens, and to end."""
    began_s = time.perf_counter()
    command = [sys.executable, "-m", "uvicorn", "target_app.main:app", "--port", "{port}", "--log-level", "warning"]
    with serving(command, cwd=ROOT):
        pass  # it listens, and is asked to end
    return time.perf_counter() - began_s


if __name__ == "__main__":
    sys.exit(main())
