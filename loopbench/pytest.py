"""A pytest plugin: a fixture that measures a scenario as `loopbench run` does and fails the test where `run` would.

`pytest_plugins = ["loopbench.pytest"]` in `conftest.py` turns it on. Of such a failure, pytest prints the error as
`run` does, and no traceback: `--showlocals` would print the values of headers, and names may hold control characters.
"""

from collections.abc import Callable, Generator
from pathlib import Path

import pytest

from loopbench.commands.ending import check_valid, leave_if_ended_early
from loopbench.commands.measuring import begin_session, new_seed
from loopbench.console import error_lines
from loopbench.errors import LoopbenchError
from loopbench.judge.session.session_report import SessionReport, judge_session
from loopbench.scenario import load
from loopbench.session import SessionOptions
from loopbench.showable import without_commands

Measure = Callable[..., SessionReport]


@pytest.fixture
def loopbench_measure(tmp_path: Path) -> Measure:
    """Return a function that measures a scenario's file and checks its gates."""

    def measure(scenario: str | Path, *overrides: str, quick: bool = True, seed: int | None = None) -> SessionReport:
        try:
            question, options = load(Path(scenario), overrides, quick=quick), SessionOptions(quick=quick)
            ended = begin_session(question, new_seed(seed), tmp_path / "results", options, lambda _: None)
            leave_if_ended_early(ended)
            judged = judge_session(ended.folder)
            check_valid(judged)
        except LoopbenchError:
            raise
        except Exception as problem:  # noqa: BLE001  as in `cli`
            from loopbench.cli import crash  # noqa: PLC0415  all commands, for a bug only

            raise crash(problem) from None
        return judged

    return measure


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    call: pytest.CallInfo[None],
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Report an error of loopbench as text in its one shape."""
    report = yield
    if call.excinfo is not None and isinstance(call.excinfo.value, LoopbenchError):
        report.longrepr = without_commands("\n".join(error_lines(call.excinfo.value)))
    return report
