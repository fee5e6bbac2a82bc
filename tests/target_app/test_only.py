"""`target_app.only:KIND` is the app with one kind of work."""

import pytest

from loopbench.bundled.target_app import only


def paths(app: object) -> set[str]:
    """Return the app's routes."""
    return set(app.openapi()["paths"])  # type: ignore[attr-defined]


def test_it_has_its_own_routes_the_neighbour_and_nothing_else() -> None:
    assert paths(only.trivial) == {
        "/hello",
        "/hello_def",
        "/trivial/async",
        "/trivial/def",
        "/trivial/async-dependencies",
        "/trivial/def-dependencies",
    }


def test_an_unknown_kind_of_work_is_an_import_error() -> None:
    with pytest.raises(ModuleNotFoundError, match=r"target_app\.nothing"):
        _ = only.nothing
