"""Servers other than uvicorn: their command lines, and one whose requests the probe counts around the app."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from loopbench.measure.target import SERVERS, command
from loopbench.records.probe import SERVED_APP
from tests.faults.faults import Measuring
from tests.made_scenario import made_scenario

APPS = Path(__file__).parents[1] / "apps"
UVICORN = "{python} -m uvicorn {app} --host 127.0.0.1 --port {port} --workers {workers} --loop {loop}"


def line(**target: Any) -> str:
    scenario = made_scenario("a", target={"app": "shop.main:app", **target})
    return " ".join(command(scenario, scenario.variants[0].served, 20_001))


@pytest.mark.parametrize("server", SERVERS)
def test_every_server_gets_the_wrapped_app_and_the_scenarios_settings(server: str) -> None:
    found = line(server=server, workers=3, loop="asyncio")
    assert f"-m {server} {SERVED_APP} " in found
    assert "20001" in found
    assert "--workers 3 " in found
    assert re.search(r"--(loop|worker-class) asyncio ", found)
    assert "{" not in found


def test_a_command_of_ones_own_is_filled_in_and_keeps_other_braces() -> None:
    found = line(command="gunicorn -k 'a b' -b 127.0.0.1:{port} --json {x} {app}")
    assert found == f"gunicorn -k a b -b 127.0.0.1:20001 --json {{x}} {SERVED_APP}"


@pytest.mark.parametrize(
    ("target", "problem"),
    [
        ({"command": "gunicorn main:app -b :{port}"}, "contains {app} and {port}"),
        ({"command": "gunicorn {app}"}, "contains {app} and {port}"),
        ({"server": "daphne"}, "'uvicorn', 'hypercorn' or 'granian'"),
    ],
)
def test_a_wrong_server_is_refused(target: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(problem)):
        line(**target)


@pytest.mark.real
def test_a_server_that_is_not_known_is_measured_and_its_requests_are_counted(tmp_path: Path) -> None:
    """A factory app in `src`, which reads a file of the folder above: under a command, uvicorn, hypercorn, and granian.

    Its command is one of uvicorn, because any server that calls an ASGI app will do. Another user who knows the run's
    nonce could take the port before the server: it is on no command line, and the folder is private during the start.
    """
    (tmp_path / "src").mkdir()
    (tmp_path / "settings.txt").write_text("hello")
    (tmp_path / "src" / "made.py").write_text(
        f"import os\nimport sys\nsys.path.append({str(APPS)!r})\nimport healthy\n\n\n"
        "def create_app():\n    assert open('settings.txt').read() == 'hello'\n"
        "    assert os.stat(os.environ['LOOPBENCH_PROBE_DIR']).st_mode & 0o077 == 0\n    return healthy.app\n"
    )
    (tmp_path / "case.toml").write_text(
        'title = "t"\n[target]\napp = "made:create_app"\napp_dir = "src"\ncwd = ".."\nready_s = 120\n'
        "[load]\nusers = 3\nspawn_rate = 6\nhold_s = 1\nwarmup_s = 0.2\nthink_time_s = 0.02\n[repeat]\nmax_rounds = 0\n"
        f'[[variants]]\nname = "a"\npath = "/ok"\n[variants.target]\ncommand = \'{UVICORN}\'\n'
        '[[variants]]\nname = "b"\npath = "/ok"\n'
        '[[variants]]\nname = "c"\npath = "/ok"\ntarget = { server = "hypercorn" }\n'
        '[[variants]]\nname = "d"\npath = "/ok"\ntarget = { server = "granian" }\n'
    )
    with Measuring(tmp_path, tmp_path / "case.toml", traced=False) as measuring:
        done = measuring.end()
    found = {each["variant"]: each for each in map(read, tmp_path.glob("results/case/*/runs/*/run.json"))}
    assert found.keys() == {"a", "b", "c", "d"}, done.stderr
    for record in found.values():
        counts = record["counts"]
        assert counts["server"] == counts["samples"] == counts["locust"] > 20
        assert record["target_exit"] == "stopped"
        assert record["nonce"] not in " ".join(record["target_command"])
    (summary,) = map(read, tmp_path.glob("results/case/*/summary.json"))
    notes = [any("counted by the probe" in note for note in each["notes"]) for each in summary["variants"]]
    assert notes == [True, False, True, True]
    rules = {each["id"] for variant in summary["variants"] for each in variant["stamp"]["findings"]}
    assert "T2" not in rules


def read(path: Path) -> Any:
    return json.loads(path.read_text())
