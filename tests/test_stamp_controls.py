"""The stamp against real faults: a generator that is too slow, and somebody else on the target's cores.

The clean case needs a quiet machine, which a test cannot ask for: the benchmark these come from has it.
"""

import pytest

from benchmarks.stamp_controls import SLOW_CLIENT, THINKING, found

pytestmark = pytest.mark.real


def test_a_generator_that_is_too_slow_makes_the_run_invalid() -> None:
    """HttpUser at 100 users without think time: what is measured is the client."""
    faults = found(SLOW_CLIENT)
    assert "INVALID" in {faults.get(rule) for rule in ("G1", "G2", "G3")}


def test_somebody_else_on_the_target_s_cores_is_seen() -> None:
    faults = found(THINKING, burning=True)
    assert faults.get("M3") == "VALID (DEGRADED)"
    assert faults.get("M5") == "INVALID"
