"""Plateau runs and receipts reach the claims they are evidence for."""

import dataclasses
import math
from dataclasses import replace

import pytest

from loopbench.judge.rounds.claims import Answer, ClaimAnswer
from loopbench.judge.rounds.plateau_run import PlateauRun
from loopbench.judge.rounds.rounds import judge_rounds
from loopbench.judge.run.latency import Percentiles
from loopbench.judge.session.session_report import session_claims
from loopbench.judge.stamp.health import Health
from loopbench.judge.stamp.stamp import CheckOutcome, Stamp
from loopbench.judge.stamp.stamp_checks import Level, State
from loopbench.judge.statistics.bounds import Count, Ends
from loopbench.records.session import RunRecord
from loopbench.scenario import Scenario, Variant
from loopbench.scenario.claims import Claim
from tests.judge.recorded_run import blank
from tests.made_scenario import made_scenario

FAST, SLOW = made_scenario("the fast", "the slow").variants
STAMP = Stamp((CheckOutcome("C1", "counts", Level.VALID, "they agree", None, ""),))
SPREAD = (0.99, 1.01, 1.0, 0.995, 1.005)


def scenario(compare: str) -> Scenario:
    """One claim: the fast one is higher."""
    b, value = (None, 0.0) if compare.startswith("receipt:") else (SLOW.name, None)
    claim = Claim(id="c", text="text", where="where", compare=compare, a=FAST.name, b=b, value=value, expect="higher")
    return made_scenario("the fast", "the slow", neighbours=("hello",), claims=[claim.model_dump()])


def plateau(number: int, round_: int, variant: Variant, value: float) -> PlateauRun:
    """A run in which every figure is the same number."""
    times = Percentiles(500, value, value, value, None)
    return PlateauRun(
        record=blank(RunRecord, number=number, round=round_, variant=variant.slug),
        variant=variant,
        answers=Count(round(1000 * value), 1000.0),
        own=times,
        neighbours=(times,),
        stamp=STAMP,
        health=blank(Health, state=State.HEALTHY),
    )


def plateaus() -> tuple[PlateauRun, ...]:
    """Five rounds in which the fast one has twice the figure."""
    return tuple(
        plateau(2 * round_ + index, round_, variant, value * each)
        for round_, each in enumerate(SPREAD, 1)
        for index, (variant, value) in enumerate(((FAST, 200.0), (SLOW, 100.0)))
    )


def answered(compare: str, runs: tuple[PlateauRun, ...]) -> ClaimAnswer:
    """What a session of these runs says of the claim."""
    question = scenario(compare)
    (judged,) = session_claims(question, (), judge_rounds(question, runs, rejected=0))
    return judged


@pytest.mark.parametrize("compare", ["goodput", "p50", "p99", "neighbour_p50", "neighbour_p99"])
def test_every_quantity_is_taken_from_the_rounds(compare: str) -> None:
    judged = answered(compare, plateaus())
    assert judged.answer is Answer.REPRODUCED
    assert judged.measured == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("times", "reason"),
    [
        (Percentiles(0, None, None, None, None), "no request of which a p99 could be known was sent"),
        (Percentiles(3, None, None, None, None, {"p99": Ends(1.0, math.inf)}), "the interval does not settle"),
    ],
)
def test_a_percentile_that_is_not_known_decides_nothing(times: Percentiles, reason: str) -> None:
    judged = answered("neighbour_p99", tuple(dataclasses.replace(run, neighbours=(times,)) for run in plateaus()))
    assert judged.answer is Answer.NOT_DECIDED
    assert reason in judged.reason


def test_a_p99_that_never_came_decides_from_what_was_waited() -> None:
    waited = Percentiles(500, None, None, None, None, {"p99": Ends(9000.0, math.inf)}, 500)
    runs = (replace(run, neighbours=(waited,)) if run.variant is FAST else run for run in plateaus())
    judged = answered("neighbour_p99", tuple(runs))
    assert (judged.answer, judged.measured) == (Answer.REPRODUCED, None)
    assert "at least" in judged.sentence


def test_invalid_rounds_are_not_left_out_in_silence() -> None:
    failed = Stamp((CheckOutcome("M5", "a rule", Level.INVALID, "it is broken", None, ""),))
    runs = tuple(
        dataclasses.replace(run, stamp=failed) if run.variant is FAST and run.record.round <= 2 else run
        for run in plateaus()
    )
    judged = answered("goodput", runs)
    assert judged.answer is Answer.REPRODUCED
    assert "INVALID by M5" in judged.reason


def test_without_rounds_a_ratio_is_not_decided() -> None:
    judged = answered("goodput", ())
    assert (judged.answer, judged.reason) == (Answer.NOT_DECIDED, "no rounds were measured")


def test_rounds_of_some_variants_say_nothing_of_the_others() -> None:
    some = made_scenario("the fast", "the slow", "another", repeat={"variants": ["the fast", "the slow"]})
    rounds = judge_rounds(some, plateaus(), rejected=0)
    assert rounds is not None
    assert [(v.comparison.a, v.comparison.b) for v in rounds.goodput.verdicts] == [("the fast", "the slow")]
    assert rounds.goodput.estimate("another").value is None
    assert rounds.goodput.ratio("another", "the slow") is None


def test_receipts_count_from_every_complete_run() -> None:
    receipts = {"the-fast": (3, 5, 4, 4, 4), "the-slow": (0, 0, 0, 0, 0)}
    runs = tuple(
        dataclasses.replace(
            run, record=dataclasses.replace(run.record, receipt={"lost": receipts[run.variant.slug][run.round - 1]})
        )
        for run in plateaus()
    )
    judged = answered("receipt:lost", runs)
    assert (judged.answer, judged.measured) == (Answer.REPRODUCED, 4)
