"""Printing for a person: one line at a time, and every error in one shape. Prints and decides nothing."""

import io
import os
import shutil
import sys
import textwrap
from dataclasses import dataclass
from typing import TextIO

from loopbench.errors import LoopbenchError, ScenarioError, ScenarioProblem
from loopbench.secrecy import without_userinfo
from loopbench.showable import showable, without_commands

MIN_COLUMNS = 40
"""Wrapping to fewer columns makes a text longer and no easier to read."""


def say(text: str = "", stream: TextIO | None = None) -> None:
    """Print one line. A closed or full stdout must not disturb a measurement: the line is then dropped."""
    _write(without_commands(text), stream or sys.stdout)


def say_to_runner(command: str, stream: TextIO) -> None:
    """Print a workflow command for a CI runner: the only text that may look like one."""
    _write(command, stream)


def open_standard_streams() -> None:
    """Give a process that was started with stdin, stdout or stderr closed (`>&-`) /dev/null in their places.

    Otherwise the next file that is opened gets the free number, and whatever is printed lands in it.
    """
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)
    sys.stdout = sys.stdout or open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115  for the whole process
    sys.stderr = sys.stderr or open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115


def _write(text: str, out: TextIO) -> None:
    try:
        out.write(text + "\n")
        out.flush()
    except UnicodeEncodeError:
        out.write(text.encode(out.encoding or "ascii", "replace").decode(out.encoding or "ascii") + "\n")
    except (OSError, ValueError):
        _to_nowhere(out)


@dataclass(frozen=True)
class Speech:
    """Where a command prints: text on stdout; with `as_json` JSON on stdout and text on stderr."""

    as_json: bool = False
    quiet: bool = False

    @property
    def words(self) -> TextIO:
        """The stream for text."""
        if self.quiet:
            return _Nowhere()
        return sys.stderr if self.as_json else sys.stdout

    def say(self, text: str = "", *, bold: bool = False) -> None:
        """Print one line for a person; on a terminal it is wrapped between words and may be bold."""
        words = self.words
        line = _wrapped(text, words)
        say(f"\x1b[1m{line}\x1b[0m" if bold and _has_styles(words) else line, words)

    @property
    def width(self) -> int | None:
        """Columns of the terminal; None elsewhere."""
        return _columns() if _is_terminal(self.words) else None

    def give(self, content: str) -> None:
        """Print the result for a program, if `as_json`."""
        if self.as_json:
            say(content.removesuffix("\n"))


def _wrapped(text: str, stream: TextIO) -> str:
    """Wraps text at a terminal's width, with the rest indented; elsewhere a line stays whole."""
    if not _is_terminal(stream):
        return text
    indent = " " * (len(text) - len(text.lstrip()) + 4)
    return textwrap.fill(
        text,
        width=_columns(),
        subsequent_indent=indent,
        break_long_words=False,  # a path that is cut cannot be copied
        break_on_hyphens=False,
    )


def _is_terminal(stream: TextIO) -> bool:
    return not stream.closed and stream.isatty()


def _has_styles(stream: TextIO) -> bool:
    return _is_terminal(stream) and os.environ.get("TERM") != "dumb" and not os.environ.get("NO_COLOR")


def _columns() -> int:
    return max(MIN_COLUMNS, shutil.get_terminal_size().columns)


class _Nowhere(io.StringIO):
    """A stream that keeps nothing."""

    def write(self, text: str, /) -> int:
        return len(text)


def _to_nowhere(stream: TextIO) -> None:
    """Point a broken stream at /dev/null, so that Python's own flush at exit does not complain about it either."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    except (OSError, ValueError):
        return


def print_error(error: LoopbenchError) -> None:
    """Print an error on stderr, in the one shape."""
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
    say(without_userinfo(f"  --> {showable(place)}: {showable(problem.source.strip())}"), sys.stderr)
    say(without_userinfo(f"      {showable(problem.path)}: {showable(problem.message)}"), sys.stderr)
    if problem.allowed:
        say(f"      allowed: {showable(problem.allowed)}", sys.stderr)
