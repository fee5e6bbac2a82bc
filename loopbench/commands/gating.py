"""Options of `run` and `report` for gates and CI: a baseline session and files to write; and the outputs for CI."""

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
    sarif: Path | None = None  # where to write the lines that blocked the loop
    code_quality: Path | None = None  # the same for GitLab
    save_baseline: str | None = None  # the name that this session is to have
    strict: bool = False  # a DEGRADED session is as doubtful as an INVALID one
    exit_zero: bool = False  # no result changes the exit code

    def check(self) -> None:
        """Check before a long measurement what would fail after it.

        Raises:
            DataError: the baseline is not a session, or of another format.
            UsageError: a file that is to be written has no folder, or is a link or a device; or a baseline cannot have
                that name.
        """
        from loopbench.records.baselines import check_baseline_name
        from loopbench.records.session import read_session

        for file in filter(None, (self.junit, self.sarif, self.code_quality)):
            if not file.parent.is_dir():
                what = f"there is no folder {file.parent} for {file.name}"
                raise UsageError(what, slug="ci-folder", where=str(file))
            if file.is_symlink() or (file.exists() and not file.is_file()):
                raise UsageError(
                    f"{file} is a link, a folder, a pipe or a device, and is not written to",
                    slug="ci-file",
                    where=str(file),
                    hints=("name another file",),
                )
        if self.save_baseline is not None:
            check_baseline_name(self.save_baseline)
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

    def save(self, judged: "SessionReport", speech: Speech) -> None:
        """Give the session the name that was asked for, unless its figures are not to be trusted.

        Raises:
            DataError: the file of baselines is damaged.
            OSError: it cannot be written.
        """
        from loopbench.commands.ending import doubts
        from loopbench.records.baselines import save_baseline

        if self.save_baseline is None:
            return
        if judged.damaged or doubts(judged, strict=self.strict):
            state = "damaged" if judged.damaged else judged.stamp.label
            speech.say(f"not saved as baseline {self.save_baseline}: the session is {state}")
        else:
            save_baseline(judged.folder, self.save_baseline)
            speech.say(f"saved as baseline {self.save_baseline}")

    def write_ci(self, judged: "SessionReport", environment: Mapping[str, str] = os.environ) -> None:
        """Write the outputs for CI that were asked for, or that the environment names.

        Raises:
            OSError: a file that was asked for cannot be written.
        """
        from loopbench.ci.github import annotations
        from loopbench.ci.gitlab import code_quality
        from loopbench.ci.junit import junit_xml
        from loopbench.ci.located import located_findings, roots_of
        from loopbench.ci.sarif import sarif
        from loopbench.commands.ending import doubts
        from loopbench.records.files import write_file

        if self.junit is not None:
            write_file(self.junit, junit_xml(judged, [*judged.damaged, *doubts(judged, strict=self.strict)]))
        found = located_findings(judged, roots_of(environment, Path.cwd()))
        for file, written in ((self.sarif, sarif), (self.code_quality, code_quality)):
            if file is not None:
                write_file(file, written(found))
        if environment.get("GITHUB_ACTIONS") == "true":
            for command in annotations(found):
                say_to_runner(command, sys.stderr)
        if page := environment.get("GITHUB_STEP_SUMMARY", ""):
            _append(judged, Path(page))


def _append(judged: "SessionReport", page: Path) -> None:
    """Append to the job's page; if that fails, print it and change no result."""
    from loopbench.ci.github import append_summary

    try:
        append_summary(judged, page)
    except OSError as problem:
        say(showable(f"GITHUB_STEP_SUMMARY: {page} cannot be written: {problem.strerror}"), sys.stderr)
