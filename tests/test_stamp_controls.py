"""The stamp against real faults: a load generator that is too slow, and another process on the target's cores.

The clean case needs a quiet machine, which a test cannot have: `make benchmark NAME=stamp` runs it.
"""

from typing import Final

import pytest

from benchmarks.stamp_controls import SLOW_CLIENT, THINKING, found

pytestmark = pytest.mark.real

SPAWN_RATE: Final = 100
HOLD_S: Final = 2


def test_a_generator_that_is_too_slow_makes_the_run_invalid() -> None:
    """HttpUser at 100 users without think time: what is measured is the client."""
    faults = found(SLOW_CLIENT, spawn_rate=SPAWN_RATE, hold_s=HOLD_S)
    assert "INVALID" in {faults.get(rule) for rule in ("G1", "G2", "G3")}


def test_another_process_on_the_target_s_cores_is_seen() -> None:
    faults = found(THINKING, burning=True, spawn_rate=SPAWN_RATE, hold_s=HOLD_S)
    assert faults.get("M3") == "VALID (DEGRADED)"
    assert faults.get("M5") == "INVALID"
