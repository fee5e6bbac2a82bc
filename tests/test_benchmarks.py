"""The table of benchmarks, its README, and the Makefile that runs them."""

import ast
import re
from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmarks import twins
from benchmarks.__main__ import BENCHMARKS, Benchmark, main, markdown, nearest, run
from loopbench.scenario import load

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "benchmarks"
MODULES = {path.stem: path for path in FOLDER.glob("*.py") if not path.stem.startswith("__")}
LISTED = {line.partition(" ")[0] for benchmark in BENCHMARKS for line in benchmark.modules}
PAGES = [ROOT / "README.md", ROOT / "SECURITY.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
MAX_TARGETS = 12


def tree(module: str) -> ast.Module:
    """Return the syntax tree of a module of benchmarks/."""
    return ast.parse(MODULES[module].read_text(encoding="utf-8"))


def helpers(module: str) -> set[str]:
    """Return the modules that one imports, or starts by their file's name."""
    nodes = list(ast.walk(tree(module)))
    imported = {node.module for node in nodes if isinstance(node, ast.ImportFrom)}
    names = {node.value for node in nodes if isinstance(node, ast.Constant)}
    return {stem for stem in MODULES if f"benchmarks.{stem}" in imported or f"{stem}.py" in names}


def targets() -> dict[str, str]:
    """Return the Makefile's targets and what `make help` prints for each."""
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    lines = re.findall(r"^([a-z-]+):(.*)$", text, re.MULTILINE)
    return {name: rest.partition("## ")[2] for name, rest in lines}


def test_the_readme_is_the_table_of_the_code() -> None:
    assert (FOLDER / "README.md").read_text(encoding="utf-8") == markdown(), "run make generate"


def test_every_module_is_in_the_table_or_helps_one_that_is() -> None:
    assert set(MODULES) >= LISTED
    reached, new = set(LISTED), set(LISTED)
    while new:
        new = {helper for module in new for helper in helpers(module)} - reached
        reached |= new
    assert set(MODULES) == reached


def test_no_name_is_used_twice() -> None:
    names = [benchmark.name for benchmark in BENCHMARKS]
    assert sorted(set(names)) == sorted(names)


@pytest.mark.parametrize("module", sorted(LISTED))
def test_every_main_takes_its_arguments_and_returns_an_exit_code(module: str) -> None:
    (found,) = (node for node in tree(module).body if isinstance(node, ast.FunctionDef) and node.name == "main")
    assert ast.unparse(found.args) == "arguments: Sequence[str] | None=None"
    assert ast.unparse(found.returns or ast.Constant("")) == "int"


def test_without_a_name_the_table_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    printed = capsys.readouterr().out
    assert all(benchmark.shows in printed for benchmark in BENCHMARKS)


def test_an_unknown_name_exits_2_with_the_nearest_and_the_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["stemp"]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "Did you mean 'stamp'?" in printed.err
    assert all(benchmark.name in printed.err for benchmark in BENCHMARKS)


@pytest.mark.parametrize(
    ("asked", "found"), [("regressions", "compare"), ("probe_cost", "probe"), ("generators", "generator")]
)
def test_a_module_s_name_leads_to_its_benchmark(asked: str, found: str) -> None:
    assert nearest(asked) == found


def test_arguments_after_the_name_are_the_benchmark_s(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["pytest"])
    assert main(["stamp", "--help"]) == 0
    printed = capsys.readouterr().out
    assert "python -m benchmarks stamp" in printed
    assert "--tries" in printed


def test_modules_run_in_order_until_one_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[tuple[str, list[str]]] = []
    codes = {"benchmarks.first": 0, "benchmarks.second": 1, "benchmarks.third": 0}

    def import_module(name: str) -> SimpleNamespace:
        def start(arguments: list[str]) -> int:
            ran.append((name, arguments))
            return codes[name]

        return SimpleNamespace(main=start)

    monkeypatch.setattr("sys.argv", ["pytest"])
    monkeypatch.setattr("benchmarks.__main__.importlib", SimpleNamespace(import_module=import_module))
    assert run(Benchmark("three", ("first", "second --repeat 3", "third"), "", 1), ["--quick"]) == 1
    assert ran == [("benchmarks.first", ["--quick"]), ("benchmarks.second", ["--repeat", "3", "--quick"])]


def test_help_of_a_benchmark_with_several_modules_shows_each_once(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["pytest"])
    assert main(["probe", "--help"]) == 0
    assert [line.split()[3] for line in capsys.readouterr().out.splitlines() if line.startswith("usage:")] == [
        "benchmarks.probe_accuracy",
        "benchmarks.probe_cost",
    ]


def test_the_makefile_has_at_most_twelve_targets_and_help_for_each() -> None:
    assert len(targets()) <= MAX_TARGETS
    assert all(targets().values())


def test_every_make_target_and_benchmark_the_pages_name_exists() -> None:
    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    named = set(re.findall(r"(?:^|`| {4})make ([a-z][a-z-]*)", text, re.MULTILINE))
    assert named <= set(targets())
    assert set(re.findall(r'NAME="?([a-z-]+)', text)) <= {benchmark.name for benchmark in BENCHMARKS}


@pytest.mark.parametrize("kind", twins.KINDS)
def test_each_kind_of_twin_is_measured_both_ways_in_turns(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "twins.toml"
    file.write_text(twins.scenario(kind, 5, {"URL": "http://127.0.0.1:1"}))
    made = load(file)
    assert made.isolated_because == ""
    assert [(each.name, each.path.split("/")[1], each.run_in) for each in made.variants] == [
        ("written thread", "def", None),
        ("moved thread", "async", "threadpool"),
        ("written loop", "async", None),
        ("moved loop", "def", "event_loop"),
    ]
    assert {each.run_dependencies_in for each in made.variants[1::2]} == (
        {"threadpool", "event_loop"} if kind in twins.DEPENDENT else {None}
    )
