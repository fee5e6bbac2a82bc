"""The stamp is a pure function of figures: each limit from both sides, and nothing left out goes unnoticed."""

import math

import pytest

from loopbench.judge.stamp.metrics import Measured, Metric, NotApplicable, NotObservable
from loopbench.judge.stamp.stamp import NOT_MEASURED, Stamp, evaluate
from loopbench.judge.stamp.stamp_checks import Level, State, Unit
from loopbench.judge.stamp.stamp_rules import CHECKS, RULES, RUN_RULES, SESSION_RULES, table

MEASURED_IN_SECTION_8 = (
    *("T1", "T2", "T3", "C1", "C2", "C3", "B0", "D1", "D2", "D3", "D4", "U1", "G1", "G2", "G3", "G4", "M1", "M2"),
    *("M3", "M4", "M5", "N1", "N2", "F1", "S1", "P1", "O1", "X1", "X2"),
)

LIMITS = {
    # figure: (the worst VALID one, one that is DEGRADED or None, one that is INVALID or None)
    "wrong_process_count": (0, None, 1),
    "worker_count_mismatch": (0, None, 1),
    "settings_mismatches": (0, None, 1),
    "calls_not_moved": (0, None, 0.001),
    "count_difference": (0, None, 1),
    "above_ceiling": (0.02, None, 0.021),
    "window_s": (5.0, 4.99, 0.09),
    "generator_cpu_share": (0.80, None, 0.81),
    "generator_cpu_peak": (0.80, 0.81, None),
    "hidden_share": (0.02, 0.021, 0.101),
    "generator_lag_share": (0.50, None, 0.51),
    "generator_lag_tail": (0.10, 0.11, None),
    "own_ceiling_share": (0.50, 0.51, None),
    "steal_share": (0.05, 0.051, 0.51),
    "canary_deviation": (0.05, 0.051, None),
    "foreign_cpu_share": (0.05, 0.051, None),
    "throttled_periods": (0, 1, None),
    "run_queue_share": (0.02, 0.021, 0.061),
    "generator_busy_share": (0.80, None, 0.81),
    "generator_queue_share": (0.02, 0.021, None),
    "listen_drops": (0, 1, None),
    "connections_per_user": (1.05, 1.06, None),
    "dirty_share": (0.80, 0.81, None),
    "change_points": (0, 1, None),
    "arrival_share": (0.02, 0.021, None),
    "late_share": (0.01, None, 0.011),
    "answer_growth": (0.10, 0.11, None),
    "response_growth": (0.30, 0.31, None),
    "rounds": (5, 4, None),
    "half_width": (0.05, 0.051, None),
    "repeat_share": (0.20, 0.21, None),
    "canary_scatter": (0.05, 0.051, None),
}
HEALTH = {
    # figure: (the worst healthy one, one that is not, and what the target is then)
    "failure_share": (0.01, 0.0101, State.FAILING),
    "wrong_bodies": (0, 1, State.FAILING),
    "completions": (100, 99, State.HEALTHY),
    "window_response_times": (5.0, 4.9, State.HEALTHY),
    "response_windows": (1.0, 1.01, State.STALLED),
    "unfinished_requests": (0, 1, State.STALLED),
    "users_never_served": (0, 1, State.STARVING),
}
BEST = {figure: limits[0] for figure, limits in (*LIMITS.items(), *HEALTH.items())}
RUN_FIGURES = [check.metric for rule in RUN_RULES for check in rule.checks]
SESSION_FIGURES = [check.metric for rule in SESSION_RULES for check in rule.checks]


def stamp_with(figure: str, metric: Metric) -> Stamp:
    """The stamp of a run (or session) in which everything is just good enough, but for one figure."""
    good: dict[str, Metric] = {**{name: Measured(value) for name, value in BEST.items()}, figure: metric}
    if figure in SESSION_FIGURES:
        return evaluate({name: good[name] for name in SESSION_FIGURES}, SESSION_RULES)
    return evaluate({name: good[name] for name in RUN_FIGURES})


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


@pytest.mark.parametrize("figure", HEALTH)
def test_the_health_of_the_target_lowers_no_stamp(figure: str) -> None:
    well, unwell, state = HEALTH[figure]
    assert stamp_with(figure, Measured(well)).about_health == ()
    stamp = stamp_with(figure, Measured(unwell))
    assert stamp.sentence == "VALID"
    assert [(finding.metric, finding.health) for finding in stamp.about_health] == [(figure, state)]
    assert figure in {remark.metric for remark in stamp.remarks}


def test_the_worst_state_comes_first() -> None:
    unwell = {figure: Measured(value) for figure, (_, value, _) in HEALTH.items()}
    good = {name: Measured(value) for name, value in BEST.items() if name in RUN_FIGURES}
    stamp = evaluate(good | unwell)
    assert [finding.health for finding in stamp.about_health][:2] == [State.FAILING, State.FAILING]
    assert stamp.about_health[-1].health is State.HEALTHY


@pytest.mark.parametrize("figure", BEST)
@pytest.mark.parametrize("metric", [None, Measured(math.nan)], ids=["forgotten", "NaN"])
def test_what_was_not_measured_is_invalid(figure: str, metric: Metric) -> None:
    stamp = stamp_with(figure, metric)
    assert stamp.level is Level.INVALID
    (fault,) = stamp.faults
    assert NOT_MEASURED in fault.sentence
    assert fault.value is None


@pytest.mark.parametrize("figure", BEST)
def test_what_does_not_apply_costs_nothing_and_is_said(figure: str) -> None:
    stamp = stamp_with(figure, NotApplicable("it is a plateau"))
    assert stamp.label == "VALID"
    assert [each.metric for each in stamp.left_out] == [figure]
    assert "it is a plateau" in stamp.left_out[0].what


@pytest.mark.parametrize("figure", BEST)
def test_what_cannot_be_seen_costs_what_its_rule_says_and_is_said_with_both_reasons(figure: str) -> None:
    (rule,) = [each for each in RULES if figure in {check.metric for check in each.checks}]
    stamp = stamp_with(figure, NotObservable("there is no such file"))
    assert stamp.level is rule.unobservable
    (finding,) = stamp.faults or [each for each in stamp.remarks if each.metric == figure]
    assert "there is no such file" in finding.what
    assert rule.unobservable_why in finding.what


def test_a_run_without_figures_is_invalid() -> None:
    stamp = evaluate({})
    assert stamp.level is Level.INVALID
    assert len(stamp.invalid_because) == len(RUN_FIGURES)


def test_every_rule_there_should_be_is_there_and_every_figure_has_one_check() -> None:
    assert set(MEASURED_IN_SECTION_8) <= {rule.id for rule in RULES}
    assert len(CHECKS) == len(RUN_FIGURES) + len(SESSION_FIGURES)
    assert set(BEST) == set(CHECKS)
    assert set(HEALTH) == {check.metric for rule in RULES if rule.health for check in rule.checks}


def test_every_check_can_trip() -> None:
    assert all(check.limits for check in CHECKS.values())


def test_the_printed_table_has_a_row_for_each_check() -> None:
    rows = {(row[0], row[1]): row for row in table()}
    assert len(rows) == len(CHECKS)
    assert rows["G2", CHECKS["hidden_share"].title][2:4] == ("<= 10 % / <= 2 %", "INVALID / DEGRADED")
    assert rows["D2", CHECKS["completions"].title][2:4] == (">= 100", "the figures are bounds")


def test_the_worst_finding_decides_and_comes_first() -> None:
    good: dict[str, Metric] = {name: Measured(BEST[name]) for name in RUN_FIGURES}
    stamp = evaluate(good | {"hidden_share": Measured(0.05), "steal_share": Measured(0.6)})
    assert stamp.label == "INVALID"
    assert [fault.id for fault in stamp.faults] == ["M1", "G2"]
    assert stamp.invalid_because == ("M1: stolen CPU in the worst 5 s: 60 % (limit <= 50 %)",)


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
