"""The probe attached to a real uvicorn: counts and structure, never timings."""

import signal
import time
from pathlib import Path

import pytest

from loopbench.judge.run.probe_log import ProbeLogs, read_probe_logs
from loopbench.records.stamps import ASK_HEADER, read_stamps
from tests.probe.target import HERE, PROBE_FOLDER, Target, running, serving

pytestmark = pytest.mark.real

OF_THE_INTERPRETER = (
    1_000  # objects that Python freezes itself are fewer (375 on Python 3.12), those of an app are more
)

LINES_APART_S = 2.0
"""One second, plus a margin for a busy machine."""


@pytest.mark.parametrize(
    ("loop", "http", "workers", "frozen"),
    [
        ("asyncio", "h11", 1, "0"),
        ("asyncio", "httptools", 2, "1"),
        ("uvloop", "httptools", 1, "1"),
        ("uvloop", "h11", 2, "0"),
    ],
)
def test_the_server_counts_exactly_the_answers_its_clients_got_and_is_as_configured(
    tmp_path: Path, loop: str, http: str, workers: int, frozen: str
) -> None:
    """The size of both pools, and whether what exists when the app is loaded is frozen."""
    names = {"THREAD_TOKENS": "7", "EXECUTOR_THREADS": "3", "GC_FREEZE": frozen}
    environ = {f"LOOPBENCH_PROBE_{name}": value for name, value in names.items()}
    with serving(tmp_path, "--http", http, "--workers", str(workers), loop=loop, environ=environ) as target:
        for _ in range(7):
            assert target.ask("/", times=3) == b"7"
        assert target.ask("/executor") == b"3"
        count = int(target.ask("/frozen"))
        target.stop(signal.SIGTERM)
    assert (count > OF_THE_INTERPRETER) is (frozen == "1")
    logs = read_probe_logs(tmp_path)
    assert logs.requests_total == target.requests == 23
    assert len(logs.processes) == workers
    for process in logs.processes:
        assert process.start.nonce == "nonce"
        assert (process.start.pools["anyio_tokens"], process.start.pools["executor_threads"]) == (7, 3)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_request_in_flight_at_the_signal_is_counted(tmp_path: Path, number: int) -> None:
    """And a terminated server still dies of its signal."""
    with serving(tmp_path) as target:
        target.ask("/")
        connection = target.connection()
        connection.request("GET", "/wait")
        target.process.send_signal(number)
        assert connection.getresponse().read() == b"40"
        connection.close()
        target.process.communicate(timeout=20)
    assert read_probe_logs(tmp_path).requests_total == 2
    assert number != signal.SIGTERM or target.process.returncode == -signal.SIGTERM


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_server_killed_under_load_loses_at_most_its_last_second(tmp_path: Path, loop: str) -> None:
    """It leaves no total. Its last line is whole, as young as the interval of lines, and counts the answers so far."""
    with serving(tmp_path, loop=loop) as target:
        connection = target.connection()
        answered: list[float] = []
        while not any(record["record"] == "second" for log in target.logs() for record in log):
            target.ask("/", times=20, over=connection)
            answered += [time.monotonic()] * 20
        killed_s = time.monotonic()
        target.stop(signal.SIGKILL)
        connection.close()
    logs = read_probe_logs(tmp_path)
    (process,) = logs.processes
    assert (logs.requests_total, process.end_reason) == (None, None)
    assert "killed" in logs.notes[0]
    last_s = process.records[-1]["t1_monotonic_s"]
    assert killed_s - last_s < LINES_APART_S
    assert logs.requests_last_seen is not None
    assert logs.requests_last_seen >= len([at for at in answered if at < last_s]) - 20  # a batch may be in progress
    assert not any("torn" in note for note in logs.notes)


def test_an_invalid_setting_stops_the_server_with_a_reason(tmp_path: Path) -> None:
    with (
        pytest.raises(AssertionError, match="LOOPBENCH_PROBE_LEVEL='loud': allowed are watch, explain"),
        serving(tmp_path, environ={"LOOPBENCH_PROBE_LEVEL": "loud"}),
    ):
        pass


def test_without_a_directory_the_loop_is_plain_and_nothing_is_written(tmp_path: Path) -> None:
    with serving(tmp_path, environ={"LOOPBENCH_PROBE_DIR": ""}) as target:
        assert target.ask("/") == b"40"
        target.stop(signal.SIGTERM)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module", params=["asyncio", "uvloop"])
def seen(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ProbeLogs]:
    """The loop, and the log of a server whose requests used its pools, waited and blocked."""
    folder = tmp_path_factory.mktemp("log")
    with serving(folder, loop=request.param) as target:
        target.ask("/thread", times=3)
        target.ask("/wait", times=2)
        target.ask("/block")
        target.stop(signal.SIGTERM)
    return request.param, read_probe_logs(folder)


def line_of(text: str) -> int:
    """Where the app has this text."""
    return next(n for n, line in enumerate(HERE.read_text().splitlines(), 1) if text in line)


def test_every_figure_of_a_second_exists_on_both_loops(seen: tuple[str, ProbeLogs]) -> None:
    loop, logs = seen
    (process,) = logs.processes
    source = {"asyncio": "selector", "uvloop": "libuv"}[loop]
    assert (process.start.idle_source, process.start.unavailable) == (source, {})
    second = [record for record in process.records if record["record"] == "second"][-1]
    assert [name for name, value in second.items() if value is None] == []
    assert second["executor_threads"] >= 1
    assert second["hops_total"] >= 2 * 3, "a job of either pool hands one result to the loop"


def test_the_line_at_which_a_request_is_suspended_is_found(seen: tuple[str, ProbeLogs]) -> None:
    waits = seen[1].waits.query("group == 'request'").dropna(subset="user_file")
    line = line_of("await asyncio.sleep(0.3)")
    assert (str(HERE), line, "sleep") in set(
        zip(waits["user_file"], waits["user_line"], waits["function"], strict=True)
    )


def test_a_blocked_loop_is_traced_to_the_line(seen: tuple[str, ProbeLogs]) -> None:
    lines = seen[1].lines.query("kind == 'blocked'").dropna(subset="user_file")
    guilty = line_of("time.sleep(0.2)")
    worst = lines.sort_values("seconds").iloc[-1]  # on a busy machine another line may be seen briefly
    assert (worst["user_file"], worst["user_line"], worst["user_function"]) == (str(HERE), guilty, "_work")


def test_the_signal_sampler_finds_the_same_line(tmp_path: Path) -> None:
    with serving(tmp_path, environ={"LOOPBENCH_PROBE_SIGNAL_SAMPLER": "1"}) as target:
        target.ask("/block")
        target.stop(signal.SIGTERM)
    logs = read_probe_logs(tmp_path)
    assert "signal_sampler" not in logs.processes[0].start.unavailable
    assert "_work" in set(logs.lines["user_function"].dropna())


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_the_explain_level_counts_every_request_and_every_job(tmp_path: Path, loop: str) -> None:
    with serving(tmp_path, loop=loop, environ={"LOOPBENCH_PROBE_LEVEL": "explain"}) as target:
        target.ask("/thread", times=5)
        target.ask("/", times=2)
        target.stop(signal.SIGTERM)
    logs = read_probe_logs(tmp_path)
    assert logs.processes[0].start.level == "explain"
    assert logs.routes.groupby("route")["requests"].sum().to_dict() == {"GET /thread": 5, "GET /": 2}
    prefix = "asyncio" if loop == "asyncio" else "uvloop"
    jobs = logs.queues.groupby(["pool", "route"])["jobs"].sum().to_dict()
    assert jobs == {(f"executor {prefix}", "GET /thread"): 5, ("anyio", "GET /thread"): 5}


def test_the_explain_level_stamps_an_answer_on_the_client_s_clock(tmp_path: Path) -> None:
    with serving(tmp_path, environ={"LOOPBENCH_PROBE_LEVEL": "explain"}) as target:
        connection = target.connection()
        sent_s = time.monotonic()
        connection.request("GET", "/block", headers={ASK_HEADER: "1"})
        response = connection.getresponse()
        response.read()
        latency_s = time.monotonic() - sent_s
        connection.close()
    head = f"\r\nx-loopbench-app: {response.headers['x-loopbench-app']}\r\n".encode()
    before_app_s, in_app_s = read_stamps(head, sent_s, latency_s)
    assert before_app_s >= 0.0
    assert 0.19 < in_app_s < latency_s


def test_the_hook_reaches_apps_that_call_uvicorn_themselves(tmp_path: Path) -> None:
    """A sitecustomize that ours shadows still runs."""
    hidden, folder = tmp_path / "hidden", tmp_path / "log"
    hidden.mkdir()
    folder.mkdir()
    (hidden / "sitecustomize.py").write_text("import os; os.environ['HIDDEN_RAN'] = '1'\n")
    script = tmp_path / "main.py"
    script.write_text(
        "import os, sys, uvicorn\n"
        f"sys.path.append({str(HERE.parent)!r})\n"
        "assert os.environ['HIDDEN_RAN'] == '1'\n"
        "uvicorn.run('target:app', port=int(sys.argv[-1]), loop='asyncio', log_level='warning')\n"
    )
    path = f"{PROBE_FOLDER / 'sitecustomize_hook'}:{hidden}"
    with running(Target(folder, [str(script)], {"PYTHONPATH": path})) as target:
        target.ask("/", times=4)
        target.stop(signal.SIGTERM)
    logs = read_probe_logs(folder)
    assert logs.requests_total == 4
    assert logs.processes[0].start.loop_class.startswith("asyncio.")
    assert logs.processes[0].start.idle_source == "selector"
