"""From verdicts to the best variant and to one sentence."""

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from loopbench.advice.outcomes import Effect, Outcome, Tried, best_of, effect, outcome_of
from loopbench.advice.questions import Candidate
from loopbench.advice.route_advice import (
    RouteAdvice,
    advice_values,
    place_of,
    with_answer,
    with_refusals,
    without_answer,
)
from loopbench.advice.screening import Screened
from loopbench.advice.what_ifs import AS_WRITTEN, WhatIf
from loopbench.judge.diagnosis.diagnosis import Diagnosis
from loopbench.judge.diagnosis.findings import Kind
from loopbench.judge.rounds.rounds import judge_rounds
from loopbench.judge.session.session_report import SessionReport
from loopbench.judge.statistics.bounds import Ends
from loopbench.judge.statistics.intervals import Interval
from loopbench.judge.statistics.verdict import Word
from loopbench.records.failures import SLOW, Failures, VariantFailure
from tests.advice.test_what_ifs import endpoint
from tests.judge.figures import line
from tests.plots.causes import ceilings, repeated
from tests.plots.reports import Made, session

PLAIN = WhatIf("as plain def", {"run_in": "threadpool"})
MORE = WhatIf("as plain def with 100 threads", {"run_in": "threadpool"}, than=PLAIN.name)
ON_LOOP = WhatIf("as async def", {"run_in": "event_loop"})
DEPENDENCIES = WhatIf("with its dependencies as async def", {"run_dependencies_in": "event_loop"})
CANDIDATE = Candidate({"name": "GET /search"}, endpoint(is_async=True))
APP = Path("/srv")


def measured(rps: Mapping[str, float], p50_ms: Mapping[str, float], **kinds: Any) -> SessionReport:
    """Rounds of these variants; the neighbour's p99 is 0.64 of `p50_ms`."""
    made = [Made(name, rps=each, p50_ms=p50_ms.get(name, 100.0)) for name, each in rps.items()]
    report = session(made)
    scenario = report.record.scenario.model_copy(update={"baseline": AS_WRITTEN})
    report = replace(report, record=replace(report.record, scenario=scenario))
    return repeated(report, **kinds)


def seen(kind: Kind, *, is_healthy: bool = False) -> Screened:
    """A route's run in the screening, with a blocking line."""
    (run,) = session([Made("GET /search", rps=50)]).runs
    diagnosis = Diagnosis(kind, "It is.", (), (), (line("time.sleep(1)"),))
    return Screened(replace(run, diagnosis=diagnosis, ceilings=ceilings(run)), 40.0, is_healthy)


def advised(kind: Kind, report: SessionReport, *what_ifs: WhatIf) -> RouteAdvice:
    return with_answer(CANDIDATE, seen(kind), APP, what_ifs, report)


def test_the_sentence_has_the_line_the_best_variant_the_neighbour_and_what_made_no_difference() -> None:
    report = measured(
        {AS_WRITTEN: 50, PLAIN.name: 1800, MORE.name: 1790}, {AS_WRITTEN: 1000.0, PLAIN.name: 20.0, MORE.name: 20.0}
    )
    advice = advised(Kind.LOOP_BLOCKED, report, PLAIN, MORE)
    assert advice.sentence == (
        "`search` (GET /search) blocks the event loop at app.py:7; as plain def: 36.0 times the throughput "
        "[34.2, 37.9], p99 of hello 642 -> 12.8 ms; as plain def with 100 threads: no further difference; "
        "not tried: an async client"
    ), "a prediction of 3 times is refuted"
    assert advice_values(advice)["best"] == PLAIN.name


def test_an_extension_that_adds_something_is_the_best() -> None:
    report = measured({AS_WRITTEN: 50, PLAIN.name: 100, MORE.name: 200}, {})
    advice = advised(Kind.LOOP_BLOCKED, report, PLAIN, MORE)
    assert advice.best is not None
    assert advice.best.what_if is MORE


def test_where_nothing_is_better_the_sentence_says_so() -> None:
    report = measured({AS_WRITTEN: 200, ON_LOOP.name: 60, "with 100 threads": 200}, {})
    more = WhatIf("with 100 threads", {"target": {"thread_tokens": 100}})
    advice = advised(Kind.APP_POOL, report, ON_LOOP, more)
    assert advice.sentence == (
        "`search` (GET /search) queues for a pool or lock of the app at app.py:7; no variant that was tried is better; "
        "as async def: worse, 0.300 times the throughput [0.285, 0.316], p99 of hello 64.2 -> 64.2 ms; "
        "with 100 threads: no difference; not tried: a wider pool or lock (prediction: at most 3 times)"
    )


def test_a_variant_that_is_only_probably_better_is_not_the_best() -> None:
    likely = Tried(PLAIN, Outcome.LIKELY, Effect(Word.NOT_RESOLVED, 5.0, Interval(2.1, 12.0)))
    advice = replace(without_answer(CANDIDATE, seen(Kind.LOOP_BLOCKED), APP), tried=(likely,))
    assert advice.best is None
    assert "no variant that was tried is better for sure; as plain def: probably better, 5.0 times" in advice.sentence


@pytest.mark.parametrize(
    ("what_if", "says"),
    [
        (DEPENDENCIES, "sends its plain def dependencies to threads one after the other at main.py:7"),
        (ON_LOOP, "needs no thread at main.py:7"),
        (
            WhatIf("with 100 threads", {"target": {"thread_tokens": 100}}),
            "waits for one of anyio's threads at main.py:7",
        ),
    ],
)
def test_a_better_variant_tells_what_the_route_spends_its_time_on(what_if: WhatIf, says: str) -> None:
    report = measured({AS_WRITTEN: 200, what_if.name: 600}, {})
    assert says in advised(Kind.LOOP_CPU_BOUND, report, what_if).sentence


def test_a_diagnosis_that_the_best_variant_confirms_keeps_its_line() -> None:
    more = WhatIf("with 100 threads", {"target": {"thread_tokens": 100}})
    sentence = advised(Kind.ANYIO_POOL_SATURATED, measured({AS_WRITTEN: 200, more.name: 600}, {}), more).sentence
    assert "waits for one of anyio's threads at app.py:7" in sentence


def test_a_line_in_the_function_of_another_route_is_not_the_place_to_look_at() -> None:
    route = seen(Kind.LOOP_CPU_BOUND)
    (shown,) = route.run.diagnosis.lines
    beside = replace(CANDIDATE, others=frozenset({(shown.file, shown.function)}))
    assert without_answer(CANDIDATE, route, APP).place == "app.py:7"
    assert without_answer(beside, route, APP).place == ""


def test_a_variant_that_awaits_is_reported_with_the_reason() -> None:
    failure = VariantFailure(PLAIN.name, "failing", "`search` awaits at main.py:9, so it cannot run in a thread", "")
    report = replace(measured({AS_WRITTEN: 50}, {}), failures=Failures((failure,)))
    sentence = advised(Kind.LOOP_CPU_BOUND, report, PLAIN).sentence
    assert "as plain def: not possible, `search` awaits at main.py:9, so it cannot run in a thread" in sentence


@pytest.mark.parametrize(
    ("low", "high", "says"),
    [(0.11, 6.5, "is not known to a factor of 10"), (0.44, 1.7, "0.86 times the throughput [0.44")],
)
def test_an_interval_that_says_nothing_is_not_quoted(low: float, high: float, says: str) -> None:
    assert says in Effect(Word.NOT_RESOLVED, 0.86, Interval(low, high)).text


def test_a_variant_that_its_ramp_shows_to_be_far_behind_is_worse_and_the_reason_is_given() -> None:
    failure = VariantFailure(PLAIN.name, SLOW, "in its ramp no user got an answer, as written: in 0.2 s", "")
    report = replace(measured({AS_WRITTEN: 50}, {}), failures=Failures((failure,)))
    sentence = advised(Kind.GIL_CONTENTION, report, PLAIN).sentence
    assert "as plain def: worse, in its ramp no user got an answer, as written: in 0.2 s" in sentence


REFUSED = Tried(PLAIN, Outcome.FAILED, reason="`search` awaits")


def test_a_route_that_refuses_all_there_is_has_the_reason_and_the_prediction() -> None:
    route = seen(Kind.LOOP_CPU_BOUND)
    advice = with_refusals(without_answer(CANDIDATE, route, APP), [REFUSED], route, cores=2)
    lead = "`search` (GET /search) computes on the event loop at app.py:7"
    assert advice.sentence == (
        f"{lead}; as plain def: not possible, `search` awaits; not tried: 2 processes (prediction: at most 2 times)"
    )
    assert not advice.is_invalid


def test_a_comparison_without_the_refused_style_is_advice_or_invalid_as_ever() -> None:
    route = seen(Kind.LOOP_CPU_BOUND)
    report = measured({AS_WRITTEN: 50, DEPENDENCIES.name: 1800}, {}, invalid=[DEPENDENCIES.name])
    advice = with_refusals(advised(Kind.LOOP_CPU_BOUND, report, DEPENDENCIES), [REFUSED], route, cores=2)
    assert [each.outcome for each in advice.tried] == [Outcome.FAILED, Outcome.INVALID]
    assert advice.is_invalid


def test_an_invalid_comparison_is_no_advice() -> None:
    report = measured({AS_WRITTEN: 50, PLAIN.name: 1800}, {}, invalid=[PLAIN.name])
    advice = advised(Kind.LOOP_BLOCKED, report, PLAIN)
    assert (advice.best, advice.is_invalid) == (None, True)
    assert "as plain def: invalid" in advice.sentence


def test_a_healthy_route_gets_one_sentence() -> None:
    advice = without_answer(CANDIDATE, seen(Kind.NO_BOTTLENECK, is_healthy=True), APP)
    assert advice.sentence == "`search` (GET /search) is healthy (no bottleneck found)"
    assert not advice.is_invalid


def test_a_route_without_time_left_says_so() -> None:
    advice = without_answer(CANDIDATE, seen(Kind.LOOP_BLOCKED), APP, "not compared: no time is left")
    assert advice.sentence == "`search` (GET /search) blocks the event loop at app.py:7; not compared: no time is left"


def effect_of(word: Word, ratio: float = 1.0, spread: float = 0.05) -> Effect:
    return Effect(word, ratio, Interval(ratio / (1 + spread), ratio * (1 + spread)))


SAME = effect_of(Word.NOT_RESOLVED)


@pytest.mark.parametrize(
    ("goodput", "neighbour", "outcome"),
    [
        (effect_of(Word.FASTER, 36), effect_of(Word.FASTER, 0.02), Outcome.BETTER),
        (effect_of(Word.FASTER, 1.3), None, Outcome.BETTER),
        (SAME, effect_of(Word.FASTER, 0.3), Outcome.BETTER),
        (Effect(Word.NOT_RESOLVED, 0.9, Interval(0.7, 1.2)), effect_of(Word.FASTER, 0.3), Outcome.NOT_RESOLVED),
        (Effect(Word.EQUIVALENT, 1.0, None), effect_of(Word.FASTER, 0.3), Outcome.BETTER),
        (effect_of(Word.SLOWER, 0.9), effect_of(Word.FASTER, 0.1), Outcome.BETTER),  # a relief that is worth it
        (effect_of(Word.SLOWER, 0.6), effect_of(Word.FASTER, 0.1), Outcome.TRADE_OFF),
        (effect_of(Word.FASTER, 1.3), effect_of(Word.SLOWER, 20), Outcome.TRADE_OFF),
        (effect_of(Word.SLOWER, 0.9), SAME, Outcome.WORSE),
        (SAME, effect_of(Word.SLOWER, 2), Outcome.WORSE),
        (SAME, SAME, Outcome.NO_DIFFERENCE),
        (effect_of(Word.NOT_RESOLVED, 1.2, spread=1.0), SAME, Outcome.NOT_RESOLVED),
        (effect_of(Word.NOT_RESOLVED, 5, spread=1.4), SAME, Outcome.LIKELY),
        (effect_of(Word.NOT_RESOLVED, 5, spread=1.4), effect_of(Word.SLOWER, 2), Outcome.WORSE),
        (Effect(Word.EQUIVALENT, 1.0, None), None, Outcome.NO_DIFFERENCE),
    ],
)
def test_throughput_and_the_neighbour_decide_what_a_variant_is_worth(
    goodput: Effect, neighbour: Effect | None, outcome: Outcome
) -> None:
    assert outcome_of(goodput, neighbour) is outcome


def test_a_comparison_can_be_read_from_either_side() -> None:
    judged = measured({AS_WRITTEN: 50, PLAIN.name: 100}, {}).rounds
    assert judged is not None
    there, back = (effect(judged.goodput, *names) for names in ((PLAIN.name, AS_WRITTEN), (AS_WRITTEN, PLAIN.name)))
    assert there is not None
    assert back is not None
    assert (there.word, back.word) == (Word.FASTER, Word.SLOWER)
    assert there.interval is not None
    assert back.interval is not None
    assert back.times == pytest.approx(1 / there.times)
    assert back.interval.high == pytest.approx(1 / there.interval.low)
    assert effect(judged.goodput, "unknown", AS_WRITTEN) is None


def test_where_the_p99_of_the_neighbour_is_only_bounded_its_p50_is_compared() -> None:
    report = measured({AS_WRITTEN: 50, PLAIN.name: 50}, {AS_WRITTEN: 1000.0, PLAIN.name: 20.0})
    assert report.rounds is not None
    few = {"p99": Ends(300.0, math.inf), "p50": Ends(1.0, 900.0)}
    runs = tuple(
        replace(run, neighbours=tuple(replace(each, p99_ms=None, between_ms=few) for each in run.neighbours))
        for run in report.rounds.runs
    )
    report = replace(report, rounds=judge_rounds(report.record.scenario, runs, 0))
    advice = advised(Kind.LOOP_CPU_BOUND, report, PLAIN)
    assert "as plain def: 1.00 times the throughput [0.98, 1.02], p50 of hello 214 -> 4.28 ms" in advice.sentence
    assert advice.best is not None


def test_a_bounded_ratio_is_written_as_a_bound() -> None:
    assert Effect(Word.FASTER, None, Interval(20.0, float("inf"))).text == "at least 20 times the throughput"
    unknown = Effect(Word.NOT_RESOLVED, None, Interval(0.0, float("inf")))
    assert unknown.text == "the throughput is not known to a factor of 10"


def test_the_simpler_of_two_equal_variants_is_the_best() -> None:
    plain = Tried(PLAIN, Outcome.BETTER, effect_of(Word.FASTER, 36))
    more = Tried(MORE, Outcome.BETTER, effect_of(Word.FASTER, 37), adds=False)
    assert best_of([plain, more]) is plain
    assert best_of([replace(plain, outcome=Outcome.NOT_RESOLVED), more]) is more


def test_a_line_of_a_package_is_named_by_the_end_of_its_path() -> None:
    diagnosis = seen(Kind.LOOP_BLOCKED).run.diagnosis
    assert place_of(diagnosis, CANDIDATE, Path("/srv")) == "app.py:7"
    assert place_of(diagnosis, CANDIDATE, Path("/elsewhere")) == "srv/app.py:7"
    assert place_of(replace(diagnosis, lines=()), CANDIDATE, APP) == ""
