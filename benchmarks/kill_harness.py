"""Kills the harness (kill -9) at random moments of real quick sessions, and checks for leftovers and damage.

    python -m benchmarks kill-harness                200 moments
    python -m benchmarks kill-harness --moments 5

After each kill, no process may be left after two seconds, and every complete run must be unchanged with correct
checksums. The next moment resumes the killed session; at the end `--resume` must complete the last one.
"""

import argparse
import random
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.faults.chaos import Chaos, signalled

MOMENTS = 200


def main(arguments: Sequence[str] | None = None) -> int:
    """Kill, check, and print the table and the verdict."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--moments", type=int, default=MOMENTS)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    chosen = parser.parse_args(arguments)
    print(f"seed {chosen.seed}, {chosen.moments} moments", flush=True)
    with tempfile.TemporaryDirectory(prefix="loopbench-kill-") as base:
        chaos = Chaos(Path(base), random.Random(chosen.seed))  # noqa: S311  repeatable
        for _ in range(chosen.moments):
            chaos.strike("kill -9 of the harness", signalled(signal.SIGKILL))
        chaos.complete()
    print(chaos.tally.table())
    return 1 if chaos.tally.problems else 0


if __name__ == "__main__":
    sys.exit(main())
