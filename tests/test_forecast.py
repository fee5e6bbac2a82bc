"""`loopbench plan --json`: the command lines, ports and bytes that a run then has."""

import json
from pathlib import Path
from typing import Any

import pytest

from loopbench.forecast import REQUEST_BYTES, disk_bytes, plan_values
from loopbench.plan import load_s, make_plan
from loopbench.records.session import read_run, read_session, run_folders
from loopbench.scenario import load
from tests.faults.faults import write_scenario
from tests.faults.shared_sessions import healthy_session
from tests.first_scenario.calling import call

EXAMPLE = Path(__file__).parents[1] / "results" / "example"


def planned(folder: Path, *overrides: str, **settings: Any) -> dict[str, Any]:
    """The plan of a small scenario."""
    scenario = load(write_scenario(folder, **settings), overrides)
    return plan_values(scenario, make_plan(scenario, 1))


@pytest.mark.real
def test_a_run_has_the_command_lines_ports_and_bytes_of_its_plan(
    tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    healthy = healthy_session(tmp_path_factory)
    seed = str(read_session(healthy.session).seed)
    plan = json.loads(call(capsys, healthy.folder, "plan", "case.toml", "--seed", seed, "--json").out)
    folders = list(run_folders(healthy.session))
    assert len(folders) == len(plan["runs"]) == 2
    for folder, run in zip(folders, plan["runs"], strict=True):
        record = read_run(folder)
        assert (record.number, record.variant) == (run["number"], run["variant"])
        attempt = folder.with_name(f".{folder.name}.attempt-{record.attempt}").resolve()
        assert list(record.target_command) == [part.format(port=record.port) for part in run["target_command"]]
        assert list(record.load_command) == [part.format(folder=attempt) for part in run["load_command"]]
        assert plan["ports"]["target"][0] <= record.port <= plan["ports"]["target"][1]
        assert written_bytes(folder) <= run["disk_bytes_at_most"]
    assert plan["ports"]["master"] is None


def test_the_interpreter_that_a_scenario_names_is_not_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    python = tmp_path / "bin" / "python"
    python.parent.mkdir()
    python.write_text(f"#!/bin/sh\ntouch {tmp_path}/mark\n")
    python.chmod(0o755)
    (tmp_path / "lib/python3.11/site-packages/uvicorn-0.21.0.dist-info").mkdir(parents=True)
    (tmp_path / "case.toml").write_text(
        '[target]\napp = "main:app"\npython = "bin/python"\n[[variants]]\nname = "a"\npath = "/"\n'
    )
    plan = json.loads(call(capsys, tmp_path, "plan", "case.toml", "--json").out)
    line = plan["runs"][0]["target_command"]
    assert line[0] == str(python)
    assert line[line.index("--loop") + 1] == "uvloop"  # as of an old uvicorn
    assert not (tmp_path / "mark").exists()


def test_the_bytes_of_the_example_session_are_between_a_third_of_the_forecast_and_all_of_it() -> None:
    record = read_session(EXAMPLE)
    runs = {run.number: run for run in make_plan(record.scenario, record.seed).runs}
    for folder in run_folders(EXAMPLE):
        made = read_run(folder)
        others = disk_bytes(record.scenario, runs[made.number])["disk_bytes_without_requests"]
        expected = others + REQUEST_BYTES * (made.counts.samples or 0)
        assert expected / 3 < written_bytes(folder) < expected


def written_bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.iterdir())


def test_the_bytes_are_unknown_where_the_app_decides_how_many_requests_there_are(tmp_path: Path) -> None:
    assert [run["disk_bytes_at_most"] for run in planned(tmp_path, think_time_s=0)["runs"]] == [None, None]
    opened = [planned(tmp_path, more_load=f'mode = "open"\nrate = {rate}', think_time_s=0) for rate in (10, 1010)]
    few, many = (plan["runs"][0]["disk_bytes_at_most"] for plan in opened)
    assert many - few == pytest.approx(1000 * REQUEST_BYTES * load_s(load(tmp_path / "case.toml"), "ramp"), abs=1)


def test_a_round_in_turns_has_one_generator_for_all_its_targets(tmp_path: Path) -> None:
    lines = {run["kind"]: run["load_command"] for run in planned(tmp_path, rounds=1)["runs"]}
    assert "--csv" in lines["ramp"]
    assert "--csv" not in lines["plateau"]
    assert any(part.endswith("turns.py") for part in lines["plateau"])


def test_a_master_s_port_is_left_to_the_kernel_and_a_target_elsewhere_has_no_command_line(tmp_path: Path) -> None:
    plan = planned(tmp_path, generators=2)
    assert plan["ports"]["master"] == 0
    line = plan["runs"][0]["load_command"]
    assert line[line.index("--master-bind-port") + 1] == "0"
    (tmp_path / "case.toml").write_text(
        'title = "t"\n[target]\nurl = "http://127.0.0.1:9"\n[[variants]]\nname = "a"\npath = "/"\n'
    )
    scenario = load(tmp_path / "case.toml")
    elsewhere = plan_values(scenario, make_plan(scenario, 1))
    assert elsewhere["ports"]["target"] is None
    assert elsewhere["runs"][0]["target_command"] == []
    assert elsewhere["runs"][0]["load_command"]
