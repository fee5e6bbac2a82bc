"""The unit of replication: one figure per run, and nothing else.

A run is one fresh process under one load. Its seconds and requests share that process, its port, its memory layout and
the machine's mood of the moment, so they are no replicates of each other: an interval drawn from them is far too
narrow. `Replicates` therefore takes one figure per run, pairs nothing itself, and refuses anything else.
"""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from loopbench.errors import DataError
from loopbench.judge.statistics.bounds import Count, Ends


class NotReplicatesError(DataError):
    """The values are not one per run, so no interval over runs may be drawn from them."""

    def __init__(self, what: str, *, where: str = "") -> None:
        super().__init__(
            what,
            slug="not-replicates",
            where=where,
            allowed="one figure for every variant in every round, or a missing run with its reason",
            hints=("reduce each run to one figure first (its goodput, its p99); a run's seconds are no replicates",),
        )


@dataclass(frozen=True, slots=True)
class RunFigure:
    """The figure of one run in one quantity.

    Raises:
        NotReplicatesError: the value is not finite or not above 0, or there is neither a value nor bounds.
    """

    run: int  # the run's number in its session
    round: int  # the round it was measured in
    variant: str  # the variant's name
    # the figure, in the quantity's own unit; finite and above 0, because it will meet a logarithm. None: the run only
    # bounds it
    value: float | None
    bounds: Count | Ends | None = None  # what bounds it. None: the value stands for itself

    @property
    def shown(self) -> float | None:
        """For charts: the value, or the rate of its few events; None where only ends are known."""
        return self.bounds.events / self.bounds.seconds if isinstance(self.bounds, Count) else self.value

    def __post_init__(self) -> None:
        known = self.bounds is not None if self.value is None else math.isfinite(self.value) and self.value > 0
        if not known:
            raise NotReplicatesError(
                f"run {self.run} has the figure {self.value}, which has no ratio to another",
                where=f"round {self.round}, variant {self.variant!r}",
            )


@dataclass(frozen=True, slots=True)
class MissingRun:
    """A place in the plan without a figure, and why."""

    round: int
    variant: str
    reason: str


@dataclass(frozen=True)
class Replicates:
    """Every variant's figure in every round, each exactly once; what is missing is named, never skipped.

    Raises:
        NotReplicatesError: something else than run figures, two values for one run or for one place in the plan,
            or a place without either a figure or a reason.
    """

    figures: tuple[RunFigure, ...]
    missing: tuple[MissingRun, ...] = ()

    def __post_init__(self) -> None:
        for figure in self.figures:
            if not isinstance(figure, RunFigure):  # what a caller without a type checker would hand over
                raise NotReplicatesError(f"{type(figure).__name__} {figure!r} does not say which run it is from")
        self._refuse_twice(((f"run {f.run}",) for f in self.figures), "values")
        self._refuse_twice(((f"round {p.round}", f"variant {p.variant!r}") for p in self._places), "entries")
        self._refuse_gaps()

    @staticmethod
    def _refuse_twice(places: Iterable[tuple[str, ...]], noun: str) -> None:
        for place, count in Counter(places).most_common(1):
            if count > 1:
                raise NotReplicatesError(f"{', '.join(place)} has {count} {noun} where one is wanted")

    def _refuse_gaps(self) -> None:
        taken = {(p.round, p.variant) for p in self._places}
        for number in self.rounds:
            for variant in self.variants:
                if (number, variant) not in taken:
                    raise NotReplicatesError(f"round {number} has no entry for variant {variant!r}")

    @cached_property
    def _places(self) -> tuple[RunFigure | MissingRun, ...]:
        return (*self.figures, *self.missing)

    @cached_property
    def variants(self) -> tuple[str, ...]:
        """In the order in which they first appear."""
        return tuple(dict.fromkeys(p.variant for p in self._places))

    @cached_property
    def rounds(self) -> tuple[int, ...]:
        """Their numbers, ascending."""
        return tuple(sorted({p.round for p in self._places}))

    def figures_of(self, variant: str) -> dict[int, RunFigure]:
        """The variant's figures by round, ascending; a missing round is absent."""
        if variant not in self.variants:
            raise NotReplicatesError(f"variant {variant!r} is in no round")
        return {f.round: f for f in sorted(self.figures, key=lambda f: f.round) if f.variant == variant}

    def by_round(self, variant: str) -> dict[int, float]:
        """The values among `figures_of`: rounds in which the variant is only bounded are absent, too."""
        return {number: f.value for number, f in self.figures_of(variant).items() if f.value is not None}
