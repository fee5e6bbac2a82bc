"""`loopbench init` on real apps in real Pythons: what it writes loads, and every way to fail is one error."""

from pathlib import Path

import pytest

from loopbench.errors import ExitCode, TargetError
from loopbench.first_scenario.places import find_app, find_python
from loopbench.first_scenario.reading import read_app
from loopbench.scenario import load
from tests.first_scenario.calling import call

pytestmark = pytest.mark.real

FASTAPI = "from fastapi import FastAPI\napp = FastAPI()\n"
SHOP = """
import sys

from fastapi import APIRouter, Body, Depends, FastAPI, Path
from fastapi.security import OAuth2PasswordBearer
from fastapi.staticfiles import StaticFiles

print("garbage on stdout")
print('{"attribute": "not this"}', file=sys.stderr)
app = FastAPI()
items = APIRouter(prefix="/items")
inner = FastAPI()


@app.get("/health")
def health() -> dict[str, bool]: ...
@items.get("/")
async def listed(limit: int = 10) -> list[int]: ...
@items.get("/{item_id}")
async def one(item_id: int) -> dict[str, int]: ...
@items.get("/named/{name}")
async def named(name: str = Path(examples=["blue shoes"])) -> dict[str, int]: ...
@items.post("/")
async def add(price: int = Body()) -> None: ...
@app.get("/me")
def me(token: str = Depends(OAuth2PasswordBearer(tokenUrl="token"))) -> str: ...
@app.get("/old", deprecated=True)
def old() -> None: ...
@app.get("/hidden", include_in_schema=False)
def hidden() -> None: ...
@inner.get("/stock")
def stock() -> int: ...


app.include_router(items)
app.mount("/inner", inner)
app.mount("/static", StaticFiles(directory="."))
"""


def test_a_whole_app_becomes_a_scenario_that_loads_and_plans(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Router, mounted app, credentials, path parameters, and an app that prints while it is imported."""
    (tmp_path / "main.py").write_text(SHOP)
    done = call(capsys, tmp_path, "init")
    assert done.code == ExitCode.OK, done.err
    assert "garbage" not in done.out + done.err
    scenario = load(tmp_path / "scenario.toml")
    assert [request.path for request in scenario.requests] == ["/health"]
    assert [variant.path for variant in scenario.variants] == ["/items/", "/items/named/blue%20shoes", "/inner/stock"]
    text = (tmp_path / "scenario.toml").read_text()
    for line in (
        "GET /me: needs credentials (OAuth2PasswordBearer)",
        "GET /old: deprecated",
        "POST /items/: POST changes state",
        "GET /items/{item_id}: needs a path parameter item_id",
        "/static: StaticFiles is mounted there",
        "1 more, kept out of the app's OpenAPI",
    ):
        assert f"#   {line}" in text
    assert call(capsys, tmp_path, "plan").code == ExitCode.OK


def test_a_scenario_that_is_there_is_never_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "main.py").write_text("raise SystemExit('not even imported')")
    (tmp_path / "scenario.toml").write_text("mine")
    done = call(capsys, tmp_path, "init")
    assert (done.code, done.out) == (ExitCode.USAGE, "")
    assert "error[scenario-exists]" in done.err
    assert (tmp_path / "scenario.toml").read_text() == "mine"


def test_an_app_that_is_no_fastapi_gets_a_scenario_to_fill_in(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "app.py").write_text("from starlette.applications import Starlette\napp = Starlette()\n")
    done = call(capsys, tmp_path, "init")
    assert done.code == ExitCode.OK, done.err
    assert "has no OpenAPI" in done.out
    assert '# path = "/"' in (tmp_path / "scenario.toml").read_text()


@pytest.mark.parametrize(
    ("source", "app", "slug", "words"),
    [
        (None, None, "app-missing", "there is no app in"),
        (None, "nowhere:app", "app-missing", "there is no module nowhere"),
        (FASTAPI, "main:nothing", "app-missing", "main:nothing does not exist"),
        ("x = 1\n", None, "app-missing", "there is no app in the module main"),
        ("raise ValueError('no database')\n", None, "app-import", "main does not import: ValueError: no database"),
        ("import sys\nsys.exit(3)\n", None, "app-import", "main does not import: SystemExit: 3"),
        ("import os\nos._exit(3)\n", None, "app-import", "ended its process (exit code 3)"),
        ("import not_installed_here\n", None, "app-import", "needs the package 'not_installed_here'"),
        ("def app(): ...\n", "main:app", "app-kind", "a function that makes an app"),
        ("app = 3\n", "main:app", "app-kind", "is no app but a builtins.int"),
        (f"{FASTAPI}app.openapi = lambda: 1 / 0\n", None, "app-openapi", "cannot describe its routes"),
        (f"{FASTAPI}app.openapi = lambda: []\n", None, "app-openapi", "is not OpenAPI"),
    ],
)
def test_an_app_that_cannot_be_read_ends_in_one_error_and_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], source: str | None, app: str | None, slug: str, words: str
) -> None:
    if source is not None:
        (tmp_path / "main.py").write_text(source)
    done = call(capsys, tmp_path, "init", *(["--app", app] if app else []))
    assert done.code in {ExitCode.TARGET, ExitCode.USAGE}
    assert done.out == ""
    assert f"error[{slug}]: " in done.err
    assert words in done.err
    ours = [line for line in done.err.splitlines() if not line.startswith("  target | ")]
    assert not any("Traceback" in line for line in ours)
    assert "app_reader.py" not in done.err
    assert not (tmp_path / "scenario.toml").exists()


def test_an_app_that_hangs_while_it_is_imported_is_killed_when_its_time_is_up(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("print('waiting for a database')\nimport threading\nthreading.Event().wait()\n")
    with pytest.raises(TargetError, match=r"main did not import within 0\.5 s") as error:
        read_app(find_app(tmp_path), find_python(tmp_path), read_s=0.5)
    assert error.value.slug == "app-hangs"


def test_an_interpreter_that_is_none_is_said_to_be_the_trouble(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(FASTAPI)
    (tmp_path / "python").write_text("no program")
    with pytest.raises(TargetError, match="cannot be started") as error:
        read_app(find_app(tmp_path), find_python(tmp_path, tmp_path / "python"))
    assert "Permission denied" in error.value.detail


def test_threads_that_an_app_leaves_behind_do_not_keep_it(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(
        f"import threading\n{FASTAPI}threading.Thread(target=threading.Event().wait).start()\n"
    )
    assert read_app(find_app(tmp_path), find_python(tmp_path)).has_openapi


def test_files_of_the_project_with_names_of_ours_are_the_project_s(tmp_path: Path) -> None:
    """The reader's own folder is not on the app's path, and neither is loopbench."""
    (tmp_path / "routes.py").write_text("FOUND = 'theirs'\n")
    (tmp_path / "json.py").write_text("raise RuntimeError('shadows the standard library')\n")
    (tmp_path / "main.py").write_text(f"import routes\nassert routes.FOUND == 'theirs'\n{FASTAPI}")
    assert read_app(find_app(tmp_path), find_python(tmp_path)).has_openapi


def test_nothing_but_the_scenario_is_left_in_the_project(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "main.py").write_text(f"{FASTAPI}@app.get('/a')\ndef a() -> None: ...\n")
    assert call(capsys, tmp_path, "init", "--out", "mine.toml").code == ExitCode.OK
    assert sorted(path.name for path in tmp_path.iterdir()) == ["main.py", "mine.toml"]


@pytest.mark.parametrize("command", ["run", "plan", "ui"])
def test_without_a_scenario_the_command_that_writes_one_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    done = call(capsys, tmp_path, command)
    assert (done.code, done.out) == (ExitCode.USAGE, "")
    assert "error[scenario-missing]" in done.err
    assert "try: loopbench init" in done.err
