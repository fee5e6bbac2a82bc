"""`loopbench export`: every request of every run that counts, as it was recorded, and nothing over an existing file."""

import builtins
import csv
import json
import re
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loopbench.errors import DataError, EnvironmentRefusedError, UsageError
from loopbench.judge.run.dataframes import SAMPLE_COLUMNS, joined, sample_frames
from loopbench.judge.run.run import Run
from loopbench.judge.run.samples import DTYPE, Samples
from loopbench.judge.session.session_report import judge_session
from loopbench.judge.summary import export as exporting
from loopbench.judge.summary.export import FORMS, Form, What, export
from loopbench.judge.summary.summary import to_json
from loopbench.notebook import load
from loopbench.records import codec
from loopbench.records.session import SESSION_FILE, Phase, RunRecord
from loopbench.showable import csv_text
from tests.first_scenario.calling import call
from tests.judge.made_run import made_run
from tests.judge.recorded_run import SCENARIO, SESSION, Made, blank, write_run

EXAMPLE = Path(__file__).parents[2] / "results" / "example"


def session(folder: Path, *runs: Made) -> Path:
    """A session of these runs."""
    folder.mkdir()
    for number, made in enumerate(runs, 1):
        write_run(folder, made, number)
    (folder / SESSION_FILE).write_text(codec.to_json(SESSION), encoding="utf-8")
    return folder


def opened(rows: list[tuple[float, int, int]], names: list[str], errors: list[str]) -> Run:
    """A run of these (sent, name, error)."""
    made = np.zeros(len(rows), dtype=DTYPE)
    for index, (start_s, name, error) in enumerate(rows):
        made[index]["start_s"], made[index]["name"], made[index]["error"] = start_s, name, error
    phases = (Phase("warmup", 1.0, 2.0), Phase("hold", 2.0, 5.0))
    samples = Samples(made, tuple(names), ("", *errors), (), ())
    return made_run(record=blank(RunRecord, kind="plateau", number=3, phases=phases), samples=samples)


def test_every_request_of_every_run_has_a_row(tmp_path: Path) -> None:
    folder = session(tmp_path / "s", Made(users=2, hold_s=2), Made(users=3, hold_s=2))
    made = export(folder, tmp_path, What.SAMPLES, Form.CSV)
    frame = pd.read_csv(made.path)
    assert list(frame.columns) == list(SAMPLE_COLUMNS)
    assert len(frame) == made.rows
    assert frame.groupby("run")["user"].nunique().to_dict() == {1: 2, 2: 3}


def test_csv_and_parquet_of_a_real_session_hold_the_same_figures(tmp_path: Path) -> None:
    some = tmp_path / "session"
    shutil.copytree(EXAMPLE, some, ignore=shutil.ignore_patterns("000[4-9]-*", "001*"))
    paths = [export(some, tmp_path, What.SAMPLES, form).path for form in FORMS[What.SAMPLES]]
    read, parquet = pd.read_csv(paths[0]), pd.read_parquet(paths[1])
    assert set(read["run"]) == {1, 2, 3}
    assert (read["start_s"] == parquet["start_s"]).all()
    assert (read["latency_s"].astype("float32") == parquet["latency_s"]).all()
    for column in ("run", "variant", "phase", "request", "status", "good"):
        assert (read[column].astype("object") == parquet[column].astype("object")).all(), column


def test_types_are_the_same_in_every_run_and_of_none() -> None:
    (some,) = sample_frames(opened([(1.5, 0, 0)], ["a"], []), SCENARIO)
    (none,) = sample_frames(opened([], [], []), SCENARIO)
    for frame in (some, none, joined([some, none]), joined([])):
        assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == dict(SAMPLE_COLUMNS)


def test_a_request_belongs_to_the_phase_in_which_it_was_sent() -> None:
    (frame,) = sample_frames(
        opened([(0.5, 0, 0), (1.0, 0, 0), (1.99, 0, 0), (2.0, 0, 0), (9.0, 0, 0)], ["a"], []), SCENARIO
    )
    assert frame["phase"].astype("object").fillna("none").tolist() == ["none", "warmup", "warmup", "hold", "hold"]


def test_what_was_not_observed_is_missing_and_never_zero() -> None:
    (frame,) = sample_frames(opened([(1.0, 0, 0)], ["a"], []), SCENARIO)
    assert frame[["status", "late_s", "error"]].isna().all(axis=None)  # no answer, closed mode, a good answer


def test_blocks_of_rows_add_up_to_the_whole() -> None:
    files = opened([(float(second), second % 2, second % 3 % 2) for second in range(7)], ["a", "b"], ["broken"])
    (whole,) = sample_frames(files, SCENARIO)
    pd.testing.assert_frame_equal(joined(list(sample_frames(files, SCENARIO, 3))), whole)


def test_a_sample_of_a_name_nobody_listed_is_refused() -> None:
    with pytest.raises(DataError, match="name 7"):
        list(sample_frames(opened([(1.0, 7, 0)], ["a"], []), SCENARIO))


TEXTS = st.text(min_size=1, max_size=12)


@settings(max_examples=40)  # of six names and six errors on average, because each takes a file
@given(
    names=st.lists(TEXTS, min_size=1, max_size=16),
    errors=st.lists(TEXTS, min_size=1, max_size=16),
    rows=st.lists(st.tuples(st.floats(0, 1e5), st.integers(0, 16), st.integers(0, 16)), max_size=40),
)
def test_a_csv_read_again_has_the_same_counts(
    tmp_path_factory: pytest.TempPathFactory, names: list[str], errors: list[str], rows: list[tuple[float, int, int]]
) -> None:
    """Whatever the names are: formulas, newlines, quotes, a name twice."""
    kept = [(at, name % len(names), error % (len(errors) + 1)) for at, name, error in rows]
    path = tmp_path_factory.mktemp("csv") / "samples.csv"
    with exporting._csv_writer(path) as write:
        for frame in sample_frames(opened(kept, names, errors), SCENARIO, 7):
            write(frame)
    read = pd.read_csv(path, keep_default_na=False, dtype={"request": str, "error": str})
    assert read["start_s"].tolist() == [at for at, _, _ in kept]
    assert Counter(read["request"]) == Counter(csv_text(names[name]) for _, name, _ in kept)
    assert Counter(read["error"]) == Counter(csv_text(["", *errors][error]) for _, _, error in kept)


@pytest.mark.parametrize("name", ["=1+1", "@SUM(A1)", "-2", "+3", "\tx", "\r=1"])
def test_a_name_that_looks_like_a_formula_is_defused(name: str, tmp_path: Path) -> None:
    with exporting._csv_writer(tmp_path / "samples.csv") as write:
        for frame in sample_frames(opened([(1.0, 0, 0)], [name], []), SCENARIO):
            write(frame)
    with (tmp_path / "samples.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["request"].startswith("'")


@pytest.mark.parametrize(("what", "form"), [(what, form) for what, forms in FORMS.items() for form in forms])
def test_an_existing_file_is_replaced_only_by_force(what: What, form: Form, tmp_path: Path) -> None:
    folder = session(tmp_path / "s", Made(users=2, hold_s=2))
    made = export(folder, tmp_path / "new" / "folder", what, form)
    before = made.path.read_bytes()
    assert before
    with pytest.raises(UsageError, match="is there already"):
        export(folder, made.path.parent, what, form)
    made.path.write_bytes(b"old")
    assert export(folder, made.path.parent, what, form, force=True).path.stat().st_size == len(before)
    assert [path.name for path in made.path.parent.iterdir()] == [made.path.name]


def test_the_summary_is_that_of_the_report(tmp_path: Path) -> None:
    folder = session(tmp_path / "s", Made(users=2, hold_s=2))
    made = export(folder, tmp_path, What.SUMMARY, Form.JSON)
    assert json.loads(made.path.read_text())["session"] == "s"
    assert made.path.read_text() == to_json(judge_session(folder))


def test_as_json_the_command_names_the_file_and_what_is_in_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    session(tmp_path / "s", Made(users=2, hold_s=2))
    done = call(capsys, tmp_path, "export", "s", "--json")
    made = json.loads(done.out)
    rows = len(pd.read_csv(tmp_path / "s" / "export" / "samples.csv"))
    assert made == {"file": "s/export/samples.csv", "requests": rows, "left_out": []}
    assert done.err.startswith("written: s/export/samples.csv")


@pytest.mark.parametrize(("what", "form"), [(What.SAMPLES, Form.JSON), (What.SUMMARY, Form.PARQUET)])
def test_what_does_not_go_together_is_refused_with_what_does(what: What, form: Form, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        export(EXAMPLE, tmp_path, what, form)
    assert caught.value.allowed == ", ".join(FORMS[what])


def test_a_damaged_run_is_named_and_the_others_are_exported(tmp_path: Path) -> None:
    folder = session(tmp_path / "s", Made(users=2, hold_s=2), Made(users=2, hold_s=2))
    (folder / "runs" / "0001-plateau-def" / "run.json").write_text("{")
    made = export(folder, tmp_path, What.SAMPLES, Form.CSV)
    assert set(pd.read_csv(made.path)["run"]) == {2}
    assert [each.partition(":")[0] for each in made.left_out] == ["0001-plateau-def"]


def test_of_a_session_without_a_usable_run_nothing_is_written(tmp_path: Path) -> None:
    folder = session(tmp_path / "s")
    with pytest.raises(DataError, match="no run is complete"):
        export(folder, tmp_path / "out", What.SAMPLES, Form.CSV)
    assert not list((tmp_path / "out").iterdir())


def test_no_session_is_said_as_such(tmp_path: Path) -> None:
    with pytest.raises(DataError):
        export(tmp_path, tmp_path, What.SAMPLES, Form.CSV)


def test_without_pyarrow_the_command_that_brings_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str, *_: Any) -> Any:
        if name.startswith("pyarrow"):
            raise ImportError(name)
        return builtins.__import__(name)

    monkeypatch.setattr(exporting, "import_module", refuse)
    with pytest.raises(EnvironmentRefusedError) as caught:
        export(session(tmp_path / "s", Made(users=2, hold_s=2)), tmp_path, What.SAMPLES, Form.PARQUET)
    assert "pip install" in caught.value.hints[0]
    assert not (tmp_path / "samples.parquet").exists()


def test_the_guide_s_query_of_the_parquet_file_gives_the_figures_of_the_samples(tmp_path: Path) -> None:
    duckdb = pytest.importorskip("duckdb", reason="duckdb is not installed: see the dev requirements")
    pytest.importorskip("pyarrow", reason="the extra export is not installed")
    made = export(EXAMPLE, tmp_path, What.SAMPLES, Form.PARQUET)
    guide = (Path(__file__).parents[2] / "docs" / "notebook.md").read_text(encoding="utf-8")
    (query,) = re.findall(r'^duckdb -c "(.+)"$', guide, re.MULTILINE)
    rows = duckdb.sql(query.replace("DIR/export/samples.parquet", str(made.path))).fetchall()
    good = load(EXAMPLE).samples().query("phase == 'hold' and good").groupby("variant", observed=True)["latency_s"]
    assert [name for name, _, _ in rows] == good.size().sort_index().index.tolist()
    assert [count for _, count, _ in rows] == good.size().sort_index().tolist()
    assert [p99_s for *_, p99_s in rows] == pytest.approx(good.quantile(0.99).sort_index().tolist(), rel=1e-6)
