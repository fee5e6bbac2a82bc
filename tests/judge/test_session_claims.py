"""Plateau runs and receipts reach the claims they are evidence for."""

import dataclasses
import math

import pytest

from loopbench.judge.rounds.claims import Answer, ClaimAnswer
from loopbench.judge.rounds.plateau_run import PlateauRun
from loopbench.judge.rounds.rounds import judge_rounds
from loopbench.judge.run.latency import Percentiles
from loopbench.judge.session.session_claims import session_claims
from loopbench.judge.stamp.stamp import Finding, Stamp
from loopbench.judge.stamp.stamp_checks import Level
from loopbench.records.claims import RecordedClaim
from loopbench.records.session import RecordedScenario, RecordedVariant, RunRecord
from tests.judge.recorded_run import blank

FAST, SLOW = (blank(RecordedVariant, name=f"the {slug}", slug=slug) for slug in ("fast", "slow"))
STAMP = Stamp((Finding("C1", "counts", Level.VALID, "they agree", None, ""),))
SPREAD = (0.99, 1.01, 1.0, 0.995, 1.005)


def scenario(compare: str) -> RecordedScenario:
    """One claim: the fast one is higher."""
    b, value = (None, 0.0) if compare.startswith("receipt:") else (SLOW.name, None)
    claim = RecordedClaim("c", "text", "where", compare, FAST.name, b, value, "higher", None, None)
    return blank(RecordedScenario, variants=(FAST, SLOW), neighbours=("hello",), claims=(claim,))


def plateau(number: int, round_: int, variant: RecordedVariant, value: float) -> PlateauRun:
    """A run in which every figure is the same number."""
    times = Percentiles(500, value, value, value, None)
    return PlateauRun(
        record=blank(RunRecord, number=number, round=round_, variant=variant.slug),
        variant=variant,
        goodput_rps=value,
        own=times,
        neighbours=(times,),
        stamp=STAMP,
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
        (Percentiles(3, None, None, None, None), "3 answers are too few for a p99"),
        (Percentiles(500, 1.0, math.inf, math.inf, None), "p99 was never answered"),
    ],
)
def test_a_percentile_that_is_not_known_decides_nothing(times: Percentiles, reason: str) -> None:
    judged = answered("neighbour_p99", tuple(dataclasses.replace(run, neighbours=(times,)) for run in plateaus()))
    assert judged.answer is Answer.NOT_DECIDED
    assert reason in judged.reason


@pytest.mark.parametrize(
    ("rule", "answer"),
    [
        ("C2", Answer.NOT_DECIDED),  # the rounds it got through may be its good ones
        ("D2", Answer.NOT_DECIDED),
        ("M2", Answer.REPRODUCED),  # a disturbance chooses nothing
    ],
)
def test_rounds_in_which_the_variant_itself_failed_are_not_left_out_in_silence(rule: str, answer: Answer) -> None:
    failed = Stamp((Finding(rule, "a rule", Level.INVALID, "it is broken", None, ""),))
    runs = tuple(
        dataclasses.replace(run, stamp=failed) if run.variant is FAST and run.record.round <= 2 else run
        for run in plateaus()
    )
    judged = answered("goodput", runs)
    assert judged.answer is answer
    assert f"INVALID by {rule}" in judged.reason


def test_without_rounds_a_ratio_is_not_decided() -> None:
    judged = answered("goodput", ())
    assert (judged.answer, judged.reason) == (Answer.NOT_DECIDED, "no rounds were measured")


def test_rounds_of_some_variants_say_nothing_of_the_others() -> None:
    others = blank(RecordedVariant, name="another", slug="another")
    question = dataclasses.replace(scenario("goodput"), variants=(FAST, SLOW, others))
    some = dataclasses.replace(question, repeat=dataclasses.replace(question.repeat, variants=("fast", "slow")))
    rounds = judge_rounds(some, plateaus(), rejected=0)
    assert rounds is not None
    assert [(v.comparison.a, v.comparison.b) for v in rounds.goodput.verdicts] == [("the fast", "the slow")]
    assert rounds.goodput.estimate("another").value is None
    assert rounds.goodput.ratio("another", "the slow") is None


def test_receipts_count_from_every_complete_run() -> None:
    receipts = {"fast": (3, 5, 4, 4, 4), "slow": (0, 0, 0, 0, 0)}
    runs = tuple(
        dataclasses.replace(
            run, record=dataclasses.replace(run.record, receipt={"lost": receipts[run.variant.slug][run.round - 1]})
        )
        for run in plateaus()
    )
    judged = answered("receipt:lost", runs)
    assert (judged.answer, judged.measured) == (Answer.REPRODUCED, 4)
