"""Which what-ifs a diagnosis makes plausible, and which bound is predicted for what cannot be tried."""

from dataclasses import replace
from typing import Any

import pytest

from loopbench.advice.what_ifs import AS_WRITTEN, may_be_refused, untried, what_ifs, without
from loopbench.first_scenario.reading import Endpoint, Function
from loopbench.judge.diagnosis.ceilings import Bound, Ceilings
from loopbench.judge.diagnosis.diagnosis import Diagnosis
from loopbench.judge.diagnosis.findings import Finding, Kind
from tests.judge.figures import figures


def endpoint(*, is_async: bool, dependencies: tuple[bool, ...] = ()) -> Endpoint:
    """A function of the app, and the styles of its dependencies."""
    function: dict[str, Any] = {"name": "search", "file": "/srv/main.py", "line": 7}
    depends = [Function(**function, is_async=each) for each in dependencies]
    return Endpoint(**function, is_async=is_async, methods=["GET"], path="/search", dependencies=depends)


PLAIN = "as plain def"
ASYNC = endpoint(is_async=True)


def diagnosed(kind: Kind, *also: Kind) -> Diagnosis:
    """A diagnosis of this class, and others beside it."""
    others = tuple(Finding(each, "", (), ()) for each in also)
    return Diagnosis(kind, "", (), (), also=others, figures=figures())


@pytest.mark.parametrize(
    ("kind", "function", "names"),
    [
        (Kind.LOOP_BLOCKED, ASYNC, [PLAIN, f"{PLAIN} with 100 threads"]),
        (
            Kind.LOOP_BLOCKED,
            endpoint(is_async=True, dependencies=(True,)),
            [PLAIN, "with its dependencies as plain def", f"{PLAIN} with 100 threads"],
        ),
        (Kind.LOOP_BLOCKED, endpoint(is_async=True, dependencies=(False,)), [PLAIN, f"{PLAIN} with 100 threads"]),
        (Kind.LOOP_CPU_BOUND, ASYNC, [PLAIN, f"{PLAIN} with 4 threads"]),
        (
            Kind.LOOP_CPU_BOUND,
            endpoint(is_async=True, dependencies=(False, False)),
            [PLAIN, "with its dependencies as async def", f"{PLAIN} with 4 threads"],
        ),
        (
            Kind.ANYIO_POOL_SATURATED,
            endpoint(is_async=True, dependencies=(False,)),
            [PLAIN, "with its dependencies as async def", "with 100 threads"],
        ),
        (Kind.NO_BOTTLENECK, ASYNC, [PLAIN]),
        (Kind.ANYIO_POOL_SATURATED, endpoint(is_async=False), ["as async def", "with 100 threads"]),
        (Kind.APP_POOL, endpoint(is_async=False, dependencies=(False,)), ["as async def", "with 100 threads"]),
        (Kind.GIL_CONTENTION, endpoint(is_async=False), ["as async def", "with 4 threads"]),
        (Kind.EXECUTOR_SATURATED, ASYNC, [PLAIN, "with 100 executor threads"]),
        (Kind.GC_PAUSES, ASYNC, [PLAIN, f"{PLAIN} with 4 threads", "after gc.freeze()"]),
    ],
)
def test_the_other_style_comes_first_and_the_rest_fits_the_diagnosis(
    kind: Kind, function: Endpoint, names: list[str]
) -> None:
    assert [each.name for each in what_ifs(function, diagnosed(kind))] == names


def test_a_finding_beside_the_first_suggests_what_ifs_too() -> None:
    found = what_ifs(endpoint(is_async=False), diagnosed(Kind.LOOP_CPU_BOUND, Kind.ANYIO_POOL_SATURATED))
    assert [each.name for each in found] == ["as async def", "with 100 threads", "with 4 threads"]


def test_what_two_findings_suggest_is_tried_once() -> None:
    seen = diagnosed(Kind.ANYIO_POOL_SATURATED, Kind.LOOP_BLOCKED, Kind.GIL_CONTENTION)
    names = [each.name for each in what_ifs(endpoint(is_async=False), seen)]
    assert names == ["as async def", "with 100 threads", "with 4 threads"]


def test_only_what_moves_an_await_into_a_thread_may_be_refused() -> None:
    awaiting = endpoint(is_async=True, dependencies=(True,))
    still = awaiting.model_copy(update={"awaits": False, "dependencies": []})
    found = what_ifs(awaiting, diagnosed(Kind.LOOP_BLOCKED))
    assert [may_be_refused(each, awaiting) for each in found] == [True, True, False], "the last is an extension"
    assert [may_be_refused(each, still) for each in found] == [False, False, False]
    assert may_be_refused(found[0], None), "an endpoint that cannot be read"
    to_loop = what_ifs(endpoint(is_async=False, dependencies=(False,)), diagnosed(Kind.GIL_CONTENTION))
    assert not any(may_be_refused(each, awaiting) for each in to_loop)


def test_an_extension_goes_with_what_it_extends() -> None:
    found = what_ifs(endpoint(is_async=True, dependencies=(True,)), diagnosed(Kind.LOOP_BLOCKED))
    assert [each.name for each in without(found, {PLAIN})] == ["with its dependencies as plain def"]


def test_an_extension_is_compared_with_the_variant_that_it_extends() -> None:
    plain, more_threads = what_ifs(endpoint(is_async=True), diagnosed(Kind.LOOP_BLOCKED))
    assert (plain.than, more_threads.than) == (AS_WRITTEN, plain.name)


@pytest.mark.parametrize(("threads", "name"), [(0.0, "as plain def"), (20.0, "as async def")])
def test_an_endpoint_that_cannot_be_read_has_the_style_of_the_threads_it_used(threads: float, name: str) -> None:
    seen = replace(diagnosed(Kind.NO_BOTTLENECK), figures=figures(anyio_borrowed=threads))
    assert what_ifs(None, seen)[0].name == name


CEILINGS = Ceilings(
    (Bound("anyio limiter of 40", 100.0), Bound("event loop", 200.0), Bound("CPU core", 500.0)), 0.01, 0.03, 80.0, 100.0
)


@pytest.mark.parametrize(
    ("kind", "cores", "expected"),
    [
        (Kind.ANYIO_POOL_SATURATED, 2, [("an async client", 5.0)]),
        (Kind.APP_POOL, 2, [("a wider pool or lock", 5.0)]),
        (Kind.LOOP_CPU_BOUND, 2, [("2 processes", 2.0)]),
        (Kind.LOOP_CPU_BOUND, 8, [("8 processes", 8.0)]),
        (Kind.LOOP_CPU_BOUND, 64, [("64 processes", 20.0)]),  # the users' bound: 80 / 0.04 s
        (Kind.LOOP_CPU_BOUND, 1, []),
        (Kind.NO_BOTTLENECK, 2, []),
    ],
)
def test_a_prediction_is_the_lowest_bound_that_is_left(
    kind: Kind, cores: int, expected: list[tuple[str, float]]
) -> None:
    assert [(each.name, each.times) for each in untried(diagnosed(kind), CEILINGS, cores)] == expected


def test_nothing_is_predicted_without_ceilings() -> None:
    assert untried(diagnosed(Kind.LOOP_BLOCKED), None, 2) == ()
