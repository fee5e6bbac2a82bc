"""A session's requests as one CSV or Parquet file, and its summary, for other programs.

Streams run by run and block by block: what is held at a time is one run's samples as recorded, and one block of rows.
A file is written beside its place and renamed when it is whole.
"""

import os
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
from loopbench.judge.summary.markdown import markdown
from loopbench.judge.summary.summary import to_csv, to_json
from loopbench.showable import csv_text

BLOCK_ROWS: Final = 500_000
Write = Callable[[pd.DataFrame], None]


class What(StrEnum):
    """What is exported."""

    SAMPLES = "samples"
    SUMMARY = "summary"


class Form(StrEnum):
    """As which file, by its ending."""

    CSV = "csv"
    PARQUET = "parquet"
    JSON = "json"
    MARKDOWN = "md"


FORMS: Final = {What.SAMPLES: (Form.CSV, Form.PARQUET), What.SUMMARY: (Form.CSV, Form.JSON, Form.MARKDOWN)}


@dataclass(frozen=True)
class Exported:
    """What was written."""

    path: Path
    rows: int | None  # requests; None of a summary
    left_out: tuple[str, ...] = ()  # runs that could not be read, with the reason


def export(session_folder: Path, out: Path, what: What, form: Form, *, force: bool = False) -> Exported:
    """Write one file, `samples.csv` or the like, into a folder that is made if it is not there.

    Args:
        session_folder: of a session with at least one complete run.
        out: the folder the file goes into.
        what: samples, or the summary.
        form: one of `FORMS[what]`.
        force: replace a file of that name.

    Raises:
        UsageError: the two do not go together, or the file is there already.
        DataError: no session, or no run of it can be read.
        EnvironmentRefusedError: Parquet is asked for and pyarrow is not installed.
        OSError: the file cannot be written.
    """
    if form not in FORMS[what]:
        raise UsageError(f"{what} cannot be exported as {form}", slug="export-format", allowed=", ".join(FORMS[what]))
    path = out / f"{what}.{form}"
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
    text = {Form.JSON: to_json, Form.CSV: to_csv, Form.MARKDOWN: markdown}[form](report)
    with _beside(path) as part:
        part.write_text(text, encoding="utf-8", newline="")
    return Exported(path, None)


def _export_samples(session_folder: Path, path: Path, form: Form) -> Exported:
    session = open_session(session_folder)
    writer = _csv_writer if form is Form.CSV else _parquet_writer
    left_out = [f"{name}: {reason}" for name, reason in session.damaged.items()]
    rows = runs = 0
    with _beside(path) as part, writer(part) as write:
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
def _beside(path: Path) -> Iterator[Path]:
    """A name to write under; renamed when all went well, removed when not."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


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
