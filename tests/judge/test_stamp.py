"""The stamp is a pure function of figures: each limit from both sides, and nothing left out goes unnoticed."""

import dataclasses
import math

import pytest

from loopbench.judge.stamp.metrics import Measured, Metric, NotApplicable, NotObservable, RunMetrics, SessionMetrics
from loopbench.judge.stamp.stamp import NOT_MEASURED, Stamp, evaluate, evaluate_session
from loopbench.judge.stamp.stamp_checks import Level, Unit
from loopbench.judge.stamp.stamp_rules import CHECKS, RULES, RUN_RULES, SESSION_RULES, table

MEASURED_IN_SECTION_8 = (
    *("T1", "T2", "C1", "C2", "C3", "B0", "D1", "D2", "U1", "G1", "G2", "G3", "G4", "M1", "M2", "M3", "M4", "M5"),
    *("N1", "N2", "F1", "S1", "P1", "O1", "X1", "X2"),
)

LIMITS = {
    # figure: (the worst VALID one, one that is DEGRADED or None, one that is INVALID or None)
    "wrong_process_count": (0, None, 1),
    "worker_count_mismatch": (0, None, 1),
    "settings_mismatches": (0, None, 1),
    "count_difference": (0, None, 1),
    "failure_share": (0.01, None, 0.0101),
    "wrong_bodies": (0, None, 1),
    "above_ceiling": (0.02, None, 0.021),
    "window_s": (5.0, None, 4.99),
    "window_response_times": (5.0, None, 4.9),
    "completions": (100, None, 99),
    "users_never_served": (0, 1, None),
    "unfinished_requests": (0, 1, None),
    "generator_cpu_share": (0.80, None, 0.81),
    "hidden_share": (0.02, 0.021, 0.101),
    "generator_lag_share": (0.10, 0.11, 0.51),
    "own_ceiling_share": (0.50, 0.51, None),
    "steal_share": (0.05, None, 0.051),
    "canary_deviation": (0.05, 0.051, 0.101),
    "foreign_cpu_share": (0.05, 0.051, None),
    "throttled_periods": (0, None, 1),
    "run_queue_share": (0.02, 0.021, 0.051),
    "listen_drops": (0, None, 1),
    "connections_per_user": (1.05, 1.06, None),
    "dirty_share": (0.80, None, 0.81),
    "change_points": (0, 1, None),
    "arrival_share": (0.02, 0.021, None),
    "late_share": (0.01, None, 0.011),
    "rounds": (5, 4, None),
    "half_width": (0.05, 0.051, None),
    "repeat_share": (0.20, 0.21, None),
    "canary_scatter": (0.05, 0.051, None),
}
RUN_FIGURES = [field.name for field in dataclasses.fields(RunMetrics)]
SESSION_FIGURES = [field.name for field in dataclasses.fields(SessionMetrics)]


def stamp_with(figure: str, metric: Metric) -> Stamp:
    """The stamp of a run (or session) in which everything is just good enough, but for one figure."""
    good: dict[str, Metric] = {**{name: Measured(LIMITS[name][0]) for name in LIMITS}, figure: metric}
    if figure in SESSION_FIGURES:
        return evaluate_session(SessionMetrics(**{name: good[name] for name in SESSION_FIGURES}))
    return evaluate(RunMetrics(**{name: good[name] for name in RUN_FIGURES}))


@pytest.mark.parametrize("figure", LIMITS)
def test_each_limit_separates_the_levels(figure: str) -> None:
    valid, degraded, invalid = LIMITS[figure]
    assert stamp_with(figure, Measured(valid)).label == "VALID"
    for value, level in ((degraded, Level.DEGRADED), (invalid, Level.INVALID)):
        if value is not None:
            stamp = stamp_with(figure, Measured(value))
            assert [(fault.metric, fault.level, fault.value) for fault in stamp.faults] == [(figure, level, value)]
            assert stamp.level is level
            assert stamp.faults[0].advice


@pytest.mark.parametrize("figure", LIMITS)
@pytest.mark.parametrize("metric", [None, Measured(math.nan)], ids=["forgotten", "NaN"])
def test_what_was_not_measured_is_invalid(figure: str, metric: Metric) -> None:
    stamp = stamp_with(figure, metric)
    assert stamp.level is Level.INVALID
    (fault,) = stamp.faults
    assert NOT_MEASURED in fault.sentence
    assert fault.value is None


@pytest.mark.parametrize("figure", LIMITS)
def test_what_does_not_apply_costs_nothing_and_is_said(figure: str) -> None:
    stamp = stamp_with(figure, NotApplicable("it is a plateau"))
    assert stamp.label == "VALID"
    assert [each.metric for each in stamp.left_out] == [figure]
    assert "it is a plateau" in stamp.left_out[0].what


@pytest.mark.parametrize("figure", LIMITS)
def test_what_cannot_be_seen_costs_what_its_rule_says_and_is_said_with_both_reasons(figure: str) -> None:
    (rule,) = [each for each in RULES if figure in {check.metric for check in each.checks}]
    stamp = stamp_with(figure, NotObservable("there is no such file"))
    assert stamp.level is rule.unobservable
    (finding,) = stamp.faults or [each for each in stamp.remarks if each.metric == figure]
    assert "there is no such file" in finding.what
    assert rule.unobservable_why in finding.what


def test_a_run_without_figures_is_invalid() -> None:
    stamp = evaluate(RunMetrics())
    assert stamp.level is Level.INVALID
    assert len(stamp.invalid_because) == len(RUN_FIGURES)


def test_every_rule_there_should_be_is_there_and_every_figure_has_one_check() -> None:
    assert set(MEASURED_IN_SECTION_8) <= {rule.id for rule in RULES}
    assert [check.metric for rule in RUN_RULES for check in rule.checks] == RUN_FIGURES
    assert [check.metric for rule in SESSION_RULES for check in rule.checks] == SESSION_FIGURES
    assert list(LIMITS) == list(CHECKS)


def test_every_check_can_trip() -> None:
    assert all(check.limits for check in CHECKS.values())


def test_the_printed_table_has_a_row_for_each_check() -> None:
    rows = {(row[0], row[1]): row for row in table()}
    assert len(rows) == len(CHECKS)
    assert rows["G2", CHECKS["hidden_share"].title][2:4] == ("<= 10 % / <= 2 %", "INVALID / DEGRADED")
    assert rows["D2", CHECKS["completions"].title][2:4] == (">= 100", "INVALID")


def test_the_worst_finding_decides_and_comes_first() -> None:
    good: dict[str, Metric] = {name: Measured(LIMITS[name][0]) for name in RUN_FIGURES}
    stamp = evaluate(RunMetrics(**good | {"hidden_share": Measured(0.05), "steal_share": Measured(0.3)}))
    assert stamp.label == "INVALID"
    assert [fault.id for fault in stamp.faults] == ["M1", "G2"]
    assert stamp.invalid_because == ("M1: stolen CPU in the worst 5 s: 30 % (limit <= 5 %)",)


def test_a_degraded_stamp_says_why_in_figures() -> None:
    stamp = stamp_with("hidden_share", Measured(0.05, "worst in the hold"))
    assert stamp.sentence == (
        "VALID (DEGRADED): G2: users' time that is neither waiting nor thinking: 5 % (worst in the hold) (limit <= 2 %)"
    )


def test_a_stamp_that_was_never_made_is_invalid() -> None:
    assert Stamp(()).label == "INVALID"


@pytest.mark.parametrize(
    ("unit", "value", "text"),
    [
        (Unit.SHARE, 0.0123, "1.23 %"),
        (Unit.SHARE, math.inf, "without bound"),
        (Unit.COUNT, 12_345.0, "12,345"),
        (Unit.SECONDS, 5.04, "5.04 s"),
        (Unit.RATIO, 1.0512, "1.05"),
    ],
)
def test_figures_are_written_in_their_unit(unit: Unit, value: float, text: str) -> None:
    assert unit.written(value) == text
