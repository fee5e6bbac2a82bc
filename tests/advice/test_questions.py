"""Which routes are asked about, and that the scenarios for it are ordinary ones."""

from pathlib import Path
from typing import Any

import pytest

from loopbench.advice.questions import (
    Questions,
    comparison,
    is_path,
    questions_of_app,
    questions_of_scenario,
    screening,
)
from loopbench.advice.what_ifs import WhatIf
from loopbench.errors import UsageError
from loopbench.first_scenario.places import AppPlace
from loopbench.first_scenario.reading import AppFacts, Endpoint
from loopbench.scenario import Scenario, load
from loopbench.scenario.toml import read_toml
from tests.first_scenario.test_routes import PATH, QUERY, facts

OPENAPI: dict[str, Any] = {
    "paths": {
        "/health": {"get": {}},
        "/search": {"get": {"parameters": [{**QUERY, "example": "blue shoes"}]}},
        "/items/{id}": {"get": {"parameters": [PATH]}},
        "/orders": {"post": {}},
    }
}
IN_THREAD = WhatIf("as plain def", {"run_in": "threadpool", "target": {"thread_tokens": 100}})


def app_facts() -> AppFacts:
    """An app whose search is a coroutine."""
    place: dict[str, Any] = {"name": "search", "file": "/srv/main.py", "line": 7}
    search = Endpoint(**place, is_async=True, awaits=False, methods=["GET"], path="/search", dependencies=[])
    return facts(("", OPENAPI)).model_copy(update={"endpoints": [search]})


def asked(folder: Path, *wanted: str, **headers: str) -> Questions:
    return questions_of_app(AppPlace("main", "app", folder), app_facts(), folder / "new", None, headers, wanted)


def loaded(folder: Path, text: str) -> Scenario:
    """A scenario beside the results."""
    file = folder / "new" / "any.toml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)
    return load(file)


def test_a_candidate_knows_the_functions_of_the_other_routes() -> None:
    (search,) = app_facts().endpoints
    health = search.model_copy(update={"name": "Shop.health", "path": "/health"})
    raw = {"variants": [{"name": "search", "path": "/search"}], "target": {"app": "main:app"}}
    (candidate,) = questions_of_scenario(raw, Path("a.toml"), Path("new"), [search, health]).candidates
    assert candidate.endpoint == search
    assert candidate.others == {(search.file, "health")}


def test_safe_routes_are_asked_about_and_the_others_have_a_reason(tmp_path: Path) -> None:
    questions = asked(tmp_path)
    assert [each.name for each in questions.candidates] == ["GET /search"]
    assert questions.candidates[0].endpoint is not None
    assert questions.left_out == (
        "GET /items/{id}: needs a path parameter id",
        "POST /orders: POST changes state",
    )


def test_the_screening_shows_every_route_and_the_neighbour_by_itself(tmp_path: Path) -> None:
    scenario = loaded(tmp_path, screening(asked(tmp_path)))
    assert [(each.name, each.path) for each in scenario.variants] == [
        ("GET /search", "/search"),
        ("the neighbour itself", "/health"),
    ]
    assert (scenario.neighbours, scenario.repeat.max_rounds) == (("/health",), 0)
    assert scenario.variants[0].request_target == "/search?q=blue+shoes"


def test_the_comparison_asks_one_route_in_every_style_in_turns(tmp_path: Path) -> None:
    questions = asked(tmp_path)
    scenario = loaded(tmp_path, comparison(questions, questions.candidates[0], [IN_THREAD], 4))
    written, moved = scenario.variants
    assert (written.name, written.is_moved, scenario.baseline) == ("as written", False, "as written")
    assert (moved.run_in, moved.served.thread_tokens, moved.params) == ("threadpool", 100, written.params)
    assert not scenario.isolated_because
    assert scenario.repeat.max_rounds == 4
    assert scenario.target.app == "main:app"


@pytest.mark.parametrize(
    ("wanted", "path", "name"),
    [
        ("GET /search", "/search", "GET /search"),
        ("/search", "/search", "GET /search"),
        ("GET /search?q=hats", "/search?q=hats", "GET /search?q=hats"),
        ("GET /search?api_key=canary", "/search?api_key=canary", "GET /search?api_key=***"),
        ("GET /items/17", "/items/17", "GET /items/17"),
        ("GET /health", "/health", "GET /health"),
    ],
)
def test_a_named_route_is_asked_raw_written(tmp_path: Path, wanted: str, path: str, name: str) -> None:
    (candidate,) = asked(tmp_path, wanted).candidates
    assert (candidate.request["path"], candidate.name) == (path, name)


def test_a_captured_token_comes_from_the_app_s_own_login(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APP_USER", "ann")
    monkeypatch.setenv("APP_PASSWORD", "canary")
    known = {"components": {"securitySchemes": {"a": {"flows": {"password": {"tokenUrl": "token"}}}}}}
    headers = {"Authorization": "Bearer {token}"}
    place = AppPlace("main", "app", tmp_path)
    questions = questions_of_app(place, facts(("", OPENAPI | known)), tmp_path / "new", None, headers)
    (login,) = loaded(tmp_path, screening(questions)).before
    assert (login.path, login.form) == ("/token", {"username": "${APP_USER}", "password": "${APP_PASSWORD}"})


@pytest.mark.parametrize(
    ("wanted", "headers", "words"),
    [
        ((), {"Authorization": "Token {token}"}, "{token} of --header has no value"),
        (("/items/{id}",), {}, "{id} of --route has no value"),
    ],
)
def test_a_placeholder_without_a_value_is_a_usage_error(
    tmp_path: Path, wanted: tuple[str, ...], headers: dict[str, str], words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        asked(tmp_path, *wanted, **headers)
    asked(tmp_path, **{"X-Key": "${KEY} {unique}"})


def test_a_route_that_is_named_twice_is_asked_once(tmp_path: Path) -> None:
    assert [each.name for each in asked(tmp_path, "/search", "GET /search").candidates] == ["GET /search"]


@pytest.mark.parametrize("wanted", ["POST /orders", "GET /nothing", "nothing"])
def test_a_named_route_that_cannot_be_asked_is_a_usage_error(tmp_path: Path, wanted: str) -> None:
    with pytest.raises(UsageError) as refused:
        asked(tmp_path, wanted)
    assert refused.value.slug == "advise-routes"


def test_a_screening_has_as_many_routes_as_a_scenario_may_have_variants(tmp_path: Path) -> None:
    paths: dict[str, Any] = {f"/{number}": {"get": {}} for number in range(70)} | {"/health": {"get": {}}}
    place = AppPlace("main", "app", tmp_path)
    questions = questions_of_app(place, facts(("", {"paths": paths})), tmp_path / "new", None)
    assert len(loaded(tmp_path, screening(questions)).variants) == 64
    assert questions.left_out[0] == "GET /63: more than 63 routes; --route names it"


SCENARIO = """\
title = "ours"
target = { app = "main:app", app_dir = "app", prepare = "make data" }
load = { users = 20, spawn_rate = 2 }
baseline = "search"
[[requests]]
name = "health"
path = "/health"
[[before]]
name = "login"
method = "POST"
path = "/login"
json = { user = "ann", tags = ["a", "b"] }
capture = { token = "json:token" }
[data]
item = { file = "items.csv", column = "id" }
[[variants]]
name = "search"
path = "/items/{item}"
headers = { Authorization = "Bearer {token}" }
body = "two\\nlines \\u007f"
method = "POST"
[[variants]]
name = "the same in a thread"
path = "/items/{item}"
headers = { Authorization = "Bearer {token}" }
body = "two\\nlines \\u007f"
method = "POST"
run_in = "threadpool"
[[claims]]
id = "a"
a = "search"
b = "the same in a thread"
says = "faster"
text = "It is."
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A scenario with a login, data and a claim."""
    (tmp_path / "app").mkdir()
    (tmp_path / "items.csv").write_text("id\n1\n")
    file = tmp_path / "own.toml"
    file.write_text(SCENARIO)
    return file


def of_scenario(file: Path, *wanted: str) -> Questions:
    return questions_of_scenario(read_toml(file)[1], file, file.parent / "new", [], wanted)


@pytest.mark.parametrize(("own_s", "waited_s"), [(None, 15.0), (90.0, 15.0), (2.0, 2.0)])
def test_what_hangs_is_not_waited_for_longer_than_it_takes(own: Path, own_s: float | None, waited_s: float) -> None:
    """Every round of the others waits for its drain."""
    if own_s is not None:
        own.write_text(SCENARIO.replace("spawn_rate = 2", f"spawn_rate = 2, drain_s = {own_s}"))
    assert loaded(own.parent, screening(of_scenario(own))).load.drain_s == waited_s


def test_a_scenario_s_request_keeps_its_load_login_and_data(own: Path) -> None:
    questions = of_scenario(own)
    (candidate,) = questions.candidates
    scenario = loaded(own.parent, comparison(questions, candidate, [IN_THREAD], 4))
    written, moved = scenario.variants
    assert (written.path, written.sent_body, moved.sent_body) == (
        "/items/{item}",
        b"two\nlines \x7f",
        b"two\nlines \x7f",
    )
    assert scenario.load.users == 20
    assert scenario.before[0].json_ == {"user": "ann", "tags": ["a", "b"]}
    assert scenario.target.prepare == "make data"
    assert (scenario.claims, scenario.neighbours) == ([], ("health",))
    assert (scenario.file.parent / scenario.target.app_dir).samefile(own.parent / "app")


def test_a_scenario_with_a_locustfile_is_refused(own: Path) -> None:
    own.write_text(SCENARIO.replace("users = 20", 'locustfile = "journeys.py"'))
    with pytest.raises(UsageError) as refused:
        of_scenario(own)
    assert refused.value.slug == "advise-scenario"


def test_a_scenario_s_routes_can_be_chosen_by_name(own: Path) -> None:
    assert [each.name for each in of_scenario(own, "search").candidates] == ["search"]
    with pytest.raises(UsageError):
        of_scenario(own, "GET /nothing")


@pytest.mark.parametrize(
    ("template", "path", "expected"),
    [
        ("/items/{id}", "/items/17", True),
        ("/items/{id}", "/items/{item}", True),
        ("/items/{id}", "/items/17/more", False),
        ("/items", "/items/", True),
        ("/items.json", "/itemsxjson", False),
        ("/" + "{a}" * 50 + "Z", "/" + "a" * 1_000, False),
    ],
)
def test_a_path_belongs_to_the_route_whose_parameters_it_fills(template: str, path: str, *, expected: bool) -> None:
    assert is_path(template, path) is expected
