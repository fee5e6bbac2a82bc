"""`loopbench.load(DIR)`: a session as typed data frames, for a notebook. docs/notebook.md describes every column.

Reads and judges, writes nothing. Each frame is made when it is first asked for and kept; its columns and their types
are the same for every session, also where it is empty. Missing is NaN or NA, never zero.
"""

import html
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final, Self

import pandas as pd

from loopbench.errors import DataError
from loopbench.judge.figures import MISSING, rounded
from loopbench.judge.run.dataframes import joined, sample_frames
from loopbench.judge.run.run import Run
from loopbench.judge.session import session_tables as tables
from loopbench.judge.session.session_report import SessionReport, judge_session
from loopbench.judge.stamp.open_session import open_session
from loopbench.judge.summary.answer import headline
from loopbench.records.session import SessionRecord, read_session
from loopbench.showable import showable

SHOWN_VERDICT: Final = ("quantity", "a", "verdict", "b", "ratio", "low", "high")
SHOWN_VARIANT: Final = ("variant", "ramp_goodput_rps", "knee_users", "ramp_stamp")
"""Columns that a notebook shows of a session."""

NO_FORMULAS: Final = "tex2jax_ignore mathjax_ignore"
"""Classes of HTML in which a notebook takes no text between dollar signs for a formula, which can hide and link."""


@dataclass(frozen=True)
class Session:
    """A session's tables."""

    folder: Path  # where it lies
    record: SessionRecord  # what `session.json` says

    @classmethod
    def of(cls, report: SessionReport) -> Self:
        """A session that is judged already."""
        session = cls(report.folder, report.record)
        session.__dict__["report"] = report
        return session

    @cached_property
    def report(self) -> SessionReport:
        """The session, judged: everything that the page is made of."""
        return judge_session(self.folder)

    def _repr_html_(self) -> str:
        """The answer, the stamp, and the verdicts (without rounds: the variants) for a notebook, escaped."""
        shown = self.variants[list(SHOWN_VARIANT)] if self.verdicts.empty else self.verdicts[list(SHOWN_VERDICT)]
        safe = shown.apply(lambda column: column.map(lambda each: showable(each) if isinstance(each, str) else each))
        figures = safe.to_html(index=False, border=0, na_rep=MISSING, float_format=rounded)
        answer, stamp = (html.escape(showable(each)) for each in (headline(self.report), self.report.stamp.label))
        return f'<div class="{NO_FORMULAS}"><p><strong>{answer}</strong></p><p>{stamp}</p>{figures}</div>'

    @property
    def left_out(self) -> tuple[str, ...]:
        """Runs that could not be used, each with the reason."""
        return self.report.damaged

    @cached_property
    def runs(self) -> pd.DataFrame:
        """A row for each run that counts: its figures at full load, the three counts, the stamp (`RUN_COLUMNS`).

        Step runs have many levels, so no goodput of their own. What an INVALID run measured is there, and so is its
        stamp: choose by it.
        """
        return tables.table(tables.RUN_COLUMNS, tables.run_rows(self.report))

    @cached_property
    def variants(self) -> pd.DataFrame:
        """A row for each variant, in the scenario's order, with its figures over the rounds (`VARIANT_COLUMNS`)."""
        return tables.table(tables.VARIANT_COLUMNS, tables.variant_rows(self.report))

    @cached_property
    def verdicts(self) -> pd.DataFrame:
        """A row for each quantity and pair that was declared; `ratio` is of a over b (`VERDICT_COLUMNS`)."""
        return tables.table(tables.VERDICT_COLUMNS, tables.verdict_rows(self.report))

    @cached_property
    def seconds(self) -> pd.DataFrame:
        """What the probe saw: a row for each run, target process and second (`SECONDS_COLUMNS`, docs/probe.md)."""
        return tables.table(tables.SECONDS_COLUMNS, tables.second_rows(self._all_runs()))

    @cached_property
    def sensors(self) -> pd.DataFrame:
        """What the kernel counted: a row for each run and second (`SENSORS_COLUMNS`, docs/sensors.md)."""
        return tables.table(tables.SENSORS_COLUMNS, tables.sensor_rows(self._all_runs()))

    def samples(self, run: int | None = None) -> pd.DataFrame:
        """A row for each request (`dataframes.SAMPLE_COLUMNS`); read anew at each call, because it may be large."""
        if run is None:
            return joined([frame for each in self._all_runs() for frame in self._samples_of(each)])
        runs = [each for each in open_session(self.folder).runs if each.record.number == run]
        if not runs:
            raise DataError(f"the session has no run {run} under load", slug="run-missing", where=str(self.folder))
        return joined([frame for each in runs for frame in self._samples_of(each)])

    def _all_runs(self) -> tuple[Run, ...]:
        session = open_session(self.folder)
        for problem in session.damaged.values():
            raise problem
        return session.runs

    def _samples_of(self, run: Run) -> list[pd.DataFrame]:
        frames = list(sample_frames(run, self.record.scenario))
        run.forget()
        return frames


def load(folder: str | Path) -> Session:
    """A session's folder as tables."""
    return Session(Path(folder), read_session(Path(folder)))
