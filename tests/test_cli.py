"""The command line against real processes: one whole small session, and every way it can fail."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from loopbench.errors import ExitCode
from loopbench.plan import make_plan
from loopbench.records.session import read_run, run_folders
from loopbench.scenario import load

APPS = Path(__file__).parent / "apps"
LOOPBENCH = Path(sys.executable).with_name("loopbench")
SMALL = """
[load]
users = 5
spawn_rate = 5
hold_s = 1.5
warmup_s = 0.3
think_time_s = 0.02
drain_s = 2
[repeat]
max_rounds = 0
"""

pytestmark = pytest.mark.real


def scenario(
    folder: Path, *paths: str, app: str = "healthy:app", target: str = "", table: str = SMALL, timeout_s: int = 3
) -> Path:
    """A scenario over the test apps, a variant for each path."""
    variants = "".join(
        f'[[variants]]\nname = "{path.strip("/")}"\npath = "{path}"\ntimeout_s = {timeout_s}\n' for path in paths
    )
    text = f'title = "t"\nquestion = "q"\n[target]\napp = "{app}"\napp_dir = "{APPS}"\n{target}\n{table}{variants}'
    file = folder / "case.toml"
    file.write_text(text)
    return file


def loopbench(*arguments: str | Path, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """One call to its end."""
    return subprocess.run(
        [LOOPBENCH, *map(str, arguments)],
        cwd=cwd,
        env=os.environ | env,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def session_of(cwd: Path) -> Path:
    """The one session a test has made."""
    (folder,) = (cwd / "results" / "case").iterdir()
    return folder


def left_behind(cwd: Path) -> list[str]:
    """Processes that run in this test's folders."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                line = (entry / "cmdline").read_bytes().decode()
                if str(cwd) in line or str((entry / "cwd").readlink()).startswith(str(cwd)):
                    found.append(line.replace("\0", " "))
            except OSError:
                continue
    return found


def test_a_small_session_ends_with_a_page_charts_and_equal_counts(tmp_path: Path) -> None:
    hostile = {"WEB_CONCURRENCY": "3", "LOCUST_USERS": "77", "HTTP_PROXY": "http://127.0.0.1:9"}
    done = loopbench("run", scenario(tmp_path, "/ok", "/slow"), "--seed", "1", cwd=tmp_path, **hostile)
    assert done.returncode == 0, done.stderr
    session = session_of(tmp_path)
    for name in ("report.html", "summary.json", "summary.csv", "summary.md"):
        assert (session / name).stat().st_size > 0
    assert list((session / "charts").glob("*.svg"))
    assert list((session / "charts").glob("*.png"))
    runs = [read_run(folder) for folder in run_folders(session)]
    assert sorted(run.variant for run in runs) == ["ok", "slow"]
    for run in runs:
        assert run.counts.agree
        assert run.counts.samples
        assert run.users_started == 5
        assert len(run.target_pids) == 1
        assert [phase.name for phase in run.phases] == ["warmup", "ramp", "hold", "drain"]
    assert set(hostile) <= set(json.loads((session / "session.json").read_text())["environment_ignored"])
    assert "counted the same" in done.stdout
    assert left_behind(tmp_path) == []


def test_report_draws_a_session_again_from_its_files(tmp_path: Path) -> None:
    assert loopbench("run", scenario(tmp_path, "/ok"), cwd=tmp_path).returncode == 0
    page = session_of(tmp_path) / "report.html"
    page.unlink()
    assert loopbench("report", cwd=tmp_path).returncode == 0
    assert page.exists()


@pytest.mark.parametrize(
    ("app", "path", "code", "words"),
    [
        ("broken:app", "/ok", ExitCode.TARGET, "the database URL is not set"),
        ("healthy:nothing", "/ok", ExitCode.TARGET, "nothing"),
        ("nowhere:app", "/ok", ExitCode.TARGET, "nowhere"),
        ("never_ready:app", "/ok", ExitCode.TARGET, "did not answer within 2 s"),
        ("healthy:app", "/wrong", ExitCode.TARGET, "status 500, expected 200"),
        ("healthy:app", "/hangs", ExitCode.TARGET, "no answer within 3 s"),
        ("healthy:app", "/dies", ExitCode.TARGET, "ended while it was being measured (exit code 3)"),
    ],
)
def test_a_sick_target_ends_in_one_sentence_and_its_own_exit_code(
    tmp_path: Path, app: str, path: str, code: ExitCode, words: str
) -> None:
    ready_s = 2 if app == "never_ready:app" else 30
    done = loopbench("run", scenario(tmp_path, path, app=app, target=f"ready_s = {ready_s}"), cwd=tmp_path)
    assert done.returncode == code, done.stderr
    assert words in done.stderr
    assert 'File "' not in done.stderr.replace("target | ", "\0").split("\0")[0]
    assert done.stderr.count("Traceback") <= 1
    assert "try: " in done.stderr
    assert "0 of 1 runs are complete" in done.stderr
    assert left_behind(tmp_path) == []


def test_a_run_of_mostly_wrong_answers_is_drawn_but_not_trusted(tmp_path: Path) -> None:
    done = loopbench("run", scenario(tmp_path, "/sours"), cwd=tmp_path)
    assert done.returncode == ExitCode.CANNOT_TELL, done.stderr
    assert "C2: failed requests" in done.stderr
    assert "mostly status 500, expected 200" in done.stderr
    assert (session_of(tmp_path) / "report.html").exists()


def test_a_frozen_target_is_said_to_have_stopped_answering(tmp_path: Path) -> None:
    process = start(tmp_path, hold_s=3, timeout_s=6)  # longer than hold and drain together: nobody gives up before
    wait_for(tmp_path, "samples-0.bin")
    signal_matching(tmp_path, "uvicorn", signal.SIGSTOP)
    _, stderr = process.communicate(timeout=90)
    assert process.returncode == ExitCode.TARGET, stderr
    assert "the target stopped answering" in stderr
    assert left_behind(tmp_path) == []


def test_what_was_finished_before_a_failure_stays_and_is_drawn(tmp_path: Path) -> None:
    file = scenario(tmp_path, "/ok", "/wrong")
    seed = next(seed for seed in range(99) if make_plan(load(file), seed).runs[0].variant == "ok")
    done = loopbench("run", file, "--seed", str(seed), cwd=tmp_path)
    assert done.returncode == ExitCode.TARGET
    session = session_of(tmp_path)
    assert [read_run(folder).variant for folder in run_folders(session)] == ["ok"]
    assert (session / "report.html").exists()


def test_locust_that_dies_is_a_generator_error(tmp_path: Path) -> None:
    process = start(tmp_path)
    wait_for(tmp_path, "samples-0.bin")
    signal_matching(tmp_path, "--locustfile", signal.SIGKILL)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == ExitCode.GENERATOR
    assert "Locust failed (killed by SIGKILL)" in stderr
    assert left_behind(tmp_path) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_keeps_what_is_finished_and_leaves_nothing_running(tmp_path: Path, number: signal.Signals) -> None:
    process = start(tmp_path)
    wait_for(tmp_path, "samples-0.bin")
    process.send_signal(number)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == -number
    assert "0 of 1 runs are complete" in stderr
    assert "Traceback" not in stderr
    assert left_behind(tmp_path) == []


def test_kill_9_of_loopbench_leaves_no_target_and_no_locust(tmp_path: Path) -> None:
    process = start(tmp_path)
    wait_for(tmp_path, "samples-0.bin")
    process.kill()
    process.communicate(timeout=60)
    assert eventually_empty(tmp_path)


def test_results_that_cannot_be_written_fail_before_the_first_run(tmp_path: Path) -> None:
    (tmp_path / "results").write_text("in the way")
    done = loopbench("run", scenario(tmp_path, "/ok"), cwd=tmp_path)
    assert done.returncode == ExitCode.ENVIRONMENT
    assert "results cannot be written" in done.stderr


def test_a_second_measurement_on_the_machine_is_refused(tmp_path: Path) -> None:
    process = start(tmp_path)
    wait_for(tmp_path, "samples-0.bin")
    done = loopbench("run", scenario(tmp_path, "/ok"), cwd=tmp_path)
    process.kill()
    process.communicate(timeout=60)
    assert done.returncode == ExitCode.ENVIRONMENT
    assert "another loopbench is measuring" in done.stderr


def test_a_closed_stdout_does_not_disturb_the_measurement(tmp_path: Path) -> None:
    command = f"{LOOPBENCH} run {scenario(tmp_path, '/ok')} | head -1"
    done = subprocess.run(
        ["/bin/bash", "-o", "pipefail", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert (session_of(tmp_path) / "report.html").exists()


def start(folder: Path, hold_s: int = 60, timeout_s: int = 3) -> subprocess.Popen[str]:
    """A session long enough to be disturbed."""
    table = SMALL.replace("hold_s = 1.5", f"hold_s = {hold_s}")
    file = scenario(folder, "/ok", table=table, timeout_s=timeout_s)
    return subprocess.Popen(
        [LOOPBENCH, "run", file], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def wait_for(folder: Path, name: str) -> None:
    """Until a file of that name appears in a run's folder."""
    deadline = time.monotonic() + 30
    while not list(folder.rglob(f"runs/*/{name}")):
        assert time.monotonic() < deadline, f"{name} never came"
        time.sleep(0.02)


def signal_matching(folder: Path, word: str, number: signal.Signals) -> None:
    """Signal the processes of this test whose command line has a word, the minders apart."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            line = (entry / "cmdline").read_bytes().decode() if (entry / "cmdline").exists() else ""
            if f"{folder}/" in _about(entry) and word in line and "minder.py" not in line:
                os.kill(int(entry.name), number)


def _about(entry: Path) -> str:
    """Command line and environment of a process; nothing of one that is not ours to read."""
    try:
        return "".join((entry / name).read_bytes().decode("utf-8", "replace") for name in ("cmdline", "environ"))
    except OSError:
        return ""


def eventually_empty(folder: Path) -> bool:
    """Whether everything of this test ends within ten seconds."""
    deadline = time.monotonic() + 10
    while left_behind(folder):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
