"""Printing for a person: one line at a time, and every error in one shape. Prints and decides nothing."""

import errno
import io
import os
import re
import shutil
import sys
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TextIO

from loopbench.errors import EnvironmentRefusedError, LoopbenchError, ScenarioError, ScenarioProblem
from loopbench.secrecy import beginning, hidden, without_userinfo
from loopbench.showable import showable, without_commands

MAX_ERROR_CHARACTERS = 2_000  # of one part of an error
MAX_DETAIL_CHARACTERS = 10_000  # of what it quotes: the end of a log has 4,000 bytes

MISSING = "-"  # a figure of a table that is not known
NATURAL_WIDTH = 10_000  # columns of a table that may be as wide as it is
MIN_COLUMNS = 40  # wrapping to fewer columns makes a text longer and no easier to read

_RED, _GREEN, _YELLOW = 31, 32, 33
_COLOURED = (
    (_RED, re.compile(r"^error\[[\w-]+\]|\b(?:SLOWER|INVALID|NOT (?:MET|REPRODUCED)|REGRESSION|unfit)\b")),
    (_YELLOW, re.compile(r"\b(?:NOT (?:RESOLVED|DECIDED)|CANNOT TELL|DEGRADED|noisy)\b")),
    (_GREEN, re.compile(r"(?<!NOT )\b(?:FASTER|VALID|MET|REPRODUCED|EQUIVALENT|good(?= {5}))\b")),
)
"""The words that decide something. The colour only repeats what the word says."""

_lost: list[OSError] = []  # why stdout lost text in this process: at most one reason


def say(text: str = "", stream: TextIO | None = None, *, raw: bool = False) -> None:
    """Print one line, its invisible characters escaped unless they are our own.

    A closed or full stdout must not disturb a measurement: the line is then dropped.
    """
    _write(without_commands(text if raw else _escaped(text)), stream or sys.stdout)


def _escaped(text: str) -> str:
    return "\n".join(map(showable, text.split("\n")))


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
    except (OSError, ValueError) as problem:
        # A reader that closes its pipe (`| head`) has all that it wants.
        if out is sys.stdout and isinstance(problem, OSError) and problem.errno != errno.EPIPE:
            _lost.append(problem)
        _to_nowhere(out)


def check_stdout() -> None:
    """Report text that was lost because stdout could not be written. Raises EnvironmentRefusedError if some was."""
    if _lost:
        what = f"stdout cannot be written: {_lost.pop().strerror}"
        kept = "files of a session are not affected; `loopbench report DIR` prints the result again"
        raise EnvironmentRefusedError(what, slug="stdout", kept=kept)


@dataclass(frozen=True)
class Speech:
    """Where a command prints: what it was asked for on stdout, words and progress on stderr.

    With `as_json`, stdout holds the JSON alone, and `quiet` leaves out everything that would be on stderr.
    """

    as_json: bool = False
    quiet: bool = False

    @property
    def words(self) -> TextIO:
        """The stream for words and progress."""
        return io.StringIO() if self.quiet else sys.stderr

    @property
    def results(self) -> TextIO:
        """The stream for what the command was asked for, as text."""
        return self.words if self.as_json else sys.stdout

    def say(self, text: str = "", *, bold: bool = False) -> None:
        """Print one line beside the result; on a terminal it is wrapped between words and may be bold."""
        _say_to(self.words, text, bold=bold)

    def answer(self, text: str = "", *, bold: bool = False) -> None:
        """Print one line of what the command was asked for."""
        _say_to(self.results, text, bold=bold)

    def give(self, content: str) -> None:
        """Print the result for a program, if `as_json`."""
        if self.as_json:
            say(content.removesuffix("\n"), raw=True)


def width_of(stream: TextIO) -> int | None:
    """Return the columns of a terminal; None for another stream."""
    return _columns() if _is_terminal(stream) else None


def _say_to(stream: TextIO, text: str, *, bold: bool) -> None:
    line = _painted(_wrapped(_escaped(text), stream), stream)
    say(f"\x1b[1m{line}\x1b[0m" if bold and _has_styles(stream) else line, stream, raw=True)


def table_lines(header: Sequence[str], rows: Sequence[Sequence[str]], width: int | None = None) -> Iterator[str]:
    """Yield the lines of a table: text on the left, figures on the right, long cells folded into the width."""
    from rich.console import Console  # noqa: PLC0415  most commands print no table, and `--help` must answer at once
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table(box=None, show_header=bool(header), show_edge=False, pad_edge=False, padding=(0, 2, 0, 0))
    for index in range(max(map(len, [header, *rows]), default=0)):
        cells = [row[index] for row in rows if index < len(row)]
        title = Text(header[index] if header else "")
        table.add_column(title, justify="right" if all(map(_is_figure, cells)) else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(showable(cell)) for cell in row))
    console = Console(file=io.StringIO(), width=width or NATURAL_WIDTH, color_system=None, highlight=False)
    with console.capture() as captured:
        console.print(table)
    yield from (line.rstrip() for line in captured.get().splitlines())


def _is_figure(cell: str) -> bool:
    return cell.removeprefix("over ")[:1].isdigit() or cell in {MISSING, "not measured"}


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
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or (_is_terminal(stream) and os.environ.get("TERM") != "dumb")


def _painted(text: str, stream: TextIO) -> str:
    """Returns the text with its deciding words in colour, where the stream shows colours."""
    for colour, words in _COLOURED if _has_styles(stream) else ():
        text = words.sub(f"\x1b[{colour}m\\g<0>\x1b[39m", text)
    return text


def _columns() -> int:
    return max(MIN_COLUMNS, shutil.get_terminal_size().columns)


def _to_nowhere(stream: TextIO) -> None:
    """Point a broken stream at /dev/null, so that Python's own flush at exit does not complain about it either."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    except (OSError, ValueError):
        return


def print_error(error: LoopbenchError) -> None:
    """Print an error on stderr, in the one shape; on a terminal its first sentence is wrapped between words."""
    first, *others = error_lines(error)
    say(_painted(_wrapped(first, sys.stderr), sys.stderr), sys.stderr, raw=True)
    for line in others:
        say(line, sys.stderr)


def error_lines(error: LoopbenchError) -> Iterator[str]:
    """Yield an error in the one shape, invisible characters escaped and secrets hidden."""
    yield from map(hidden, _error_lines(error))


def _error_lines(error: LoopbenchError) -> Iterator[str]:
    yield f"error[{error.slug}]: {_short(error.what)}"
    if isinstance(error, ScenarioError):
        for problem in error.problems:
            yield from map(without_userinfo, _problem_lines(problem, error.where))
    elif error.where:
        yield f"  --> {showable(error.where)}"
    for label, text in (("allowed", error.allowed), ("kept", error.kept)):
        if text:
            yield f"  {label}: {_short(text)}"
    for line in _cut(error.detail, MAX_DETAIL_CHARACTERS).splitlines():
        yield f"  {error.detail_label} | {showable(line)}"
    for hint in error.hints:
        yield f"  try: {showable(hint)}"


def _short(text: str) -> str:
    """Text for one line, cut where a session with thousands of damaged runs would fill the screen."""
    return showable(_cut(text, MAX_ERROR_CHARACTERS))


def _cut(text: str, most: int) -> str:
    """The beginning of a long text, and how much is left out."""
    return text if len(text) <= most else f"{beginning(text, most)}... and {len(text) - most:,} characters more"


def _problem_lines(problem: ScenarioProblem, file: str) -> Iterator[str]:
    """Yield where a mistake is, the line with a mark below the column, and what would be right."""
    place = ":".join(str(part) for part in (file, problem.line, problem.column) if part)
    source = showable(problem.source.lstrip())
    yield f"  --> {showable(place) if problem.line else source or showable(place)}"
    if problem.line:
        yield f"      {source}"
    if problem.column:
        yield f"      {' ' * (problem.column - 1 - len(problem.source) + len(problem.source.lstrip()))}^"
    yield f"      {showable(problem.path)}: {showable(problem.message)}"
    if problem.allowed:
        yield f"      allowed: {showable(problem.allowed)}"
