"""A target's interpreter: its path, its PATH, and what an old uvicorn is started with."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from loopbench.measure import interpreter, target
from loopbench.measure.environment import ATTACHING_FOLDER, for_target
from loopbench.scenario import Scenario
from tests.made_scenario import made_scenario

OLD_CONFIG = "class Config:\n    def setup_event_loop(self): pass\n"
SERVES = (
    "import asyncio\nfrom uvicorn.config import Config\nConfig().setup_event_loop()\nasyncio.run(asyncio.sleep(0))\n"
)


def scenario_in(folder: Path, python: str) -> Scenario:
    """A scenario in this folder whose app has this interpreter."""
    raw = made_scenario("a", target={"app": "main:app", "python": python}).model_dump()
    return Scenario.model_validate(raw, context={"file": folder / "scenario.toml"})


def test_a_relative_interpreter_becomes_absolute_and_its_link_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "python").symlink_to(sys.executable)
    monkeypatch.chdir(tmp_path)
    scenario = scenario_in(Path(), "python")
    assert interpreter.python_of(scenario, scenario.target) == str(tmp_path / "python")


def test_the_server_sentence_shows_the_path_without_dots_and_with_the_interpreter_s_link(tmp_path: Path) -> None:
    for folder in ("backend", ".venv/bin"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / ".venv/bin/python").symlink_to(sys.executable)
    sentence = interpreter.server_sentence(str(tmp_path / "backend/../.venv/bin/python"), "granian")
    assert sentence.startswith(f"granian with {tmp_path}/.venv/bin/python;")


def test_the_folder_of_the_interpreter_is_first_on_path() -> None:
    assert interpreter.own_path_first("/app/.venv/bin/python", {"PATH": "/usr/bin"}) == "/app/.venv/bin:/usr/bin"


@pytest.mark.parametrize(
    ("version", "loop", "has_graceful", "remark"),
    [
        ("0.19.0", "uvloop", False, "; loopbench needs uvicorn 0.20 or newer"),
        ("0.20.0", "uvloop", False, "; older than 0.36: the probe is attached by sitecustomize"),
        ("0.35.0", "uvloop", True, "; older than 0.36: the probe is attached by sitecustomize"),
        ("0.36.0", "loopbench_probe:new_uvloop_loop", True, ""),
        ("1.0.1", "loopbench_probe:new_uvloop_loop", True, ""),
        ("not installed", "loopbench_probe:new_uvloop_loop", True, ""),
    ],
)
def test_an_old_uvicorn_is_given_only_options_that_it_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, loop: str, has_graceful: bool, remark: str
) -> None:
    answer = {"packages": {"uvicorn": version}, "python": {"version": "3.11"}}
    monkeypatch.setattr(interpreter, "ask_python", lambda _: answer)
    python = tmp_path / "bin/python"
    (tmp_path / f"lib/python3.11/site-packages/uvicorn-{version}.dist-info").mkdir(parents=True)
    scenario = scenario_in(tmp_path, "python")
    command = target.command(scenario, scenario.target, 1)
    assert command[command.index("--loop") + 1] == loop
    assert ("--timeout-graceful-shutdown" in command) is has_graceful
    assert interpreter.server_sentence(str(python)) == f"uvicorn {version} of {python}{remark}"


@pytest.mark.real
def test_the_loop_of_an_old_uvicorn_s_policy_is_watched(tmp_path: Path) -> None:
    """Before 0.36 `Config` had no loop factory, and only chose the policy that makes the loop."""
    (tmp_path / "uvicorn").mkdir()
    (tmp_path / "uvicorn/__init__.py").write_text("")
    (tmp_path / "uvicorn/config.py").write_text(OLD_CONFIG)
    (tmp_path / "serve.py").write_text(SERVES)
    env = for_target({"LOOPBENCH_PROBE_DIR": str(tmp_path)}, os.environ, attach_at_start=True)
    assert env["PYTHONPATH"].startswith(str(ATTACHING_FOLDER))
    subprocess.run([sys.executable, str(tmp_path / "serve.py")], env=env, check=True)
    assert len(list(tmp_path.glob("probe-*.jsonl"))) == 1
