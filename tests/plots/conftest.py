"""What the tests of charts and pages share."""

import gc
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session", autouse=True)
def _rare_garbage_collection() -> Iterator[None]:
    """Collect garbage after 50,000 new objects instead of 700, as `loopbench report` does while it draws."""
    before = gc.get_threshold()
    gc.freeze()  # what was imported stays
    gc.set_threshold(50_000, 10, 10)
    yield
    gc.set_threshold(*before)
    gc.unfreeze()
