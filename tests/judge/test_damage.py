"""A session with one bad run folder gives the others, and says what is wrong with the one."""

import io
import json
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from loopbench.judge.session.session_report import judge_session
from loopbench.records.codec import to_json
from loopbench.records.session import read_run

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


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (cut, "not what it was when the run was finished"),
        (flip, "not what it was when the run was finished"),
        (swap, "not what it was when the run was finished"),
        (lambda run: (run / SAMPLES).unlink(), "not what it was when the run was finished"),
        (lambda run: (run / "run.json").unlink(), "no run.json"),
        (lambda run: (run / "run.json").write_text("{"), "run.json"),
        (lambda run: run.rename(run.with_name("0009-ramp-copy")), "no run of this session's plan"),
    ],
    ids=["cut", "flipped", "another-run", "no-samples", "no-record", "torn-record", "foreign"],
)
def test_one_bad_run_costs_only_itself(tmp_path: Path, damage: Callable[[Path], None], reason: str) -> None:
    session = shutil.copytree(EXAMPLE, tmp_path / "session")
    damage(min((session / "runs").iterdir()))
    report = judge_session(session)
    assert len(report.runs) == 3
    (said,) = report.damaged
    assert reason in said


def test_a_lost_side_file_costs_a_note_only(tmp_path: Path) -> None:
    session = shutil.copytree(EXAMPLE, tmp_path / "session")
    (min((session / "runs").iterdir()) / "locust_stats_history.csv").unlink()
    report = judge_session(session)
    assert len(report.runs) == 4
    assert report.damaged == ()
    assert [run.csv_curve is None for run in report.runs].count(True) == 1


@pytest.mark.parametrize("file", ["probe-*.jsonl", "sensors.csv", "load.json", "lines.json"])
@pytest.mark.parametrize("place", [0, 2], ids=["first run", "third run"])
def test_a_damaged_file_costs_its_own_run_and_no_other(tmp_path: Path, file: str, place: int) -> None:
    session = shutil.copytree(EXAMPLE, tmp_path / "session")
    run = sorted((session / "runs").iterdir())[place]
    path = next(run.glob(file))
    path.write_bytes(b"\x00 damaged\n" + path.read_bytes()[40:])
    report = judge_session(session)
    (named,) = report.damaged
    assert named.startswith(f"{run.name}: ")
    assert len(report.records) == 11


@pytest.mark.parametrize(
    ("kind", "key", "value"),
    [
        ("second", "utilization", "much"),
        ("second", "blocked", 7),
        ("second", "busy", [{"busy_s": None}]),
        ("second", "t0_monotonic_s", None),
        ("start", "pools", []),
        ("end", "requests_total", "all"),
    ],
)
def test_a_record_that_no_probe_writes_costs_its_own_run(tmp_path: Path, kind: str, key: str, value: object) -> None:
    session = shutil.copytree(EXAMPLE, tmp_path / "session")
    log = next(min((session / "runs").iterdir()).glob("probe-*.jsonl"))
    records = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    changed = [record | {key: value} if record["record"] == kind else record for record in records]
    log.write_text("".join(json.dumps(record) + "\n" for record in changed), encoding="utf-8")
    report = judge_session(session)
    (named,) = report.damaged
    assert log.name in named
    assert len(report.records) == 11


def test_settings_are_compared_with_the_first_run_that_can_be_read(tmp_path: Path) -> None:
    session = shutil.copytree(EXAMPLE, tmp_path / "session")
    first, second, *_ = sorted((session / "runs").iterdir())
    for log in first.glob("probe-*.jsonl"):
        log.write_bytes(b"{}\n")
    record = read_run(second)
    command = (*record.target_command, "--limit-concurrency", "50")
    (second / "run.json").write_text(to_json(replace(record, target_command=command)), encoding="utf-8")
    report = judge_session(session)
    amiss = {run.record.number for run in report.runs if "T2" in run.stamp.invalid_ids}
    assert amiss == {3, 4}, "the second run is what the others are compared with"


def test_judging_a_session_reads_each_file_once(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: Counter[str] = Counter()
    plain_open = io.open

    def counting(file: Any, *args: Any, **kwargs: Any) -> Any:
        opened[str(file)] += 1
        return plain_open(file, *args, **kwargs)

    monkeypatch.setattr(io, "open", counting)
    judge_session(EXAMPLE)
    assert len([file for file in opened if file.endswith("run.json")]) == 12
    assert {file: count for file, count in opened.items() if count > 1} == {}
