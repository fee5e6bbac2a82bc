"""docs/notebooks: every cell runs, from top to bottom, and the last line of each cell has something to show.

The cells are plain Python, so no kernel is needed: nbclient and ipykernel are two dozen packages.
"""

import ast
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

NOTEBOOKS = sorted((Path(__file__).parents[1] / "docs" / "notebooks").glob("*.ipynb"))


def shown(code: str, names: dict[str, Any]) -> Any:
    """Run a cell and return the value of its last line, as a notebook shows it."""
    *statements, last = ast.parse(code).body
    exec(compile(ast.Module(statements, []), "cell", "exec"), names)  # noqa: S102  our own file
    assert isinstance(last, ast.Expr), "a cell ends with what it shows"
    return eval(compile(ast.Expression(last.value), "cell", "eval"), names)  # noqa: S307  the same


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_every_cell_of_an_example_notebook_runs(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(file.parent)
    names: dict[str, Any] = {}
    cells = [cell for cell in json.loads(file.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]
    assert len(cells) >= 3
    for cell in cells:
        value = shown("".join(cell["source"]), names)
        assert value is not None
        assert not (isinstance(value, pd.DataFrame) and value.empty), cell["source"]


def test_notebooks_are_kept_without_output_for_a_readable_diff() -> None:
    cells = [cell for file in NOTEBOOKS for cell in json.loads(file.read_text(encoding="utf-8"))["cells"]]
    assert {len(cell.get("outputs", [])) for cell in cells} == {0}
    assert len(NOTEBOOKS) == 2
