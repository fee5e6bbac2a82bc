"""The probe runs in foreign environments: old Pythons, no packages installed."""

import ast
import sys
from pathlib import Path

import pytest

SOURCES = sorted((Path(__file__).resolve().parents[2] / "probe").rglob("*.py"))


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.name)
def test_every_module_is_python_3_9_and_imports_the_standard_library_or_what_the_target_has(source: Path) -> None:
    tree = ast.parse(source.read_text(), feature_version=(3, 9))
    imported = {
        name.split(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    at_call_time = {"anyio", "fastapi", "starlette", "uvloop"}  # imported only if they are installed
    assert imported <= set(sys.stdlib_module_names) | {"loopbench_probe"} | at_call_time


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.name)
def test_annotations_are_never_evaluated(source: Path) -> None:
    """`X | None` in an annotation is an error on 3.9 unless it stays text."""
    assert "from __future__ import annotations" in source.read_text()
