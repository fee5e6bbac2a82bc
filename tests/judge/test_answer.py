"""The answer in a sentence: what it ranks, and what it does not."""

import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from loopbench.judge.figures import MISSING, interval, ratio, rounded
from loopbench.judge.rounds.claims import Answer, ClaimAnswer
from loopbench.judge.session.session_report import SessionReport
from loopbench.judge.stamp.stamp_checks import State
from loopbench.judge.statistics.curves import Hinge, NoShape, Number, Peak, Usl
from loopbench.judge.statistics.intervals import Interval
from loopbench.judge.summary.answer import headline, others_answer
from loopbench.judge.summary.clauses import health_clause
from loopbench.judge.summary.one_run_each import one_run_each
from loopbench.judge.summary.request_times import neighbour_answer, served_answer
from loopbench.judge.summary.steps_answer import steps_answer
from loopbench.records.failures import FAILING, Failures, VariantFailure
from loopbench.scenario import load
from loopbench.scenario.claims import Claim
from tests.made_scenario import made_scenario
from tests.plots.causes import explained, repeated, spoiled
from tests.plots.reports import FOUR, Made, session, twelve_variants

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("ends", "shown"),
    [
        ((0.5, 2.0), "0.50 to 2.00"),
        ((0.0, 2.0), "at most 2.00"),
        ((0.5, math.inf), "at least 0.50"),
        ((0.0, math.inf), MISSING),
        (None, MISSING),
    ],
)
def test_an_interval_shows_the_ends_that_say_something(ends: tuple[float, float] | None, shown: str) -> None:
    assert interval(ends) == shown


def test_variants_too_close_for_one_run_each_are_not_ranked() -> None:
    assert one_run_each(session([Made("a", rps=500), Made("b", rps=410)])) == (
        "At 100 users a and b gave 410 to 500 good answers a second, too close to rank from one run each."
    )


def test_a_clear_difference_is_told_with_its_ratio() -> None:
    assert one_run_each(session([Made("a", rps=500), Made("b", rps=200)])) == (
        "At 100 users a gave the most good answers, 500 a second. b gave 200 (0.40 times the most)."
    )


def test_a_variant_of_one_run_that_blocks_is_named_with_its_line() -> None:
    (run,) = explained(session([Made("only", rps=123)])).runs
    sentence = one_run_each(replace(session([Made("only", rps=123)]), runs=(run,)))
    assert run.diagnosis.guilty is not None
    place = run.diagnosis.guilty.short_place.partition(" in ")[0]
    assert sentence.endswith(f"123 good answers a second. only blocks the event loop at {place}.")


def test_many_variants_are_named_in_groups_of_like_ones() -> None:
    rates = {"a": 450, "b": 325, "c": 280, "d": 257, "e": 244, "f": 148, "g": 128}
    assert one_run_each(session([Made(name, rps=rps) for name, rps in rates.items()])) == (
        "At 100 users a gave the most good answers, 450 a second. "
        "b and c gave 280 to 325, d and e gave 244 to 257 and f and g gave 128 to 148."
    )


@pytest.mark.parametrize(
    ("made", "sentence"),
    [
        ([Made("only", rps=123)], "At 100 users only gave 123 good answers a second."),
        (
            [Made("a"), Made("b", failed=True)],
            (
                "At 100 users a gave the most good answers, 400 a second. b gave none. "
                "b: no good answer: 100 % of its requests failed."
            ),
        ),
        (
            [Made("b", failed=True)],
            "At 100 users no variant gave a good answer. b: no good answer: 100 % of its requests failed.",
        ),
        ([Made("a"), Made("b", hold_s=0)], "At 100 users a gave 400 good answers a second. Not known at full load: b."),
    ],
)
def test_what_is_not_known_is_said(made: list[Made], sentence: str) -> None:
    assert one_run_each(session(made)) == sentence


def test_without_a_hold_nothing_is_claimed() -> None:
    assert one_run_each(session([Made("a", hold_s=0)])).startswith("No run held 100 users")


def test_without_a_run_there_is_no_answer() -> None:
    assert one_run_each(session(missing=[made.name for made in FOUR])).startswith("No run under load is complete")


def test_many_variants_are_counted_rather_than_listed() -> None:
    assert one_run_each(twelve_variants()).endswith("The other 9 gave 100 to 900.")


def test_of_many_variants_the_pairs_that_claims_ask_about_are_quoted() -> None:
    report = twelve_variants()
    names = [each.name for each in report.record.scenario.variants]
    claim = Claim(id="c", text="t", where="w", a=names[1], b=names[0], compare="goodput", expect="higher")
    scenario = report.record.scenario.model_copy(update={"claims": [claim]})
    found = one_run_each(replace(report, record=replace(report.record, scenario=scenario)))
    gave = {run.variant.name: rounded(run.goodput_rps) for run in report.runs}
    assert found.startswith(
        f"Good answers a second at 100 users, from one run each: {names[1]} gave {gave[names[1]]} against "
        f"{gave[names[0]]} of {names[0]}."
    )


def test_the_neighbour_is_named_under_every_variant() -> None:
    assert neighbour_answer(session()) == (
        "The p99 of hello was 51.2 ms under def, 57.6 ms under thread offload, 96.0 ms under aiofiles and "
        "192 ms under blocking async def."
    )
    assert neighbour_answer(session(neighbours=())) == ""


def test_users_never_served_are_named() -> None:
    assert served_answer(session()) == "Users of the ramps without any answer: 31 of 100 under blocking async def."
    assert served_answer(session([Made("a")])) == "Every user of the ramps was served."


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"), (1048.03, "1,050"), (12345.6, "12,300"), (9.996, "10.0"), (0.012345, "0.0123"), (99.96, "100"),
        (None, MISSING), (float("nan"), MISSING),
    ],
)  # fmt: skip
def test_figures_have_three_digits_that_count(value: float | None, text: str) -> None:
    assert rounded(value) == text


@pytest.mark.parametrize(("value", "text"), [(1.0, "1.00"), (0.373, "0.37"), (0.0833, "0.083"), (None, MISSING)])
def test_ratios_have_two_decimals(value: float | None, text: str) -> None:
    assert ratio(value) == text


def test_a_variant_that_failed_before_the_load_is_named_in_the_headline() -> None:
    failures = Failures((VariantFailure("broken", FAILING, "status 500, expected 200", ""),))
    report = replace(session(FOUR), failures=failures)
    assert headline(report).endswith(" broken: failing, left out: status 500, expected 200.")


def test_a_variant_that_failed_is_in_no_pair_and_as_the_baseline_in_none() -> None:
    scenario = made_scenario("a", "b", "c", baseline="c").without({"c"})
    assert ([each.name for each in scenario.repeated_variants], scenario.baseline) == (["a", "b"], None)


def test_a_single_round_has_no_interval_and_the_headline_says_so() -> None:
    """The verdict comes first wherever rounds were measured; the ramps are not quoted."""
    report = repeated(session([Made("a", rps=500), Made("b", rps=200)]), 1)
    assert headline(report) == "In goodput at 100 users: a is NOT RESOLVED against b."


def of(made: list[Made], baseline: str | None, rounds: int = 6, spread: float = 0.03) -> SessionReport:
    """A session of rounds with this baseline, whose runs were watched."""
    report = session(made)
    scenario = report.record.scenario.model_copy(update={"baseline": baseline})
    report = replace(report, record=replace(report.record, scenario=scenario))
    return repeated(report, rounds, spread=spread)


@pytest.mark.parametrize(
    ("made", "baseline", "spread", "pattern"),
    [
        # the worst and the best against the baseline, the rest in the table
        (
            [Made("def", rps=400), Made("a", rps=40), Made("b", rps=300), Made("c", rps=800)], "def", 0.01,
            r"a is SLOWER than def: 0\.1.* times \[.*\]; c is FASTER than def: 2\.0. times \[.*\] \(1 more .*",
        ),
        # what the same variant is behind of is said once
        ([Made("slow", rps=4), Made("a", rps=100), Made("b", rps=150)], "slow", 0.01,
         r"b is FASTER than slow: 37\... times \[.{12}\] \(1 more pair in the table\)\."),
        ([Made("slow", rps=4), Made("a", rps=100), Made("b", rps=150)], None, 0.01,
         r"slow is SLOWER than b: 0\.027 times \[.*\]; a is SLOWER than b: 0\.67 times \[.*\] \(1 more pair in .*\)\."),
        # without a difference: the words, and no interval that says nothing
        ([Made("def"), Made("a"), Made("b")], "def", 0.001,
         r"a and b are EQUIVALENT to def \(within 5 %\)\."),
        ([Made("def"), Made("a")], "def", 1.5, r"a is NOT RESOLVED against def\."),
        # what is not well comes first
        ([Made("def"), Made("a", rps=4000), Made("b", rps=200, never_served=90)], "def", 0.01,
         r"b is SLOWER than def: 0\.50 times \[.{10}\], 90 of 100 users without any answer in .* s; a is FASTER .*"),
    ],
)  # fmt: skip
def test_the_verdicts_in_one_sentence(made: list[Made], baseline: str | None, spread: float, pattern: str) -> None:
    found = headline(of(made, baseline, spread=spread)).removeprefix("In goodput at 100 users: ")
    assert re.fullmatch(pattern, found), found


@pytest.mark.parametrize(
    ("pair", "clause"),
    [
        (("def", "b"), r"b is SLOWER than def: 0\.7.*"),
        (("e", "def"), r"e \(0.\d\d to 1.\d\d times\) is NOT RESOLVED against def"),
    ],
)
def test_the_pair_that_a_claim_names_comes_first(pair: tuple[str, str], clause: str) -> None:
    made = [Made("def", rps=400), Made("a", rps=40), Made("b", rps=300), Made("c", rps=800), Made("e", rps=400)]
    report = of(made, "def", spread=0.05)
    claim = Claim(id="c", text="t", where="w", a=pair[0], b=pair[1], compare="goodput", expect="higher")
    scenario = report.record.scenario.model_copy(update={"claims": [claim]})
    found = headline(replace(report, record=replace(report.record, scenario=scenario)))
    assert re.fullmatch(rf"In goodput .*: {clause}; a is SLOWER .* \(2 more pairs in the table\)\.", found), found


def test_a_claimed_pair_without_a_difference_hides_neither_health_nor_the_largest_difference() -> None:
    made = [Made("def", rps=400), Made("a", rps=40), Made("e", rps=400, never_served=90)]
    report = of(made, "def", spread=0.05)
    claims = [Claim(id=a, text="t", where="w", a=a, b="def", compare="goodput", expect="lower") for a in ("e", "a")]
    scenario = report.record.scenario.model_copy(update={"claims": claims[:1]})
    found = headline(replace(report, record=replace(report.record, scenario=scenario)))
    assert found.startswith("e: 90 of 100 users without any answer in ")
    made = [Made("def", rps=400), Made("a", rps=40), Made("c", rps=800)]
    report = of(made, "def", spread=0.01)
    scenario = report.record.scenario.model_copy(update={"claims": claims[1:]})
    found = headline(replace(report, record=replace(report.record, scenario=scenario)))
    assert "a is SLOWER than def" in found
    assert "c is FASTER than def" in found


def test_the_line_that_blocks_the_event_loop_is_in_the_first_sentence() -> None:
    report = repeated(explained(session([Made("a", rps=40), Made("b", rps=400)])), 6, spread=0.01)
    assert headline(report).startswith(
        "In goodput at 100 users: a blocks the event loop at app/main.py:41 and is SLOWER than b: 0.1"
    )


def test_an_interval_that_says_nothing_is_not_quoted() -> None:
    found = headline(asked(answered(4.6, (0.12, 180.75), compare="p99"), answered(1.1, (0.8, 1.5))))
    assert 'In the median response time: "b, c" 1.10 times that of a [0.80, 1.50].' in found
    assert "180" not in found


def asked(*answers: ClaimAnswer) -> SessionReport:
    """A session without rounds whose scenario has these claims."""
    report = session([Made("a", rps=500), Made("b, c", rps=200)])
    scenario = report.record.scenario.model_copy(update={"claims": [each.claim for each in answers]})
    return replace(report, record=replace(report.record, scenario=scenario), claims=answers)


def answered(measured: float | None, ends: tuple[float, float] | None = None, **keys: Any) -> ClaimAnswer:
    claim = Claim(id="c", text="t", where="w", **{"a": "b, c", "b": "a", "expect": "lower", "compare": "p50"} | keys)
    return ClaimAnswer(claim, Answer.NOT_DECIDED, measured, ends and Interval(*ends), "reason")


def test_the_headline_begins_with_what_the_first_claim_counts() -> None:
    lost = answered(65814.0, compare="receipt:lost", b=None, value=0.0)
    assert headline(asked(lost)).startswith('In the receipts, lost: 65,814 under "b, c". At 100 users a gave')


def test_a_death_is_named_whatever_the_stamp_of_its_run() -> None:
    report = spoiled(session([Made("a", rps=500), Made("b", rps=400)]), "b")
    fine, invalid = report.runs
    died = replace(invalid, health=replace(invalid.health, state=State.DEAD, target_exit="died (exit code 3)"))
    assert "b: its process died (exit code 3)." in one_run_each(replace(report, runs=(fine, died)))
    assert "b: " not in one_run_each(report)


def test_a_death_in_one_run_does_not_deny_the_good_answers_of_others() -> None:
    report = repeated(session([Made("a", rps=500), Made("b", rps=400)]), rounds=2)
    fine, other = report.runs
    died = replace(other.health, state=State.DEAD, good=0, answers=0, target_exit="was killed (SIGKILL)")
    dead = replace(report, runs=(fine, replace(other, health=died)))
    assert health_clause(dead, "b") == "its process was killed (SIGKILL) in 1 of 3 runs"
    assert health_clause(replace(dead, rounds=None), "b") == "no good answer: its process was killed (SIGKILL)"


def test_a_receipt_is_in_the_headline_only_where_the_first_claim_asks_for_one() -> None:
    threads = answered(11.0, compare="receipt:threads", b=None, value=1.0)
    assert "receipts" not in headline(asked(answered(None, compare="neighbour_p99"), threads))


def test_the_headline_begins_with_the_ratio_that_the_first_claim_is_about() -> None:
    found = headline(asked(answered(0.5, (0.49, 0.51)), answered(3.0, (2.0, math.inf), compare="neighbour_p99")))
    assert found == (
        'In the median response time: "b, c" 0.50 times that of a [0.49, 0.51]. '
        'In the p99 of hello: "b, c" at least 2.00 times that of a.'
    )


def test_without_a_figure_for_the_claims_the_headline_is_the_ramps() -> None:
    report = asked(answered(None, compare="receipt:lost", b=None, value=0.0))
    assert headline(report) == one_run_each(report)


def test_a_step_load_is_answered_with_the_users_at_which_throughput_stops_rising() -> None:
    def near(value: float) -> Number:
        return Number(value, Interval(value - 0.2, value + 0.2))

    serial = Usl(near(20.0), near(0.9), near(0.0), None, "no peak", 2)
    shapes = (
        ("pool", Hinge(near(38.0), 19.0, 0.0, 12.0, 2)),
        ("one by one", serial),
        ("contended", replace(serial, peak=Peak(12.3, 400.0), sigma=near(0.1))),
        ("rises", replace(serial, sigma=near(0.1))),
        ("noisy", NoShape("too few levels")),
    )
    report = session()
    report.__dict__["shapes"] = shapes
    assert steps_answer(report) == (
        "Throughput stops rising at 38 users under pool [37.80, 38.20], 1 under one by one and 12 under contended."
    )
    assert headline(report).startswith("Throughput stops rising at 38 users under pool")


def test_without_rounds_a_claim_about_response_times_is_answered_with_those_of_the_runs() -> None:
    assert headline(asked(answered(None))).startswith("The p50 of the response time was ")
    assert headline(asked(answered(None, compare="p99"))).startswith("The p99 of the response time was ")


def test_without_rounds_a_claim_about_the_neighbour_is_answered_with_its_times() -> None:
    report = asked(answered(None, compare="neighbour_p50"))
    times = "The p99 of hello was"
    assert headline(report).startswith(times)
    assert headline(report).endswith(one_run_each(report))
    assert times not in others_answer(report)
    assert times in others_answer(asked())


@pytest.mark.parametrize("file", sorted((ROOT / "scenarios").glob("*.toml")), ids=lambda file: file.stem)
def test_the_first_sentence_is_about_what_the_first_claim_of_a_bundled_scenario_compares(file: Path) -> None:
    scenario = load(file)
    answers = [ClaimAnswer(each, Answer.REPRODUCED, 2.0, Interval(1.5, 2.5), "reason") for each in scenario.claims]
    report = asked(*answers)
    first = answers[0].claim.compare if answers else "goodput"
    begins = {
        "goodput": "At 100 users a gave",
        "p50": "In the median response time: ",
        "neighbour_p50": "In the median response time of hello: ",
        "neighbour_p99": "In the p99 of hello: ",
    }
    assert headline(report).startswith(begins.get(first, f"In the receipts, {first.removeprefix('receipt:')}: "))
