"""The guides: what they show is what the commands do, and every command and option they name exists."""

import re
import sys
from pathlib import Path
from typing import Any

import pytest
import typer

from loopbench.cli import app
from loopbench.errors import ExitCode
from loopbench.scenario import load
from tests.first_scenario.calling import call

ROOT = Path(__file__).parents[1]
GUIDE = (ROOT / "docs" / "your-own-app.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").glob("*.md"))]
CALL = re.compile(r"\bloopbench ((?:--)?[a-z][\w-]*)([^`\n|;#]*)")
CODE = re.compile(r"^```[^\n]*\n(.*?)^```|`(loopbench [^`]+)`|^    (loopbench [^\n]+)", re.MULTILINE | re.DOTALL)


def blocks(language: str) -> list[str]:
    """The fenced blocks of the guide in one language; empty: those that name none."""
    fenced = re.findall(r"^```(\w*)\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
    return [text for named, text in fenced if named == language]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The guide's app, in a folder with a virtual environment: ours, by another path."""
    (tmp_path / ".venv").symlink_to(sys.prefix)
    (app,) = blocks("python")
    (tmp_path / "main.py").write_text(app)
    return tmp_path


@pytest.mark.real
def test_init_says_and_writes_what_the_guide_shows(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    done = call(capsys, project, "init")
    assert done.out in blocks("")
    scenario = load(project / "scenario.toml")
    assert scenario.target.python == ".venv/bin/python"
    assert [variant.path for variant in scenario.variants] == ["/search", "/search_async"]
    (comments,) = (block for block in blocks("") if block.startswith("# Not asked"))
    assert comments in (project / "scenario.toml").read_text()


def test_the_guide_s_own_scenario_loads_and_plans(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (text,) = blocks("toml")
    assert len(text.splitlines()) <= 10
    (project / "scenario.toml").write_text(text)
    assert call(capsys, project, "plan").code == ExitCode.OK


def named_calls() -> list[tuple[str, str, str]]:
    """Page, command and the rest of the line, for every call of loopbench in code."""
    found = []
    for page in filter(Path.exists, PAGES):
        code = "\n".join("".join(match) for match in CODE.findall(page.read_text(encoding="utf-8")))
        found += [(page.name, command, rest) for command, rest in CALL.findall(code)]
    return found


def test_every_command_and_option_the_pages_name_exists() -> None:
    group: Any = typer.main.get_command(app)
    options = {
        name: {each for parameter in command.params for each in parameter.opts}
        for name, command in group.commands.items()
    }
    options["--"] = {each for parameter in group.params for each in parameter.opts}
    wrong = []
    for page, command, rest in named_calls():
        if command.startswith("--"):
            wrong += [] if command in options["--"] else [f"{page}: loopbench {command}"]
        elif command not in options:
            wrong.append(f"{page}: loopbench {command}")
        else:
            unknown = set(re.findall(r"(?<=\s)--[a-z][\w-]*", rest)) - options[command] - {"--help"}
            wrong += [f"{page}: loopbench {command} {option}" for option in sorted(unknown)]
    assert not wrong
    assert len(named_calls()) > 20


@pytest.mark.parametrize("page", ["your-own-app.md", "reading-the-report.md", "scenario-reference.md"])
def test_every_page_that_is_linked_to_exists(page: str) -> None:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    targets = [target.partition("#")[0] for target in re.findall(r"\]\(([^)]+)\)", text)]
    missing = [target for target in targets if target and not (ROOT / "docs" / target).exists()]
    assert not missing
