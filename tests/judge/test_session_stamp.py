"""A session's stamp is the worst of its runs and rounds, and tells each fault once, however many runs it hit."""

import math

import pytest

from loopbench.judge.rounds.plateau_run import PlateauRun
from loopbench.judge.rounds.rounds import Rounds, judge_rounds
from loopbench.judge.run.latency import Percentiles
from loopbench.judge.session.session_stamp import SessionStamp, stamp_session
from loopbench.judge.stamp.canaries import Canaries
from loopbench.judge.stamp.metrics import Measured, NotObservable
from loopbench.judge.stamp.stamp import Stamp, evaluate
from loopbench.judge.stamp.stamp_checks import Level
from loopbench.judge.stamp.stamp_rules import CHECKS, RUN_RULES
from loopbench.judge.statistics.bounds import Count
from loopbench.records.session import KIND_PLATEAU, PlannedRun, RunRecord
from tests.judge.recorded_run import blank
from tests.made_scenario import made_scenario

GOOD = {
    name: Measured((check.degraded if check.invalid is None else check.invalid) or 0.0)
    for name, check in CHECKS.items()
}
FEW = Percentiles(0, None, None, None, None)


def run_stamp(**figures: Measured | NotObservable | None) -> Stamp:
    """Of a run that is just good enough but for these figures."""
    names = [check.metric for rule in RUN_RULES for check in rule.checks]
    good = {name: GOOD[name] for name in names} | {
        name: Measured(CHECKS[name].degraded or 0.0) for name in names if CHECKS[name].degraded is not None
    }
    return evaluate({**good, **figures})


CALM = Canaries(0.1, 0.01)


def planned(number: int, variant: str) -> PlannedRun:
    return PlannedRun(number, KIND_PLATEAU, 1, variant, 0, 8.0)


def stamped(stamps: dict[str, list[Stamp]], rounds: Rounds | None = None, canaries: Canaries = CALM) -> SessionStamp:
    """Of a session with these stamps under these variants."""
    flat = [(variant, stamp) for variant, several in stamps.items() for stamp in several]
    return stamp_session(
        [(planned(number, variant), stamp) for number, (variant, stamp) in enumerate(flat, 1)], rounds, canaries
    )


def make_rounds(figures: dict[str, list[float]], rejected: int = 0) -> Rounds:
    """Rounds in which each variant had these goodputs; NaN: that run was INVALID."""
    scenario = made_scenario(*figures, load={"users": 20})
    runs = []
    for index, variant in enumerate(scenario.variants):
        for number, rps in enumerate(figures[variant.name], 1):
            record = blank(
                RunRecord, number=100 * index + number, kind=KIND_PLATEAU, round=number, variant=variant.slug
            )
            stamp = run_stamp(steal_share=Measured(0.9)) if math.isnan(rps) else run_stamp()
            answers = Count(0 if math.isnan(rps) else round(1000 * rps), 1000.0)
            runs.append(blank(PlateauRun, record=record, variant=variant, answers=answers, own=FEW, stamp=stamp))
    made = judge_rounds(scenario, tuple(runs), rejected)
    assert made is not None
    return made


STEADY = {"a": [100.0, 101.0, 99.0, 100.5, 100.2], "b": [50.0, 50.4, 49.6, 50.1, 50.0]}


def test_a_good_session_is_valid() -> None:
    stamp = stamped({"a": [run_stamp()] * 5, "b": [run_stamp()] * 5}, make_rounds(STEADY))
    assert stamp.sentence == "VALID"


def test_the_worst_run_decides() -> None:
    degraded, invalid = run_stamp(hidden_share=Measured(0.05)), run_stamp(steal_share=Measured(0.6))
    assert stamped({"a": [run_stamp(), degraded]}, make_rounds(STEADY)).level is Level.DEGRADED
    assert stamped({"a": [run_stamp(), degraded, invalid]}).level is Level.INVALID


def test_a_session_that_answers_without_its_invalid_runs_is_degraded_by_them() -> None:
    """They were left out of every verdict; which rule they broke, and how many, is still reported."""
    found = stamped({"a": [run_stamp(), run_stamp(steal_share=Measured(0.6))]}, make_rounds(STEADY))
    assert found.level is Level.DEGRADED
    assert [finding.level for finding in found.faults] == [Level.INVALID]


def test_a_fault_is_told_once_with_its_worst_figure_and_the_runs_it_hit() -> None:
    hidden = [run_stamp(hidden_share=Measured(share)) for share in (0.03, 0.13, 0.05)]
    stamp = stamped({"a": [*hidden[:2], run_stamp()], "b": [hidden[2]]}, make_rounds(STEADY))
    (fault,) = stamp.faults
    assert (fault.worst.value, fault.hit, fault.invalid, fault.runs) == (0.13, 3, 1, 4)
    assert fault.by_variant == (("a", 2), ("b", 1))
    assert fault.sentence.endswith("13 % (limit <= 10 %); in 3 of 4 runs: a (2) and b (1) (1 of them INVALID)")


def test_the_worst_of_what_must_be_large_is_the_smallest() -> None:
    short = [run_stamp(window_s=Measured(length_s)) for length_s in (4, 2, 3)]
    (fault,) = stamped({"a": short}, make_rounds(STEADY)).faults
    assert fault.worst.value == 2
    assert fault.sentence.endswith("in all 3 runs")


def test_a_figure_that_is_missing_somewhere_is_worse_than_any() -> None:
    stamp = stamped({"a": [run_stamp(steal_share=Measured(0.9)), run_stamp(steal_share=None)]}, make_rounds(STEADY))
    assert stamp.faults[0].worst.value is None


def test_twelve_variants_in_twelve_rounds_stay_readable() -> None:
    bad = run_stamp(hidden_share=Measured(0.05), foreign_cpu_share=Measured(0.2))
    stamp = stamped({f"v{number}": [bad] * 12 for number in range(12)}, make_rounds(STEADY))
    assert len(stamp.faults) == 2
    some = stamped({f"v{number}": [bad] * 11 + [run_stamp()] for number in range(12)}, make_rounds(STEADY))
    assert "and 6 more" in some.faults[0].sentence
    assert all(len(fault.sentence) < 250 for fault in some.faults)


def test_a_remark_is_told_once_with_its_worst_figure() -> None:
    never = [run_stamp(users_never_served=Measured(count)) for count in (0, 3)]
    said = [remark.sentence for remark in stamped({"a": never[:1] * 2}, make_rounds(STEADY)).remarks]
    assert said.count("U1: users never served: 0 (limit 0)") == 1
    later = stamped({"a": never}, make_rounds(STEADY))
    assert later.level is Level.VALID
    assert [remark.worst.value for remark in later.remarks if remark.worst.id == "U1"] == [3]


def test_what_could_not_be_seen_is_a_remark() -> None:
    unseen = run_stamp(steal_share=NotObservable("not a virtual machine"))
    said = [remark.sentence for remark in stamped({"a": [unseen] * 3}, make_rounds(STEADY)).remarks]
    assert any("not a virtual machine" in sentence for sentence in said)


@pytest.mark.parametrize(
    ("figures", "rejected", "rules"),
    [
        ({name: values[:4] for name, values in STEADY.items()}, 0, {"X1"}),
        ({"a": [*STEADY["a"][:4], math.nan], "b": STEADY["b"]}, 0, {"X1"}),
        ({"a": [100.0, 120.0, 80.0, 110.0, 90.0], "b": STEADY["b"]}, 0, {"X2"}),
        ({"a": [100.0], "b": [50.0]}, 0, {"X1", "X2"}),
        (STEADY, 2, set()),
        (STEADY, 3, {"X3"}),
        ({"a": STEADY["a"]}, 0, set()),
    ],
    ids=["four rounds", "a hole", "wide", "one round", "20 % repeats", "30 % repeats", "one variant"],
)
def test_what_only_the_rounds_show_degrades(figures: dict[str, list[float]], rejected: int, rules: set[str]) -> None:
    stamp = stamped({"a": [run_stamp()]}, make_rounds(figures, rejected))
    assert {fault.worst.id for fault in stamp.faults} == rules
    assert stamp.level is (Level.DEGRADED if rules else Level.VALID)


def test_a_session_without_rounds_is_degraded() -> None:
    stamp = stamped({"a": [run_stamp()]})
    assert [fault.sentence for fault in stamp.faults] == ["X1: complete rounds: 0 (limit >= 5)"]


def test_a_session_without_runs_is_invalid() -> None:
    assert stamped({}).invalid_because == ("D2: no run is complete",)


def test_a_machine_that_changes_its_speed_all_the_time_is_told_once() -> None:
    found = stamped({"a": [run_stamp()]}, None, Canaries(4e-3, 0.3))
    assert "M6" in {finding.worst.id for finding in found.faults}
    assert found.level is Level.DEGRADED
