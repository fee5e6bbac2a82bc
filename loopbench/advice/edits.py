"""The edit that turns a function into the other style: one line, where that is all there is to it."""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from loopbench.first_scenario.reading import Function


@dataclass(frozen=True)
class Edit:
    """One line of the app, as it is and as it would be."""

    file: str
    line: int
    before: str
    after: str

    @property
    def diff(self) -> tuple[str, ...]:
        """The lines of a diff."""
        return (f"--- {self.file}:{self.line}", f"-{self.before}", f"+{self.after}")


def edits(functions: Iterable[Function], folder: Path, *, to_async: bool) -> Iterator[Edit]:
    """Yield the edit of each of these functions of the app in `folder` that is of the other style and only needs that.

    A coroutine that awaits anywhere in its body needs more than one line.
    """
    for function in {(each.file, each.line): each for each in functions}.values():
        if function.is_async is not to_async and (edit := _edit(function, folder, to_async=to_async)):
            yield edit


def _edit(function: Function, folder: Path, *, to_async: bool) -> Edit | None:
    file = Path(function.file)
    if not file.is_relative_to(folder.resolve()) or "site-packages" in file.parts:
        return None
    try:
        text = file.read_text(encoding="utf-8")
        node = _definition(ast.parse(text), function)
        if node is None or (not to_async and _awaits(node)):
            return None
    except (OSError, ValueError, SyntaxError, RecursionError, MemoryError):  # the last two: it nests too deeply
        return None
    line = text.splitlines()[node.lineno - 1]
    words = ("def ", "async def ") if to_async else ("async def ", "def ")
    return Edit(str(file.relative_to(folder.resolve())), node.lineno, line, line.replace(*words, 1))


def _definition(tree: ast.AST, function: Function) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
    """Return the definition at the function's line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.lineno == function.line:
            return node if node.name == function.name.rpartition(".")[2] else None
    return None


def _awaits(node: ast.AST) -> bool:
    """Whether a function awaits, functions inside it left out."""
    inside = [
        each
        for each in ast.iter_child_nodes(node)
        if not isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
    ]
    kinds = ast.Await | ast.AsyncFor | ast.AsyncWith
    return any(isinstance(each, kinds) or getattr(each, "is_async", 0) or _awaits(each) for each in inside)
