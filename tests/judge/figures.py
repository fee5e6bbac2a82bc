"""Figures of runs that never were, for the rules of the diagnosis."""

from typing import Any

from loopbench.judge.diagnosis.load_figures import LoadFigures, NameLoad
from loopbench.judge.diagnosis.loop_figures import AfterLoad, LoopFigures
from loopbench.judge.diagnosis.loop_lines import LoopLine, Owner
from loopbench.judge.diagnosis.waits import Wait
from loopbench.records.session import Phase
from loopbench.records.source_lines import SourceLine

APP = "/srv/app.py"


def load(**changes: Any) -> LoadFigures:
    """Forty users who wait for answers nearly all the time."""
    usual: dict[str, Any] = {"users": 40, "in_flight": 39.0, "never_served": 0, "goodput_rps": 200.0}
    return LoadFigures(**{**usual, **changes})


def name_load(**changes: Any) -> NameLoad:
    """Requests of 10 ms that forty users wait for, all at work at a time."""
    usual: dict[str, Any] = {
        "name": "slow",
        "in_flight": 39.0,
        "goodput_rps": 200.0,
        "failed_rps": 0.0,
        "spread_s": 0.05,
        "alone_s": 0.195,
        "users": 40,
        "served": 40,
        "silent_s": 10.0,
    }
    return NameLoad(**{**usual, **changes})


def wait(group: str, mean: float, *calls: str, **changes: Any) -> Wait:
    """So many members of a group at line 7 of the app, and the calls below it."""
    usual: dict[str, Any] = {"blocked": False, "cpu_s": None, "calls": ("srv/app.py:slow", *calls)}
    if calls:
        file, _, function = calls[-1].rpartition(":")
        usual |= {"inner_file": f"/lib/{file}", "inner_function": function}
    return Wait(group, line(**{**usual, **changes}), mean)


def figures(**changes: Any) -> LoopFigures:
    """A loop that has time, watched for ten seconds, with nothing in its pools."""
    usual: dict[str, Any] = {
        "window": Phase("hold", 5.0, 15.0),
        "load": load(),
        "seconds_seen": 10.0,
        "utilization": 0.3,
        "loop_cpu": 0.25,
        "process_cpu": 0.3,
        "run_queue": 0.0,
        "anyio_borrowed": 0.0,
        "anyio_waiting": 0.0,
        "anyio_tokens": 40,
        "executor_queue": 0.0,
        "executor_threads": 0,
        "executor_size": 6,
        "tasks_growth_per_s": 0.0,
        "gc_share": 0.0,
        "blocked": 0.0,
        "blocked_waiting": 0.0,
        "after": AfterLoad(tasks_left=0, idle_after_s=0.0, watched_s=1.0),
    }
    return LoopFigures(**{**usual, **changes})


def line(text: str = "", **changes: Any) -> LoopLine:
    """Line 7 of the app, innermost, blocked for eight seconds of sleep; with this source text."""
    usual: dict[str, Any] = {
        "owner": Owner.USER,
        "file": APP,
        "line": 7,
        "function": "slow",
        "inner_file": APP,
        "inner_line": 7,
        "inner_function": "slow",
        "blocked": True,
        "seconds": 8.0,
        "share": 1.0,
        "cpu_s": 0.0,
        "source": SourceLine(APP, 7, 7, (text,), "") if text else None,
    }
    return LoopLine(**{**usual, **changes})
