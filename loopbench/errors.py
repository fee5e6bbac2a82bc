"""Every way loopbench can fail, with its exit code. Raised anywhere, printed in one place (`cli`)."""

from dataclasses import dataclass
from enum import IntEnum


class ExitCode(IntEnum):
    """What the shell is told. Several at once: what prevented a result wins over 3, 3 over 1, 1 over 0."""

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
        """One line for the documentation."""
        return _MEANINGS[self]


_MEANINGS = {
    ExitCode.OK: "fine",
    ExitCode.REGRESSION: "a regression was shown, or a gate was not met",
    ExitCode.USAGE: "the command line or the scenario is wrong; nothing was started",
    ExitCode.CANNOT_TELL: "cannot tell: the measurement is INVALID, or there is too little data",
    ExitCode.TARGET: "the target app did not start, answered wrong, or died",
    ExitCode.GENERATOR: "the load generator (Locust) failed",
    ExitCode.ENVIRONMENT: "the machine said no: disk, permissions, descriptors, another measurement running",
    ExitCode.DATA: "a session folder or CSV is damaged, foreign, or from a newer loopbench",
    ExitCode.BUG: "a bug in loopbench; a crash file was written",
}


class LoopbenchError(Exception):
    """Something a user can act on.

    Args:
        what: one sentence, what happened, with the value that made it happen.
        slug: a stable short name, shown as `error[slug]`; by default that of the class.
        where: file and line, or the command or URL concerned.
        allowed: what would have been right.
        hints: commands or edits to try, one a line.
        kept: what is safe on disk in spite of it.
        detail: text of foreign origin (a log's last lines), printed quoted.
    """

    exit_code = ExitCode.BUG
    default_slug = "error"
    detail_label = "target"
    """Whose words `detail` are: printed before each of its lines, so that none can pass for ours."""

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
    """The target did not start, answered wrong, or died."""

    exit_code = ExitCode.TARGET


class GeneratorError(LoopbenchError):
    """Locust did not start, died, or left no samples."""

    exit_code = ExitCode.GENERATOR
    detail_label = "locust"


class EnvironmentRefusedError(LoopbenchError):
    """The machine said no: disk, permissions, descriptors, lock."""

    exit_code = ExitCode.ENVIRONMENT


class ServiceError(EnvironmentRefusedError):
    """A service the target needs (a database, a queue) does not start, does not answer, or ended."""

    detail_label = "service"


class DataError(LoopbenchError):
    """A session folder or a CSV is damaged, foreign, or of another format version."""

    exit_code = ExitCode.DATA
    default_slug = "format"


class RegressionError(LoopbenchError):
    """Something is shown to be slower than it was, or a gate was not met."""

    exit_code = ExitCode.REGRESSION


class CannotTellError(LoopbenchError):
    """There is a result, but it is not to be trusted."""

    exit_code = ExitCode.CANNOT_TELL


@dataclass(frozen=True, slots=True)
class ScenarioProblem:
    """One mistake in a scenario file; a `ScenarioError` carries all of them at once."""

    path: str  # dotted, as in `variants[0].path`; empty for the file itself
    message: str
    allowed: str
    line: int | None  # from 1; None when the key stands nowhere
    source: str  # that line


class ScenarioError(UsageError):
    """Everything that is wrong with one scenario file."""

    def __init__(self, file: str, problems: tuple[ScenarioProblem, ...]) -> None:
        count = f"{len(problems)} mistake" + ("s" if len(problems) > 1 else "")
        super().__init__(f"{count} in {file}; nothing was started", slug="scenario", where=file)
        self.problems = problems
