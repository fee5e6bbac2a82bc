"""Which runs there are, in which order, and how long: a pure function of a scenario and a seed.

First the pictures: timelines and step loads where the scenario asks for them, one ramp run a variant. Then the rounds:
every variant once (or those that `[repeat] variants` names), as plateau runs, in an order drawn anew for each round.
The plan holds as many rounds as there may be; the runner stops earlier when the intervals are narrow enough.
"""

import random
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Self

from loopbench.errors import UsageError
from loopbench.records.session import KIND_PLATEAU, KIND_RAMP, KIND_STEPS, KIND_TIMELINE, OUTSIDE_ROUNDS, PlannedRun
from loopbench.scenario import Scenario, Timeline, Variant

OUTSIDE_LOAD_S = 2.5
"""What a run takes besides the phases of its load: canary, start the target, verify, start Locust, drain, stop both."""

TIMELINE_S = 5.0
"""The requests of a timeline, sent one after the other to verify them, then all at once. How long its routes take is
unknown; a handful that wait a second each need about this."""

ARRIVAL_S = 1.0  # all users at once: Locust starts them within a second, and calls the load shape once a second


IN_TURNS_PART = 1.0
"""Of a window, for the same run in slices: two thirds of it are measured, and each slice settles and drains."""

MAX_PLAN_S = 24 * 3_600  # a plan that takes at least this long is usually a mistake


@dataclass(frozen=True)
class Plan:
    """Runs in their order."""

    seed: int
    runs: tuple[PlannedRun, ...]
    fewest_rounds: int

    @property
    def pictures(self) -> tuple[PlannedRun, ...]:
        """The runs outside rounds."""
        return tuple(run for run in self.runs if run.round == OUTSIDE_ROUNDS)

    @property
    def rounds(self) -> tuple[tuple[PlannedRun, ...], ...]:
        """All rounds that may be needed."""
        repeated = (run for run in self.runs if run.round != OUTSIDE_ROUNDS)
        return tuple(tuple(runs) for _, runs in groupby(repeated, key=lambda run: run.round))

    def without(self, slugs: Collection[str]) -> Self:
        """Returns the plan without the runs of these variants."""
        return replace(
            self, runs=tuple(run for run in self.runs if run.kind == KIND_TIMELINE or run.variant not in slugs)
        )

    @property
    def shortest_s(self) -> float:
        """Time until the last run is finished when the fewest rounds are enough, the report not included."""
        return sum(run.expected_s for run in self.runs if run.round <= self.fewest_rounds)

    @property
    def longest_s(self) -> float:
        """The same if every round is needed."""
        return sum(run.expected_s for run in self.runs)


def make_plan(scenario: Scenario, seed: int) -> Plan:
    """Every run that may be needed, each with a seed of its own."""
    draw = random.Random(seed)  # noqa: S311  reproducible on purpose
    runs = tuple(
        PlannedRun(
            number=number,
            kind=kind,
            round=round_,
            variant=slug,
            seed=draw.getrandbits(32),
            expected_s=round(OUTSIDE_LOAD_S + load_s(scenario, kind), 1),
        )
        for number, (kind, round_, slug) in enumerate(_order(scenario, draw), 1)
    )
    return Plan(seed, runs, scenario.repeat.fewest_rounds)


def is_interleaved(scenario: Scenario, run: PlannedRun) -> bool:
    """Returns whether the runs of its round are measured together, on targets that are loaded in turns."""
    return run.round != OUTSIDE_ROUNDS and not scenario.isolated_because


def check_length(plan: Plan, max_minutes: float | None) -> None:
    """Refuse a plan of days, unless its time is limited on the command line."""
    if max_minutes is None and plan.shortest_s > MAX_PLAN_S:
        raise UsageError(
            f"this plan takes {plan.shortest_s / 86_400:.0f} days at least; nothing was started",
            slug="long-plan",
            allowed="a day, or as long as --max-minutes allows",
            hints=("loopbench plan SCENARIO", "--max-minutes 600, to measure as far as that goes", "--rounds 5"),
        )


def load_s(scenario: Scenario, kind: str) -> float:
    """How long the load of one run lasts, warm-up included, drain not."""
    load, repeat = scenario.load, scenario.repeat
    if kind == KIND_TIMELINE:
        return TIMELINE_S
    plateau_s = ARRIVAL_S + repeat.settle_s + repeat.window_s
    return (
        load.warmup_s
        + {
            KIND_RAMP: load.ramp_s + load.hold_s,
            KIND_PLATEAU: plateau_s if scenario.isolated_because else IN_TURNS_PART * repeat.window_s,
            KIND_STEPS: len(load.steps) * (ARRIVAL_S + repeat.settle_s + load.step_s),
        }[kind]
    )


def _order(scenario: Scenario, draw: random.Random) -> Iterator[tuple[str, int, str]]:
    """Yield kind, round and slug of each run. The order inside a pass is random, so that no variant is always first."""
    yield from ((KIND_TIMELINE, OUTSIDE_ROUNDS, slug) for slug in _slugs(scenario.timelines))
    all_slugs, repeated = _slugs(scenario.variants), _slugs(scenario.repeated_variants)
    yield from ((KIND_RAMP, OUTSIDE_ROUNDS, slug) for slug in _shuffled(all_slugs, draw))
    for _ in range(scenario.load.step_runs if scenario.load.steps else 0):
        yield from ((KIND_STEPS, OUTSIDE_ROUNDS, slug) for slug in _shuffled(all_slugs, draw))
    for number in range(1, scenario.repeat.max_rounds + 1):
        yield from ((KIND_PLATEAU, number, slug) for slug in _shuffled(repeated, draw))


def _slugs(named: Iterable[Variant | Timeline]) -> tuple[str, ...]:
    return tuple(each.slug for each in named)


def _shuffled(slugs: tuple[str, ...], draw: random.Random) -> list[str]:
    order = list(slugs)
    draw.shuffle(order)
    return order
