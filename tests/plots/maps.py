"""Made-up maps: the figures follow the laws, each cell with rounds of its own."""

import math
import random
from pathlib import Path

from loopbench.judge.decision_map import LAWS, Axis, Cell, Costs, DecisionMap, ranking_of
from loopbench.judge.rounds.rounds import goodput_quantity, judge_quantity, neighbour_quantity
from loopbench.judge.statistics.replicates import MissingRun, Replicates, RunFigure
from loopbench.scenario import load

ROOT = Path(__file__).parents[2]
SCENARIO = load(ROOT / "scenarios" / "decision_map.toml")
COSTS = {"async": 3e-4, "def": 6e-4, "blocking async def": 3e-4, "thread offload": 6e-4, "process pool": 1e-3}
WAITS, CPUS = (0, 0.001, 0.01, 0.05), (0, 0.001, 0.005)


def made_map(waits: tuple[float, ...] = WAITS, cpus: tuple[float, ...] = CPUS, spread: float = 0.01) -> DecisionMap:
    """A map of the shipped scenario on a machine of two cores."""
    x, y = Axis("variants.params.wait_s", waits), Axis("variants.params.cpu_s", cpus)
    cells = [made_cell(i, j, wait, cpu, spread) for j, cpu in enumerate(cpus) for i, wait in enumerate(waits)]
    return DecisionMap(SCENARIO, x, y, 2, tuple(cells))


def made_cell(column: int, row: int, wait_s: float, cpu_s: float, spread: float, invalid: str = "") -> Cell:
    """One cell, whose `invalid` variant has no valid run.

    The p99 of the neighbour is 2 ms and, where the loop blocks, what it blocks for.
    """
    rates = {name: LAWS[name](Costs(own, 100, 40, 2), wait_s / 2, cpu_s / 2) for name, own in COSTS.items()}
    on_loop = {"async": cpu_s, "blocking async def": 100 * (wait_s + cpu_s)}
    p99s_ms = {name: 2 + 1000 * on_loop.get(name, cpu_s / 4) for name in rates}
    judged = (
        judge_quantity(goodput_quantity(SCENARIO), SCENARIO, _replicates(rates, spread, invalid)),
        judge_quantity(neighbour_quantity(SCENARIO), SCENARIO, _replicates(p99s_ms, 5 * spread, invalid)),
    )
    return Cell(column, row, f"session-{column}-{row}", "VALID", tuple(map(ranking_of, judged)))


def _replicates(values: dict[str, float], spread: float, invalid: str) -> Replicates:
    draw = random.Random(repr(values))  # noqa: S311  reproducible on purpose
    noisy = [(n, name, value * math.exp(draw.gauss(0, spread))) for n in (1, 2, 3) for name, value in values.items()]
    figures = [RunFigure(run, n, name, value) for run, (n, name, value) in enumerate(noisy, 1) if name != invalid]
    return Replicates(tuple(figures), tuple(MissingRun(n, invalid, "INVALID by M5") for n in (1, 2, 3) if invalid))
