"""Every style with SQLite finds the same rows and stores what it confirmed."""

from pathlib import Path

import pytest

from loopbench.bundled.target_app.sqlite import FOUND
from tests.serving import ask
from tests.target_app.running_app import ask_all, running

pytestmark = pytest.mark.real

READS = ("read-def", "read-async", "read-aiosqlite", "read-aiosqlite-per-request")
WRITES = ("write-def", "write-async", "write-aiosqlite")


@pytest.mark.parametrize("style", READS)
def test_every_read_finds_the_same_even_when_many_are_the_first(app_port: int, style: str) -> None:
    assert ask_all(app_port, [f"/sqlite/{style}"] * 12) == [{"found": FOUND}] * 12


def test_writes_are_stored_and_the_file_is_removed_with_the_app(tmp_path: Path) -> None:
    with running("target_app.only:sqlite", env={"TMPDIR": str(tmp_path)}) as port:
        for style in WRITES:
            rows = [body["row"] for body in ask_all(port, [f"/sqlite/{style}"] * 12, "POST")]
            assert len(set(rows)) == 12
        assert ask(port, "/sqlite/receipt")[2] == {"written": 36, "stored": 36, "lost": 0}
        assert [path.name.startswith("target-app-sqlite-") for path in tmp_path.iterdir()] == [True]
    assert list(tmp_path.iterdir()) == []
