"""Every style of reading reads every byte."""

import pytest

from loopbench.bundled.target_app.file_read import MAX_BYTES
from tests.serving import ask

ROUTES = ("/read", "/read_bad", "/read_with_thread", "/read_async", "/read_anyio")

pytestmark = pytest.mark.real


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("num_bytes", [1, 12_345, MAX_BYTES])
def test_every_byte_is_read(app_port: int, route: str, num_bytes: int) -> None:
    status, _, body = ask(app_port, f"{route}?num_bytes={num_bytes}")
    assert status == 200
    assert body["bytes_read"] == num_bytes
    assert set(body) == {"waiting_time", "unit", "bytes_read"}


@pytest.mark.parametrize("num_bytes", [0, MAX_BYTES + 1])
def test_beyond_the_bounds_is_refused(app_port: int, num_bytes: int) -> None:
    assert ask(app_port, f"/read?num_bytes={num_bytes}")[0] == 422
