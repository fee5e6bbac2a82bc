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
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "SECURITY.md", *sorted(DOCS.glob("*.md"))]
LINKING_PAGES = [*PAGES, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]
EXAMPLE_NAMES = {"first_pause_s", "fail_under"}
"""Names that CONTRIBUTING.md quotes and that no Python file has: a key that is only an example, a setting."""
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


def prose(page: Path) -> str:
    """Return a page without its code blocks."""
    return re.sub(r"^( *)```.*?^\1```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


def relative_links(page: Path) -> list[str]:
    """Return the targets of a page's links that lead to another file of the repository or to an anchor."""
    return [target for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)) if "://" not in target]


def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub makes of a page's headings."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_index_lists_every_page_of_the_docs_once() -> None:
    listed = [target for target in relative_links(DOCS / "index.md") if target.endswith(".md") and "/" not in target]
    assert sorted(listed) == sorted(page.name for page in DOCS.glob("*.md") if page.name != "index.md")


@pytest.mark.parametrize("page", LINKING_PAGES, ids=lambda page: page.name)
def test_every_relative_link_leads_to_a_file_and_an_anchor(page: Path) -> None:
    broken = []
    for target in relative_links(page):
        name, _, anchor = target.partition("#")
        file = page.parent / name if name else page
        if not file.exists() or (anchor and file.suffix == ".md" and anchor not in anchors(file)):
            broken.append(target)
    assert not broken


def test_every_file_and_name_of_the_recipes_exists() -> None:
    """A renamed module or class must be renamed in CONTRIBUTING.md too."""
    quoted = set(re.findall(r"`([^`\n]+)`", prose(ROOT / "CONTRIBUTING.md")))
    files = {
        text for text in quoted if re.fullmatch(r"[.\w]+/[\w./-]+", text) and "NOUN" not in text and "STEM" not in text
    }
    assert {file for file in files if not (ROOT / file).exists()} == set()
    names = {text for text in quoted if re.fullmatch(r"_?[A-Z]\w+|[a-z]\w*_\w+", text)} - EXAMPLE_NAMES
    folders = ("loopbench", "locustfiles", "plots", "tests")
    code = "\n".join(path.read_text(encoding="utf-8") for folder in folders for path in (ROOT / folder).rglob("*.py"))
    assert {name for name in names if not re.search(rf"\b{name}\b", code)} == set()
    assert len(files) > 20
