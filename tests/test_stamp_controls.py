"""The stamp against real faults: a load generator that is too slow, and another process on the target's cores.

The clean case needs a quiet machine, which a test cannot have: `make benchmark NAME=stamp` runs it.
"""

from pathlib import Path

import pytest

from benchmarks.stamp_controls import SLOW_CLIENT, THINKING, burner, levels, write_scenario
from tests.faults.faults import Measuring

pytestmark = pytest.mark.real


def measured(folder: Path, load: dict[str, str]) -> Measuring:
    """A short session of the benchmark's case, under way."""
    file = write_scenario(folder, load, spawn_rate=100, hold_s=2)
    return Measuring(folder, file, "--seed", "1")


def test_a_generator_that_is_too_slow_makes_the_run_invalid(tmp_path: Path) -> None:
    """100 users whose client computes for 10 ms between requests: what is measured is the client."""
    with measured(tmp_path, SLOW_CLIENT) as measuring:
        measuring.record_ceiling()
        measuring.end()
    faults = levels(tmp_path)
    assert "INVALID" in {faults.get(rule) for rule in ("G1", "G2", "G3")}


def test_another_process_on_the_target_s_cores_is_seen(tmp_path: Path) -> None:
    with measured(tmp_path, THINKING) as measuring:
        with burner():
            measuring.record_ceiling()
            measuring.wait_for("session_ended")
        measuring.end()
    faults = levels(tmp_path)
    assert faults.get("M3") == "VALID (DEGRADED)"
    assert "M5" in faults  # beside other tests the busy loop gets less of the core: the benchmark requires INVALID
