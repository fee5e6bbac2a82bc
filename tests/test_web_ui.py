"""`loopbench ui`: the variants to choose from, the tab, and who may use it: only those who have the address."""

import os
import pty
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest

from loopbench.measure.target import free_port
from tests.opened_ui import PATIENCE_S, OpenedUi, opened_ui
from tests.serving import LOOPBENCH

SCENARIO = Path(__file__).parents[1] / "scenarios" / "file_write.toml"
BLOCKING = "blocking async def (/write_bad)"
OTHER = "def (/write)"

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def ui(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenedUi]:
    with opened_ui(SCENARIO, tmp_path_factory.mktemp("ui")) as opened:
        yield opened


@pytest.fixture
def stopped(ui: OpenedUi) -> Iterator[OpenedUi]:
    """A UI whose load a test may start; it is stopped afterwards."""
    yield ui
    ui.order("/stop")
    ui.wait_for(lambda: state(ui) in {"ready", "stopped"})


def state(ui: OpenedUi) -> str:
    told: str = ui.look("/stats/requests").json["state"]
    return told


def asked_for(ui: OpenedUi) -> set[str]:
    """Names of requests in Locust's own table, which it makes anew every two seconds."""
    return {row["name"] for row in ui.look("/stats/requests").json["stats"]} - {"Aggregated"}


def newest(ui: OpenedUi) -> dict[str, Any]:
    """The newest row of the tab."""
    told = ui.look("/loopbench/live.json").json
    return dict(zip(told["columns"], told["rows"][-1], strict=True)) if told["rows"] else {}


def test_users_and_rate_are_those_of_the_scenario(ui: OpenedUi) -> None:
    page = ui.look("/").body
    assert '"num_users": 100' in page
    assert '"spawn_rate": 1.0' in page


def test_the_variants_are_a_choice_in_the_start_form(ui: OpenedUi) -> None:
    page = ui.look("/").body
    for name in (OTHER, BLOCKING, "thread offload (/write_with_thread)", "aiofiles (/write_async)"):
        assert f'"{name}"' in page


def test_the_printed_address_gives_a_cookie_and_leaves_the_address_bar(ui: OpenedUi) -> None:
    answer = ui.ask(f"/?token={ui.token}")
    assert (answer.status, answer.headers["Location"]) == (303, "/")
    name, *attributes = (part.strip() for part in answer.headers["Set-Cookie"].split(";"))
    assert name == f"loopbench-{ui.port}={ui.token}"
    assert {"HttpOnly", "SameSite=Strict"} <= set(attributes)


STRANGERS: list[Mapping[str, str]] = [
    {"Cookie": ""},
    {"Cookie": "loopbench-{port}=guess"},
    {"Cookie": "loopbench-{port}=\xe9"},
    {"Cookie": "loopbench-1={token}"},
    {"Host": "evil.example"},
    {"Host": "evil.example:{port}"},
    {"Host": "127.0.0.1"},
    {"Host": "[::1]:{port}"},
    {"Origin": "http://evil.example"},
    {"Origin": "https://127.0.0.1:{port}"},
    {"Origin": "http://127.0.0.1:1"},
    {"Origin": "127.0.0.1:{port}"},
    {"Origin": "null"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
]
PATHS = (
    "/",
    "/stats/requests",
    "/logs",
    "/stats/report",
    "/loopbench/",
    "/loopbench/live.json",
    "/assets/x",
    "/nothing",
)


@pytest.mark.parametrize("strange", STRANGERS, ids=str)
def test_strangers_see_nothing_and_start_nothing(ui: OpenedUi, strange: Mapping[str, str]) -> None:
    filled = {name: value.format(port=ui.port, token=ui.token) for name, value in strange.items()}
    for path in PATHS:
        answer = ui.ask(path, headers=ui.own | filled)
        assert answer.status == 403, path
        assert ui.token not in answer.body
    answer = ui.ask("/swarm", "POST", ui.own | filled, "user_count=1&spawn_rate=1")
    assert answer.status == 403
    assert state(ui) == "ready"


def test_a_stranger_is_told_what_to_do(ui: OpenedUi) -> None:
    answer = ui.ask("/")
    assert answer.status == 403
    assert "open the address that loopbench ui printed" in answer.body


@pytest.mark.parametrize("query", ["token=", "token=guess", "token=%C3%A9", "token=%00"])
def test_a_wrong_token_gets_no_cookie(ui: OpenedUi, query: str) -> None:
    answer = ui.ask(f"/?{query}")
    assert answer.status == 403
    assert "Set-Cookie" not in answer.headers


def test_the_right_token_does_not_help_another_page(ui: OpenedUi) -> None:
    answer = ui.ask(f"/?token={ui.token}", headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status == 403
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("path", ["/swarm", "/stop", "/stats/reset"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "OPTIONS"])
def test_orders_are_given_by_post_only(ui: OpenedUi, path: str, method: str) -> None:
    answer = ui.ask(path, method, ui.own)
    assert (answer.status, answer.headers["Allow"]) == (405, "POST")


@pytest.mark.parametrize("path", ["/user", "/", "/stats/requests", "/loopbench/live.json"])
def test_nothing_else_takes_orders(ui: OpenedUi, path: str) -> None:
    assert ui.ask(path, "POST", ui.own, "{}").status == 405


def test_a_request_in_chunks_is_refused_before_it_is_read(ui: OpenedUi) -> None:
    """A bad chunk would be an error of the server."""
    headers = {**ui.own, "Origin": f"http://127.0.0.1:{ui.port}", "Transfer-Encoding": "chunked"}
    assert ui.ask("/stop", "POST", headers, "no chunk\r\n").status == 411


def test_a_form_of_any_announced_length_is_refused_before_it_is_read(ui: OpenedUi) -> None:
    headers = {**ui.own, "Origin": f"http://127.0.0.1:{ui.port}", "Content-Length": "99999999999999"}
    assert ui.ask("/swarm", "POST", headers, "user_count=1").status == 413


def test_an_order_must_say_where_it_comes_from(ui: OpenedUi) -> None:
    silent = {"Cookie": ui.own["Cookie"]}
    assert ui.ask("/stop", "POST", silent).status == 403


@pytest.mark.parametrize("path", ["/", "/stats/requests", "/loopbench/", "/loopbench/live.json", "/nothing"])
def test_no_answer_gives_leave_to_other_pages(ui: OpenedUi, path: str) -> None:
    for answer in (ui.look(path), ui.ask(path, headers={"Origin": "http://evil.example"})):
        assert not [name for name in answer.headers if name.lower().startswith("access-control-")]
        assert "frame-ancestors 'self'" in answer.headers["Content-Security-Policy"]


def test_an_answer_given_again_has_the_same_headers(ui: OpenedUi) -> None:
    """Locust keeps its statistics' answer for two seconds and more, and every sending could add to it."""
    told = [ui.look("/stats/requests").headers.keys() for _ in range(5)]
    assert len({len(names) for names in told}) == 1
    assert len(told[-1]) == len(set(told[-1]))


def test_our_page_runs_nothing_inline(ui: OpenedUi) -> None:
    answer = ui.look("/loopbench/")
    assert answer.status == 200
    assert "unsafe-inline" not in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"host": "http://evil.example"}, "no other"),
        ({"host": ""}, "no other"),
        ({"host": "http://127.0.0.1:1"}, "no other"),
        ({"variant": "/etc/passwd"}, "no such variant"),
        ({"csv_prefix": "stats"}, "csv_prefix cannot be set here"),
        ({"user_classes": "VariantUser"}, "user_classes cannot be set here"),
        ({"user_count": "10001"}, "at most 10,000 users"),
        ({"spawn_rate": "1e9"}, "1,000 more each second"),
    ],
)
def test_the_form_sets_users_rate_and_variant_and_nothing_else(ui: OpenedUi, fields: dict[str, str], word: str) -> None:
    answer = ui.order("/swarm", **{"user_count": "1", "spawn_rate": "1"} | fields)
    assert not answer.json["success"]
    assert word in answer.json["message"]
    assert state(ui) == "ready"


def test_one_load_after_the_other_asks_for_the_chosen_variant(stopped: OpenedUi) -> None:
    ui = stopped
    for chosen, name in ((BLOCKING, "blocking async def"), (OTHER, "def")):
        assert ui.order("/swarm", user_count=2, spawn_rate=2, variant=chosen).json["success"]
        wanted = {"hello", "hello, plain def", name}
        ui.wait_for(lambda: asked_for(ui) == wanted)  # noqa: B023  called at once
        refused = ui.order("/swarm", user_count=2, spawn_rate=2, variant="aiofiles (/write_async)").json
        assert "stop the load before" in refused["message"]
        assert ui.look("/loopbench/live.json").json["loads"][-1]["variant"] == chosen
        ui.order("/stop")
        ui.wait_for(lambda: state(ui) == "stopped")


def test_the_tab_shows_the_load_and_the_line_that_holds_the_loop(stopped: OpenedUi) -> None:
    ui = stopped
    assert ui.order("/swarm", user_count=5, spawn_rate=5, variant=BLOCKING).json["success"]
    row = ui.wait_for(lambda: (told := newest(ui))["users"] == 5 and told["good_rps"] and told["utilization"] and told)
    assert 0 < row["utilization"] <= 1
    assert row["anyio_total"] == 40
    assert row["failed_rps"] == 0
    line = ui.wait_for(lambda: own_lines(ui))[0]
    assert line["function"] in {"write_to_file", "write_bad"}


def own_lines(ui: OpenedUi) -> list[dict[str, Any]]:
    return [line for line in ui.look("/loopbench/live.json").json["lines"] if line["own"]]


def test_a_page_is_given_what_it_has_not_seen(ui: OpenedUi) -> None:
    made = ui.wait_for(lambda: ui.look("/loopbench/live.json").json["made"])
    new = ui.look(f"/loopbench/live.json?seen={made}").json
    assert len(new["rows"]) == new["made"] - made
    for odd in (10**9, -1, "x"):
        everything = ui.look(f"/loopbench/live.json?seen={odd}").json
        assert len(everything["rows"]) == everything["made"] >= made


def test_it_listens_on_loopback_and_is_connected_to_nothing_else(ui: OpenedUi) -> None:
    for process in (psutil.Process(ui.process.pid), *ui.children()):
        for connection in process.net_connections("inet"):
            assert connection.laddr.ip == "127.0.0.1"
            assert not connection.raddr or connection.raddr.ip == "127.0.0.1"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 0), (signal.SIGKILL, -signal.SIGKILL)])
def test_however_it_ends_under_load_no_process_is_left(tmp_path: Path, number: int, code: int) -> None:
    """SIGTERM is in every other test (`opened_ui`), SIGHUP in the next."""
    with opened_ui(SCENARIO, tmp_path) as ui:
        children = ui.children()
        assert {"uvicorn", "locust"} <= {word for child in children for word in child.cmdline()}
        assert ui.order("/swarm", user_count=2, spawn_rate=2).json["success"]
        assert ui.end(number) == code
        _, alive = psutil.wait_procs(children, timeout=PATIENCE_S)
        assert not alive


def test_closing_the_terminal_ends_everything(tmp_path: Path) -> None:
    master, slave = pty.openpty()
    port = free_port()
    command = ["setsid", "--ctty", str(LOOPBENCH), "ui", str(SCENARIO), "--port", str(port)]
    process = subprocess.Popen(command, cwd=tmp_path, stdin=slave, stdout=slave, stderr=slave)
    os.close(slave)
    printed = b""
    while b"?token=" not in printed:
        printed += os.read(master, 4096)
    children = psutil.Process(process.pid).children(recursive=True)
    os.close(master)
    process.wait(PATIENCE_S)
    assert len(children) >= 3  # two minders, the target, and Locust if it has begun by now
    _, alive = psutil.wait_procs(children, timeout=PATIENCE_S)
    assert not alive


def test_a_taken_port_is_said_before_anything_is_started(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        command = [str(LOOPBENCH), "ui", str(SCENARIO), "--port", str(port)]
        ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert ended.returncode == 6
    assert "error[port-taken]" in ended.stderr


def test_the_printed_address_is_on_this_machine(ui: OpenedUi) -> None:
    assert urlsplit(ui.url).hostname == "127.0.0.1"
