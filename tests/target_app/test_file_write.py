"""The five write routes do the same work and report it."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from loopbench.bundled.target_app.file_write import MAX_CHARS
from loopbench.errors import ExitCode
from loopbench.measure.target import free_port
from tests.serving import LOOPBENCH, ask, serving

ROUTES = ("/write", "/write_bad", "/write_with_thread", "/write_async", "/write_anyio")

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    free = free_port()
    with serving("serve", port=free, cwd=tmp_path_factory.mktemp("serve")):
        yield free


def test_hello(port: int) -> None:
    status, _, body = ask(port, "/hello")
    assert (status, body) == (200, {"message": "Hello world"})


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("num_chars", [1, 12_345, 3_000_000])
def test_every_byte_is_in_the_file(port: int, route: str, num_chars: int) -> None:
    status, _, body = ask(port, f"{route}?num_chars={num_chars}")
    assert status == 200
    assert body["bytes_written"] == num_chars
    assert body["unit"] == "seconds"
    assert body["waiting_time"] > 0
    assert set(body) == {"waiting_time", "unit", "bytes_written"}


@pytest.mark.parametrize("route", ROUTES)
def test_waiting_for_the_disk_writes_the_same_bytes(port: int, route: str) -> None:
    status, _, body = ask(port, f"{route}?num_chars=4000&fsync=true")
    assert (status, body["bytes_written"]) == (200, 4000)


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("num_chars", [0, -1, MAX_CHARS + 1, 4_000_000_000])
def test_beyond_the_bounds_is_a_clear_422(port: int, route: str, num_chars: int) -> None:
    status, _, body = ask(port, f"{route}?num_chars={num_chars}")
    (problem,) = body["detail"]
    assert status == 422
    assert problem["loc"] == ["query", "num_chars"]
    assert problem["ctx"] == ({"ge": 1} if num_chars < 1 else {"le": MAX_CHARS})


def test_no_module_of_the_current_folder_is_imported(tmp_path: Path) -> None:
    for name in ("uvicorn", "json", "target_app"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('a module of the current folder')")
    port = free_port()
    with serving("serve", port=port, cwd=tmp_path):
        assert ask(port, "/hello")[0] == 200


def test_a_taken_port_gives_one_sentence(port: int, tmp_path: Path) -> None:
    command = [str(LOOPBENCH), "serve", "--port", str(port)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == ExitCode.ENVIRONMENT
    assert done.stderr.startswith("error[port-taken]")
    assert "Traceback" not in done.stderr
