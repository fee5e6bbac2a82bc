"""Gates: met only on what is known, not met only on what is shown, and otherwise open, with the reason."""

import math
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from loopbench.judge.compare.comparison import with_baseline
from loopbench.judge.diagnosis.loop_lines import LoopLine, Owner
from loopbench.judge.rounds.plateau_run import PlateauRun
from loopbench.judge.run.latency import Percentiles
from loopbench.judge.session.gates import OUTCOMES, SURE, GateAnswer, Outcome, region_of
from loopbench.judge.session.session_gates import session_gates
from loopbench.judge.session.session_report import SessionReport
from loopbench.judge.stamp.canaries import Canaries
from loopbench.judge.statistics.bounds import Count, Ends
from loopbench.judge.statistics.decision import decide
from loopbench.judge.statistics.intervals import Interval
from loopbench.scenario.gates import Gate
from tests.judge.figures import line as code_line
from tests.plots.causes import explained, repeated, spoiled
from tests.plots.reports import Made, session

MET, NOT_MET, OPEN = Outcome.MET, Outcome.NOT_MET, Outcome.CANNOT_TELL


def gate(figure: str, **keys: Any) -> Gate:
    """A gate on the variant `def`."""
    return Gate(**{"figure": figure, "variant": "def"} | keys)


def expecting(report: SessionReport, *gates: Gate) -> SessionReport:
    """The same session, asked these."""
    scenario = report.record.scenario.model_copy(update={"expect": list(gates)})
    return replace(
        report,
        record=replace(report.record, scenario=scenario),
        gates=session_gates(scenario, report.runs, report.rounds),
    )


@cache
def measured(rps: float = 500, *, seed: int = 1, canary_s: float = 0.003) -> SessionReport:
    """Six rounds with a spread of 3 %."""
    report = repeated(explained(session([Made("def", rps=rps), Made("other")])), 6, seed=seed)
    return replace(report, canaries=Canaries(canary_s, 0.02))


def asked(report: SessionReport, one: Gate) -> GateAnswer:
    (answer,) = expecting(report, one).gates
    return answer


def plateaus_changed(report: SessionReport, change: Callable[[PlateauRun], PlateauRun]) -> SessionReport:
    assert report.rounds is not None
    runs = tuple(change(run) if run.variant.name == "def" else run for run in report.rounds.runs)
    return replace(report, rounds=replace(report.rounds, runs=runs))


def seen(report: SessionReport, **figures: Any) -> SessionReport:
    """The same session, the loop of its ramps seen like this."""
    runs = []
    for run in report.runs:
        diagnosis = run.diagnosis
        assert diagnosis.figures is not None
        changed = replace(diagnosis, figures=replace(diagnosis.figures, **figures))
        runs.append(replace(run, diagnosis=changed))
    return replace(report, runs=tuple(runs))


def blocked_for(*longest_ms: float | None) -> tuple[LoopLine, ...]:
    """A line for each, of the app's own."""
    lines_s = [None if each is None else each / 1000 for each in longest_ms]
    return tuple(code_line(line=number, longest_s=each) for number, each in enumerate(lines_s, 7))


@pytest.mark.parametrize(
    ("keys", "ends", "outcome"),
    [
        ({"at_least": 10.0}, (10, 12), MET),
        ({"at_least": 10.0}, (9, 12), OPEN),
        ({"at_least": 10.0}, (8, 9.9), NOT_MET),
        ({"at_most": 10.0}, (8, 10), MET),
        ({"under": 10.0}, (8, 10), OPEN),
        ({"under": 10.0}, (8, 9), MET),
        ({"under": 10.0}, (10, 12), NOT_MET),
        ({"at_most": 10.0}, (10, 12), OPEN),
        ({"at_most": 10.0}, (math.inf, math.inf), NOT_MET),
        ({"at_least": 8.0, "at_most": 10.0}, (8.5, 9.5), MET),
        ({"at_least": 8.0, "at_most": 10.0}, (7, 9), OPEN),
        ({"at_least": 8.0, "at_most": 10.0}, (5, 7), NOT_MET),
        ({"at_least": 8.0, "at_most": 10.0}, (11, 12), NOT_MET),
    ],
)
def test_the_whole_interval_decides(keys: dict[str, float], ends: tuple[float, float], outcome: Outcome) -> None:
    assert OUTCOMES[decide(Interval(*ends, SURE), region_of(gate("goodput", **keys)))] is outcome


@pytest.mark.parametrize(
    ("one", "outcome"),
    [
        (gate("goodput", at_least=450.0), MET),
        (gate("goodput", at_least=500.0), OPEN),
        (gate("goodput", at_least=600.0), NOT_MET),
        (gate("neighbour_p99_ms", under=50.0), MET),
        (gate("neighbour_p99_ms", under=5.0), NOT_MET),
        (gate("never_served", at_most=0.0), MET),
        (gate("failures", at_most=0.0), MET),
        (gate("loop_blocked_share", under=0.05), NOT_MET),
        (gate("loop_blocked_share", under=0.9), MET),
        (gate("loop_blocked_share", under=0.805), OPEN),
        (gate("loop_lag_ms", under=50.0), NOT_MET),
        (gate("loop_lag_ms", under=400.0), MET),
        (gate("loop_lag_ms", under=325.0), OPEN),
        (gate("rss_mb", at_most=100.0), MET),
        (gate("rss_mb", at_most=80.0), NOT_MET),
    ],
)
def test_each_figure_is_taken_from_where_it_is_measured(one: Gate, outcome: Outcome) -> None:
    assert asked(measured(), one).outcome is outcome


@pytest.mark.parametrize("figure", ["goodput", "p99_ms", "neighbour_p99_ms"])
def test_without_rounds_nothing_that_needs_an_interval_is_met(figure: str) -> None:
    answer = asked(replace(measured(), rounds=None), gate(figure, at_least=0.0))
    assert (answer.outcome, answer.value) == (OPEN, None)
    assert "no rounds" in answer.sentence


def test_one_round_has_no_interval() -> None:
    report = repeated(session([Made("def"), Made("other")]), 1)
    assert "one round has no spread" in asked(report, gate("goodput", at_least=1.0)).sentence


def test_without_a_variant_every_variant_is_asked() -> None:
    answers = expecting(measured(), gate("failures", at_most=0.0, variant=None)).gates
    assert [answer.variant for answer in answers] == ["def", "other"]


@pytest.mark.parametrize("figure", ["loop_blocked_share", "line_ms", "failures", "never_served"])
def test_an_invalid_ramp_decides_nothing(figure: str) -> None:
    answer = asked(spoiled(measured(), "def"), gate(figure, at_most=1.0))
    assert answer.outcome is OPEN
    assert "INVALID by C1" in answer.reason


def test_a_variant_that_is_invalid_in_every_round_decides_nothing() -> None:
    report = repeated(session([Made("def"), Made("other")]), 6, invalid=["def"])
    answer = asked(report, gate("goodput", at_least=0.0))
    assert (answer.outcome, answer.reason) == (OPEN, "INVALID by C1")


def test_a_variant_without_a_ramp_decides_nothing() -> None:
    report = session([Made("def"), Made("other")], missing=("def",))
    assert "no complete ramp run" in asked(report, gate("failures", at_most=0.0)).reason


@pytest.mark.parametrize("figure", ["loop_blocked_share", "line_ms", "loop_lag_ms", "rss_mb", "never_served"])
def test_a_run_that_held_no_load_decides_nothing_about_the_hold(figure: str) -> None:
    answer = asked(explained(session([Made("def", hold_s=0)])), gate(figure, at_most=1.0))
    assert (answer.outcome, answer.reason) == (OPEN, "the run held no load")


def test_a_loop_that_nobody_watched_is_never_met() -> None:
    answer = asked(session([Made("def"), Made("other")]), gate("loop_blocked_share", under=1.0))
    assert (answer.outcome, answer.reason) == (OPEN, "the loop was not observed: made up")


def waited(low_ms: float, answers: int = 2000) -> tuple[Percentiles, ...]:
    """Too few answers, or none: the p99 is over what is known."""
    return (Percentiles(answers, None, None, None, None, {"p99": Ends(low_ms, math.inf)}),)


@pytest.mark.parametrize(
    ("low_ms", "outcome"), [(2.0, OPEN), (90.0, NOT_MET)], ids=["below the limit", "over the limit"]
)
def test_a_p99_without_an_end_is_never_met_and_fails_where_what_is_known_of_it_is_over(
    low_ms: float, outcome: Outcome
) -> None:
    report = plateaus_changed(measured(), lambda run: replace(run, neighbours=waited(low_ms)))
    assert asked(report, gate("neighbour_p99_ms", under=50.0)).outcome is outcome


def test_one_round_without_an_end_keeps_the_gate_from_being_met() -> None:
    report = plateaus_changed(
        measured(), lambda run: replace(run, neighbours=waited(9.0, 7)) if run.round == 2 else run
    )
    assert asked(report, gate("neighbour_p99_ms", under=50.0)).outcome is OPEN


def test_no_good_answer_is_a_goodput_of_zero() -> None:
    report = plateaus_changed(measured(), lambda run: replace(run, answers=Count(0, 6.0)))
    answer = asked(report, gate("goodput", at_least=10.0))
    assert (answer.outcome, answer.value) == (NOT_MET, 0.0)


def test_failures_of_the_rounds_count_too() -> None:
    report = plateaus_changed(measured(), lambda run: replace(run, health=replace(run.health, wrong=1)))
    answer = asked(report, gate("failures", at_most=0.0))
    assert (answer.outcome, answer.value) == (NOT_MET, 6.0)


@pytest.mark.parametrize(
    ("lines", "limit_ms", "outcome"),
    [
        ((), 20, MET),
        ((), 12, OPEN),  # shorter than what the probe tells
        (blocked_for(14), 20, MET),
        (blocked_for(14, 22), 20, OPEN),  # within one look of the limit
        (blocked_for(14, 26), 20, NOT_MET),
        (blocked_for(14, None), 20, OPEN),  # a probe that did not write it
        ((code_line(owner=Owner.LIBRARY, longest_s=0.5),), 20, MET),  # not the user's own
    ],
)
def test_a_line_is_known_to_within_one_look(lines: tuple[LoopLine, ...], limit_ms: float, outcome: Outcome) -> None:
    answer = asked(seen(measured(), lines=lines), gate("line_ms", at_most=float(limit_ms)))
    assert answer.outcome is outcome


def test_the_worst_line_is_named() -> None:
    answer = asked(seen(measured(), lines=blocked_for(14, 26)), gate("line_ms", at_most=20.0))
    assert answer.sentence == (
        "NOT MET: the longest block by a line of the app's own under def: 26.0 ms (known to be 21.0 to 31.0), "
        f"wanted at most 20 ms ({code_line().file}:8 in slow)"
    )


def test_blocking_without_a_line_keeps_lines_from_being_met() -> None:
    answer = asked(seen(measured(), lines=(), blocked_unseen=0.2), gate("line_ms", at_most=20.0))
    assert (answer.outcome, answer.reason) == (OPEN, "too much of the blocking has no line to blame")


def against(before: SessionReport, after: SessionReport, one: Gate, *, anyway: bool = False) -> GateAnswer:
    (answer,) = with_baseline(expecting(after, one), before, anyway=anyway).gates
    return answer


NINE_TENTHS = gate("goodput", at_least=0.9, of="baseline")


@pytest.mark.parametrize(("rps", "outcome"), [(500, MET), (455, OPEN), (300, NOT_MET)])
def test_a_ratio_to_the_baseline_session(rps: float, outcome: Outcome) -> None:
    answer = against(measured(500), measured(rps, seed=2), NINE_TENTHS)
    assert answer.outcome is outcome
    assert "wanted at least 0.9 times the baseline session's" in answer.sentence


def test_what_the_machine_changed_leaves_the_ratio_open() -> None:
    assert against(measured(500), measured(480, seed=2, canary_s=0.004), NINE_TENTHS).outcome is OPEN


def test_without_a_baseline_a_ratio_to_it_is_open() -> None:
    assert "--baseline DIR" in asked(measured(), NINE_TENTHS).reason


def test_an_unlike_baseline_is_refused_with_the_fact_unless_it_is_wanted() -> None:
    before = measured(500)
    other = replace(before, record=replace(before.record, machine=before.record.machine | {"cpu": "another"}))
    answer = against(other, measured(500, seed=2), NINE_TENTHS)
    assert (answer.outcome, answer.interval) == (OPEN, None)
    assert "machine cpu: another in A, a CPU in B" in answer.reason
    assert against(other, measured(500, seed=2), NINE_TENTHS, anyway=True).outcome is MET


def test_a_baseline_without_rounds_or_without_the_variant_leaves_it_open() -> None:
    assert "has no rounds" in against(replace(measured(), rounds=None), measured(), NINE_TENTHS).reason
    other = repeated(session([Made("other")]), 6)
    answer = against(replace(other, canaries=measured().canaries), measured(), NINE_TENTHS, anyway=True)
    assert (answer.outcome, answer.reason) == (OPEN, "in the baseline session: it was not measured")
