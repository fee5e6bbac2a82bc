"""Reading the probe's files while they grow."""

import json
from pathlib import Path
from typing import Any

from loopbench.records.probe_tail import MAX_BYTES, Place, ProbeTail, second_of

PLACE = {
    "user_file": "/home/me/app/main.py",
    "user_line": 7,
    "user_function": "write",
    "file": "/usr/lib/python3/ssl.py",
    "line": 9,
    "function": "read",
    "near_file": None,
    "near_line": None,
    "near_function": None,
}


def second(number: int, **more: Any) -> dict[str, Any]:
    return {"record": "second", "t0_monotonic_s": float(number), "t1_monotonic_s": number + 1.0, **more}


def lines(*records: dict[str, Any]) -> str:
    return "".join(json.dumps(record) + "\n" for record in records)


def append(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


def test_each_second_is_given_once(tmp_path: Path) -> None:
    tail, path = ProbeTail(tmp_path), tmp_path / "probe-12.jsonl"
    append(path, lines({"record": "start"}, second(0, utilization=0.25)))
    assert [(each.pid, each.utilization) for each in tail.read()] == [(12, 0.25)]
    assert tail.read() == []
    append(path, lines(second(1, utilization=0.5), {"record": "end"}))
    assert [each.utilization for each in tail.read()] == [0.5]


def test_a_line_half_written_is_read_when_it_is_whole(tmp_path: Path) -> None:
    tail, path, text = ProbeTail(tmp_path), tmp_path / "probe-1.jsonl", lines(second(0, utilization=0.5))
    append(path, text[:20])
    assert tail.read() == []
    append(path, text[20:])
    assert [each.utilization for each in tail.read()] == [0.5]


def test_records_written_before_are_skipped(tmp_path: Path) -> None:
    path = tmp_path / "probe-1.jsonl"
    append(path, lines(second(0)))
    tail = ProbeTail(tmp_path)
    append(path, lines(second(1, utilization=1.0)))
    assert [each.utilization for each in tail.read()] == [1.0]


def test_a_file_that_has_grown_too_much_is_read_from_near_its_end(tmp_path: Path) -> None:
    tail, path = ProbeTail(tmp_path), tmp_path / "probe-1.jsonl"
    append(path, lines(second(0), {"record": "second", "padding": "x" * MAX_BYTES}, second(2, utilization=0.5)))
    assert [each.utilization for each in tail.read()] == [0.5]


def test_invalid_records_are_skipped(tmp_path: Path) -> None:
    tail = ProbeTail(tmp_path)
    append(tmp_path / "probe-1.jsonl", 'nonsense\n[1]\n{"record": "second"}\n' + lines(second(0)))
    assert len(tail.read()) == 1


def test_a_figure_that_was_not_measured_is_none() -> None:
    live = second_of(second(0, anyio_total=None), pid=1)
    assert (live.utilization, live.anyio_total, live.lines) == (None, None, ())


def test_a_place_is_the_users_line_or_the_near_or_innermost_one() -> None:
    near = PLACE | {"user_file": None, "near_file": "app.py", "near_line": 3, "near_function": "endpoint"}
    nobody = near | {"near_file": None}
    unknown = nobody | {"file": None}
    live = second_of(second(0, blocked=[place | {"blocked_s": 0.5} for place in (PLACE, near, nobody, unknown)]), pid=1)
    assert [line.place for line in live.lines] == [
        Place("/home/me/app/main.py", 7, "write", own=True),
        Place("app.py", 3, "endpoint", own=False),
        Place("/usr/lib/python3/ssl.py", 9, "read", own=False),
        Place("(no Python code)", 0, "", own=False),
    ]


def test_blocked_and_busy_time_are_kept_apart() -> None:
    live = second_of(second(0, blocked=[PLACE | {"blocked_s": 0.5}], busy=[PLACE | {"busy_s": 0.25}]), pid=1)
    assert [(line.blocked_s, line.busy_s) for line in live.lines] == [(0.5, 0.0), (0.0, 0.25)]
    assert live.blocked_s == 0.5


def test_a_place_is_shown_with_the_end_of_its_path() -> None:
    assert Place("/home/me/project/app/main.py", 7, "f", own=True).text == "project/app/main.py:7"
