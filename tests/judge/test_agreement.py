"""Samples against Locust's CSV: what counts as agreement, and what cannot be compared."""

from dataclasses import replace

import pytest

from loopbench.judge.run.windows import Curve
from loopbench.judge.session.agreement import agreement
from loopbench.judge.session.run_report import RunReport
from tests.plots.reports import Made, session


def run(csv: Curve | None = None, made: Made | None = None) -> RunReport:
    report = session([made or Made("def")]).runs[0]
    return replace(report, csv_curve=csv) if csv else report


def scaled(curve: Curve, *, rise: float = 1.0, hold: float = 1.0) -> Curve:
    """The same curve with more or fewer good answers."""
    assert curve.hold
    steps = tuple(replace(step, good=round(step.good * rise)) for step in curve.steps)
    return replace(curve, steps=steps, hold=replace(curve.hold, good=round(curve.hold.good * hold)))


def test_equal_curves_agree_wherever_they_are() -> None:
    found = agreement(run())
    assert (found.hold, found.rise, found.good) == (0, 0, True)


@pytest.mark.parametrize(
    ("rise", "hold", "good"), [(1.04, 1.02, True), (0.96, 0.98, True), (1.0, 1.04, False), (0.93, 1.0, False)]
)
def test_differences_are_held_to_their_limits(rise: float, hold: float, good: bool) -> None:
    ours = run()
    found = agreement(run(scaled(ours.curve, rise=rise, hold=hold)))
    assert found.hold == pytest.approx(hold - 1, abs=0.002)
    assert found.rise == pytest.approx(rise - 1, abs=0.01)
    assert found.good is good


def test_a_hold_that_differs_says_why_it_may() -> None:
    found = agreement(run(scaled(run().curve, hold=1.05)))
    (why,) = found.notes
    assert why.startswith("the holds differ by +5.0 %: the CSV has a row a second")
    assert why.endswith("up to a second from ours, which lasts 20 s")


def test_without_a_history_there_is_a_reason_and_no_figure() -> None:
    found = agreement(replace(run(), csv_curve=None))
    assert (found.hold, found.rise, found.good) == (None, None, None)
    assert found.notes == ("there is no curve from Locust's history",)


def test_a_ramp_of_few_rows_is_not_compared() -> None:
    ours = run()
    sparse = replace(ours.curve, steps=ours.curve.steps[::3])
    found = agreement(run(sparse))
    assert found.rise is None
    assert "3.4 rows of Locust's history" in found.notes[0]


def test_without_good_answers_nothing_is_divided() -> None:
    found = agreement(run(made=Made("broken", failed=True)))
    assert (found.hold, found.rise) == (None, None)
