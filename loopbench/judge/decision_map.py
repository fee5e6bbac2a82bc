"""A map: which variant is best for which values of two scenario keys. One judged session is one cell.

For variants that wait and compute, `predicted` says where the best one should change, from the costs in one cell.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from loopbench.judge.rounds.rounds import Judged
from loopbench.judge.session.session_report import SessionReport
from loopbench.judge.statistics.comparisons import compare
from loopbench.judge.statistics.verdict import MARGIN, Better, Quantity, Verdict, Word, judge
from loopbench.records.schemas import with_schema
from loopbench.scenario import Scenario
from loopbench.scenario.values import Scalar

MAP_FORMAT: Final = 1  # Of `map.json`. Raise it when a reader of the old one would misread the new one.
NO_ROUNDS: Final = "it has no rounds"
WAIT, CPU = "wait_s", "cpu_s"


@dataclass(frozen=True)
class Axis:
    """One scenario key and its values."""

    key: str
    values: tuple[Scalar, ...]

    @property
    def name(self) -> str:
        """The last part of the key."""
        return self.key.rpartition(".")[2]


@dataclass(frozen=True)
class Ranking:
    """The variants of one cell in one quantity, the best first; those without a figure are left out."""

    quantity: Quantity
    values: Mapping[str, float]
    verdict: Verdict | None  # on the first two; None with fewer
    invalid: tuple[str, ...] = ()  # variants without a valid run, one of which may be the best

    @property
    def is_resolved(self) -> bool:
        """Whether the best is shown to be better than the second, and every variant has a valid run."""
        return not self.invalid and self.verdict is not None and self.verdict.word in (Word.FASTER, Word.SLOWER)

    @property
    def lead(self) -> float | None:
        """How many times better the best is than the second, paired inside rounds."""
        ratio = None if self.verdict is None else self.verdict.shown_ratio
        if not ratio or self.verdict is None:
            return None
        is_better_high = (self.verdict.comparison.a == next(iter(self.values))) == (
            self.quantity.better is Better.HIGHER
        )
        return ratio if is_better_high else 1 / ratio


@dataclass(frozen=True)
class Cell:
    """One session, or why there is none."""

    x: int
    y: int
    session: str = ""
    stamp: str = ""
    rankings: tuple[Ranking, ...] = ()
    trouble: str = ""


@dataclass(frozen=True)
class DecisionMap:
    """All cells of a map, row by row."""

    scenario: Scenario
    x: Axis
    y: Axis
    cores: int
    cells: tuple[Cell, ...]

    @cached_property
    def quantities(self) -> tuple[Quantity, ...]:
        """What is ranked."""
        return tuple({each.quantity: None for cell in self.cells for each in cell.rankings})

    @property
    def variants(self) -> tuple[str, ...]:
        """Their names, in the scenario's order."""
        return tuple(each.name for each in self.scenario.variants)

    def ranking(self, cell: Cell, quantity: Quantity) -> Ranking | None:
        """Return a cell's ranking in one quantity; None without a variant in it."""
        return next((each for each in cell.rankings if each.quantity == quantity and each.values), None)


def cell_of(x: int, y: int, report: SessionReport, trouble: str = "") -> Cell:
    """Rank the variants of a judged session."""
    rankings = () if report.rounds is None else tuple(map(ranking_of, report.rounds.judged))
    return Cell(x, y, report.folder.name, report.stamp.label, rankings, trouble or ("" if rankings else NO_ROUNDS))


def ranking_of(judged: Judged) -> Ranking:
    """Rank the variants in one quantity.

    The best is compared with each of the others, as in Hsu's multiple comparisons with the best (1984): that is one
    comparison less than there are variants, although the best is known from the figures only.
    """
    known = {name: judged.estimate(name) for name in judged.replicates.variants}
    values = {name: each.value for name, each in known.items() if each.value is not None and not each.is_bounded}
    names = sorted(values, key=values.__getitem__, reverse=judged.quantity.better is Better.HIGHER)
    against = [compare(judged.replicates, names[0], other) for other in known if names and other != names[0]]
    verdicts = (each for each in judge(judged.quantity, against) if each.comparison.b in names[1:2])
    invalid = tuple(name for name in known if not judged.replicates.figures_of(name))
    return Ranking(judged.quantity, {name: values[name] for name in names}, next(verdicts, None), invalid)


def map_values(made: DecisionMap) -> dict[str, Any]:
    """`map.json`, as plain values."""
    axes = {name: {"key": axis.key, "values": list(axis.values)} for name, axis in (("x", made.x), ("y", made.y))}
    cells = [_cell(made, cell) for cell in made.cells]
    return with_schema("map", MAP_FORMAT, {"scenario": made.scenario.name, **axes, "cells": cells})


def _cell(made: DecisionMap, cell: Cell) -> dict[str, Any]:
    return {
        "x": made.x.values[cell.x],
        "y": made.y.values[cell.y],
        "session": cell.session or None,
        "stamp": cell.stamp or None,
        "trouble": cell.trouble or None,
        "rankings": [
            {
                "quantity": each.quantity.name,
                "unit": each.quantity.unit,
                "values": dict(each.values),
                "verdict": None if each.verdict is None else each.verdict.sentence,
                "invalid": list(each.invalid),
                "resolved": each.is_resolved,
                "lead": each.lead,
            }
            for each in cell.rankings
        ],
    }


@dataclass(frozen=True)
class Costs:
    """What limits one variant, in means over all requests, in seconds."""

    own: float  # CPU time of a request on the event loop, without the work
    users: int  # how many there are
    threads: int  # of anyio's pool
    cores: int  # of the machine


Law = Callable[[Costs, float, float], float]  # goodput, from the costs and the waiting and computing time of a request


def _of_users(costs: Costs, wait_s: float, cpu_s: float) -> float:
    """Every user waits for its answer (asymptotic bounds of a closed system: Lazowska et al., 1984, chapter 5)."""
    return costs.users / (costs.own + wait_s + cpu_s)


LAWS: Final[Mapping[str, Law]] = {
    "async": lambda costs, wait, cpu: min(_of_users(costs, wait, cpu), 1 / (costs.own + cpu)),
    "def": lambda costs, wait, cpu: min(1 / (costs.own + cpu), costs.threads / (costs.own + wait + cpu)),
    "blocking async def": lambda costs, wait, cpu: 1 / (costs.own + wait + cpu),
    "thread offload": lambda costs, wait, cpu: min(_of_users(costs, wait, cpu), 1 / (costs.own + cpu)),
    "process pool": lambda costs, wait, cpu: min(
        _of_users(costs, wait, cpu), 1 / costs.own, costs.cores / (costs.own + cpu)
    ),
}
"""By the variants' names in `scenarios/decision_map.toml`."""


def predicted(made: DecisionMap) -> Callable[[float, float], str] | None:
    """Return a function of waiting and computing seconds that gives the best variant in goodput.

    The costs are those of the first cell. Within the margin of a verdict, the variant that the scenario names first
    counts as best. None where a variant has no law, or the first cell no figure of it.
    """
    variants, first = made.scenario.variants, made.cells[0]
    values = first.rankings[0].values if first.rankings else {}
    if (made.x.name, made.y.name) != (WAIT, CPU) or not {each.name for each in variants} <= LAWS.keys() & values.keys():
        return None
    share = variants[0].weight / (variants[0].weight + sum(each.weight for each in made.scenario.requests))
    done_s = {CPU: float(made.y.values[0]), WAIT: float(made.x.values[0])}

    def own_s(name: str) -> float:
        work_s = done_s[CPU] + (done_s[WAIT] if name == "blocking async def" else 0.0)
        return max(1e-6, 1 / values[name] - share * work_s)

    costs = {
        each.name: Costs(own_s(each.name), made.scenario.load.users, each.served.thread_tokens, made.cores)
        for each in variants
    }

    def best(wait_s: float, cpu_s: float) -> str:
        rates = {name: LAWS[name](each, share * wait_s, share * cpu_s) for name, each in costs.items()}
        return next(name for name, rate in rates.items() if rate * (1 + MARGIN) >= max(rates.values()))

    return best


def grid(x: Axis, y: Axis) -> Sequence[tuple[int, int]]:
    """Return the places of all cells, row by row from the first value of `y`."""
    return [(column, row) for row in range(len(y.values)) for column in range(len(x.values))]
