"""Source text is kept for the lines that took the time, and for no other file than the target's own."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from loopbench import secrecy
from loopbench.errors import DataError
from loopbench.measure.lines import MAX_BYTES, MAX_LINES, capture_lines
from loopbench.records.source_lines import LINES_FILE, MAX_CHARACTERS, SourceLine, read_lines

TEXT = "".join(f"line {number}\n" for number in range(1, 11))
STARTED_S = 2_000_000_000.0
"""By the probe; files are older."""


def logged(folder: Path, *places: dict[str, Any]) -> None:
    records = [{"record": "start", "time_unix_s": STARTED_S}, {"record": "second", "blocked": places, "busy": []}]
    (folder / "probe-7.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))


def at(file: Path | str, line: int = 5, seconds: float = 1.0, owner: str = "user") -> dict[str, Any]:
    nobody = {f"{each}_{part}": None for each in ("user", "near") for part in ("file", "line")}
    return {**nobody, f"{owner}_file": str(file), f"{owner}_line": line, "blocked_s": seconds}


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """A source file in an app's folder, with a run's folder beside that."""
    (tmp_path / "run").mkdir()
    (tmp_path / "app").mkdir()
    file = tmp_path / "app" / "main.py"
    file.write_text(TEXT)
    os.utime(file, (1, 1))
    return file


def kept(app: Path, *places: dict[str, Any]) -> list[SourceLine]:
    folder = app.parent.parent / "run"
    logged(folder, *places)
    capture_lines(folder, app.parent)
    return list(read_lines(folder).values())


@pytest.mark.parametrize(
    ("line", "first", "last"), [(5, 2, 8), (1, 1, 4), (10, 7, 10)], ids=["middle", "beginning", "end"]
)
def test_three_lines_on_either_side_are_kept(app: Path, line: int, first: int, last: int) -> None:
    (source,) = kept(app, at(app, line))
    assert (source.first, [text for text in source.text if text]) == (
        first,
        [f"line {n}" for n in range(first, last + 1)],
    )
    assert source.itself == f"line {line}"


def test_a_line_that_was_near_is_kept_too(app: Path) -> None:
    (source,) = kept(app, at(app, owner="near"))
    assert source.itself == "line 5"


def test_the_lines_that_took_longest_are_kept(app: Path) -> None:
    sources = kept(
        app,
        *(at(app, 1 + n % 10, seconds=float(n)) for n in range(10)),
        *(at(f"/x/{n}", seconds=0.5) for n in range(30)),
    )
    assert len(sources) == MAX_LINES
    assert sources[0].line == 10


def unread(app: Path, name: Path | str, line: int = 5) -> str:
    (source,) = kept(app, at(name, line))
    assert (source.text, source.itself) == ((), "")
    return source.missing


def test_a_file_outside_the_app_is_not_read(app: Path) -> None:
    other = app.parent.parent / "secret.py"
    other.write_text(TEXT)
    assert unread(app, other) == "the file is outside app_dir"


def test_a_secret_in_the_source_is_hidden(app: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrecy, "_remembered", {})
    secrecy.remember(["line 5"])
    (line,) = kept(app, at(app))
    assert "line 5" not in line.text
    assert "line 4" in line.text


def test_a_link_out_of_the_app_is_not_followed(app: Path) -> None:
    other = app.parent.parent / "secret.py"
    other.write_text(TEXT)
    link = app.parent / "link.py"
    link.symlink_to(other)
    assert unread(app, link) == "the file is outside app_dir"


def test_what_is_no_regular_file_is_not_opened(app: Path) -> None:
    os.mkfifo(app.parent / "pipe")
    assert unread(app, app.parent / "pipe") == "there is no such regular file"
    assert unread(app, app.parent / "gone.py") == "there is no such regular file"


def test_generated_code_has_no_text(app: Path) -> None:
    assert unread(app, "<string>") == "the code was generated: it has no file"


def test_a_file_changed_after_the_start_is_not_what_ran(app: Path) -> None:
    os.utime(app, (STARTED_S + 1, STARTED_S + 1))
    assert unread(app, app) == "the file was changed after the target was started"


def test_huge_binary_and_shorter_files_are_said(app: Path) -> None:
    assert unread(app, app, line=40) == "the file has no such line"
    app.write_bytes(b"\xff\xfe\x00" * 20)
    os.utime(app, (1, 1))
    assert unread(app, app) == "the file is not UTF-8 text"
    app.write_bytes(b"x" * (MAX_BYTES + 1))
    assert unread(app, app) == "the file is larger than 1,000,000 bytes"


def test_names_that_are_no_text_survive(app: Path) -> None:
    assert unread(app, "/nowhere/\udcff.py") == "the file is outside app_dir"


def test_a_run_without_a_probe_keeps_an_empty_list(app: Path) -> None:
    folder = app.parent.parent / "run"
    capture_lines(folder, app.parent)
    assert read_lines(folder) == {}


@pytest.mark.parametrize("text", ["", "[]", '{"format":1}', '{"format":9,"lines":[]}', '{"format":1,"lines":[{}]}'])
def test_a_damaged_or_foreign_file_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / LINES_FILE).write_text(text)
    with pytest.raises(DataError):
        read_lines(tmp_path)


def test_a_link_in_the_place_of_the_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other").write_text('{"format":1,"lines":[]}')
    (tmp_path / LINES_FILE).symlink_to(tmp_path / "other")
    with pytest.raises(DataError, match="cannot be read"):
        read_lines(tmp_path)


def test_a_foreign_file_has_no_longer_lines_than_ours(tmp_path: Path) -> None:
    """They are searched with patterns whose time grows with the square of the length."""
    line = {"file": "main.py", "line": 5, "first": 5, "text": ["with " * 100_000], "missing": ""}
    (tmp_path / LINES_FILE).write_text(json.dumps({"format": 1, "lines": [line]}))
    (source,) = read_lines(tmp_path).values()
    assert source.itself == ("with " * 100_000)[:MAX_CHARACTERS]
