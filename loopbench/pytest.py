"""A pytest plugin: a fixture that measures a scenario as `loopbench run` does and fails the test where `run` would.

`pytest_plugins = ["loopbench.pytest"]` in `conftest.py` turns it on.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from loopbench.commands.ending import check_valid, leave_if_ended_early
from loopbench.commands.measuring import begin_session, new_seed
from loopbench.judge.session.session_report import SessionReport, judge_session
from loopbench.scenario import load
from loopbench.session import SessionOptions

Measure = Callable[..., SessionReport]


@pytest.fixture
def loopbench_measure(tmp_path: Path) -> Measure:
    """Return a function that measures a scenario's file and checks its gates."""

    def measure(scenario: str | Path, *overrides: str, quick: bool = True, seed: int | None = None) -> SessionReport:
        question, options = load(Path(scenario), overrides, quick=quick), SessionOptions(quick=quick)
        ended = begin_session(question, new_seed(seed), tmp_path / "results", options, lambda _: None)
        leave_if_ended_early(ended)
        judged = judge_session(ended.folder)
        check_valid(judged)
        return judged

    return measure
