"""The exit code of what was measured: by default, with --strict, and with --exit-zero."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from loopbench.commands import reporting
from loopbench.errors import ExitCode, RegressionError
from loopbench.judge.session.gates import GateAnswer, Outcome
from loopbench.judge.session.session_report import SessionReport
from loopbench.judge.session.session_stamp import MergedOutcome, SessionStamp
from loopbench.judge.stamp.stamp import CheckOutcome
from loopbench.judge.stamp.stamp_checks import Level
from loopbench.judge.summary.answer import headline
from loopbench.judge.summary.summary import write_summary
from loopbench.scenario.gates import Gate
from tests.first_scenario.calling import Called, call
from tests.plots.reports import session

EXAMPLE = Path(__file__).parents[1] / "results" / "example"
VALID = session()
NOT_MET = replace(
    VALID, gates=(GateAnswer(Gate(figure="failures", at_most=0), "def", Outcome.NOT_MET, "failures of def"),)
)


def stamped(report: SessionReport, level: Level) -> SessionReport:
    return replace(report, stamp=SessionStamp((MergedOutcome(CheckOutcome("M6", "f", level, "shared", None, "")),)))


DEGRADED, INVALID = stamped(NOT_MET, Level.DEGRADED), stamped(NOT_MET, Level.INVALID)
DAMAGED = replace(VALID, damaged=("run 1: torn",))


def reported(report: SessionReport, folder: Path, capsys: pytest.CaptureFixture[str], *options: str) -> Called:
    """Call `loopbench report` for a made session, whose page is not drawn."""

    def draw_files(drawn: Path, *_: object, **__: object) -> SessionReport:
        write_summary(report, drawn)
        return report

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reporting, "draw_files", draw_files)
        patch.setattr("loopbench.records.session.read_session", lambda _: report.record)
        return call(capsys, folder, "report", str(folder), *options)


@pytest.mark.parametrize(
    ("report", "options", "code"),
    [
        (VALID, ("--strict",), ExitCode.OK),
        (NOT_MET, (), ExitCode.REGRESSION),
        (NOT_MET, ("--exit-zero",), ExitCode.OK),
        (DEGRADED, (), ExitCode.REGRESSION),
        (DEGRADED, ("--strict",), ExitCode.CANNOT_TELL),
        (DEGRADED, ("--strict", "--exit-zero"), ExitCode.OK),
        (INVALID, ("--strict",), ExitCode.CANNOT_TELL),
        (INVALID, ("--exit-zero",), ExitCode.OK),
        (DAMAGED, ("--exit-zero",), ExitCode.DATA),
    ],
)
def test_a_result_sets_the_exit_code_unless_it_is_to_be_zero_and_an_error_always_does(
    report: SessionReport, options: Sequence[str], code: ExitCode, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert reported(report, tmp_path, capsys, *options).code == code


def test_what_is_not_met_is_printed_whatever_the_exit_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    done = reported(NOT_MET, tmp_path, capsys, "--exit-zero", "--quiet")
    assert "error[gate]: NOT MET: failures of def" in done.err
    assert done.out.endswith(f"\n{headline(NOT_MET)}\nVALID\n")


def test_strict_prints_why_the_session_is_degraded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    done = reported(DEGRADED, tmp_path, capsys, "--strict", "--quiet")
    assert done.err.startswith("error[degraded]: VALID (DEGRADED), which --strict does not accept: M6: shared\n")


def test_strict_is_in_the_xml_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    reported(DEGRADED, tmp_path, capsys, "--strict", "--junit", str(tmp_path / "a.xml"))
    assert '<error type="DEGRADED" message="M6: shared">' in (tmp_path / "a.xml").read_text()


@pytest.mark.parametrize(("options", "code"), [((), ExitCode.REGRESSION), (("--exit-zero",), ExitCode.OK)])
def test_a_regression_that_compare_shows_is_zero_too(
    options: Sequence[str],
    code: ExitCode,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def check(_: object) -> None:
        raise RegressionError("slower", slug="regression")

    monkeypatch.setattr("loopbench.commands.comparing._check", check)
    done = call(capsys, tmp_path, "compare", str(EXAMPLE), str(EXAMPLE), *options)
    assert (done.code, done.err) == (code, "error[regression]: slower\n")


def test_a_mistake_keeps_its_exit_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(capsys, tmp_path, "report", "nowhere", "--exit-zero").code == ExitCode.DATA
    assert call(capsys, tmp_path, "run", "nowhere.toml", "--exit-zero").code == ExitCode.USAGE
