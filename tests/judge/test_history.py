"""Earlier sessions in a row: which belong to it, where their figures come from, and when a change is marked."""

import json
import math
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from loopbench.commands import history as command
from loopbench.errors import DataError
from loopbench.judge.compare import history as histories
from loopbench.judge.compare import session_figures
from loopbench.judge.compare.history import History, history_values, read_history
from loopbench.judge.compare.history_rows import (
    ROWS_FILE,
    Entry,
    KeptRow,
    Mark,
    Point,
    SessionEntry,
    read_rows,
    write_rows,
)
from loopbench.judge.session.session_report import SessionReport, judge_session
from loopbench.judge.statistics.verdict import Word
from loopbench.judge.summary.summary import to_json, write_summary
from loopbench.records import codec
from loopbench.records.session import RUN_FILE, RUNS_FOLDER, SESSION_FILE
from tests.made_scenario import changed
from tests.plots.causes import explained, repeated
from tests.plots.reports import NASTY, Made, session

EXAMPLE = Path(__file__).parents[2] / "results" / "example"


def measured(rps: float, seed: int, *, p50_ms: float = 20.0, spread: float = 0.02, rounds: int = 6) -> SessionReport:
    """Two variants and a neighbour; the second variant never changes."""
    made = [Made("def", rps=rps, p50_ms=p50_ms), Made("other", rps=500)]
    return repeated(explained(session(made)), rounds, seed=seed, spread=spread)


def keep(folder: Path, report: SessionReport, day: int, **record: Any) -> Path:
    """The session's folder as it lies on disk, with its summary."""
    report = replace(report, record=replace(report.record, started=f"2026-11-{day:02d}T10:00:00+00:00", **record))
    path = folder / f"2026-11-{day:02d}T10-00-00Z"
    path.mkdir(parents=True)
    (path / SESSION_FILE).write_text(codec.to_json(report.record), encoding="utf-8")
    for run in report.records:
        runs = path / RUNS_FOLDER / f"{run.number:04d}-{run.kind}-{run.variant}"
        runs.mkdir(parents=True)
        (runs / RUN_FILE).write_text(codec.to_json(run), encoding="utf-8")
    (path / "summary.json").write_text(to_json(report), encoding="utf-8")
    return path


def marks(found: History, variant: str = "def") -> list[str]:
    return [str(entry.goodput.mark) for _, entry in found.row(variant)]


def test_the_same_app_over_time_has_no_marks(tmp_path: Path) -> None:
    for day in range(1, 5):
        keep(tmp_path, measured(500, seed=day), day)
    found = read_history(tmp_path)
    assert [entry.name[:10] for entry in found.sessions] == [f"2026-11-{day:02d}" for day in range(1, 5)]
    assert {*marks(found), *marks(found, "other")} == {""}


@pytest.mark.parametrize(
    ("rps", "tolerance", "mark"),
    [
        (300, 0.10, Mark.REGRESSION),
        (460, 0.10, Mark.LOSS),  # shown, but within the tolerance
        (460, 0.0, Mark.REGRESSION),
        (700, 0.10, Mark.IMPROVEMENT),
        (495, 0.10, Mark.NONE),
    ],
)
def test_a_change_is_marked_where_its_whole_interval_says_so(
    rps: float, tolerance: float, mark: Mark, tmp_path: Path
) -> None:
    for day, figure in enumerate((500, rps, rps), 1):
        keep(tmp_path, measured(figure, seed=day), day)
    found = read_history(tmp_path, tolerance)
    assert marks(found) == ["", str(mark), ""]
    assert marks(found, "other") == ["", "", ""]


def test_a_slower_neighbour_is_a_regression_of_its_own(tmp_path: Path) -> None:
    for day, p50_ms in enumerate((20, 60), 1):
        keep(tmp_path, measured(500, seed=day, p50_ms=p50_ms), day)
    (_, entry) = list(read_history(tmp_path).row("def"))[-1]
    assert entry.neighbour is not None
    assert (entry.goodput.mark, entry.neighbour.mark) == (Mark.NONE, Mark.REGRESSION)


def test_one_round_has_no_interval_and_so_no_mark(tmp_path: Path) -> None:
    for day, rps in enumerate((500, 100), 1):
        keep(tmp_path, measured(rps, seed=day, rounds=1), day)
    found = read_history(tmp_path)
    assert marks(found) == ["", ""]
    assert all(entry.goodput.half_width is None for _, entry in found.row("def"))


def test_a_session_without_rounds_shows_its_ramp_and_is_compared_with_nothing(tmp_path: Path) -> None:
    keep(tmp_path, measured(500, 1), 1)
    keep(tmp_path, replace(measured(100, 2), rounds=None), 2)
    keep(tmp_path, measured(300, 3), 3)
    found = read_history(tmp_path)
    points = [entry.goodput for _, entry in found.row("def")]
    assert points[1].value == pytest.approx(100, rel=0.02)
    assert (points[1].runs, points[1].low) == (0, None)
    assert marks(found) == ["", "", "REGRESSION"]  # against the first, which has rounds


FIFTY_USERS = changed(measured(500, 1).record.scenario, load={"users": 50})


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({"machine": {"cpu": "another", "cores": 2}}, "machine cpu: another there, a CPU in the newest"),
        ({"scenario": FIFTY_USERS}, "load.users: 50 there, 100 in the newest"),
        ({"packages": {"locust": "1.0"}}, "loopbench's locust: 1.0 there"),
    ],
)
def test_what_differs_in_more_than_the_code_is_left_out_with_the_first_fact(
    record: dict[str, Any], reason: str, tmp_path: Path
) -> None:
    keep(tmp_path, measured(500, 1), 1, **record)
    keep(tmp_path, measured(300, 2), 2)
    found = read_history(tmp_path)
    assert len(found.sessions) == 1
    assert marks(found) == [""]
    (left,) = found.left_out
    assert left.reason.startswith(reason)


def test_a_damaged_session_is_left_out_and_said(tmp_path: Path) -> None:
    keep(tmp_path, measured(500, 1), 1)
    (keep(tmp_path, measured(500, 2), 2) / SESSION_FILE).write_text("{")
    found = read_history(tmp_path)
    assert [each.name[:10] for each in found.left_out] == ["2026-11-02"]


def test_where_there_is_no_session_that_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no session"):
        read_history(tmp_path)


def judged(folder: Path, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether the session's runs were judged again."""
    asked: list[Path] = []

    def judge(path: Path) -> SessionReport:
        asked.append(path)
        return judge_session(path)

    monkeypatch.setattr(session_figures, "judge_session", judge)
    session_figures.read_figures(folder)
    return bool(asked)


def test_a_summary_newer_than_its_runs_is_read_and_an_older_or_foreign_one_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = keep(tmp_path, measured(500, 1), 1)
    summary = folder / "summary.json"
    content = json.loads(summary.read_text())
    assert not judged(folder, monkeypatch)
    foreign: list[Any] = [content | {"format": 99}, content | {"rounds": {"runs": [{}]}}, {}, [], "x"]
    for spoiled in foreign:
        summary.write_text(json.dumps(spoiled))
        assert judged(folder, monkeypatch), spoiled
    summary.write_text(json.dumps(content))
    os.utime(folder / RUNS_FOLDER, ns=(summary.stat().st_mtime_ns + 1,) * 2)
    assert judged(folder, monkeypatch)


def test_a_summary_says_what_judging_again_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A real session, from both sources: the same figures to the digits that a summary holds."""
    for name in ("judged", "summed"):
        shutil.copytree(EXAMPLE, tmp_path / name / "session")
    (tmp_path / "judged" / "session" / "summary.json").unlink()
    write_summary(judge_session(EXAMPLE), tmp_path / "summed" / "session")
    assert not judged(tmp_path / "summed" / "session", monkeypatch)
    one, other = (read_history(tmp_path / name) for name in ("judged", "summed"))
    for variant in one.variants:
        ((_, a),), ((_, b),) = list(one.row(variant)), list(other.row(variant))
        assert a.words == b.words
        assert (b.goodput.runs, b.goodput.mark) == (a.goodput.runs, a.goodput.mark)
        assert figures(b) == pytest.approx(figures(a), rel=1e-4, nan_ok=True)


def figures(entry: Entry) -> list[float]:
    """Value and interval; NaN where there is none."""
    point = entry.goodput
    return [math.nan if each is None else each for each in (point.value, point.low, point.high)]


@pytest.mark.parametrize("width", [60, 80, 132])
def test_no_line_of_the_table_is_wider_than_the_terminal(width: int, tmp_path: Path) -> None:
    for day, (rps, p50_ms) in enumerate(((12_500, 20), (3_000, 900)), 1):
        keep(tmp_path, measured(rps, seed=day, p50_ms=p50_ms), day)
    lines = list(command.lines(read_history(tmp_path), width))
    assert max(len(line) for line in lines if line not in command.LEGEND) <= width  # `Speech.say` wraps sentences
    text = " ".join(" ".join(lines).split())
    assert "REGRESSION x0.24" in text or width < 132  # a narrow terminal folds the cell
    assert text.count("REGRESSION") == 2


def test_foreign_text_stays_on_its_line(tmp_path: Path) -> None:
    made = [Made(name) for name in NASTY]
    for day in (1, 2):
        keep(tmp_path, repeated(session(made, title="a\x1b[31m\ntitle"), 3), day)
    lines = list(command.lines(read_history(tmp_path), 100))
    assert all(line.isprintable() for line in lines)


def test_the_values_are_json_without_nan_and_hold_every_session(tmp_path: Path) -> None:
    for day, rps in enumerate((500, 300), 1):
        keep(tmp_path, measured(rps, seed=day), day)
    values = json.loads(json.dumps(history_values(read_history(tmp_path)), allow_nan=False))
    assert [each["session"] for each in values["sessions"]] == ["2026-11-01T10-00-00Z", "2026-11-02T10-00-00Z"]
    assert values["sessions"][1]["variants"][0]["goodput_rps"]["mark"] == "REGRESSION"
    assert values["sessions"][0]["variants"][0]["goodput_rps"]["mark"] is None


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The days of the sessions whose figures are read."""
    days: list[str] = []

    def read_figures(folder: Path) -> session_figures.SessionFigures:
        days.append(folder.name[8:10])
        return session_figures.read_figures(folder)

    monkeypatch.setattr(histories, "read_figures", read_figures)
    return days


def four(folder: Path) -> list[Path]:
    """A loss on day 3; the session of day 2 has no rounds."""
    made = (measured(500, 1), replace(measured(500, 2), rounds=None), measured(300, 3), measured(300, 4))
    return [keep(folder, report, day) for day, report in enumerate(made, 1)]


def test_a_second_reading_reads_no_figures_and_says_the_same(tmp_path: Path, read: list[str]) -> None:
    four(tmp_path)
    first = read_history(tmp_path)
    assert sorted(read) == ["01", "02", "03", "04"]
    read.clear()
    assert read_history(tmp_path) == first
    assert read == []
    assert marks(first) == ["", "", "REGRESSION", ""]


def test_a_new_session_is_read_with_the_one_before_it_only(tmp_path: Path, read: list[str]) -> None:
    four(tmp_path)
    read_history(tmp_path)
    read.clear()
    keep(tmp_path, measured(700, 5), 5)
    found = read_history(tmp_path)
    assert sorted(read) == ["04", "05"]
    (tmp_path / ROWS_FILE).unlink()
    assert read_history(tmp_path) == found
    assert marks(found)[-1] == "improvement"


@pytest.mark.parametrize("file", [SESSION_FILE, "summary.json", RUN_FILE])
def test_a_session_whose_files_have_changed_is_read_again_and_so_is_what_follows_it(
    file: str, tmp_path: Path, read: list[str]
) -> None:
    path = next(four(tmp_path)[0].rglob(file))
    read_history(tmp_path)
    read.clear()
    os.utime(path, ns=(1, 1))
    read_history(tmp_path)
    assert sorted(read) == ["01", "02", "03"]  # day 2 and day 3 are both compared with day 1


def test_another_tolerance_marks_again(tmp_path: Path) -> None:
    for day, rps in enumerate((500, 460), 1):
        keep(tmp_path, measured(rps, seed=day), day)
    assert [marks(read_history(tmp_path, tolerance)) for tolerance in (0.10, 0.0)] == [
        ["", "slower"],
        ["", "REGRESSION"],
    ]


def test_a_session_left_out_keeps_its_reason_and_comes_back_when_the_newest_is_like_it(tmp_path: Path) -> None:
    keep(tmp_path, measured(500, 1), 1)
    other = keep(tmp_path, measured(300, 2), 2, packages={"locust": "1.0"})
    reasons = [[each.reason for each in read_history(tmp_path).left_out] for _ in range(2)]
    assert reasons[0] == reasons[1] == ["loopbench's locust: 2.47.0 there, 1.0 in the newest"]
    shutil.rmtree(other)
    assert [each.name[8:10] for each in read_history(tmp_path).sessions] == ["01"]


@pytest.mark.parametrize("content", ["{", "[]", '{"2026-11-01T10-00-00Z": 1}', ""])
def test_kept_rows_that_are_not_ours_are_read_anew(content: str, tmp_path: Path) -> None:
    four(tmp_path)
    first = read_history(tmp_path)
    (tmp_path / ROWS_FILE).write_text(content)
    assert read_history(tmp_path) == first
    assert json.loads((tmp_path / ROWS_FILE).read_text()).keys() == {each.name for each in first.sessions}


def test_a_kept_row_holds_ends_that_are_not_known(tmp_path: Path) -> None:
    point = Point(1.0, 0.0, math.inf, 3, Mark.LOSS, 0.5, (0.1, math.inf))
    entry = SessionEntry("s", "2026", "abc", "VALID", (Entry("def", point, None, (("other", Word.SLOWER),)),))
    rows = {"s": KeptRow("i", "2026", "f", has_rounds=True, refused_by="n", refusal="", follows="b", entry=entry)}
    write_rows(tmp_path, rows)
    assert read_rows(tmp_path) == rows
