"""Trivial routes run where FastAPI's documentation says they do."""

import pytest

from tests.serving import ask

pytestmark = pytest.mark.real

PLACES = {
    "async": ("loop", []),
    "def": ("thread", []),
    "async-dependencies": ("loop", ["loop"] * 3),
    "def-dependencies": ("loop", ["thread"] * 3),
}


@pytest.mark.parametrize("style", PLACES)
def test_each_style_reports_where_it_ran(app_port: int, style: str) -> None:
    endpoint, dependencies = PLACES[style]
    status, _, body = ask(app_port, f"/trivial/{style}")
    assert status == 200
    assert body == {"message": "Hello world", "endpoint_on": endpoint, "dependencies_on": dependencies}
