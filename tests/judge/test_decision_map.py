"""A map ranks the variants of each cell by its verdicts, and predicts where the best one changes."""

import json
from dataclasses import replace

import pytest

from loopbench.judge.decision_map import Axis, Cell, map_values, predicted
from loopbench.judge.statistics.verdict import Word
from tests.plots.maps import made_cell, made_map


def test_the_best_comes_first_with_its_lead_over_the_second() -> None:
    goodput, p99 = made_cell(0, 0, 0.05, 0.0, spread=0.001).rankings
    assert list(goodput.values)[:2] == ["async", "thread offload"]
    assert goodput.lead == pytest.approx(2.0, abs=0.01), "3,333/s and 1,667/s by the loop"
    assert goodput.is_resolved
    assert list(p99.values)[-1] == "blocking async def", "the lower the better"


def test_a_lead_that_the_rounds_do_not_show_is_not_resolved() -> None:
    noisy = made_cell(0, 0, 0.0, 0.0, spread=0.2).rankings[0]
    assert noisy.verdict is not None
    assert (noisy.is_resolved, noisy.verdict.word) == (False, Word.NOT_RESOLVED)
    assert noisy.lead is not None


def test_a_best_variant_is_not_resolved_while_another_is_invalid() -> None:
    goodput = made_cell(0, 0, 0.05, 0.0, spread=0.001, invalid="process pool").rankings[0]
    assert (goodput.invalid, goodput.is_resolved) == (("process pool",), False)
    assert "process pool" not in goodput.values


def test_a_lead_counts_the_same_way_when_low_is_good() -> None:
    p99 = made_cell(0, 0, 0.0, 0.02, spread=0.001).rankings[1]
    (_, best), (_, second), *_ = p99.values.items()
    assert best < second
    assert p99.lead == pytest.approx(second / best, rel=0.01)


@pytest.mark.parametrize(
    ("wait_s", "cpu_s", "best"),
    [(0.0, 0.0, "async"), (0.05, 0.0, "async"), (0.0, 0.005, "process pool"), (1.0, 0.005, "async")],
)
def test_the_prediction_follows_the_scarcest_resource(wait_s: float, cpu_s: float, best: str) -> None:
    """The loop, the users who wait, the cores; where two styles are alike, the one that the scenario names first."""
    found = predicted(made_map(spread=0.0001))
    assert found is not None
    assert found(wait_s, cpu_s) == best


def test_without_a_law_for_its_axes_or_a_first_cell_a_map_predicts_nothing() -> None:
    made = made_map()
    assert predicted(replace(made, x=Axis("load.users", (1, 2, 3, 4)))) is None
    assert predicted(replace(made, cells=(Cell(0, 0, trouble="no"), *made.cells[1:]))) is None


def test_map_json_holds_every_cell_and_no_figure_that_was_not_measured() -> None:
    made = made_map((0, 0.05), (0,))
    cells = (replace(made.cells[0], rankings=(), session="", stamp="", trouble="the time was up"), made.cells[1])
    values = map_values(replace(made, cells=cells))
    empty, full = json.loads(json.dumps(values))["cells"]
    assert (empty["session"], empty["rankings"], empty["trouble"]) == (None, [], "the time was up")
    assert (full["x"], full["y"], full["session"]) == (0.05, 0, "session-1-0")
    assert [each["unit"] for each in full["rankings"]] == ["1/s", "ms"]
    assert full["rankings"][0]["resolved"] is True
