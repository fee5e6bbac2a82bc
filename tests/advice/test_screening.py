"""Routes ranked by harm, and which of them are healthy."""

from dataclasses import replace

import pytest

from loopbench.advice.screening import screened
from loopbench.judge.diagnosis.diagnosis import Diagnosis
from loopbench.judge.diagnosis.findings import Kind
from loopbench.judge.session.run_report import RunReport
from tests.judge.figures import figures, load
from tests.plots.reports import Made, session


def run(name: str, kind: Kind, rps: float, *, p50_ms: float = 20.0, cpu: float = 0.5, hops: float = 0.0) -> RunReport:
    """A route's run: good answers a second, the neighbour's response time in fifths, CPU in cores."""
    (made,) = session([Made(name, p50_ms=p50_ms)]).runs
    seen = figures(load=load(goodput_rps=rps, answers_rps=rps), process_cpu=cpu, hops_per_answer=hops)
    diagnosis = Diagnosis(kind, "", (), (), figures=seen)
    return replace(made, diagnosis=diagnosis)


def test_the_most_harmful_route_comes_first() -> None:
    runs = [
        run("fast", Kind.NO_BOTTLENECK, 1000),
        run("slow", Kind.ANYIO_POOL_SATURATED, 500),
        run("harms the neighbour", Kind.LOOP_BLOCKED, 500, p50_ms=800),
    ]
    ranked = screened(runs)
    assert [(each.run.variant.name, each.harm) for each in ranked] == [
        ("harms the neighbour", 80.0),
        ("slow", 2.0),
        ("fast", 1.0),
    ]


@pytest.mark.parametrize(
    ("kind", "cpu", "hops", "is_healthy"),
    [
        (Kind.NO_BOTTLENECK, 0.9, 1.0, True),
        (Kind.DOWNSTREAM_WAIT, 0.9, 1.0, True),
        (Kind.LOOP_BLOCKED, 0.1, 0.0, False),
        (Kind.APP_POOL, 0.1, 0.7, False),
        (Kind.LOOP_CPU_BOUND, 0.11, 0.7, True),  # as much CPU for an answer as the cheapest route
        (Kind.LOOP_CPU_BOUND, 0.15, 0.0, True),
        (Kind.LOOP_CPU_BOUND, 0.15, 0.7, False),  # the hop to a thread can be saved
        (Kind.LOOP_CPU_BOUND, 0.3, 0.0, False),
        (Kind.GIL_CONTENTION, 0.3, 0.7, False),
    ],
)
def test_a_route_that_computes_is_healthy_if_no_other_answers_with_much_less_cpu(
    kind: Kind, cpu: float, hops: float, *, is_healthy: bool
) -> None:
    cheapest, route = run("cheapest", Kind.LOOP_CPU_BOUND, 1000, cpu=1.0), run("route", kind, 100, cpu=cpu, hops=hops)
    found = {each.run.variant.name: each.is_healthy for each in screened([cheapest, route])}
    assert found == {"cheapest": True, "route": is_healthy}


def test_without_any_answer_the_harm_has_no_bound() -> None:
    ranked = screened([run("fast", Kind.NO_BOTTLENECK, 1000), run("dead", Kind.LOOP_BLOCKED, 0)])
    assert ranked[0].run.variant.name == "dead"
