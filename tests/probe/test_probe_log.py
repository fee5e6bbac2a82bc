"""Reading whole, torn, foreign and damaged logs."""

import json
from pathlib import Path
from typing import Any

import pytest

from loopbench.errors import DataError
from loopbench.judge.run.probe_log import read_probe_logs
from loopbench.judge.run.probe_records import LINE_COLUMNS, SECOND_COLUMNS

LINE = {"user_file": "a.py", "user_line": 3, "user_function": "f", "file": "b.py", "line": 9, "function": "g"}


def start(**changes: Any) -> dict[str, Any]:
    record = {
        "record": "start",
        "format": 1,
        "pid": 7,
        "nonce": "n",
        "time_monotonic_s": 1.0,
        "python": "3.11.7",
        "loop_class": "uvloop.Loop",
        "idle_source": "libuv",
        "level": "watch",
        "available": ["utilization"],
        "unavailable": {"anyio": "anyio is not installed"},
        "settings": {},
        "pools": {},
    }
    return {**record, **changes}


def second(begin_s: float, requests: int | None, **changes: Any) -> dict[str, Any]:
    figures: dict[str, Any] = dict.fromkeys(SECOND_COLUMNS)
    times = {"t0_monotonic_s": begin_s, "t1_monotonic_s": begin_s + 1}
    return {"record": "second", **figures, **times, "requests_total": requests, "blocked": [], "busy": [], **changes}


def end(requests: int | None) -> dict[str, Any]:
    return {"record": "end", "time_monotonic_s": 9.0, "reason": "SIGTERM", "requests_total": requests, "connections": 0}


def write(folder: Path, pid: int, *records: dict[str, Any], torn: str = "") -> None:
    text = "".join(json.dumps(record) + "\n" for record in records)
    (folder / f"probe-{pid}.jsonl").write_text(text + torn)


def test_a_record_of_a_kind_that_is_not_known_is_left_out(tmp_path: Path) -> None:
    write(tmp_path, 7, start(), second(1, 3), {"record": "news"}, end(5))
    assert read_probe_logs(tmp_path).requests_total == 5


def test_without_a_probe_there_are_no_processes(tmp_path: Path) -> None:
    logs = read_probe_logs(tmp_path)
    assert (logs.processes, logs.requests_total) == ((), None)
    assert list(logs.seconds.columns) == ["pid", *SECOND_COLUMNS]
    assert list(logs.lines.columns) == list(LINE_COLUMNS)


def test_totals_are_added_over_processes(tmp_path: Path) -> None:
    write(tmp_path, 7, start(), second(1, 3), end(5))
    write(tmp_path, 8, start(pid=8), end(6))
    assert read_probe_logs(tmp_path).requests_total == 11


@pytest.mark.parametrize("last", [(), (end(None),)], ids=["killed", "a server that does not count"])
def test_one_process_without_a_final_count_leaves_no_total(tmp_path: Path, last: tuple[dict[str, Any], ...]) -> None:
    write(tmp_path, 7, start(), end(5))
    write(tmp_path, 8, start(pid=8), second(1, 4), *last)
    logs = read_probe_logs(tmp_path)
    assert (logs.requests_total, logs.requests_last_seen) == (None, 9)


def test_a_value_that_was_not_measured_is_missing_not_zero(tmp_path: Path) -> None:
    write(tmp_path, 7, start(), second(1, 3, utilization=None), second(2, 4, utilization=0.5), end(5))
    seconds = read_probe_logs(tmp_path).seconds
    assert seconds["utilization"].isna().tolist() == [True, False]
    assert seconds["requests_total"].tolist() == [3, 4]


def test_lines_carry_their_second_and_their_kind(tmp_path: Path) -> None:
    blocked, busy = {**LINE, "blocked_s": 0.4, "samples": 80}, {**LINE, "busy_s": 0.1, "samples": 3}
    write(tmp_path, 7, start(), second(1, 3, blocked=[blocked], busy=[busy]), end(5))
    rows = read_probe_logs(tmp_path).lines.to_dict("records")
    assert [(row["kind"], row["seconds"], row["samples"], row["t0_monotonic_s"]) for row in rows] == [
        ("blocked", 0.4, 80, 1),
        ("busy", 0.1, 3, 1),
    ]
    assert {row["user_line"] for row in rows} == {3}


def test_a_torn_last_line_is_dropped_and_reported(tmp_path: Path) -> None:
    write(tmp_path, 7, start(), second(1, 3), torn='{"record":"sec')
    logs = read_probe_logs(tmp_path)
    assert len(logs.seconds) == 1
    assert logs.notes[0] == "process 7: the log's last line is torn and was dropped"


@pytest.mark.parametrize(
    ("version", "advice"),
    [(2, "update loopbench"), (0, "report it with the loopbench that wrote it, or measure again")],
)
def test_other_formats_are_refused_with_what_to_do(tmp_path: Path, version: int, advice: str) -> None:
    write(tmp_path, 7, start(format=version), end(5))
    with pytest.raises(DataError, match=f"has probe format {version}; this loopbench reads 1") as refused:
        read_probe_logs(tmp_path)
    assert refused.value.hints == (advice,)


def test_a_log_of_more_lines_than_a_probe_writes_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a stranger's session: each line takes much more memory than it is long."""
    monkeypatch.setattr("loopbench.records.probe.MAX_RECORDS", 2)
    write(tmp_path, 7, start(), end(5), end(5))
    with pytest.raises(DataError, match="more than 2 lines"):
        read_probe_logs(tmp_path)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "it does not begin with a start record"),
        ('{"record":"second"}\n', "it does not begin with a start record"),
        ('not json\n{"record":"end"}\n', "line 1 is not JSON"),
        ("[1]\n", "line 1 is not an object"),
        ('{"record":"start","format":1}\n', "line 1: pid: it is missing"),
    ],
)
def test_a_damaged_log_is_refused_with_the_damage(tmp_path: Path, text: str, what: str) -> None:
    (tmp_path / "probe-7.jsonl").write_text(text)
    with pytest.raises(DataError, match=f"probe-7.jsonl cannot be used: {what}"):
        read_probe_logs(tmp_path)
