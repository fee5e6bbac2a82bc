"""The stamp against real faults: a generator that is too slow, and somebody else on the target's core.

The clean case needs a quiet machine, which a test cannot ask for: `benchmarks/stamp_controls.py` has it.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from loopbench.errors import ExitCode

LOOPBENCH = Path(sys.executable).with_name("loopbench")
ROOT = Path(__file__).parents[1]
SCENARIO = f"""
title = "hello"
question = "Who is the bottleneck?"
[target]
app = "target_app.only:trivial"
app_dir = "{ROOT}"
[load]
users = 100
spawn_rate = 100
hold_s = 5
warmup_s = 0.5
{{more}}
[repeat]
max_rounds = 0
[[variants]]
name = "hello"
path = "/hello"
"""

pytestmark = pytest.mark.real


def findings(folder: Path, more: str) -> tuple[int, dict[str, str]]:
    """Exit code of a short session, and the level of each rule that found fault with it."""
    (folder / "hello.toml").write_text(SCENARIO.format(more=more))
    done = subprocess.run([LOOPBENCH, "run", "hello.toml"], cwd=folder, capture_output=True, check=False, timeout=120)
    (summary,) = folder.glob("results/hello/*/summary.json")
    faults = json.loads(summary.read_text())["stamp"]["findings"]
    return done.returncode, {fault["id"]: fault["level"] for fault in faults}


@contextmanager
def burner() -> Iterator[None]:
    """A process that wants the first processor, the target's, for itself."""
    first = min(os.sched_getaffinity(0))
    code = f"import os; os.sched_setaffinity(0, {{{first}}})\nwhile True: pass"
    with subprocess.Popen([sys.executable, "-c", code]) as process:
        try:
            yield
        finally:
            process.kill()


def test_a_generator_that_is_too_slow_makes_the_run_invalid(tmp_path: Path) -> None:
    """HttpUser at 100 users without think time: what is measured is the client."""
    code, found = findings(tmp_path, 'user = "http"')
    assert code == ExitCode.CANNOT_TELL
    assert "INVALID" in {found.get(rule) for rule in ("G1", "G2", "G3")}


def test_somebody_else_on_the_target_s_core_is_seen(tmp_path: Path) -> None:
    with burner():
        _, found = findings(tmp_path, "think_time_s = 0.05")
    assert found.get("M3") == "VALID (DEGRADED)"
    assert found.get("M5") == "INVALID"
