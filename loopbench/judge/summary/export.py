"""A session's requests as one CSV or Parquet file, and its summary, for other programs."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import pandas as pd

from loopbench.errors import DataError, EnvironmentRefusedError, UsageError
from loopbench.judge.run.dataframes import CATEGORY, SAMPLE_COLUMNS, sample_frames
from loopbench.judge.session.session_report import judge_session
from loopbench.judge.stamp.open_session import open_session
from loopbench.judge.summary.badge import badge, badge_svg
from loopbench.judge.summary.markdown import markdown
from loopbench.judge.summary.openmetrics import to_openmetrics
from loopbench.judge.summary.summary import to_csv, to_json
from loopbench.records.files import replacing, write_file
from loopbench.showable import csv_text

BLOCK_ROWS: Final = 500_000
Write = Callable[[pd.DataFrame], None]


class What(StrEnum):
    """What is exported."""

    SAMPLES = "samples"
    SUMMARY = "summary"


class Form(StrEnum):
    """The format of the file."""

    CSV = "csv"
    PARQUET = "parquet"
    JSON = "json"
    MARKDOWN = "md"
    OPENMETRICS = "openmetrics"
    BADGE = "badge"
    BADGE_SVG = "badge-svg"


FORMS: Final = {
    What.SAMPLES: (Form.CSV, Form.PARQUET),
    What.SUMMARY: (Form.CSV, Form.JSON, Form.MARKDOWN, Form.OPENMETRICS, Form.BADGE, Form.BADGE_SVG),
}
ENDINGS: Final = {
    Form.OPENMETRICS: "prom",  # what node_exporter's textfile collector reads
    Form.BADGE: "badge.json",
    Form.BADGE_SVG: "badge.svg",
}


@dataclass(frozen=True)
class Exported:
    """What was written."""

    path: Path
    rows: int | None  # requests; None of a summary
    left_out: tuple[str, ...] = ()  # runs that could not be read, with the reason


def export(session_folder: Path, out: Path, what: What | None, form: Form, *, force: bool = False) -> Exported:
    """Write one file, `samples.csv` or the like, into a folder that is made if it is not there.

    Without `what`, it holds the samples if they have this form, else the summary.

    Raises:
        UsageError: the two do not go together, or the file is there already.
        DataError: no session, or no run of it can be read.
        EnvironmentRefusedError: Parquet is asked for and pyarrow is not installed.
        OSError: the file cannot be written.
    """
    what = what or next(each for each in What if form in FORMS[each])
    if form not in FORMS[what]:
        raise UsageError(f"{what} cannot be exported as {form}", slug="export-format", allowed=", ".join(FORMS[what]))
    path = out / f"{what}.{ENDINGS.get(form, form)}"
    if path.exists() and not force:
        raise UsageError(
            f"{path} is there already",
            slug="export-exists",
            where=str(path),
            hints=("--force replaces it", "--out FOLDER writes elsewhere"),
        )
    if what is What.SUMMARY:
        return _export_summary(session_folder, path, form)
    return _export_samples(session_folder, path, form)


def _export_summary(session_folder: Path, path: Path, form: Form) -> Exported:
    report = judge_session(session_folder)
    path.parent.mkdir(parents=True, exist_ok=True)
    made = {
        Form.JSON: to_json,
        Form.CSV: to_csv,
        Form.MARKDOWN: markdown,
        Form.OPENMETRICS: to_openmetrics,
        Form.BADGE: badge,
        Form.BADGE_SVG: badge_svg,
    }
    text = made[form](report)
    write_file(path, text)
    return Exported(path, None)


def _export_samples(session_folder: Path, path: Path, form: Form) -> Exported:
    session = open_session(session_folder)
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = _csv_writer if form is Form.CSV else _parquet_writer
    left_out = [f"{name}: {reason}" for name, reason in session.damaged.items()]
    rows = runs = 0
    with replacing(path) as part, writer(part) as write:
        for run in session.runs:
            try:
                rows += len(run.samples.rows)
            except DataError as problem:  # a damaged file costs its own run and no other
                left_out.append(f"{run.folder.name}: {problem}")
                continue
            runs += 1
            for frame in sample_frames(run, session.record.scenario, BLOCK_ROWS):
                write(frame)
            run.forget()
        if not runs:
            reason = left_out[0] if left_out else "no run is complete"
            raise DataError(f"there is nothing to export: {reason}", slug="export-empty", where=str(session_folder))
    return Exported(path, rows, tuple(left_out))


@contextmanager
def _csv_writer(path: Path) -> Iterator[Write]:
    """Missing is an empty cell; text is safe to open in a spreadsheet."""
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(",".join(SAMPLE_COLUMNS) + "\n")

        def write(frame: pd.DataFrame) -> None:
            texts = [name for name, dtype in SAMPLE_COLUMNS.items() if dtype == CATEGORY]
            safe = frame.assign(**{name: frame[name].map(csv_text, na_action="ignore") for name in texts})
            safe.to_csv(file, header=False, index=False, lineterminator="\n")

        yield write


@contextmanager
def _parquet_writer(path: Path) -> Iterator[Write]:
    """Names as they are; text columns as dictionaries."""
    try:
        arrow, parquet = import_module("pyarrow"), import_module("pyarrow.parquet")  # an extra, and without types
    except ImportError:
        raise EnvironmentRefusedError(
            "Parquet takes pyarrow, which is not installed",
            slug="extra-missing",
            hints=("pip install 'loopbench[export]'", "--format csv"),
        ) from None
    schema = _schema(arrow)
    with parquet.ParquetWriter(path, schema) as writer:
        yield lambda frame: writer.write_table(arrow.Table.from_pandas(frame, schema=schema, preserve_index=False))


def _schema(arrow: Any) -> Any:
    kinds = {CATEGORY: arrow.dictionary(arrow.int32(), arrow.string()), "bool": arrow.bool_()}
    return arrow.schema(
        [(name, kinds.get(dtype) or getattr(arrow, dtype.lower())()) for name, dtype in SAMPLE_COLUMNS.items()]
    )
