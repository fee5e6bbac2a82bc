"""The guides: what they show is what the commands do, and every command and option they name exists."""

import re
import runpy
import shlex
import subprocess
import sys
from collections.abc import Iterator
from itertools import groupby
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
CALL = re.compile(r"(?<!from )\bloopbench ((?:--)?[a-z][\w-]*)([^`\n|;#]*)")
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
    text, *_ = blocks("toml")
    assert len(text.splitlines()) <= 10
    (project / "scenario.toml").write_text(text)
    assert call(capsys, project, "plan").code == ExitCode.OK


def test_the_guide_s_login_plans(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    *_, text = blocks("toml")
    (project / "items.csv").write_text("id\n1\n")
    (project / "scenario.toml").write_text(f'title = "t"\nquestion = "q"\ntarget = {{ app = "main:app" }}\n{text}')
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


SHELL = re.compile(r"^( *)```sh\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
OTHER_PROGRAMS = {"alias", "cd", "cp", "duckdb", "git", "pip", "pipx", "pre-commit", "pytest", "python3", "sudo", "uv"}


def shell_of(page: Path) -> str:
    """The shell commands of a page, each continued line as one."""
    return "\n".join(block for _, block in SHELL.findall(page.read_text(encoding="utf-8"))).replace("\\\n", " ")


def simple_commands(shell: str) -> Iterator[list[str]]:
    """Yield the words of every command, without variables before it and redirections after it."""
    for line in shell.splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;<>")
        lexer.whitespace_split = True
        for is_operator, words in groupby(lexer, key=lambda word: set(word) <= set("|&;<>")):
            command = [] if is_operator else list(words)
            while command and re.match(r"[A-Z_]+=", command[0]):
                del command[0]
            if command:
                yield command


def check_command(words: list[str]) -> None:
    """Check that a command exists and accepts its arguments."""
    program, *arguments = words
    if program == "docker":
        inside = ["loopbench", *arguments[arguments.index("loopbench") + 1 :]]
        if arguments[0] == "run":
            check_command(inside)
    elif program == "make":
        targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
        assert [word for word in arguments if re.fullmatch(r"[a-z-]+", word) and word in targets], words
    elif Path(program).name == "loopbench":
        group: Any = typer.main.get_command(app)
        with group.commands[arguments[0]].make_context(arguments[0], arguments[1:]):
            pass
    else:
        assert program in OTHER_PROGRAMS or Path(program).name in OTHER_PROGRAMS, words


@pytest.mark.parametrize("page", [page for page in LINKING_PAGES if shell_of(page)], ids=lambda page: page.name)
def test_every_shell_command_of_a_page_parses(page: Path) -> None:
    shell = shell_of(page)
    subprocess.run(["bash", "-n"], input=shell, text=True, check=True)  # noqa: S607  the shell of the readers
    for words in simple_commands(shell):
        check_command(words)


@pytest.mark.parametrize("page", LINKING_PAGES, ids=lambda page: page.name)
def test_a_block_that_begins_with_a_command_is_marked_as_shell(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert not re.findall(r"^ *```\n *((?:\S*/)?loopbench [a-z].*|make [a-z].*)$", text, re.MULTILINE)


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


def test_the_site_has_every_page_in_the_order_of_the_index() -> None:
    pages = re.findall(r"^ +- ([\w-]+\.md)$", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"), re.MULTILINE)
    listed = [target for target in relative_links(DOCS / "index.md") if re.fullmatch(r"[\w-]+\.md", target)]
    assert pages == ["index.md", *listed]


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


def test_llms_txt_lists_every_page_by_its_address() -> None:
    hook = runpy.run_path(str(ROOT / ".ci" / "site_links.py"))
    text = hook["llms_text"](
        (DOCS / "index.md").read_text(encoding="utf-8"), "loopbench", "What it is.", "https://x.test/"
    )
    assert text.startswith("# loopbench\n\n> What it is.\n")
    assert {f"https://x.test/{page.stem}/" for page in DOCS.glob("*.md") if page.stem != "index"} <= set(
        re.findall(r"\((https://x\.test/[^)#]*)", text)
    )
    assert not re.findall(r"\]\((?!https://)[^)]*\)", text)
