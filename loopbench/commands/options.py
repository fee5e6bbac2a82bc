"""Arguments and options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

from loopbench.errors import UsageError

RESULTS = Path("results")
OWN_SCENARIO = Path("scenario.toml")
"""What `loopbench init` writes, and what a command takes that is given no scenario."""

ScenarioFile = Annotated[
    Path | None,
    typer.Argument(metavar="[SCENARIO]", help="A scenario's TOML file; scenario.toml if absent.", show_default=False),
]
AsJson = Annotated[bool, typer.Option("--json", help="The result for another program, on stdout; words on stderr.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but errors (and the JSON of --json).")]
Quick = Annotated[
    bool, typer.Option("--quick", help="A short ramp and hold, no rounds: the same charts, less to trust.")
]
Overrides = Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override one scenario key.")]
Seed = Annotated[int | None, typer.Option(help="Order of the runs and think times; recorded.", show_default="random")]
Rounds = Annotated[
    int | None,
    typer.Option(min=0, max=100, help="Rounds at most, instead of the scenario's; 0: the ramp picture alone."),
]
Baseline = Annotated[
    Path | None, typer.Option(metavar="DIR", help='An earlier session: what gates with of = "baseline" are ratios to.')
]
Anyway = Annotated[bool, typer.Option("--anyway", help="Take --baseline although machine, versions or load differ.")]
Junit = Annotated[Path | None, typer.Option(metavar="FILE", help="Write gates and INVALID verdicts as JUnit XML.")]


def chosen(scenario: Path | None) -> Path:
    """The scenario that is named, or the project's own.

    Raises:
        UsageError: none is named, and there is no scenario.toml; with the command that writes one.
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
