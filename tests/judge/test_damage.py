"""A session with one bad run folder gives the others, and says what is wrong with the one."""

import json
import os
import shutil
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from loopbench.judge.session.session_report import judge_session
from loopbench.records.codec import to_json
from loopbench.records.session import read_run, samples_file

EXAMPLE = Path(__file__).parents[2] / "results" / "example"
SAMPLES = "samples-0.bin"


def cut(run: Path) -> None:
    with (run / SAMPLES).open("r+b") as file:
        file.truncate(5_000)


def flip(run: Path) -> None:
    data = bytearray((run / SAMPLES).read_bytes())
    data[4_000] ^= 1
    (run / SAMPLES).write_bytes(data)


def swap(run: Path) -> None:
    other = next(folder for folder in run.parent.iterdir() if folder != run)
    shutil.copy(other / SAMPLES, run / SAMPLES)


CHANGED = "not what it was when the run was finished"
DAMAGES: tuple[tuple[Callable[[Path], object], str], ...] = (
    (cut, CHANGED),
    (flip, CHANGED),
    (swap, CHANGED),
    (lambda run: (run / SAMPLES).unlink(), CHANGED),
    (lambda run: (run / "run.json").write_text("{"), "run.json"),
    (lambda run: (run / "run.json").unlink(), "no run.json"),
    (lambda run: run.rename(run.with_name(f"{run.name}-copy")), "no run of this session's plan"),
)


def runs_of(session: Path) -> list[Path]:
    return sorted((session / "runs").iterdir())


def costs_only(session: Path, harmed: Mapping[str, str]) -> None:
    """Judge a copy of the example; each of these runs is named with its reason, and every other one counts."""
    report = judge_session(session)
    said = dict(each.split(": ", 1) for each in report.damaged)
    assert said.keys() == harmed.keys()
    for name, reason in harmed.items():
        assert reason in said[name], name
    numbers = {int(name[:4]) for name in harmed}
    assert {record.number for record in report.records} == set(range(1, 13)) - numbers
    assert len(report.runs) == 4 - len(numbers & {1, 2, 3, 4}), "the ramps"


@pytest.mark.parametrize("first", [0, 4], ids=["first run cut", "first run without a record"])
def test_a_bad_run_costs_only_itself(tmp_path: Path, first: int) -> None:
    session = shutil.copytree(EXAMPLE, tmp_path / "session")
    harmed = {}
    for run, (damage, reason) in zip(
        runs_of(session)[::2] + runs_of(session)[1:2], DAMAGES[first:] + DAMAGES[:first], strict=True
    ):
        damage(run)
        harmed[run.name if run.exists() else f"{run.name}-copy"] = reason
    costs_only(session, harmed)


def test_a_lost_side_file_costs_a_note_only(tmp_path: Path) -> None:
    session = shutil.copytree(EXAMPLE, tmp_path / "session")
    (min((session / "runs").iterdir()) / "locust_stats_history.csv").unlink()
    report = judge_session(session)
    assert len(report.runs) == 4
    assert report.damaged == ()
    assert [run.csv_curve is None for run in report.runs].count(True) == 1


@pytest.mark.parametrize("order", [1, -1], ids=["first run without its probe", "first run without its lines"])
def test_a_damaged_file_costs_its_own_run_and_no_other(tmp_path: Path, order: int) -> None:
    session = shutil.copytree(EXAMPLE, tmp_path / "session")
    files = ("probe-*.jsonl", "sensors.csv", "load.json", "lines.json")[::order]
    harmed = {}
    for run, file in zip(runs_of(session)[:4], files, strict=True):
        path = next(run.glob(file))
        path.write_bytes(b"\x00 damaged\n" + path.read_bytes()[40:])
        harmed[run.name] = ""
    costs_only(session, harmed)


def test_a_record_that_no_probe_writes_costs_its_own_run(tmp_path: Path) -> None:
    foreign: tuple[tuple[str, str, object], ...] = (
        ("second", "utilization", "much"),
        ("second", "blocked", 7),
        ("second", "busy", [{"busy_s": None}]),
        ("second", "t0_monotonic_s", None),
        ("start", "pools", []),
        ("end", "requests_total", "all"),
    )
    session = shutil.copytree(EXAMPLE, tmp_path / "session")
    harmed = {}
    for run, (kind, key, value) in zip(runs_of(session)[::2], foreign, strict=True):
        log = next(run.glob("probe-*.jsonl"))
        records = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
        changed = [record | {key: value} if record["record"] == kind else record for record in records]
        log.write_text("".join(json.dumps(record) + "\n" for record in changed), encoding="utf-8")
        harmed[run.name] = log.name
    costs_only(session, harmed)


def test_settings_are_compared_with_the_first_run_that_can_be_read(tmp_path: Path) -> None:
    session = shutil.copytree(EXAMPLE, tmp_path / "session")
    first, second, *_ = runs_of(session)
    for log in first.glob("probe-*.jsonl"):
        log.write_bytes(b"{}\n")
    record = read_run(second)
    command = (*record.target_command, "--limit-concurrency", "50")
    (second / "run.json").write_text(to_json(replace(record, target_command=command)), encoding="utf-8")
    report = judge_session(session)
    amiss = {run.record.number for run in report.runs if "T2" in run.stamp.invalid_ids}
    assert amiss == {3, 4}, "the second run is what the others are compared with"


def test_judging_a_session_reads_each_file_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the samples their head is read alone, so that the samples of all runs are never in memory together."""
    opened: Counter[str] = Counter()
    plain_open = os.open

    def counting(file: Any, *args: Any, **kwargs: Any) -> Any:
        opened[str(file)] += 1
        return plain_open(file, *args, **kwargs)

    monkeypatch.setattr(os, "open", counting)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0})  # with one core, this process reads all of them
    judge_session(EXAMPLE)
    assert len([file for file in opened if file.endswith("run.json")]) == 12
    twice = {file: count for file, count in opened.items() if count > 1}
    assert {Path(file).name: count for file, count in twice.items()} == {samples_file(0): 2}
