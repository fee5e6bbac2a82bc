"""Options of `run` and `report` for gates and CI: a baseline session and a JUnit file; and the outputs for CI."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from loopbench.console import Speech, say, say_to_runner
from loopbench.errors import UsageError
from loopbench.showable import showable

if TYPE_CHECKING:
    from loopbench.judge.session.session_report import SessionReport


@dataclass(frozen=True)
class Gating:
    """The options, as they were given."""

    baseline: Path | None = None  # an earlier session's folder
    anyway: bool = False  # accept it although it differs from this session
    junit: Path | None = None  # where to write the XML

    def check(self) -> None:
        """Check before a long measurement what would fail after it.

        Raises:
            DataError: the baseline is not a session, or of another format.
            UsageError: there is no folder for the XML.
        """
        from loopbench.records.session import read_session

        if self.junit is not None and not self.junit.parent.is_dir():
            what = f"there is no folder {self.junit.parent} for the JUnit file"
            raise UsageError(what, slug="junit-folder", where=str(self.junit))
        if self.baseline is not None:
            read_session(self.baseline)  # raises where it is none

    def judge(self, folder: Path) -> "SessionReport":
        """Judge a session, with its gates compared with the baseline if there is one.

        Raises:
            DataError: one of the two is not a session, or damaged.
        """
        from loopbench.judge.compare.comparison import with_baseline
        from loopbench.judge.session.session_report import judge_session

        judged = judge_session(folder)
        if self.baseline is None:
            return judged
        return with_baseline(judged, judge_session(self.baseline), anyway=self.anyway)

    def write_ci(self, judged: "SessionReport", speech: Speech, environment: Mapping[str, str] = os.environ) -> None:
        """Write the outputs for CI that were asked for, or that the environment names.

        Raises:
            OSError: the JUnit file cannot be written.
        """
        from loopbench.ci.github import annotations, roots_of
        from loopbench.ci.junit import write_junit
        from loopbench.commands.ending import doubts

        if self.junit is not None:
            write_junit(judged, [*judged.damaged, *doubts(judged)], self.junit)
        if environment.get("GITHUB_ACTIONS") == "true":
            for command in annotations(judged, roots_of(environment, Path.cwd())):
                say_to_runner(command, sys.stderr if speech.as_json else sys.stdout)
        if page := environment.get("GITHUB_STEP_SUMMARY", ""):
            _append(judged, Path(page))


def _append(judged: "SessionReport", page: Path) -> None:
    """Append to the job's page; if that fails, print it and change no result."""
    from loopbench.ci.github import append_summary

    try:
        append_summary(judged, page)
    except OSError as problem:
        say(showable(f"GITHUB_STEP_SUMMARY: {page} cannot be written: {problem.strerror}"), sys.stderr)
