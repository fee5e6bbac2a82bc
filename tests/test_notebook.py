"""`loopbench.load`: a session as data frames with fixed columns and types."""

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

import loopbench
from loopbench.errors import DataError
from loopbench.judge.run.dataframes import SAMPLE_COLUMNS
from loopbench.judge.run.probe_records import SECOND_COLUMNS
from loopbench.judge.session import session_tables as tables
from loopbench.judge.session.session_report import SessionReport
from loopbench.notebook import Session, load
from loopbench.records import codec
from loopbench.records.sensors import COLUMNS as SENSOR_COLUMNS
from loopbench.records.session import SESSION_FILE, PlannedRun, run_folders
from tests.judge.recorded_run import SESSION, Made, write_run
from tests.plots import reports
from tests.plots.causes import repeated
from tests.plots.reports import Made as MadeReport
from tests.plots.reports import nasty_session

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "results" / "example"
COLUMNS = {
    "runs": tables.RUN_COLUMNS,
    "variants": tables.VARIANT_COLUMNS,
    "verdicts": tables.VERDICT_COLUMNS,
    "seconds": tables.SECONDS_COLUMNS,
    "sensors": tables.SENSORS_COLUMNS,
}


@pytest.fixture(scope="module")
def example() -> Session:
    return load(EXAMPLE)


def made_session(folder: Path, *runs: Made) -> Path:
    """A session of these runs; of none, an interrupted one."""
    for number, made in enumerate(runs, 1):
        write_run(folder, made, number)
    (folder / SESSION_FILE).write_text(codec.to_json(SESSION), encoding="utf-8")
    return folder


def shown_with(session: Session, report: SessionReport) -> str:
    """What a notebook shows of a session that was judged like this."""
    made = Session(session.folder, session.record)
    made.__dict__["report"] = report
    return made._repr_html_()


@pytest.mark.parametrize("name", COLUMNS)
def test_columns_and_types_are_fixed_also_where_there_is_nothing(name: str, example: Session, tmp_path: Path) -> None:
    for session in (example, load(made_session(tmp_path))):
        frame = getattr(session, name)
        assert {column: str(dtype) for column, dtype in frame.dtypes.items()} == dict(COLUMNS[name])


def test_a_variant_that_is_in_no_round_has_a_row_without_figures_of_rounds() -> None:
    two = (MadeReport("a"), MadeReport("b"))
    report = replace(reports.session([*two, MadeReport("slow")]), rounds=repeated(reports.session(two)).rounds)
    rows = [(row["variant"], row["valid_runs"]) for row in tables.variant_rows(report)]
    assert rows == [("a", 6), ("b", 6), ("slow", 0)]


def test_every_run_that_counts_has_a_row_in_its_order(example: Session) -> None:
    assert example.runs["run"].tolist() == list(range(1, 13))
    assert example.runs["requests"].sum() == len(example.samples())


def test_the_figures_are_those_of_the_report(example: Session) -> None:
    rounds = example.report.rounds
    assert rounds is not None
    by_run = example.runs.set_index("run")["goodput_rps"]
    assert [by_run[run.record.number] for run in rounds.runs] == [run.goodput_rps for run in rounds.runs]
    verdicts = example.verdicts
    assert len(verdicts) == sum(len(judged.verdicts) for judged in rounds.judged)
    assert verdicts.loc[0, "ratio"] == rounds.goodput.verdicts[0].shown_ratio


def test_what_is_invalid_has_no_ratio(example: Session) -> None:
    assert example.verdicts.query("verdict == 'INVALID'")[["ratio", "low", "high"]].isna().all(axis=None)


def test_one_runs_samples_alone(example: Session) -> None:
    assert set(example.samples(3)["run"]) == {3}


def test_seconds_and_sensors_are_on_the_samples_time_axis(example: Session) -> None:
    last_s = example.samples(1)["start_s"].max()
    for frame in (example.seconds, example.sensors):
        end_s = frame.query("run == 1")["end_s"]
        assert (end_s.diff().dropna() > 0).all()
        assert abs(end_s.max() - last_s) < 3


def test_a_step_run_has_its_stamp_and_no_goodput(tmp_path: Path) -> None:
    steps = Made(kind="steps", users=2, hold_s=2)
    runs = load(_planned(made_session(tmp_path, steps))).runs
    assert runs["goodput_rps"].isna().all()
    assert runs["stamp"].tolist() != [""]
    assert runs["kind"].tolist() == ["steps"]


def _planned(folder: Path) -> Path:
    """The session's plan holds the runs that are there."""
    plan = tuple(
        PlannedRun(number, path.name.split("-")[1], 0, "def", 1, 1.0)
        for number, path in enumerate(run_folders(folder), 1)
    )
    (folder / SESSION_FILE).write_text(codec.to_json(replace(SESSION, plan=plan)), encoding="utf-8")
    return folder


def test_a_folder_that_is_no_session_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(DataError):
        loopbench.load(tmp_path)


def test_a_run_that_is_not_there_is_named(example: Session) -> None:
    with pytest.raises(DataError, match="no run 99"):
        example.samples(99)


def test_damaged_files_are_data_errors_and_the_rest_can_be_read(tmp_path: Path) -> None:
    session = load(_planned(made_session(tmp_path, Made(users=2, hold_s=2), Made(users=2, hold_s=2))))
    first = tmp_path / "runs" / "0001-plateau-def"
    (first / "run.json").write_text("{")
    for name in ("seconds", "sensors"):
        with pytest.raises(DataError):
            getattr(session, name)
    with pytest.raises(DataError):
        session.samples()
    assert set(session.samples(2)["run"]) == {2}
    assert session.runs["run"].tolist() == [2]
    assert session.left_out


def test_importing_loopbench_alone_brings_nothing_heavy() -> None:
    code = "import loopbench, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"pandas", "numpy", "loopbench.notebook"} & set(done.stdout.split())


def test_what_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="lod"):
        loopbench.lod  # noqa: B018


@pytest.mark.parametrize("columns", [*COLUMNS.values(), SAMPLE_COLUMNS], ids=[*COLUMNS, "samples"])
def test_the_guide_describes_every_column(columns: dict[str, str]) -> None:
    described = set(re.findall(r"^\| `(\w+)` \|", (ROOT / "docs" / "notebook.md").read_text(), re.MULTILINE))
    assert not set(columns) - described - set(SECOND_COLUMNS) - set(SENSOR_COLUMNS)


@pytest.mark.parametrize("number", ["many", 10**19])
def test_a_figure_that_its_column_cannot_hold_is_an_error_of_the_data(number: object) -> None:
    with pytest.raises(DataError, match="not of its column's type"):
        tables.table({"round": "int64"}, [{"round": number}])


@pytest.mark.parametrize(("rounds", "word"), [(True, "NOT RESOLVED"), (False, "ramp_goodput_rps")])
def test_a_notebook_shows_answer_stamp_and_table(example: Session, *, rounds: bool, word: str) -> None:
    shown = shown_with(example, example.report if rounds else replace(example.report, rounds=None))
    assert word in shown
    assert "VALID (DEGRADED)" in shown
    assert ET.fromstring(f"<div>{shown}</div>").find("div/p/strong") is not None  # noqa: S314  made one line above


def test_a_foreign_name_is_no_tag_in_a_notebook(example: Session) -> None:
    shown = shown_with(example, nasty_session([MadeReport("<img src=x> \x1b[31m")]))
    assert "<img" not in shown
    assert "\x1b" not in shown
    assert "&lt;img" in shown


def test_a_foreign_name_is_no_formula_in_a_notebook(example: Session) -> None:
    """MathJax passes over elements of these classes; a formula could hide text or look like ours."""
    shown = shown_with(example, nasty_session([MadeReport(r"$\color{white}{x}$")]))
    assert shown.startswith('<div class="tex2jax_ignore mathjax_ignore">')
    assert shown.endswith("</div>")
