"""curl commands and HAR files as routes: same origin, nothing secret, and nothing that a scenario cannot hold."""

import json
import sys
import tomllib
from pathlib import Path

import pytest

from loopbench.errors import UsageError
from loopbench.first_scenario.draft import draft
from loopbench.first_scenario.places import AppPlace
from loopbench.first_scenario.reading import AppFacts
from loopbench.first_scenario.recorded_requests import routes_of_curl, routes_of_har
from loopbench.first_scenario.routes import as_table

RANDOM = "a8Kd02mXq71canaryZ4"
"""A token by its letters, whatever its name is."""


def har(method: str, url: str, status: float) -> str:
    """A file of one request."""
    entry = {"request": {"method": method, "url": url, "headers": []}, "response": {"status": status}}
    return json.dumps({"log": {"entries": [entry]}})


@pytest.mark.parametrize(
    ("command", "table"),
    [
        ("curl http://a.test/items?n=2", {"name": "/items?n=2", "path": "/items?n=2"}),
        ("curl -s 'http://a.test/?api_key=canary'", {"path": "/?api_key=${API_KEY}"}),
        ("curl http://a.test/ -H 'Authorization: Bearer canary'", {"headers": {"Authorization": "${AUTHORIZATION}"}}),
        ("curl -b sid=canary -u me:canary http://a.test/", {"headers": {"Cookie": "${COOKIE}",
                                                                       "Authorization": "${AUTHORIZATION}"}}),
        ("""curl http://a.test/ --json '{"a": 1, "password": "canary"}'""",
         {"name": "POST /", "method": "POST", "json": {"a": 1, "password": "${PASSWORD}"}}),
        ("curl -X PUT -d 'a=1&token=canary' http://a.test/",
         {"method": "PUT", "form": {"a": "1", "token": "${TOKEN}"}}),
        ("curl 'http://a.test/?next=http%3A%2F%2Fb.test%3Ftoken%3Dcanary'", {"path": "/?next=${NEXT}"}),
        ("curl -H 'X-Session: canary' http://a.test/", {"headers": {"X-Session": "${X_SESSION}"}}),
        ("""curl --json '{"password": {"v": ["canary"]}}' http://a.test/""", {"json": {"password": "${PASSWORD}"}}),
        (r"""curl --json '{"variables": "{\"password\": \"canary\"}"}' http://a.test/""",
         {"json": {"variables": "${VARIABLES}"}}),
        (
            r"""curl --json '{"query": "{login(password: \"canary\")}"}' http://a.test/""",
            {"json": {"query": "${QUERY}"}},
        ),
        ("curl -H 'X-CSRF: canary' http://a.test/", {"headers": {"X-CSRF": "${X_CSRF}"}}),
        (f"curl 'http://a.test/?code={RANDOM}&state={RANDOM}'", {"path": "/?code=${CODE}&state=${STATE}"}),
        (f"""curl --json '{{"note": "glpat-{RANDOM}"}}' http://a.test/""", {"json": {"note": "${NOTE}"}}),
        (f"curl http://a.test/reset/{RANDOM}/form", {"path": "/reset/${PATH_2}/form"}),
    ],
)  # fmt: skip
def test_a_curl_command_is_a_request_without_its_secrets(command: str, table: dict[str, object]) -> None:
    (route,) = routes_of_curl([command])
    assert route.is_safe, route.reason
    assert as_table(route).items() >= table.items()
    assert "canary" not in str(route)


@pytest.mark.parametrize(
    "path",
    [
        "/articles/why-python-3-13-is-faster-than-2-7?date=2026-12-01T08:00:00Z",
        "/items/0b1fca8e-9d3f-4e4b-8a58-0d9be6b6bd8f?sort=createdAt&size=100000",
        "/static/internationalization.bundle.js?version=20261201180000",
    ],
)
def test_words_dates_and_keys_of_rows_are_no_tokens(path: str) -> None:
    (route,) = routes_of_curl([f"curl 'http://a.test{path}'"])
    assert route.path.replace("%3A", ":") == path


@pytest.mark.parametrize("command", ["", "curl", "curl ftp://a.test/", "curl 'http://a.test/"])
def test_what_is_no_curl_command_with_a_url_is_refused(command: str) -> None:
    with pytest.raises(UsageError, match="not a curl command"):
        routes_of_curl([command])


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ("-x http://me:canary@proxy.test", "-x"),
        ("--proxy=http://me:canary@proxy.test", "--proxy"),
        ("-Fpassword=canary", "-F"),
        ("--oauth2-bearer canary", "--oauth2-bearer"),
        ("--data-urlencode token=canary", "--data-urlencode"),
    ],
)
def test_an_option_of_curl_that_is_not_known_is_refused_without_its_value(options: str, named: str) -> None:
    with pytest.raises(UsageError, match=f"the option {named}, ") as refused:
        routes_of_curl([f"curl {options} http://a.test/"])
    assert "canary" not in refused.value.what


def test_options_of_curl_that_change_no_request_are_passed_over() -> None:
    (route,) = routes_of_curl(["curl -sSL -o http://b.test/ -w '%{http_code}' --compressed --url http://a.test/x"])
    assert (route.path, route.reason) == ("/x", "")


def test_a_har_file_gives_each_request_of_the_first_origin_once(tmp_path: Path) -> None:
    urls = [("http://a.test/x", 200), ("http://a.test/x", 200), ("https://cdn.test/y", 200), ("http://a.test/z", 404)]
    headers = [{"name": "Sec-Fetch-Mode", "value": "cors"}, {"name": "X-Auth-Token", "value": "canary"}]
    entries = [
        {"request": {"method": "GET", "url": url, "headers": headers}, "response": {"status": status}}
        for url, status in urls
    ]
    (tmp_path / "a.har").write_text(json.dumps({"log": {"entries": entries}}))
    routes = routes_of_har(tmp_path / "a.har")
    assert [(each.path, each.reason) for each in routes] == [
        ("/x", ""),
        ("/z", "its answer was 404 when it was recorded"),
    ]
    assert dict(routes[0].headers) == {"X-Auth-Token": "${X_AUTH_TOKEN}"}


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ("curl 'http://a.test/{id}'", "{id}, which a scenario would replace"),
        ("curl -H 'X-A: ${HOME}' http://a.test/", "${HOME}, which a scenario would replace"),
        ("curl 'http://a.test/?q=%24%7BHOME%7D'", "${HOME}, which a scenario would replace"),
        ("curl -d 'q=%24%7BHOME%7D' http://a.test/", "${HOME}, which a scenario would replace"),
        (r"""curl --json '{"q": "$\u007bHOME}"}' http://a.test/""", "${HOME}, which a scenario would replace"),
        (f"curl -d 'a={'?' * 100_000}' http://a.test/", "too large"),
        ("""curl --json '{"a": null}' http://a.test/""", "as TOML"),
        (r"""curl --json '{"\ud800": 1}' http://a.test/""", "as TOML"),
        ("""curl --json '{"a": NaN}' http://a.test/""", "neither JSON nor a form"),
        pytest.param(
            f"curl --json '{'[' * 400}{']' * 400}' http://a.test/",
            "as TOML",
            marks=pytest.mark.skipif(sys.version_info >= (3, 12), reason="from Python 3.12 so deep a body can be read"),
        ),
        ("curl -d 'canaryeyJhbGciOiJIUzI1NiJ9' http://a.test/", "neither JSON nor a form"),
        (f"curl 'http://a.test/reset?{RANDOM}'", "a name in it looks like a secret"),
        (f"""curl --json '{{"seen": [{{"{RANDOM}": 1}}]}}' http://a.test/""", "a name in it looks like a secret"),
        (f"curl -d '{RANDOM}=1' http://a.test/", "a name in it looks like a secret"),
        ("curl -d '<login user=\"x\"><password>canary</password></login>' http://a.test/", "neither JSON nor a form"),
    ],
)
def test_a_request_that_a_scenario_cannot_hold_is_left_out(command: str, reason: str) -> None:
    (route,) = routes_of_curl([command])
    assert reason in route.reason
    assert "canary" not in str(route)


def test_no_text_of_a_har_file_leaves_the_comment_of_a_request_that_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "a.har").write_text(har("PUT\n[[variants]]\n", "http://a.test/x", 500))
    place = AppPlace("app", "app", tmp_path)
    facts = AppFacts(
        attribute="app",
        type="FastAPI",
        callable=True,
        has_openapi=True,
        documents=[],
        mounts=[],
        hidden=0,
        servers=set(),
    )
    made = draft(place, facts, routes_of_har(tmp_path / "a.har"), tmp_path / "s.toml", None)
    assert "variants" not in tomllib.loads(made.text)


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        har("GET", "http://[", 200),
        har("GET", "http://a.test/", float("inf")),
        "[" * 100_000,
    ],
)
def test_what_is_no_har_file_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.har").write_text(text)
    with pytest.raises(UsageError, match="not a HAR file"):
        routes_of_har(tmp_path / "a.har")
