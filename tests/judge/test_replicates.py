"""One figure per run, and nothing else gets in."""

import math
from dataclasses import FrozenInstanceError

import pytest

from loopbench.judge.statistics.replicates import MissingRun, NotReplicatesError, Replicates, RunFigure


def test_per_second_values_of_one_run_are_refused() -> None:
    """Five hundred seconds of one run are one replicate, not five hundred."""
    seconds = tuple(RunFigure(1, 1, "def", 400 + second % 7) for second in range(500))
    with pytest.raises(NotReplicatesError, match="run 1 has 500 values where one is wanted"):
        Replicates(seconds)


def test_per_second_values_under_invented_run_numbers_are_refused() -> None:
    seconds = tuple(RunFigure(second, 1, "def", 400.0) for second in range(500))
    with pytest.raises(NotReplicatesError, match=r"round 1, variant 'def' has 500 entries"):
        Replicates(seconds)


def test_bare_numbers_are_refused() -> None:
    with pytest.raises(NotReplicatesError, match="does not say which run"):
        Replicates((400.0,) * 500)  # type: ignore[arg-type]


def test_a_round_that_says_nothing_of_a_variant_is_refused() -> None:
    figures = (RunFigure(1, 1, "a", 1.0), RunFigure(2, 1, "b", 1.0), RunFigure(3, 2, "a", 1.0))
    with pytest.raises(NotReplicatesError, match="round 2 has no entry for variant 'b'"):
        Replicates(figures)


@pytest.mark.parametrize("value", [0.0, -1.0, math.nan, math.inf])
def test_a_figure_without_a_logarithm_is_refused(value: float) -> None:
    with pytest.raises(NotReplicatesError, match="has no ratio"):
        RunFigure(1, 1, "a", value)


def test_figures_cannot_be_changed_afterwards() -> None:
    with pytest.raises(FrozenInstanceError):
        RunFigure(1, 1, "a", 1.0).value = 2.0  # type: ignore[misc]


def test_variants_and_rounds_include_what_is_missing() -> None:
    both = Replicates((RunFigure(1, 2, "a", 3.0),), (MissingRun(2, "b", "never run"),))
    assert (both.variants, both.rounds) == (("a", "b"), (2,))
    assert both.by_round("b") == {}
