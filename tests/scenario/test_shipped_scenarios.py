"""Every scenario in `scenarios/` loads and plans, uses existing routes, and makes claims that its runs can answer."""

import re
from collections import Counter
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from loopbench.judge.run.timeline import ALL_ANSWERED, KEPT_WAITING, LONGEST_WAIT, OVERTAKEN
from loopbench.plan import make_plan
from loopbench.scenario import Scenario, Variant, load
from loopbench.scenario.claims import NEIGHBOUR_P50, NEIGHBOUR_P99, RECEIPT_PREFIX

FILES = sorted((Path(__file__).parents[2] / "scenarios").glob("*.toml"))
named = pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)


@cache
def routes_of(app: str) -> dict[str, set[str]]:
    """Return the path templates of an app, each with its methods."""
    module, _, attribute = app.partition(":")
    paths: dict[str, Any] = getattr(import_module(module), attribute).openapi()["paths"]
    return {path: {method.upper() for method in operations} for path, operations in paths.items()}


def has_route(app: str, method: str, path: str) -> bool:
    """Return whether the app has this route."""
    patterns = ((re.sub(r"\{[^}]*\}", "[^/]+", template), methods) for template, methods in routes_of(app).items())
    return any(re.fullmatch(pattern, path) and method in methods for pattern, methods in patterns)


@named
@pytest.mark.parametrize("quick", [False, True], ids=["whole", "quick"])
def test_it_loads_and_plans_every_variant(file: Path, quick: bool) -> None:
    scenario = load(file, quick=quick)
    planned = {run.variant for run in make_plan(scenario, seed=1).runs}
    assert planned == {each.slug for each in scenario.variants} | {each.slug for each in scenario.timelines}


@named
def test_it_is_recorded_and_read_back_without_a_change(file: Path) -> None:
    scenario = load(file)
    recorded = scenario.model_dump(mode="json")
    read = Scenario.model_validate(recorded)
    assert read.model_dump(mode="json") == recorded
    assert (read.settings, read.load, read.repeat) == (scenario.settings, scenario.load, scenario.repeat)


@named
def test_it_cites_its_source_and_explains_its_numbers(file: Path) -> None:
    text = file.read_text()
    assert load(file).source
    assert "Why these numbers." in text.partition("title =")[0]


@named
def test_every_requested_route_exists(file: Path) -> None:
    scenario = load(file)
    missing = [
        f"{request.method} {request.path} in {app}"
        for variant in scenario.variants
        for app in [str(variant.served.app)]
        for request in (*scenario.requests, variant)
        if not has_route(app, request.method, request.path)
    ]
    missing += [each for each in map(missing_receipt, scenario.variants) if each]
    assert not missing


def missing_receipt(variant: Variant) -> str:
    """Return a variant's receipt that its app lacks; empty if it has it or none is needed."""
    app, receipt = str(variant.served.app), variant.receipt
    return "" if receipt is None or has_route(app, "GET", receipt.path.partition("?")[0]) else receipt.path


@named
def test_its_claims_are_about_figures_that_its_runs_measure(file: Path) -> None:
    scenario = load(file)
    with_receipt = {variant.name for variant in scenario.variants if variant.receipt}
    with_receipt |= {timeline.name for timeline in scenario.timelines}
    for claim in scenario.claims:
        if claim.compare.startswith(RECEIPT_PREFIX):
            assert {claim.a, claim.b or claim.a} <= with_receipt, claim.id
        if claim.compare in {NEIGHBOUR_P50, NEIGHBOUR_P99}:
            assert scenario.requests, claim.id


@named
def test_its_timeline_claims_are_about_figures_of_timelines(file: Path) -> None:
    scenario = load(file)
    timelines = {timeline.name for timeline in scenario.timelines}
    known = {f"{RECEIPT_PREFIX}{key}" for key in (KEPT_WAITING, LONGEST_WAIT, OVERTAKEN, ALL_ANSWERED)}
    assert {claim.compare for claim in scenario.claims if claim.a in timelines} <= known


@named
def test_every_route_of_its_timelines_exists(file: Path) -> None:
    scenario = load(file)
    paths = {each.partition("?")[0] for timeline in scenario.timelines for each in timeline.requests if each[0] == "/"}
    assert [path for path in paths if not has_route(str(scenario.target.app), "GET", path)] == []


def test_no_two_claims_have_one_id() -> None:
    ids = Counter(claim.id for file in FILES for claim in load(file).claims)
    assert [claim_id for claim_id, count in ids.items() if count > 1] == []
