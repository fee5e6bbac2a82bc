"""A pytest plugin: tests that measure a scenario as `loopbench run` does and fail where `run` would.

`pytest_plugins = ["loopbench.pytest"]` in `conftest.py` turns it on. Tests that measure are skipped without
`--loopbench`. Of such a failure, pytest prints the error as `run` does, and no traceback: `--showlocals` would print
the values of headers, and names may hold control characters.
"""

from collections.abc import Callable, Generator
from pathlib import Path
from typing import Final

import pytest

from loopbench.commands.ending import check_valid, leave_if_ended_early
from loopbench.commands.measuring import begin_session, new_seed
from loopbench.console import error_lines
from loopbench.errors import LoopbenchError
from loopbench.judge.session.session_report import SessionReport, judge_session
from loopbench.notebook import Session
from loopbench.scenario import load
from loopbench.secrecy import hidden
from loopbench.session import SessionOptions
from loopbench.showable import without_commands

Measure = Callable[..., SessionReport]

HERE: Final = Path(__file__).parent
OPTION: Final = "--loopbench"
MARK: Final = "loopbench"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that lets tests measure."""
    parser.addoption(OPTION, action="store_true", help="run the tests that measure with loopbench")


def pytest_configure(config: pytest.Config) -> None:
    """Declare the mark, and refuse to measure in several processes, which would disturb each other."""
    config.addinivalue_line("markers", f"{MARK}(scenario, *overrides, quick=True, seed=None): measure this scenario")
    if config.getoption(OPTION) and config.getoption("dist", "no") != "no":
        raise pytest.UsageError(f"{OPTION} measures one scenario at a time: use it without pytest-xdist (-n 0)")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test that measures, before its fixtures are made."""
    measures = item.get_closest_marker(MARK) or "loopbench_measure" in getattr(item, "fixturenames", ())
    if measures and not item.config.getoption(OPTION):
        pytest.skip(f"it measures, which takes minutes: {OPTION} runs it")


@pytest.fixture(autouse=True)
def _measure_marked(request: pytest.FixtureRequest) -> None:
    """Measure for a marked test that does not ask for its session."""
    if request.node.get_closest_marker(MARK):
        request.getfixturevalue("loopbench_session")


@pytest.fixture
def loopbench_session(request: pytest.FixtureRequest, loopbench_measure: Measure) -> Session:
    """Return the session of the scenario that the test's mark names, measured and with its gates met."""
    mark = request.node.get_closest_marker(MARK)
    if mark is None or not mark.args:
        pytest.fail(f'this test needs a scenario: @pytest.mark.{MARK}("scenario.toml")', pytrace=False)
    return Session.of(loopbench_measure(*mark.args, **mark.kwargs))


@pytest.fixture
def loopbench_measure(tmp_path: Path, pytestconfig: pytest.Config) -> Measure:
    """Return a function that measures a scenario's file, a path from pytest's root folder, and checks its gates."""

    def measure(scenario: str | Path, *overrides: str, quick: bool = True, seed: int | None = None) -> SessionReport:
        try:
            file, options = pytestconfig.rootpath / scenario, SessionOptions(quick=quick)
            question = load(file, overrides, quick=quick)
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
    """Report an error of loopbench as text in its one shape, and whatever else ended a measurement as one line."""
    report = yield
    if call.excinfo is None or not report.failed:
        return report
    if isinstance(call.excinfo.value, LoopbenchError):
        report.longrepr = without_commands("\n".join(error_lines(call.excinfo.value)))
    elif any(HERE in entry.path.parents for entry in call.excinfo.traceback if isinstance(entry.path, Path)):
        report.longrepr = without_commands(hidden(call.excinfo.exconly()))  # such as the limit of pytest-timeout
    return report
