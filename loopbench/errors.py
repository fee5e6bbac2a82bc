"""The errors of loopbench and their exit codes. They are raised anywhere and printed in one place (`cli`)."""

import re
from dataclasses import dataclass
from enum import IntEnum
from typing import Final


class ExitCode(IntEnum):
    """The exit code. If several apply: an error that prevented a result wins over 3, 3 over 1, and 1 over 0."""

    OK = 0
    REGRESSION = 1
    USAGE = 2
    CANNOT_TELL = 3
    TARGET = 4
    GENERATOR = 5
    ENVIRONMENT = 6
    DATA = 7
    BUG = 70

    @property
    def meaning(self) -> str:
        """Returns one line for the documentation."""
        return _MEANINGS[self]


_MEANINGS = {
    ExitCode.OK: "success; a sick target is a result",
    ExitCode.REGRESSION: "a regression was shown, or a gate was not met",
    ExitCode.USAGE: "the command line or the scenario is wrong; nothing was started",
    ExitCode.CANNOT_TELL: "cannot tell: the measurement is INVALID, by whatever rule, or there is too little data",
    ExitCode.TARGET: "a variant could not be measured: the target did not start, or answered wrongly before the load",
    ExitCode.GENERATOR: "the load generator (Locust) failed",
    ExitCode.ENVIRONMENT: "environment error: disk, permissions, file descriptors, or another measurement running",
    ExitCode.DATA: "a session folder or CSV is damaged, foreign, or from a newer loopbench",
    ExitCode.BUG: "a bug in loopbench; a crash file was written",
}

STOPPED = ("128 + n", "stopped by signal n; finished runs are kept and drawn")
"""The exit code of a command that a signal ended, as a shell reports it, and its meaning."""


_PLAIN_WORDS = (
    (r", unable to parse .*|, got a number with .*", ""),
    (r"^Value error, |^(Input|String|Tuple|List) should (be|have|match) ", ""),
    (r"^a valid integer", "a whole number"),
    (r"^a valid number", "a number"),
    (r"^a valid string", "text in quotes"),
    (r"^a valid boolean", "true or false"),
    (r"^a valid (list|tuple)", "a list, as in [1, 2]"),
    (r"^a valid dictionary.*", "a table, as in { key = 1 }"),
    (r"^(a finite number)$", r"\1, not nan or inf"),
    (r"^greater than or equal to", "at least"),
    (r"^less than or equal to", "at most"),
    (r"^greater than", "more than"),
    (r" after validation, not (\d+)", r", not \1"),
)


def in_plain_words(message: str) -> str:
    """Returns what is allowed, from pydantic's message on a wrong value (`Input should be a valid integer`)."""
    for pattern, words in _PLAIN_WORDS:
        message = re.sub(pattern, words, message)
    return message


class LoopbenchError(Exception):
    """Something a user can act on.

    Args:
        what: one sentence on what happened, with the value that caused it.
        slug: a stable short name, printed as `error[slug]`; the default is the class's.
        where: the file and line, the command, or the URL.
        allowed: the values that are accepted.
        hints: commands or edits to try, one each.
        kept: what is safe on disk in spite of the error.
        detail: text of foreign origin (the last lines of a log), printed as a quotation.
    """

    exit_code = ExitCode.BUG
    default_slug = "error"
    detail_label = "target"
    """The source of `detail`, printed before each of its lines, so that none looks like loopbench's own output."""

    def __init__(  # noqa: PLR0913  the six parts of the one error shape
        self,
        what: str,
        *,
        slug: str = "",
        where: str = "",
        allowed: str = "",
        hints: tuple[str, ...] = (),
        kept: str = "",
        detail: str = "",
    ) -> None:
        super().__init__(what)
        self.what = what
        self.slug = slug or self.default_slug
        self.where = where
        self.allowed = allowed
        self.hints = hints
        self.kept = kept
        self.detail = detail


class UsageError(LoopbenchError):
    """The command line or the scenario is wrong; nothing was started."""

    exit_code = ExitCode.USAGE


class TargetError(LoopbenchError):
    """The target did not start, gave a wrong answer, or died."""

    exit_code = ExitCode.TARGET


class GeneratorError(LoopbenchError):
    """Locust did not start, died, or left no samples."""

    exit_code = ExitCode.GENERATOR
    detail_label = "locust"


class EnvironmentRefusedError(LoopbenchError):
    """Disk, permissions, file descriptors, the network, or the lock prevented the work."""

    exit_code = ExitCode.ENVIRONMENT


class ServiceError(EnvironmentRefusedError):
    """A service of the target (a database, a queue) did not start, did not answer, or ended."""

    detail_label = "service"


class DataError(LoopbenchError):
    """A session folder or a CSV is damaged, foreign, or of another format version."""

    exit_code = ExitCode.DATA
    default_slug = "format"


class RegressionError(LoopbenchError):
    """A regression was shown, or a gate was not met."""

    exit_code = ExitCode.REGRESSION


class CannotTellError(LoopbenchError):
    """There is a result, but it is not valid."""

    exit_code = ExitCode.CANNOT_TELL


@dataclass(frozen=True, slots=True)
class ScenarioProblem:
    """One mistake in a scenario file."""

    path: str  # dotted, as in `variants[0].path`; empty for the file itself
    message: str
    allowed: str
    line: int | None  # from 1; None: the key is not in the file
    source: str  # that line, or the `--set` that gave the value
    column: int | None = None  # from 1, of the key that is wrong, or of its value
    is_unknown: bool = False  # the key, so that its value may be a secret


MAX_PROBLEMS: Final = 100  # mistakes in a scenario that are listed


class ScenarioError(UsageError):
    """The mistakes in one scenario file."""

    def __init__(self, file: str, problems: tuple[ScenarioProblem, ...]) -> None:
        more = " or more" if len(problems) >= MAX_PROBLEMS else ""
        count = f"{len(problems)}{more} mistake" + ("s" if len(problems) > 1 else "")
        super().__init__(f"{count} in {file}; nothing was started", slug="scenario", where=file)
        self.problems = problems
