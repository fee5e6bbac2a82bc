"""A path belongs to the routes whose pattern it fills."""

import pytest

from loopbench.scenario.route_patterns import fits


@pytest.mark.parametrize(
    ("route", "path", "expected"),
    [
        ("/items/{id}", "/items/", False),
        ("/{name}.{kind}", "/a.b.c", True),
        ("/{name}.{kind}", "/.c", False),
        ("/{name}.{kind}", "/a.", False),
        ("/{a}{b}", "/xy", True),
        ("/{a}{b}", "/x", False),
        ("/a{x}a", "/aa", False),
        ("/a{x}a", "/a", False),
        ("/files/{rest:path}", "/files/", True),
        ("/files/{rest:path}", "/files", False),
        ("/v2/{name:path}/tags/{tag}", "/v2/a/b/tags/1", True),
        ("/v2/{name:path}/tags/{tag}", "/v2/tags/1", False),
        ("/a{rest:path}a", "/a", False),
        ("/a{rest:path}a", "/a/b/ca", True),
        ("/{a:path}/x/{b:path}", "/a/x/b", False),
        ("/{a}-{b:path}", "/a-b", False),
    ],
)
def test_a_path_fits(route: str, path: str, *, expected: bool) -> None:
    assert fits(route, path) is expected


@pytest.mark.parametrize("placeholder", ["{a}", "{a:path}", "{a}a", "{a:path}a"])
@pytest.mark.parametrize("between", ["", "/"])
def test_a_foreign_route_of_many_placeholders_costs_no_more(placeholder: str, between: str) -> None:
    """As a regular expression it would be tried in every way in which they can share the path."""
    assert not fits("/" + between.join([placeholder] * 50) + "Z", "/" + between.join("a" * 1_000))
