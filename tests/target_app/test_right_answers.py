"""Our app answers the requests of the scenarios without services as they expect, and returns their receipts."""

import http.client
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from loopbench.scenario import Request, Scenario, load
from tests.target_app.running_app import running

pytestmark = pytest.mark.real

FOLDER = Path(__file__).parents[2] / "scenarios"


@cache
def own_scenarios() -> tuple[Scenario, ...]:
    """Return the scenarios that need only our app."""
    return tuple(each for each in map(load, sorted(FOLDER.glob("*.toml"))) if not each.services)


def apps() -> list[str]:
    """Return every app that they measure."""
    return sorted({str(variant.served.app) for each in own_scenarios() for variant in each.variants})


def requests_of(app: str) -> Iterator[Request]:
    """Return the distinct neighbours, variants and receipts."""
    seen: dict[str, Request] = {}
    for scenario in own_scenarios():
        for variant in scenario.variants:
            if variant.served.app == app:
                receipt = variant.receipt and Request(name="receipt", path=variant.receipt.path)
                for request in (*scenario.requests, variant, *([receipt] if receipt else [])):
                    seen.setdefault(f"{request.method} {request.request_target}", request)
    yield from seen.values()


@pytest.mark.parametrize("app", apps())
def test_every_answer_is_the_expected_one(app: str) -> None:
    with running(app) as port:
        problems = {each.request_target: problem(port, each) for each in requests_of(app)}
    assert {target: problem for target, problem in problems.items() if problem is not None} == {}


def test_a_coroutine_that_is_not_awaited_is_refused_by_the_expectation_of_the_waiting_scenario() -> None:
    """The answer is whole, quick and of the right shape; only the duration in it shows the mistake."""
    (waiting,) = (each for each in own_scenarios() if each.name == "wait")
    expect = waiting.variants[0].expect
    answers = [json.dumps({"waited": waited, "unit": "seconds"}).encode() for waited in (0.0501, 0.00001)]
    assert expect.problem(200, answers[0]) is None
    assert "waited" in (expect.problem(200, answers[1]) or "")


def problem(port: int, request: Request) -> str | None:
    """Return what is wrong with the answer, or None."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request(
        request.method, request.request_target, body=request.sent_body or None, headers=request.sent_headers
    )
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return request.expect.problem(answer.status, body)
