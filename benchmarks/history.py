"""The time in which `loopbench history` reads the sessions of a scenario.

    python -m benchmarks history [--sessions 1000]

Copies of the example session are read twice. The first reading takes the figures from each `summary.json`; the
second one takes the rows that the first one kept, and takes at most 2 s.
"""

import argparse
import shutil
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from loopbench.judge.compare.history import read_history
from loopbench.judge.session.session_report import judge_session
from loopbench.judge.summary.summary import write_summary

EXAMPLE: Final = Path(__file__).resolve().parents[1] / "results" / "example"
LIMIT_S: Final = 2.0
NOT_READ: Final = shutil.ignore_patterns("*.bin", "*.jsonl", "*.log", "*.csv", "charts", "report.html")
"""Files that no reading opens where there is a summary."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the times; return 1 if the limit was exceeded."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, default=1000)
    wanted = parser.parse_args(arguments).sessions
    with tempfile.TemporaryDirectory() as name:
        example, results = shutil.copytree(EXAMPLE, Path(name) / "example"), Path(name) / "results"
        write_summary(judge_session(example), example)
        for number in range(wanted):
            began = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=number)
            shutil.copytree(example, results / f"{began:%Y-%m-%dT%H-%M-%SZ}", ignore=NOT_READ)
        first_s, again_s = read_s(results), read_s(results)
    fine = again_s < LIMIT_S
    print(
        f"{'PASS' if fine else 'FAIL'}: {wanted:,} sessions read in {first_s:.1f} s, and again in {again_s:.2f} s "
        f"(limit {LIMIT_S:.0f})"
    )
    return 0 if fine else 1


def read_s(results: Path) -> float:
    """Read every session and return the seconds it took."""
    began = time.perf_counter()
    read_history(results)
    return time.perf_counter() - began


if __name__ == "__main__":
    raise SystemExit(main())
