"""The text of a first scenario: it loads, whatever an app calls its routes, and says why the others are not in it."""

import tomllib
from pathlib import Path

import pytest

from loopbench.first_scenario.draft import MAX_VARIANTS, Draft, draft
from loopbench.first_scenario.places import AppPlace
from loopbench.first_scenario.reading import AppFacts
from loopbench.first_scenario.routes import Route
from loopbench.scenario import Scenario, load
from loopbench.scenario.schema import scenario_schema

ALL_SERVERS = frozenset({"uvicorn", "uvloop", "httptools"})


def made(folder: Path, *routes: Route, python: Path | None = None, **facts: object) -> Draft:
    """The draft of an app with these routes."""
    known = {
        "attribute": "app",
        "type": "fastapi.applications.FastAPI",
        "callable": True,
        "has_openapi": True,
        "documents": [],
        "mounts": [],
        "hidden": 0,
        "servers": ALL_SERVERS,
    }
    facts_ = AppFacts.model_validate(known | facts)
    return draft(AppPlace("shop.main", "", folder), facts_, routes, folder / "scenario.toml", python)


def loaded(folder: Path, made: Draft) -> Scenario:
    """As a user would load it."""
    (folder / "scenario.toml").write_text(made.text, encoding="utf-8")
    return load(folder / "scenario.toml")


def get(path: str, **more: object) -> Route:
    """A safe route."""
    return Route("GET", path, path, **more)  # type: ignore[arg-type]


def test_safe_routes_are_variants_beside_the_one_that_sounds_like_a_neighbour(tmp_path: Path) -> None:
    scenario = loaded(tmp_path, made(tmp_path, get("/search"), get("/health"), get("/items")))
    assert [variant.name for variant in scenario.variants] == ["/search", "/items"]
    assert [request.name for request in scenario.requests] == ["/health"]
    assert scenario.target.app == "shop.main:app"


def test_the_first_line_names_the_schema_for_an_editor(tmp_path: Path) -> None:
    assert made(tmp_path, get("/search")).text.startswith(f"#:schema {scenario_schema()['$id']}\n")


@pytest.mark.parametrize("path", ["/healthz", "/api/v1/ping", "/_/health-check/", "/hello"])
def test_what_sounds_like_a_neighbour(tmp_path: Path, path: str) -> None:
    assert made(tmp_path, get("/search"), get(path)).neighbour == path


@pytest.mark.parametrize("path", ["/", "/healthy-food", "/shipping", "/hello/world"])
def test_what_only_looks_like_one(tmp_path: Path, path: str) -> None:
    assert made(tmp_path, get("/search"), get(path)).neighbour == ""


def test_the_only_route_there_is_gets_measured_whatever_it_is_called(tmp_path: Path) -> None:
    assert made(tmp_path, get("/")).variants == ("/",)


def test_params_headers_and_status_are_written_as_they_were_found(tmp_path: Path) -> None:
    route = get("/a", params={"q": 'a "b"', "n": 3, "x y": True}, headers={"X-Key": "k"}, status=204)
    (variant,) = loaded(tmp_path, made(tmp_path, route)).variants
    assert (variant.params, variant.headers, variant.expect.status) == (dict(route.params), {"X-Key": "k"}, 204)


def test_a_token_that_no_known_login_gives_gets_a_login_to_complete(tmp_path: Path) -> None:
    login = Route("POST", "/users/login", "/users/login", "POST changes state")
    draft = made(tmp_path, get("/a", headers={"Authorization": "Token {token}", "X-Key": "${KEY} {unique}"}), login)
    assert draft.unknown == ("token",)
    to_complete = draft.text.partition("# [[before]]")[2].partition("\n\n")[0]
    filled = draft.text.replace("# [[before]]", "[[before]]").replace(to_complete, to_complete.replace("\n# ", "\n"))
    (tmp_path / "scenario.toml").write_text(filled)
    (before,) = load(tmp_path / "scenario.toml").before
    assert (before.path, before.capture) == ("/users/login", {"token": "json:access_token"})


def test_routes_that_are_not_asked_stand_there_with_the_reason(tmp_path: Path) -> None:
    text = made(
        tmp_path,
        get("/a"),
        Route("POST", "/a", "/a", "POST changes state"),
        mounts=[("/static", "StaticFiles")],
        hidden=2,
    ).text
    assert "#   POST /a: POST changes state\n" in text
    assert "#   /static: StaticFiles is mounted there\n" in text
    assert "#   2 more, kept out of the app's OpenAPI" in text


def test_more_routes_than_a_first_look_takes_are_named_and_left_out(tmp_path: Path) -> None:
    draft = made(tmp_path, *(get(f"/r{number}") for number in range(MAX_VARIANTS + 2)))
    assert len(draft.variants) == MAX_VARIANTS
    assert draft.left_out == 2
    assert f"#   GET /r{MAX_VARIANTS}: safe; " in draft.text


def test_an_app_without_a_route_to_ask_gets_a_scenario_to_fill_in(tmp_path: Path) -> None:
    draft = made(tmp_path, has_openapi=False, type="starlette.applications.Starlette")
    assert draft.variants == ()
    assert "This app is a starlette.applications.Starlette and has no OpenAPI" in draft.text
    filled = draft.text.replace("# [[variants]]", "[[variants]]").replace('# name = "/"', 'name = "/"')
    (tmp_path / "scenario.toml").write_text(filled.replace('# path = "/"', 'path = "/"'))
    assert load(tmp_path / "scenario.toml").variants[0].path == "/"


def test_a_server_s_part_that_the_app_s_python_does_not_have_is_not_asked_of_it(tmp_path: Path) -> None:
    target = loaded(tmp_path, made(tmp_path, get("/a"), servers={"uvicorn"})).target
    assert (target.loop, target.http) == ("asyncio", "h11")


@pytest.mark.parametrize(
    ("servers", "server"),
    [({"granian"}, "granian"), ({"granian", "hypercorn"}, "hypercorn"), ({"uvicorn", "granian"}, "uvicorn")],
)
def test_the_server_of_the_apps_environment_serves_it(tmp_path: Path, servers: set[str], server: str) -> None:
    scenario = loaded(tmp_path, made(tmp_path, get("/search"), servers=servers))
    assert scenario.target.server == server


def test_the_interpreter_is_written_relative_to_the_scenario_and_not_resolved(tmp_path: Path) -> None:
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to("/usr/bin/env")
    assert loaded(tmp_path, made(tmp_path, get("/a"), python=python)).target.python == ".venv/bin/python"


NASTY = (
    'a"b',
    "a\\b",
    "a\nb = 1\n[load]",
    "\x1b[31m",
    "\u202egnp",
    "\x7f",
    "#",
    "'''",
    "</script>",
    "日本語",
    "\U0001f600",
)


def test_what_an_app_is_called_in_its_module_stays_on_its_line(tmp_path: Path) -> None:
    """A module may hold names that Python's syntax has not."""
    draft = made(tmp_path, get("/a"), attribute="app\nbaseline = 1")
    assert "baseline" not in tomllib.loads(draft.text)


@pytest.mark.parametrize("text", NASTY)
def test_what_an_app_calls_its_routes_cannot_break_the_file(tmp_path: Path, text: str) -> None:
    draft = made(
        tmp_path,
        Route("GET", "/a", f"/{text}", params={"q": text, text: "x"}),
        Route("POST", f"/{text}", f"/{text}", text),
        mounts=[(text, text)],
    )
    (variant,) = loaded(tmp_path, draft).variants
    assert tomllib.loads(draft.text)["load"]["users"] == 50
    assert variant.path == "/a"
