"""Arguments and options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

RESULTS = Path("results")

ScenarioFile = Annotated[Path, typer.Argument(metavar="SCENARIO", help="A scenario's TOML file.", show_default=False)]
Quick = Annotated[
    bool, typer.Option("--quick", help="A short ramp and hold, no rounds: the same charts, less to trust.")
]
Overrides = Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override one scenario key.")]
Seed = Annotated[int | None, typer.Option(help="Order of the runs and think times; recorded.", show_default="random")]
Rounds = Annotated[
    int | None,
    typer.Option(min=0, max=100, help="Rounds at most, instead of the scenario's; 0: the ramp picture alone."),
]
