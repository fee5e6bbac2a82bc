"""`loopbench init` on real apps in real Pythons: what it writes loads, and every way to fail is one error."""

import json
import sys
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


def test_as_json_it_names_the_app_the_routes_and_what_a_run_needs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "main.py").write_text(SHOP)
    done = call(capsys, tmp_path, "init", "--header", "Authorization: Bearer {token}", "--header", "X-Key: k", "--json")
    made = json.loads(done.out)
    routes = [variant.name for variant in load(tmp_path / "scenario.toml").variants]
    assert made == {
        "file": "scenario.toml",
        "app": "main:app",
        "python": sys.executable,
        "routes": routes,
        "neighbour": "/health",
        "left_out": made["left_out"],
        "environment": ["HEADER_X_KEY", "APP_USER", "APP_PASSWORD"],
    }
    assert "next: loopbench plan scenario.toml" in done.err


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
    ("broken", "reason"), [("1 / 0", "ZeroDivisionError: division by zero"), ("[1]", "TypeError: ")]
)
def test_a_broken_openapi_gets_an_empty_scenario_with_the_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], broken: str, reason: str
) -> None:
    (tmp_path / "main.py").write_text(f"{FASTAPI}app.openapi = lambda: {broken}\n")
    done = call(capsys, tmp_path, "init")
    assert done.code == ExitCode.OK, done.err
    assert f"its OpenAPI cannot be made: {reason}" in done.out
    assert f"# The OpenAPI of this app cannot be made: {reason}" in (tmp_path / "scenario.toml").read_text()


FACTORY = """
def create_app():
    from fastapi import FastAPI
    app = FastAPI()
    app.get("/a")(lambda: 1)
    return app
"""


def test_the_folder_of_an_app_that_is_not_in_this_one_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "web" / "src").mkdir(parents=True)
    (tmp_path / "web" / "src" / "shop.py").write_text(f"{FASTAPI}app.get('/a')(lambda: 1)\n")
    done = call(capsys, tmp_path, "init")
    assert done.code == ExitCode.OK, done.err
    assert "found shop:app in web/src, run by" in done.out
    assert load(tmp_path / "scenario.toml").target.app_dir == "web/src"


@pytest.mark.parametrize("given", [(), ("--app", "main:create_app")])
def test_a_factory_is_called_and_named_in_the_scenario(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], given: tuple[str, ...]
) -> None:
    (tmp_path / "main.py").write_text(FACTORY)
    done = call(capsys, tmp_path, "init", *given)
    assert done.code == ExitCode.OK, done.err
    scenario = load(tmp_path / "scenario.toml")
    assert (scenario.target.app, scenario.variants[0].path) == ("main:create_app", "/a")


def test_a_route_whose_source_names_an_event_stream_is_no_variant(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stream = "def events(): return StreamingResponse(iter(()), media_type='text/event-stream')\n"
    imports = "from fastapi.responses import StreamingResponse\n"
    (tmp_path / "main.py").write_text(f"{imports}{FASTAPI}@app.get('/events')\n{stream}@app.get('/a')\ndef a(): ...\n")
    assert call(capsys, tmp_path, "init").code == ExitCode.OK
    assert [each.path for each in load(tmp_path / "scenario.toml").variants] == ["/a"]
    assert "GET /events: streams events, perhaps without an end" in (tmp_path / "scenario.toml").read_text()


def test_routes_behind_a_login_are_listed_and_become_variants_with_a_header(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "main.py").write_text(SHOP)
    assert call(capsys, tmp_path, "init").code == ExitCode.OK
    assert '#   loopbench init --header "Authorization: Bearer {token}"' in (tmp_path / "scenario.toml").read_text()
    login = ("--header", "Authorization: Bearer {token}", "--out", "login.toml")
    done = call(capsys, tmp_path, "init", *login)
    assert done.code == ExitCode.OK
    assert "the login needs: export APP_USER=... APP_PASSWORD=..." in done.out
    scenario = load(tmp_path / "login.toml")
    (variant,) = (each for each in scenario.variants if each.path == "/me")
    assert variant.headers == {"Authorization": "Bearer {token}"}
    assert [(each.method, each.path, each.capture) for each in scenario.before] == [
        ("POST", "/token", {"token": "json:access_token"})
    ]


def test_an_app_that_does_not_import_beside_a_dotenv_file_hints_at_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "backend"
    folder.mkdir()
    (folder / "main.py").write_text("raise RuntimeError('Frontend directory does not exist')\n")
    assert "set -a" not in call(capsys, folder, "init").err
    (tmp_path / ".env").write_text("FASTAPI_ENV=development\n")
    assert "set -a; . ../.env; set +a" in call(capsys, folder, "init").err


def test_a_token_that_no_known_login_gives_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "main.py").write_text(f"{FASTAPI}@app.get('/a')\ndef a(): ...\n")
    done = call(capsys, tmp_path, "init", "--header", "Authorization: Token {token}")
    assert "no login is known that gives {token}: complete [[before]] in scenario.toml first" in done.out


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
        ("def make(): return 1 / 0\n", "main:make", "app-import", "calling main:make failed: ZeroDivisionError"),
        ("def app(environ, start_response): ...\n", None, "app-kind", "main is a WSGI app"),
        ("app = 3\n", "main:app", "app-kind", "is no app but a builtins.int"),
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
        read_app(find_app(tmp_path), find_python(tmp_path).path, read_s=0.5)
    assert error.value.slug == "app-hangs"


def test_an_interpreter_that_is_none_is_said_to_be_the_trouble(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(FASTAPI)
    (tmp_path / "python").write_text("no program")
    with pytest.raises(TargetError, match="cannot be started") as error:
        read_app(find_app(tmp_path), find_python(tmp_path, tmp_path / "python").path)
    assert "Permission denied" in error.value.detail


def test_an_app_is_read_with_variables_and_in_a_folder_of_its_scenario(tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / ".env").touch()
    needs = "import os\nassert os.environ['MODE'] == 'test' and os.path.exists('.env')\n"
    (tmp_path / "app" / "main.py").write_text(needs + FASTAPI)
    place, python = find_app(tmp_path / "app"), find_python(tmp_path).path
    assert read_app(place, python, added={"MODE": "test"}, cwd="..").has_openapi


def test_threads_that_an_app_leaves_behind_do_not_keep_it(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(
        f"import threading\n{FASTAPI}threading.Thread(target=threading.Event().wait).start()\n"
    )
    assert read_app(find_app(tmp_path), find_python(tmp_path).path).has_openapi


def test_files_of_the_project_with_names_of_ours_are_the_project_s(tmp_path: Path) -> None:
    """The reader's own folder is not on the app's path, and neither is loopbench."""
    (tmp_path / "routes.py").write_text("FOUND = 'theirs'\n")
    (tmp_path / "json.py").write_text("raise RuntimeError('shadows the standard library')\n")
    (tmp_path / "main.py").write_text(f"import routes\nassert routes.FOUND == 'theirs'\n{FASTAPI}")
    assert read_app(find_app(tmp_path), find_python(tmp_path).path).has_openapi


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


FUNCTIONS = """
import functools
from fastapi import Depends, FastAPI
from starlette.applications import Starlette
from starlette.endpoints import HTTPEndpoint
from starlette.responses import Response
from starlette.routing import Route

class Paging: ...
class User:
    async def __call__(self): ...
def session(): yield 1
async def tenant(paging: Paging = Depends()): ...
def traced(function):
    @functools.wraps(function)
    async def wrapper(*arguments, **named): ...
    return wrapper

app = FastAPI()
@app.get("/plain")
def plain(a=Depends(session), b=Depends(tenant), c=Depends(User())): ...
@app.get("/traced")
@traced
async def inner(): ...
@app.get("/rows")
async def rows():
    async for row in tenant(): ...
async def page(request): await request.json()
app.mount("/pages", Starlette(routes=[Route("/one/{id}", functools.partial(page))]))
"""


def test_the_functions_behind_routes_are_known_with_their_style(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(FUNCTIONS)
    place = find_app(tmp_path)
    endpoints = {each.path: each for each in read_app(place, find_python(place.folder).path).endpoints}
    plain, decorated, page = (endpoints[path] for path in ("/plain", "/traced", "/pages/one/{id}"))
    assert (plain.name, plain.is_async, Path(plain.file), plain.line) == ("plain", False, tmp_path / "main.py", 21)
    assert [(each.name, each.is_async) for each in plain.dependencies] == [
        ("session", False),
        ("Paging", False),
        ("tenant", True),
        ("User.__call__", True),
    ]
    assert (decorated.name, decorated.is_async, decorated.methods) == ("inner", True, ["GET"])
    assert (page.name, page.is_async) == ("page", True)
    assert {path: each.awaits for path, each in endpoints.items() if each.file == plain.file} == {
        "/plain": False,
        "/traced": False,
        "/rows": True,
        "/pages/one/{id}": True,
    }


INCLUDED = """
from fastapi import APIRouter, Depends, FastAPI
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

def session(): yield 1
async def user(): ...
inner = APIRouter(prefix="/items", dependencies=[Depends(user)])
@inner.get("/{id}")
def one(id: int): ...
@inner.get("/events", include_in_schema=False)
async def events(): return StreamingResponse([], media_type="text/event-stream")
async def page(request): return Response()
inner.routes.append(Route("/page", page))
outer = APIRouter()
outer.include_router(inner, prefix="/v1")
app = FastAPI()
app.include_router(outer, prefix="/api", dependencies=[Depends(session)])
"""


def test_the_routes_of_routers_in_routers_are_known_with_prefix_and_dependencies(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(INCLUDED)
    facts = read_app(find_app(tmp_path), find_python(tmp_path).path)
    found = {each.path: each for each in facts.endpoints if each.file == str(tmp_path / "main.py")}
    assert {path: (each.name, each.is_async) for path, each in found.items()} == {
        "/api/v1/items/{id}": ("one", False),
        "/api/v1/items/events": ("events", True),
        "/api/v1/page": ("page", True),
    }
    assert [each.name for each in found["/api/v1/items/{id}"].dependencies] == ["session", "user"]
    assert (facts.hidden, facts.streams) == (1, ["/api/v1/items/events"])


def test_a_router_whose_prefix_does_not_fit_hides_only_its_own_routes(tmp_path: Path) -> None:
    misfit = "app.include_router(outer, prefix='/{id}')\n@app.get('/fits')\ndef fits(): ...\n"
    (tmp_path / "main.py").write_text(INCLUDED + misfit)
    facts = read_app(find_app(tmp_path), find_python(tmp_path).path)
    assert "Duplicated param name id" in facts.unreadable
    assert {"/fits", "/api/v1/items/{id}"} <= {each.path for each in facts.endpoints}
