"""10,000 fuzzed scenarios: each is planned or refused, in under a second, and none ends in a traceback.

python -m benchmarks fuzz            10,000 inside this process, 50 as separate processes
python -m benchmarks fuzz --quick    500 and 5
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.faults.fuzzing import Outcome, contents, plan_of

MAX_S = 1.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Print how the scenarios ended; return 1 if any ended in a way that is not allowed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="loopbench-fuzz-") as folder:
        file = Path(folder) / "case.toml"
        inside = fuzz(file, 500 if options.quick else 10_000, options.seed, plan_of)
        outside = fuzz(file, 5 if options.quick else 50, options.seed + 1, plan_in_a_process)
    passed = [show("in this process", inside), show("whole processes", outside, MAX_S + 2)]
    print("PASS" if all(passed) else "FAIL", f"seed {options.seed}")
    return 0 if all(passed) else 1


def fuzz(file: Path, tries: int, first: int, plan: Callable[[Path], Outcome]) -> list[tuple[Outcome, bytes]]:
    """Return each outcome with the content that caused it."""
    found: list[tuple[Outcome, bytes]] = []

    @seed(first)
    @settings(
        max_examples=tries,
        deadline=None,
        database=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(content=contents())
    def one(content: bytes) -> None:
        file.write_bytes(content)
        outcome = plan(file)
        if outcome.took_s > MAX_S:  # try again, because a pause of the machine does not repeat
            outcome = min(outcome, plan(file), key=lambda each: each.took_s)
        found.append((outcome, content))

    one()
    return found


def plan_in_a_process(file: Path) -> Outcome:
    """Run `loopbench plan FILE` as a shell does."""
    began = time.perf_counter()
    command = [sys.executable, "-m", "loopbench", "plan", str(file)]
    done = subprocess.run(command, capture_output=True, check=False, timeout=60)
    output = (done.stdout + done.stderr).decode("utf-8", "replace")
    return Outcome(done.returncode, time.perf_counter() - began, output)


def show(name: str, found: list[tuple[Outcome, bytes]], most_s: float = MAX_S) -> bool:
    """Print a summary and every violation; return whether there was none."""
    codes = Counter(str(outcome.code) for outcome, _ in found)
    slowest, _ = max(found, key=lambda each: each[0].took_s)
    bad = [(outcome, content) for outcome, content in found if outcome.problem or outcome.took_s > most_s]
    share = ", ".join(f"{count} with exit {code}" for code, count in sorted(codes.items()))
    print(f"{name}: {len(found)} scenarios, {share}; slowest {slowest.took_s:.3f} s (limit {most_s:g} s)")
    for outcome, content in bad[:5]:
        print(f"  {outcome.problem or 'too slow'} ({outcome.took_s:.2f} s): {content[:300]!r}\n  {outcome.said[-500:]}")
    return not bad


if __name__ == "__main__":
    sys.exit(main())
