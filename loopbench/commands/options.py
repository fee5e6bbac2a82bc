"""Arguments and options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

from loopbench.errors import UsageError

RESULTS = Path("results")
OWN_SCENARIO = Path("scenario.toml")
"""The file that `loopbench init` writes, and the default of every SCENARIO argument."""

ScenarioFile = Annotated[
    Path | None,
    typer.Argument(metavar="[SCENARIO]", help="A scenario's TOML file; default: scenario.toml.", show_default=False),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON on stdout, and the text on stderr.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print only errors (and the JSON of --json).")]
Quick = Annotated[
    bool, typer.Option("--quick", help="A short ramp and hold, no rounds: the same charts, less certain.")
]
Overrides = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override one scenario key; repeatable.")
]
Seed = Annotated[int | None, typer.Option(help="Order of the runs and think times; recorded.", show_default="random")]
Rounds = Annotated[
    int | None,
    typer.Option(min=0, max=100, help="Maximum rounds, instead of the scenario's; 0: only the ramps."),
]
Baseline = Annotated[
    Path | None, typer.Option(metavar="DIR", help='An earlier session, for gates with of = "baseline".')
]
Anyway = Annotated[
    bool, typer.Option("--anyway", help="Accept a --baseline that differs in machine, versions or load.")
]
Junit = Annotated[Path | None, typer.Option(metavar="FILE", help="Write gates and INVALID verdicts as JUnit XML.")]


def chosen(scenario: Path | None) -> Path:
    """Returns the named scenario, or the project's own.

    Raises:
        UsageError: none is named and there is no scenario.toml; the hint names the command that writes one.
    """
    if scenario is not None:
        return scenario
    if OWN_SCENARIO.is_file():
        return OWN_SCENARIO
    others = ("loopbench list",) if any(Path("scenarios").glob("*.toml")) else ()
    raise UsageError(
        f"no SCENARIO is named, and there is no {OWN_SCENARIO} here",
        slug="scenario-missing",
        where=str(Path.cwd()),
        allowed=f"a scenario's TOML file, or {OWN_SCENARIO} in this folder",
        hints=(*others, "loopbench init"),
    )
