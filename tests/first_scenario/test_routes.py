"""Which routes may be asked, and the reason against the others: a table over OpenAPI documents."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopbench.first_scenario.reading import AppFacts, Document
from loopbench.first_scenario.routes import Route, as_table, routes_of
from loopbench.scenario.requests import Variant

QUERY = {"name": "q", "in": "query", "required": True}
PATH = {"name": "id", "in": "path", "required": True}


def facts(*documents: tuple[str, dict[str, Any]]) -> AppFacts:
    """An app with these documents, by prefix."""
    return AppFacts(
        attribute="app",
        type="fastapi.applications.FastAPI",
        callable=True,
        has_openapi=True,
        documents=[Document(prefix=prefix, openapi=openapi) for prefix, openapi in documents],
        mounts=[],
        hidden=0,
        servers={"uvicorn", "uvloop", "httptools"},
    )


def only(path: str, operation: Any, *, method: str = "get", **openapi: Any) -> Route:
    """The one route of an app that has one."""
    (route,) = routes_of(facts(("", {"paths": {path: {method: operation}}} | openapi)))
    return route


@pytest.mark.parametrize(
    ("path", "operation", "reason"),
    [
        ("/a", {}, ""),
        ("/a", {"parameters": [{"name": "q", "in": "query"}]}, ""),
        ("/a", {"deprecated": True}, "deprecated"),
        ("/a", {"requestBody": {"required": True}}, "needs a body"),
        ("/a", {"parameters": [QUERY]}, "needs a query parameter q"),
        ("/a/{id}", {"parameters": [PATH]}, "needs a path parameter id"),
        ("/a/{id}", {}, "needs a path parameter id"),
        ("/a", {"parameters": [{**QUERY, "in": "header"}]}, "needs a header q"),
        ("/a", {"parameters": [{**QUERY, "in": "cookie"}]}, "needs the cookie q"),
        ("/a", {"parameters": [{**QUERY, "schema": {"type": "array", "default": []}}]}, "needs a query parameter q"),
        ("/a", {"security": [{"OAuth2": []}]}, "needs credentials (OAuth2)"),
        ("/a", {"security": [{"OAuth2": []}, {}]}, ""),
        ("/users/logout", {}, "its name says that it changes something (logout)"),
        ("/admin/cache_reset", {}, "its name says that it changes something (reset)"),
        ("/resettlement", {}, ""),
        (
            "/a",
            {"responses": {"200": {"content": {"text/event-stream": {}}}}},
            "streams events, perhaps without an end",
        ),
        ("/ä b", {}, "cannot be written down: path is not plain ASCII text"),
        ("/a", {"parameters": "none"}, "its description is not OpenAPI as we know it"),
        (
            "/a",
            {"parameters": [{"$ref": "#/components/parameters/gone"}]},
            "its description is not OpenAPI as we know it",
        ),
        ("/a", [], "its description is not OpenAPI as we know it"),
    ],
)
def test_a_route_is_asked_or_the_reason_is_said(path: str, operation: Any, reason: str) -> None:
    assert only(path, operation).reason == reason


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete", "head"])
def test_no_method_but_get_is_asked(method: str) -> None:
    assert not only("/a", {}, method=method).is_safe


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ({"example": 7}, 7),
        ({"examples": {"first": {"value": "x"}}}, "x"),
        ({"schema": {"default": 3}}, 3),
        ({"schema": {"examples": ["shoes", "socks"]}}, "shoes"),
        ({"schema": {"enum": ["red", "blue"]}}, "red"),
        ({"schema": {"const": "v1"}}, "v1"),
        ({"schema": {"$ref": "#/components/schemas/Color"}}, "green"),
        ({"example": False}, False),
        ({"example": "${HOME}", "schema": {"default": "shoes"}}, "shoes"),  # a scenario would fill it
    ],
)
def test_a_parameter_is_filled_with_what_the_document_gives(parameter: dict[str, Any], value: object) -> None:
    components = {"schemas": {"Color": {"enum": ["green"]}}}
    route = only("/a", {"parameters": [QUERY | parameter]}, components=components)
    assert route.params == {"q": value}


def test_a_value_in_a_path_is_percent_encoded() -> None:
    route = only("/a/{id}", {"parameters": [PATH | {"example": "blue shoes?/ä"}]})
    assert route.path == "/a/blue%20shoes%3F%2F%C3%A4"
    assert route.name == "/a/{id}"


def test_parameters_of_the_whole_path_and_security_of_the_whole_document_count() -> None:
    document = {"paths": {"/a/{id}": {"parameters": [PATH | {"example": 1}], "get": {}}}}
    assert [route.path for route in routes_of(facts(("", document)))] == ["/a/1"]
    assert only("/a", {}, security=[{"Key": []}]).reason == "needs credentials (Key)"
    assert only("/a", {"security": []}, security=[{"Key": []}]).is_safe


@pytest.mark.parametrize(("codes", "status"), [([], 200), (["204"], 204), (["422", "201"], 201), (["307"], 307)])
def test_the_status_that_is_promised_is_expected(codes: list[str], status: int) -> None:
    assert only("/a", {"responses": {code: {} for code in codes}}).status == status


def test_routes_of_a_mounted_app_stand_under_its_prefix_and_the_documentation_s_own_are_left_out() -> None:
    inner: dict[str, Any] = {"paths": {"/inner": {"get": {}}, "/docs": {"get": {}}}}
    found = routes_of(facts(("", {"paths": {"/openapi.json": {"get": {}}}}), ("/sub", inner), ("/t/{x}", inner)))
    assert [(route.path, route.reason) for route in found] == [
        ("/sub/inner", ""),
        ("/t/{x}/inner", "needs a path parameter x"),
    ]


def nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """A list or a table of these."""
    return st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)


LEAVES: st.SearchStrategy[Any] = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
JSON = st.recursive(LEAVES, nested, max_leaves=6)
OPERATION_KEYS = st.sampled_from(["parameters", "security", "responses", "requestBody", "deprecated", "$ref"])


@given(st.dictionaries(st.text(max_size=9).map("/".__add__), JSON | st.dictionaries(OPERATION_KEYS, JSON), max_size=3))
def test_whatever_a_document_says_a_safe_route_is_one_a_scenario_may_hold(paths: dict[str, Any]) -> None:
    for operations in ({"get": each} for each in paths.values()):
        for route in routes_of(facts(("", {"paths": dict.fromkeys(paths, operations)}))):
            if route.is_safe:
                Variant.model_validate(as_table(route))
