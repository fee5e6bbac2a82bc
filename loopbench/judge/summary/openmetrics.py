"""A session's figures as metrics, and as OpenMetrics text, for Prometheus and what reads its format.

Every numeric column of the tables `runs`, `variants` and `verdicts` (docs/notebook.md) is a gauge, and the columns of
text are labels. What is not known has no sample; neither has a figure of an INVALID run. All are gauges without a
timestamp, so that the older Prometheus text format reads the file too.
"""

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

import pandas as pd

from loopbench.judge.session import session_tables as tables
from loopbench.judge.session.gates import Outcome
from loopbench.judge.session.session_report import SessionReport
from loopbench.judge.stamp.stamp_checks import Level
from loopbench.showable import showable

Labels = dict[str, str]


class _Table(NamedTuple):
    """Rows of one kind: their noun, columns, what names a row, and the columns that hold nothing of an INVALID run."""

    noun: str
    columns: tables.Columns
    keys: tuple[str, ...]
    stamp: str
    stamped: str  # a pattern


class Family(NamedTuple):
    """One metric, a gauge: its values that are known, each with its labels."""

    name: str
    about: str
    samples: Sequence[tuple[Labels, float]]


RUNS: Final = _Table("run", tables.RUN_COLUMNS, ("run", "kind", "variant"), "stamp", r"goodput_rps|.*_p\d+_ms")
VARIANTS: Final = _Table("variant", tables.VARIANT_COLUMNS, ("variant",), "ramp_stamp", r"ramp_goodput_rps|knee_users")
VERDICTS: Final = _Table("verdict", tables.VERDICT_COLUMNS, ("quantity", "a", "b"), "", "")

_ESCAPES: Final = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


def to_openmetrics(report: SessionReport) -> str:
    """Return the text; it ends with `# EOF`."""
    lines = [line for family in metrics(report) for line in _lines(family)]
    return "".join(f"{line}\n" for line in [*lines, "# EOF"])


def metrics(report: SessionReport) -> Iterator[Family]:
    """Yield each metric of a session of which a value is known."""
    session = {"scenario": report.record.name, "session": report.folder.name}
    for family in (
        Family("session_info", "A session; the value is always 1.", [(session | _facts(report), 1.0)]),
        _started(report, session),
        *_of_table(RUNS, tables.run_rows(report), session),
        *_of_table(VARIANTS, tables.variant_rows(report), session),
        *_of_table(VERDICTS, tables.verdict_rows(report), session),
        _gates(report, session),
    ):
        if known := [each for each in family.samples if not math.isnan(each[1])]:
            yield Family(f"loopbench_{family.name}", family.about, known)


def _facts(report: SessionReport) -> Labels:
    return {"stamp": report.stamp.label, "loopbench": report.record.loopbench}


def _started(report: SessionReport, session: Labels) -> Family:
    started = pd.to_datetime(report.record.started, utc=True, errors="coerce")
    value = math.nan if pd.isna(started) else started.timestamp()
    return Family("session_started_timestamp_seconds", "Start of the session, Unix time.", [(session, value)])


def _gates(report: SessionReport, session: Labels) -> Family:
    """A gate that cannot tell has no sample."""
    values = {Outcome.MET: 1.0, Outcome.NOT_MET: 0.0, Outcome.CANNOT_TELL: math.nan}
    samples = [
        (session | {"variant": each.variant, "figure": each.gate.figure, "limit": each.limit}, values[each.outcome])
        for each in report.gates
    ]
    return Family("gate_met", "Whether a gate is met (1) or not met (0).", samples)


def _of_table(table: _Table, found: Iterable[tables.Row], session: Labels) -> Iterator[Family]:
    """A gauge for each numeric column, and one that is always 1, with every column of text as a label."""
    rows = list(found)
    keys = [session | {key: str(row[key]) for key in table.keys} for row in rows]
    texts = [name for name, kind in table.columns.items() if kind == tables.TEXT and name not in table.keys]
    facts = [key | {name: str(row.get(name) or "") for name in texts} for key, row in zip(keys, rows, strict=True)]
    yield Family(f"{table.noun}_info", f"A {table.noun}; the value is always 1.", [(each, 1.0) for each in facts])
    for name, kind in table.columns.items():
        if kind not in {tables.TEXT, tables.TIME} and name not in table.keys:
            samples = [(key, _figure(table, row, name)) for key, row in zip(keys, rows, strict=True)]
            yield Family(f"{table.noun}_{name}", f"Column {name} of {table.noun}s (docs/notebook.md).", samples)


def _figure(table: _Table, row: tables.Row, name: str) -> float:
    is_invalid = bool(table.stamp) and row.get(table.stamp) == Level.INVALID.label
    value = None if is_invalid and re.fullmatch(table.stamped, name) else row.get(name)
    return math.nan if value is None else float(value)


def _lines(family: Family) -> Iterator[str]:
    yield f"# TYPE {family.name} gauge"
    yield f"# HELP {family.name} {family.about}"
    for labels, value in family.samples:
        yield f"{family.name}{{{','.join(_label(*each) for each in labels.items())}}} {_number(value)}"


def _label(name: str, value: Any) -> str:
    return f'{name}="{showable(value).translate(_ESCAPES)}"'


def _number(value: float) -> str:
    return f"{value:+}".replace("inf", "Inf") if math.isinf(value) else f"{value:.12g}"
