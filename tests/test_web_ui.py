"""`loopbench ui`: the variants to choose from, and nobody let in from other pages."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serving import ask, free_port, serving

SCENARIO = Path(__file__).parents[1] / "scenarios" / "file_write.toml"

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    free = free_port()
    with serving("ui", str(SCENARIO), port=free, cwd=tmp_path_factory.mktemp("ui")):
        yield free


def test_the_variants_are_in_the_start_form(port: int) -> None:
    status, _, page = ask(port, "/")
    assert status == 200
    for name in ("def", "blocking_async_def", "thread_offload", "aiofiles"):
        assert f'"{name}"' in page


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Host": "evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
def test_other_pages_are_refused(port: int, headers: dict[str, str]) -> None:
    status, _, _ = ask(port, "/stats/requests", headers=headers)
    assert status == 403
    status, _, _ = ask(port, "/stop", method="POST", headers=headers)
    assert status == 403


def test_its_own_page_is_served_without_any_leave_for_others(port: int) -> None:
    own = {"Origin": f"http://127.0.0.1:{port}", "Sec-Fetch-Site": "same-origin"}
    status, headers, _ = ask(port, "/stats/requests", headers=own)
    assert status == 200
    assert not [name for name in headers if name.lower().startswith("access-control-")]


def test_a_chosen_variant_is_loaded(port: int) -> None:
    form = "user_count=3&spawn_rate=3&user_classes=blocking_async_def"
    content = {"Content-Type": "application/x-www-form-urlencoded", "Origin": f"http://127.0.0.1:{port}"}
    _, _, answer = ask(port, "/swarm", method="POST", headers=content, body=form)
    assert answer["success"]
    while not any(row["num_requests"] for row in ask(port, "/stats/requests")[2]["stats"]):
        pass
    names = {row["name"] for row in ask(port, "/stats/requests")[2]["stats"]}
    assert names >= {"hello", "blocking async def"}
    status, _, _ = ask(port, "/stop")
    assert status in {200, 405}
