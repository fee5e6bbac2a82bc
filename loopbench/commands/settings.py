"""The command `config`: every setting with its value and its source."""

import json
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from loopbench.commands.options import (
    OWN_SCENARIO,
    AppPython,
    AsJson,
    MaxMinutes,
    Overrides,
    Quick,
    Rounds,
    ScenarioFile,
    named,
)
from loopbench.commands.project import BUDGET, Setting, Source, project_setting
from loopbench.console import MISSING, Speech


def config(  # noqa: PLR0913  one parameter an option
    scenario: ScenarioFile = None,
    *,
    quick: Quick = False,
    override: Overrides = None,
    rounds: Rounds = None,
    python: AppPython = None,
    out: Annotated[Path | None, typer.Option(help="Folder for results.", show_default="results")] = None,
    max_minutes: MaxMinutes = None,
    as_json: AsJson = False,
) -> None:
    """Print every setting with its value and where it comes from.

    The command line wins over LOOPBENCH_* variables, these over the scenario, and that over [tool.loopbench].
    """
    found = [*_of_project(scenario, python, out, max_minutes)]
    file = named(Path(next(each.value for each in found if each.key == "scenario")))
    if scenario is not None or file.is_file():
        found += _of_scenario(file, _Changes(tuple(override or ()), quick, rounds))
    speech = Speech(as_json=as_json)
    speech.give(json.dumps([each._asdict() for each in found], indent=1))
    for each in () if as_json else found:
        source = ": ".join(filter(None, (each.source, each.where)))
        speech.answer(f"{each.key} = {_shown(each)}  ({source})")


class _Changes(NamedTuple):
    """What the command line changes in a scenario."""

    overrides: tuple[str, ...]
    quick: bool
    rounds: int | None

    @property
    def short(self) -> str:
        """The options that change several keys."""
        return ", ".join(["--quick"] * self.quick + ["--rounds"] * (self.rounds is not None))


def _of_project(
    scenario: Path | None, python: Path | None, out: Path | None, minutes: float | None
) -> Iterator[Setting]:
    """Yield the settings that belong to no scenario."""
    from loopbench.first_scenario.places import find_python
    from loopbench.measure.lock import LOCK_VARIABLE, lock_path

    given = {"results": (out, "--out"), "scenario": (scenario, "SCENARIO"), "python": (python, "--python")}
    for key, (path, option) in given.items():
        found = Setting(key, str(path), Source.COMMAND_LINE, option) if path else project_setting(key)
        if found.value is None and key == "python":
            own = find_python(Path.cwd())
            yield found._replace(value=str(own.path), where=own.why)
        elif found.value is None:
            yield found._replace(value=str(OWN_SCENARIO) if key == "scenario" else key)
        else:
            yield found
    yield project_setting(BUDGET) if minutes is None else Setting(BUDGET, minutes, Source.COMMAND_LINE, "--max-minutes")
    is_set = bool(os.environ.get(LOCK_VARIABLE))
    source, where = (Source.VARIABLE, LOCK_VARIABLE) if is_set else (Source.DEFAULT, "")
    yield Setting("lock_file", str(lock_path()), source, where)


def _of_scenario(file: Path, changes: _Changes) -> Iterator[Setting]:
    """Yield every key of a scenario. Values that may be secret are hidden."""
    from loopbench.bundled import shown
    from loopbench.scenario import load
    from loopbench.scenario.model import leaves
    from loopbench.scenario.toml import read_toml

    written = [key for key, _ in leaves("", read_toml(file)[1])]
    set_keys = [each.partition("=")[0].strip() for each in changes.overrides]
    before = load(file, changes.overrides).settings
    for key, text in load(file, changes.overrides, quick=changes.quick, rounds=changes.rounds).settings.items():
        source, where = Source.DEFAULT, ""
        if before.get(key) != text:
            source, where = Source.COMMAND_LINE, changes.short
        elif option := _covering(re.sub(r"\[\d+\]", "", key), set_keys):
            source, where = Source.COMMAND_LINE, f"--set {option}"
        elif _covering(key, written):
            source, where = Source.SCENARIO, str(shown(file))
        yield Setting(key, json.loads(text), source, where)


def _covering(key: str, written: Sequence[str]) -> str:
    """Return the key that gives this one its value: itself, a part of it, or the table that it is in; empty: none."""
    return next((each for each in written if f"{key}.".startswith(f"{each}.") or each.startswith(f"{key}.")), "")


def _shown(setting: Setting) -> str:
    return MISSING if setting.value is None else json.dumps(setting.value, ensure_ascii=False)
