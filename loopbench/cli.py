"""The command line: collects the commands, prints errors and exits. It is the only place that does."""

import sys
import tempfile
import traceback
from typing import Annotated

import typer

from loopbench import __version__
from loopbench.commands import atlas, comparing, exporting, history, measuring, reporting, starting
from loopbench.console import open_standard_streams, print_error, say
from loopbench.errors import EnvironmentRefusedError, ExitCode, LoopbenchError
from loopbench.secrecy import public_arguments, without_userinfo

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Which concurrency style should this FastAPI endpoint use, what does the wrong one cost, and why?",
)
app.command()(measuring.run)
app.command()(measuring.plan)
app.command()(atlas.atlas)
app.command()(measuring.doctor)
app.command()(reporting.report)
app.command()(comparing.compare)
app.command("list")(reporting.list_)
app.command()(reporting.plot)
app.command()(exporting.export)
app.command()(history.history)
app.command()(measuring.worker)
app.command()(measuring.serve)
app.command()(measuring.ui)
app.command()(starting.init)
app.command()(starting.schema)


@app.callback(invoke_without_command=True)
def _version(*, version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    if version:
        say(f"loopbench {__version__}")
        raise typer.Exit


def main() -> None:
    """Run a command; turn every error into one message and one exit code."""
    open_standard_streams()
    try:
        app()
    except LoopbenchError as error:
        sys.exit(_failed(error))
    except OSError as problem:
        what, where = problem.strerror or type(problem).__name__, str(problem.filename or "")
        sys.exit(_failed(EnvironmentRefusedError(what, slug="system", where=where)))
    except Exception as problem:  # noqa: BLE001  the one place that may: a bug of loopbench
        sys.exit(_crashed(problem))


def _failed(error: LoopbenchError) -> ExitCode:
    print_error(error)
    return error.exit_code


def _crashed(problem: Exception) -> ExitCode:
    crash = LoopbenchError(
        f"a bug in loopbench: {type(problem).__name__}: {problem}",
        slug="bug",
        where=_write_crash_file(),
        hints=("send that file with what you did",),
        kept="finished runs stay where they are; `loopbench report DIR` draws them",
    )
    return _failed(crash)


def _write_crash_file() -> str:
    """Write the current traceback; returns the file's path, or why it could not be written."""
    text = f"loopbench {__version__}, Python {sys.version}\n{public_arguments(sys.argv)}\n\n{traceback.format_exc()}"
    try:
        with tempfile.NamedTemporaryFile("w", prefix="loopbench-crash-", suffix=".txt", delete=False) as file:
            file.write(without_userinfo(text))
    except OSError as problem:
        return f"no crash file: {problem.strerror}"
    return file.name
