"""Saying things to a person: one line at a time, and every error in one shape. Prints, decides nothing."""

import os
import sys
from typing import TextIO

from loopbench.errors import LoopbenchError, ScenarioError, ScenarioProblem
from loopbench.showable import showable


def say(text: str = "", stream: TextIO | None = None) -> None:
    """One line. A closed or full stdout is no reason to disturb a measurement: what cannot be said is not said."""
    out = stream or sys.stdout
    try:
        out.write(text + "\n")
        out.flush()
    except UnicodeEncodeError:
        out.write(text.encode(out.encoding or "ascii", "replace").decode(out.encoding or "ascii") + "\n")
    except (OSError, ValueError):
        _to_nowhere(out)


def _to_nowhere(stream: TextIO) -> None:
    """Point a broken stream at /dev/null, so that Python's own flush at exit does not complain about it either."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    except (OSError, ValueError):
        return


def print_error(error: LoopbenchError) -> None:
    """An error in the one shape, on stderr."""
    say(f"error[{error.slug}]: {showable(error.what)}", sys.stderr)
    if isinstance(error, ScenarioError):
        for problem in error.problems:
            _print_problem(problem, error.where)
    elif error.where:
        say(f"  --> {showable(error.where)}", sys.stderr)
    for label, text in (("allowed", error.allowed), ("kept", error.kept)):
        if text:
            say(f"  {label}: {showable(text)}", sys.stderr)
    for line in error.detail.splitlines():
        say(f"  {error.detail_label} | {showable(line)}", sys.stderr)
    for hint in error.hints:
        say(f"  try: {showable(hint)}", sys.stderr)


def _print_problem(problem: ScenarioProblem, file: str) -> None:
    place = f"{file}:{problem.line}" if problem.line else file
    say(f"  --> {showable(place)}: {showable(problem.source.strip())}", sys.stderr)
    say(f"      {showable(problem.path)}: {showable(problem.message)}", sys.stderr)
    if problem.allowed:
        say(f"      allowed: {showable(problem.allowed)}", sys.stderr)
