"""Arguments and options that several commands share."""

import glob
import os
import shlex
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from loopbench import bundled
from loopbench.commands.project import project_path
from loopbench.errors import UsageError
from loopbench.upwards import upwards


def results_folder() -> Path:
    """Return the project's folder for results, by default `results`."""
    return project_path("results") or Path("results")


def below_results(name: str, text: str) -> Any:
    """Return the option `--out` of a command with a results folder of its own."""
    return typer.Option(default_factory=lambda: results_folder() / name, help=text, show_default=f"results/{name}")


Out = Annotated[Path, typer.Option(default_factory=results_folder, help="Folder for results.", show_default="results")]
AppPython = Annotated[
    Path | None, typer.Option(metavar="PATH", help="The Python of the app; default: its environment, which is found.")
]
Headers = Annotated[
    list[str] | None,
    typer.Option("--header", metavar="NAME:VALUE", help="A header of every request, such as a login's; repeatable."),
]
OWN_SCENARIO = Path("scenario.toml")
"""The file that `loopbench init` writes, and the default of every SCENARIO argument."""


def scenario_files(incomplete: str) -> list[str]:
    """Complete a scenario: the TOML files whose name or folder begins so, else names of bundled ones."""
    begun = glob.escape(incomplete)
    patterns = (f"{begun}*.toml", f"{begun}*/*.toml")
    found = {name for each in patterns for name in glob.glob(each)}  # noqa: PTH207  the beginning may be absolute
    own = sorted(name for name in found if not name.endswith("pyproject.toml"))
    return _harmless(own) or sorted(file.stem for file in bundled.SCENARIOS.glob(f"{begun}*.toml"))


def session_folders(incomplete: str) -> list[str]:
    """Complete a session: the folders of results/, newest first."""
    sessions = sorted(results_folder().glob("**/session.json"), key=lambda path: path.parent.name, reverse=True)
    return _harmless(str(path.parent) for path in sessions if str(path).startswith(incomplete))


def _harmless(names: Iterable[str]) -> list[str]:
    """Leave out what a shell would not take for a plain word: it inserts a completion as it is, and may run it."""
    return [name for name in names if shlex.quote(name) == name]


def sessions_or_scenarios(incomplete: str) -> list[str]:
    """Complete what `compare` takes."""
    return session_folders(incomplete) + scenario_files(incomplete)


def scenario_keys(incomplete: str) -> list[str]:
    """Complete `--set` with the dotted keys of a scenario."""
    from loopbench.scenario.problems import settable_keys

    return [f"{key}=" for key in settable_keys() if key.startswith(incomplete)]


def earlier_session(given: Path, beside: Path | None) -> Path:
    """Return the folder of an earlier session, which is given as a folder or as the name of a baseline.

    Args:
        given: the folder or the name.
        beside: the folder of the scenario's sessions; None: any scenario of the results may have the name.

    Raises:
        DataError: a file of baselines is damaged.
        UsageError: it is neither, or several scenarios have that name.
    """
    from loopbench.records.baselines import read_baselines

    name = str(given)
    if len(given.parts) != 1 or name in {".", ".."} or given.is_dir():
        return given
    places = [beside] if beside else sorted(path for path in results_folder().glob("*") if path.is_dir())
    saved = {place: read_baselines(place) for place in places}
    found = [place / sessions[name] for place, sessions in saved.items() if name in sessions]
    if len(found) == 1:
        return found[0]
    names = sorted({each for sessions in saved.values() for each in sessions})
    what = f"{name} is a baseline of several scenarios" if found else f"{name} is no session's folder and no baseline"
    allowed = ", ".join(map(str, found or names))
    raise UsageError(
        what, slug="baseline", where=str(beside or results_folder()), allowed=allowed, hints=("--save-baseline NAME",)
    )


ScenarioFile = Annotated[
    Path | None,
    typer.Argument(
        metavar="[SCENARIO]",
        help="A scenario's TOML file, or the name of a bundled one; default: scenario.toml.",
        show_default=False,
        autocompletion=scenario_files,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON on stdout, as text on stderr.")]
Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="Print only the result (or the JSON of --json), and errors.")
]
Quick = Annotated[bool, typer.Option("--quick", help="A short ramp and hold, at most five short rounds: less certain.")]
Wait = Annotated[bool, typer.Option("--wait", help="Wait for another measurement on this machine to end.")]
NoLock = Annotated[bool, typer.Option("--no-lock", help="Measure beside another measurement.")]
Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="Override one scenario key; repeatable.", autocompletion=scenario_keys
    ),
]
Seed = Annotated[int | None, typer.Option(help="Order of the runs and think times; recorded.", show_default="random")]
Rounds = Annotated[
    int | None,
    typer.Option(min=0, max=100, help="Maximum rounds, instead of the scenario's; 0: only the ramps."),
]
MaxMinutes = Annotated[
    float | None,
    typer.Option(min=0, help="Start no run or round that would end later.", show_default="of the project, else none"),
]
Baseline = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR|NAME",
        help='An earlier session or a saved baseline, for gates with of = "baseline".',
        autocompletion=session_folders,
    ),
]
SaveBaseline = Annotated[
    str | None, typer.Option(metavar="NAME", help="Let NAME mean this session, unless it is INVALID.")
]
Anyway = Annotated[
    bool, typer.Option("--anyway", help="Accept a --baseline that differs in machine, versions or load.")
]
Strict = Annotated[bool, typer.Option("--strict", help="End with exit code 3 if the session is DEGRADED.")]
ExitZero = Annotated[
    bool,
    typer.Option(
        "--exit-zero", help="End with 0 whatever the result (regression, gate, stamp); errors keep their codes."
    ),
]
Junit = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Write gates, stamps and INVALID verdicts as JUnit XML.")
]
Sarif = Annotated[Path | None, typer.Option(metavar="FILE", help="Write the lines that blocked the loop as SARIF.")]
CodeQuality = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Write these lines as GitLab's code quality report.")
]

ScenarioFolder = Annotated[
    Path | None,
    typer.Argument(
        metavar="DIR", help="The scenarios' folder; default: scenarios, or the bundled ones.", show_default=False
    ),
]


def scenarios_in(folder: Path | None) -> list[Path]:
    """Return the scenarios of a folder: the given one, `scenarios` here, or the bundled one.

    Raises:
        UsageError: there is none in it.
    """
    searched = (folder,) if folder else (Path("scenarios"), bundled.SCENARIOS)
    for place in searched:
        if files := sorted(place.glob("*.toml")):
            return files
    raise UsageError(f"there are no scenarios in {folder}", slug="no-scenarios", where=str(searched[0].resolve()))


def named(scenario: Path) -> Path:
    """Return the file of a scenario: a bundled one may be given by its bare name, such as `file_write`."""
    own = bundled.SCENARIOS / f"{scenario}.toml"
    return own if len(scenario.parts) == 1 and own.is_file() and not scenario.exists() else scenario


def chosen(scenario: Path | None) -> Path:
    """Returns the named scenario, or the project's own.

    Raises:
        UsageError: none is named and there is no scenario.toml; the hint names the command that writes one.
    """
    if scenario is not None:
        return named(scenario)
    own = project_path("scenario") or OWN_SCENARIO
    if own.is_file():
        return own
    raise UsageError(
        f"no SCENARIO is named, and there is no {own} here",
        slug="scenario-missing",
        where=str(Path.cwd()),
        allowed=f"a scenario's TOML file, or {OWN_SCENARIO} in this folder",
        hints=(*scenario_above(), "loopbench list", "loopbench init"),
    )


def scenario_above() -> Iterator[str]:
    """Yield the nearest scenario.toml in a folder above where only this user writes, as something to type."""
    above = (folder / OWN_SCENARIO for folder in upwards(Path.cwd()))
    if found := next((file for file in above if file.is_file()), None):
        yield f"name {os.path.relpath(found)} as the SCENARIO"
