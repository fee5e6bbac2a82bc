"""`summary.json`, `.csv` and `.md`: what they say, and that foreign text can do nothing in them."""

import csv
import io
import json
import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from loopbench.judge.session.session_report import SessionReport
from loopbench.judge.session.session_stamp import MergedOutcome, SessionStamp
from loopbench.judge.stamp.stamp import CheckOutcome
from loopbench.judge.stamp.stamp_checks import Level, State
from loopbench.judge.summary.markdown import code_span, markdown
from loopbench.judge.summary.summary import CSV_COLUMNS, SUMMARY_FORMAT, to_csv, to_json, write_summary
from tests.plots.reports import FOUR, NASTY, Made, nasty_session, session, twelve_variants

SESSIONS: dict[str, SessionReport] = {
    "four": session(),
    "nasty": nasty_session(),
    "twelve": twelve_variants(),
    "one": session([Made("only")]),
    "nothing complete": session(missing=[made.name for made in FOUR]),
    "failures only": session([Made("broken", failed=True)]),
    "no hold": session([Made("def", hold_s=0)]),
    "no neighbour": session(neighbours=()),
}


def rows(report: SessionReport) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(to_csv(report))))


def numbers(value: Any) -> list[float]:
    if isinstance(value, dict):
        return [number for item in value.values() for number in numbers(item)]
    if isinstance(value, list):
        return [number for item in value for number in numbers(item)]
    return [value] if isinstance(value, float) else []


@pytest.mark.parametrize("report", SESSIONS.values(), ids=SESSIONS)
def test_all_three_are_written_for_every_kind_of_session(report: SessionReport, tmp_path: Path) -> None:
    write_summary(report, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["summary.csv", "summary.json", "summary.md"]
    assert all(math.isfinite(number) for number in numbers(json.loads((tmp_path / "summary.json").read_text())))


def test_json_holds_the_figures_of_each_variant() -> None:
    content = json.loads(to_json(session()))
    assert content["format"] == SUMMARY_FORMAT
    blocking = content["variants"][1]
    assert blocking["name"] == "blocking async def"
    assert blocking["goodput_rps"] == pytest.approx(200)
    assert blocking["requests"][0]["hold"]["p99_ms"] == pytest.approx(960)
    assert blocking["end_of_load"] == {
        "phase": "hold",
        "at_s": 120.0,
        "users": 100,
        "in_flight": 60,
        "never_served": 31,
        "answers": 1000,
    }
    assert [claim["reproduced"] for claim in content["published"]["claims"]] == [None] * 4


def test_what_is_not_a_number_is_null_in_json() -> None:
    report = session()
    broken = replace(report.runs[0].own, hold=replace(report.runs[0].own.hold, p50_ms=math.nan))
    run = replace(report.runs[0], requests=(broken,))
    content = json.loads(to_json(replace(report, runs=(run,))))
    assert content["variants"][0]["requests"][0]["hold"]["p50_ms"] is None


def test_a_variant_without_a_run_is_there_and_says_so() -> None:
    report = session(missing=("aiofiles",))
    content = json.loads(to_json(report))
    assert [each["measured"] for each in content["variants"]] == [True, True, True, False]
    assert content["missing"] == ["aiofiles"]
    last = rows(report)[-1]
    assert (last["variant"], last["goodput_rps"], last["users_never_served"]) == ("aiofiles", "", "")


def test_csv_has_a_row_for_each_variant_and_request() -> None:
    found = rows(session())
    assert [(row["variant"], row["request"]) for row in found][:3] == [
        ("def", "def"),
        ("def", "hello"),
        ("blocking async def", "blocking async def"),
    ]
    assert list(found[0]) == list(CSV_COLUMNS)
    assert (found[2]["p50_ms"], found[2]["users_never_served"], found[3]["is_neighbour"]) == ("300", "31", "1")


def test_an_unknown_figure_is_an_empty_cell_and_never_a_zero() -> None:
    row = rows(session([Made("def", hold_s=0)]))[0]
    assert (row["goodput_rps"], row["p50_ms"], row["run_failures"]) == ("", "", "0")


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", " =1", "\uff1d1+1", "\uff20SUM(A1)"])
def test_a_cell_that_looks_like_a_formula_is_defused(name: str) -> None:
    cells = [row["variant"] for row in rows(session([Made(name)]))]
    assert all(cell.startswith("'") for cell in cells)


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("def", "`def`"),
        ("a ` b", r"`a \x60 b`"),
        ("`" * 81 + "<b>", "`" + r"\x60" * 81 + "<b>`"),
        (" a", "`  a `"),
        ("a|b", r"`a\x7cb`"),
        ("two\nlines", r"`two\nlines`"),
        ("\u202egnp", r"`\u202egnp`"),
        ("\ud800", r"`\ud800`"),
        ("", "`   `"),
    ],
)
def test_a_code_span_cannot_be_left(text: str, span: str) -> None:
    assert code_span(text) == span


def dead_in_a_nasty_way() -> SessionReport:
    """A session whose targets ended in a way that its record describes with foreign text."""
    nasty = nasty_session()
    ends = [replace(run.health, state=State.DEAD, target_exit=NASTY[0] + "\x1b\n# VALID") for run in nasty.runs]
    return replace(nasty, runs=tuple(replace(run, health=end) for run, end in zip(nasty.runs, ends, strict=True)))


@pytest.mark.parametrize("report", [nasty_session(), dead_in_a_nasty_way()], ids=["names", "ends"])
def test_markdown_keeps_foreign_text_inside_code(report: SessionReport) -> None:
    """With every span taken out, nothing of a name is left, and the table has as many cells in each row."""
    text = markdown(report)
    outside = re.sub(r"(?ms)^```text\n.*?^```$", "", text)
    outside = re.sub(r"(?<!`)(`+)(?!`)(.*?)(?<!`)\1(?!`)", "", outside)
    for part in ("script", "$x$", "[/red]", "exe", "=1+1", "<img", "<i>"):
        assert part not in outside
    table = [line for line in outside.splitlines() if line.startswith("|")][: 2 + len(NASTY)]
    assert len({line.count("|") for line in table}) == 1
    assert "\u202e" not in text
    assert "\x1b" not in text


@pytest.mark.parametrize(("level", "tag"), [(Level.DEGRADED, "<details>"), (Level.INVALID, "<details open>")])
def test_markdown_folds_the_findings_away_where_the_session_is_not_invalid(level: Level, tag: str) -> None:
    finding = MergedOutcome(CheckOutcome("M2", "canary", level, "the canary strayed", None, "", "stop other work"))
    text = markdown(replace(session(), stamp=SessionStamp((finding,))))
    assert (
        f"{tag}<summary>1 finding about the measurement</summary>\n\n- {level.label}: `M2: the canary strayed`" in text
    )
    assert "<details" not in markdown(session())


def test_markdown_gives_a_reason_for_every_dash() -> None:
    text = markdown(session([Made("broken", failed=True)]))
    assert "– (1)" in text  # noqa: RUF001
    assert "(1) no good answer in the hold" in text
