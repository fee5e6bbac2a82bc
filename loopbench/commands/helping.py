"""The command `help`: a command's options, the exit codes, or every key of a scenario."""

import textwrap
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from loopbench.console import say
from loopbench.errors import STOPPED, ExitCode, UsageError

WIDTH = 80
EXIT_CODES, SCENARIO = TOPICS = ("exit-codes", "scenario")


def help_(
    context: typer.Context,
    topic: Annotated[
        str | None, typer.Argument(metavar="[TOPIC]", help=f"{', '.join(TOPICS)}, or a command.", show_default=False)
    ] = None,
) -> None:
    """Print help on a topic or a command."""
    group: Any = context.find_root()
    commands = group.command.commands
    if topic is None:
        lines = [group.get_help(), "", f"Topics of loopbench help: {', '.join(TOPICS)}"]
    elif topic == EXIT_CODES:
        lines = list(exit_code_lines())
    elif topic == SCENARIO:
        from loopbench.scenario.reference import scenario_help

        lines = list(scenario_help(WIDTH))
    elif topic in commands:
        lines = [commands[topic].get_help(typer.Context(commands[topic], info_name=topic, parent=group))]
    else:
        raise UsageError(f"there is no topic {topic!r}", slug="help", allowed=", ".join([*TOPICS, *commands]))
    for line in lines:
        say(line)


def exit_code_lines() -> Iterator[str]:
    """Yield each exit code with its meaning, and which of several wins."""
    for code, meaning in [*((str(code.value), code.meaning) for code in ExitCode), STOPPED]:
        yield textwrap.fill(meaning, WIDTH, initial_indent=f"{code:<7}  ", subsequent_indent=" " * 9)
    yield ""
    yield textwrap.fill(str(ExitCode.__doc__).removeprefix("The exit code. "), WIDTH)
