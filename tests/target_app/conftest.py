from collections.abc import Iterator

import pytest

from tests.target_app.running_app import running


@pytest.fixture(scope="session")
def app_port() -> Iterator[int]:
    """Run the whole app, shared by all tests that do not need their own."""
    with running("target_app.main:app") as port:
        yield port
