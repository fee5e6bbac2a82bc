"""What would run, in which order, how long: a pure function of a scenario and a seed. The runner only walks it."""

import random
from dataclasses import dataclass

from loopbench.records.session import KIND_RAMP, PlannedRun
from loopbench.scenario import Scenario

OUTSIDE_LOAD_S = 1.5
"""What a run takes besides warm-up, ramp and hold: start the target, verify, start Locust, drain, stop both. Two
full sessions on a 2-core virtual machine: 1.1 to 2.1 s (wall_s in each run.json less those phases)."""


@dataclass(frozen=True)
class Plan:
    """Runs in the order they will be walked."""

    seed: int
    runs: tuple[PlannedRun, ...]

    @property
    def expected_s(self) -> float:
        """Time until the last run is finished, the report not included."""
        return sum(run.expected_s for run in self.runs)


def make_plan(scenario: Scenario, seed: int) -> Plan:
    """One ramp run a variant, in an order drawn from the seed (so that no variant always goes first)."""
    draw = random.Random(seed)  # noqa: S311  reproducible on purpose
    order = list(range(len(scenario.variants)))
    draw.shuffle(order)
    runs = tuple(
        PlannedRun(
            number=number,
            kind=KIND_RAMP,
            variant=scenario.slug(index),
            seed=draw.getrandbits(32),
            expected_s=round(_ramp_run_s(scenario), 1),
        )
        for number, index in enumerate(order, 1)
    )
    return Plan(seed, runs)


def _ramp_run_s(scenario: Scenario) -> float:
    load = scenario.load
    return OUTSIDE_LOAD_S + load.warmup_s + load.ramp_s + load.hold_s
