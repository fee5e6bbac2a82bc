"""The command line: collects the commands, prints errors and exits. It is the only place that does."""

import gc
import os
import sys
import tempfile
import traceback
from collections.abc import Callable
from typing import Annotated, Literal

import typer

from loopbench import __version__
from loopbench.commands import (
    advising,
    atlas,
    comparing,
    exporting,
    helping,
    history,
    mapping,
    measuring,
    old_sessions,
    reporting,
    settings,
    starting,
    watching,
)
from loopbench.commands.ending import exit_code_of
from loopbench.console import check_stdout, open_standard_streams, print_error, say
from loopbench.errors import EnvironmentRefusedError, ExitCode, LoopbenchError, UsageError, in_plain_words
from loopbench.limits import CpuTimeSpentError, as_error, bound_reading
from loopbench.secrecy import hidden, public_arguments, without_userinfo

ISSUES = "https://github.com/loopbench/loopbench/issues/new?template=bug.yml"

RARE_COLLECTION = (50_000, 20, 20)
"""Collect garbage after so many new objects instead of 700: most of them stay, those of imports and of figures."""

app = typer.Typer(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Which concurrency style should this FastAPI endpoint use, what does the wrong one cost, and why?",
)
_COMMANDS = (
    ("run", measuring.run, "run --quick", "run scenarios/file_write.toml --set load.users=50"),
    ("demo", measuring.demo, "demo --quick", "demo --out results/first"),
    ("plan", measuring.plan, "plan", "plan scenarios/file_write.toml --rounds 8 --json"),
    ("advise", advising.advise, "advise", "advise shop.main:app --route 'GET /search?q=shoes' --minutes 5"),
    ("atlas", atlas.atlas, "atlas --max-minutes 30", "atlas scenarios --only background --only executors"),
    (
        "map",
        mapping.map_,
        "map wait --x 'load.users=[10, 90]' --y 'target.workers=[1, 2]'",
        "map cpu --x 'load.users=[5, 20]' --y 'target.thread_tokens=[2, 40]'",
    ),
    ("doctor", measuring.doctor, "doctor", "doctor --seconds 120 --json"),
    ("report", reporting.report, "report", "report results/example --junit junit.xml"),
    ("compare", comparing.compare, "compare scenario.toml --rev main --rev .", "compare results/before results/after"),
    ("list", reporting.list_, "list", "list scenarios --json"),
    ("plot", reporting.plot, "plot stats", "plot before/stats after/stats --out both"),
    ("export", exporting.export, "export results/example", "export results/example --format openmetrics"),
    ("history", history.history, "history scenario.toml", "history results/file-write --chart"),
    ("watch", watching.watch, "watch", "watch results/file-write/2026-11-20T10-22-05Z"),
    ("gc", old_sessions.gc, "gc", "gc --keep 5 --delete"),
    ("worker", measuring.worker, "worker --master 192.0.2.7", "worker --master bench.example --port 5600"),
    ("serve", measuring.serve, "serve", "serve --port 9000 --loop asyncio"),
    ("ui", measuring.ui, "ui", "ui scenarios/file_write.toml --port 9089"),
    ("init", starting.init, "init", "init --app shop.main:app --header 'Authorization: Bearer TOKEN'"),
    ("help", helping.help_, "help exit-codes", "help scenario"),
    ("config", settings.config, "config", "config scenarios/file_write.toml --set load.users=50 --json"),
    ("schema", starting.schema, "schema", "schema --markdown"),
)
for _name, _command, *_examples in _COMMANDS:
    _lines = "\n".join(f"  loopbench {example}" for example in _examples)
    app.command(_name, epilog=f"\b\nExamples:\n{_lines}")(_command)

ONLY_READ = frozenset({"config", "export", "gc", "history", "list", "plan", "plot", "report"})


@app.callback(invoke_without_command=True)
def _before_a_command(
    context: typer.Context,
    *,
    version: Annotated[bool, typer.Option("--version", "-V", help="Print the version.")] = False,
    color: Annotated[
        Literal["auto", "always", "never"], typer.Option(help="Colour; auto: on a terminal. Before the command.")
    ] = "auto",
) -> None:
    if color != "auto":  # rich and this module's own output follow the same two variables
        os.environ.pop("NO_COLOR", None)
        os.environ.pop("FORCE_COLOR", None)
        os.environ["FORCE_COLOR" if color == "always" else "NO_COLOR"] = "1"
    if version:
        say(f"loopbench {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        say(context.get_help())
        raise typer.Exit(ExitCode.USAGE)


def main() -> None:
    """Run a command; turn every error into one message and one exit code."""
    gc.set_threshold(*RARE_COLLECTION)
    open_standard_streams()
    if _only_reads(sys.argv[1:]):
        bound_reading()
    code = _exit_code_of(_check_platform) or _exit_code_of(lambda: app(prog_name="loopbench", standalone_mode=False))
    lost = _exit_code_of(check_stdout)
    sys.exit(code or lost)


def _only_reads(arguments: list[str]) -> bool:
    """Whether a command line starts nothing that needs more than the limits of a reader."""
    command = next((each for each in arguments if each in {name for name, *_ in _COMMANDS}), "")
    return command in ONLY_READ or (command == "compare" and not any(each.startswith("--rev") for each in arguments))


def _check_platform() -> None:
    """Check that this is Linux: /proc, pinning and prctl exist nowhere else."""
    if sys.platform != "linux":
        hints = ("WSL2 on Windows", "a container (docs/installation.md)")
        raise EnvironmentRefusedError(f"loopbench needs Linux; this is {sys.platform}", slug="platform", hints=hints)


def _exit_code_of(work: Callable[[], int | None]) -> int:
    """Do some work; print its error, if it raises one."""
    try:
        return work() or ExitCode.OK
    except LoopbenchError as error:
        return _failed(error)
    except typer.TyperException as problem:
        return _failed(_misused(problem))
    except OSError as problem:
        what, where = problem.strerror or type(problem).__name__, str(problem.filename or "")
        return _failed(EnvironmentRefusedError(what, slug="system", where=where))
    except (MemoryError, CpuTimeSpentError) as problem:
        return _failed(as_error(problem))
    except Exception as problem:  # noqa: BLE001  the one place that may: a bug of loopbench
        return _failed(crash(problem))


def _misused(problem: typer.TyperException) -> UsageError:
    """Returns the parser's complaint about the command line as an error of ours."""
    context: typer.Context | None = getattr(problem, "ctx", None)
    hint = f"{context.command_path if context else 'loopbench'} --help"
    subject, colon, message = problem.format_message().removesuffix(".").partition(": ")
    plain = in_plain_words(message)
    what = subject[:1].lower() + subject[1:] + colon + (plain if plain == message else f"it must be {plain}")
    return UsageError(what, slug="usage", hints=(hint,))


def _failed(error: LoopbenchError) -> ExitCode:
    print_error(error)
    return exit_code_of(error)


def crash(problem: Exception) -> LoopbenchError:
    """Return the error for a bug of loopbench, whose traceback is written into a file without secrets."""
    return LoopbenchError(
        hidden(f"a bug in loopbench: {type(problem).__name__}: {problem}"),
        slug="bug",
        where=_write_crash_file(),
        hints=(f"open {ISSUES} with that file and what you did",),
        kept="finished runs stay where they are; `loopbench report DIR` draws them",
    )


def _write_crash_file() -> str:
    """Write the current traceback; returns the file's path, or why it could not be written."""
    text = f"loopbench {__version__}, Python {sys.version}\n{public_arguments(sys.argv)}\n\n{traceback.format_exc()}"
    try:
        with tempfile.NamedTemporaryFile("w", prefix="loopbench-crash-", suffix=".txt", delete=False) as file:
            file.write(hidden(without_userinfo(text)))
    except OSError as problem:
        return f"no crash file: {problem.strerror}"
    return file.name
