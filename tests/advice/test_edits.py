"""The edit of one line, where that is all it takes."""

from pathlib import Path

import pytest

from loopbench.advice.edits import edits
from loopbench.first_scenario.reading import Function

APP = """\
@app.get("/search")
async def search(q: str) -> int:
    time.sleep(1)


@app.get("/awaits")
async def awaits() -> int:
    return [await each for each in ()]


@app.get("/inner")
async def inner() -> int:
    async def other() -> None:
        await sleep(1)


def plain() -> int: ...
"""


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """An app's file."""
    file = tmp_path / "main.py"
    file.write_text(APP)
    return file


def function(file: Path, name: str, line: int, *, is_async: bool = True) -> Function:
    return Function(name=name, file=str(file), line=line, is_async=is_async)


def test_a_coroutine_that_blocks_becomes_a_plain_def(app: Path) -> None:
    (edit,) = edits([function(app, "search", 2)], app.parent, to_async=False)
    assert edit.diff == (
        "--- main.py:2",
        "-async def search(q: str) -> int:",
        "+def search(q: str) -> int:",
    )


def test_a_plain_def_becomes_a_coroutine(app: Path) -> None:
    (edit,) = edits([function(app, "plain", 17, is_async=False)], app.parent, to_async=True)
    assert (edit.before, edit.after) == ("def plain() -> int: ...", "async def plain() -> int: ...")


def test_an_await_in_a_function_inside_is_not_its_own(app: Path) -> None:
    assert list(edits([function(app, "inner", 12)], app.parent, to_async=False))


@pytest.mark.parametrize(
    ("name", "line", "to_async"),
    [
        ("awaits", 7, False),  # more than one line
        ("search", 2, True),  # is one already
        ("elsewhere", 2, False),
    ],
)
def test_no_edit_is_shown_where_it_would_not_do(app: Path, *, name: str, line: int, to_async: bool) -> None:
    assert list(edits([function(app, name, line)], app.parent, to_async=to_async)) == []


def test_a_package_s_function_is_left_alone(app: Path) -> None:
    assert list(edits([function(app, "search", 2)], app.parent / "other", to_async=False)) == []
