"""What people, editors and strangers put into a scenario file or on the command line. Nothing is started."""

import fcntl
import os
import shutil
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest

from loopbench.errors import ExitCode
from loopbench.measure.lock import LOCK_VARIABLE
from loopbench.showable import HIDDEN
from tests.faults.commands import Command
from tests.faults.faults import Ended, check_end, write_scenario

SOUND = b'title = "t"\nquestion = "q"\n[target]\napp = "main:app"\n[[variants]]\nname = "a"\npath = "/a"\n'

FOUR_MISTAKES = b"""\
titel = "t"
title = "t"
question = "q"
[target]
app = "main.app"
[load]
users = "many"
[[variants]]
name = "a"
path = "a"
"""


def in_place(old: bytes, new: bytes) -> bytes:
    """The sound scenario with one thing changed."""
    assert old in SOUND
    return SOUND.replace(old, new)


def with_load(line: bytes) -> bytes:
    """The sound scenario with one setting of its load."""
    return in_place(b"[[variants]]", b"[load]\n" + line + b"\n[[variants]]")


REFUSED = {
    "four mistakes at once": (
        FOUR_MISTAKES,
        ["4 mistakes", "case.toml:1", "case.toml:5", "case.toml:7", "case.toml:10"],
    ),
    "a byte order mark": (b"\xef\xbb\xbf" + SOUND, ["byte order mark"]),
    "UTF-16": (SOUND.decode().encode("utf-16"), ["is not UTF-8"]),
    "a NUL": (in_place(b'"q"', b'"\x00"'), ["error[toml]"]),
    "a duplicate key": (b'title = "x"\n' + SOUND, ["error[toml]", "line 2"]),
    "1,000 nested arrays": (b"x = " + b"[" * 1000 + b"]" * 1000 + SOUND, ["too deeply"]),
    "1,000 nested tables": (b"x = " + b"{a=" * 1000 + b"1" + b"}" * 1000 + SOUND, ["too deeply"]),
    "an integer of 5,000 digits": (b"x = " + b"9" * 5000 + b"\n" + SOUND, ["error[toml]"]),
    "a dotted key of 20 kB": (b"a" + b".a" * 10_000 + b" = 1\n" + SOUND, ["more than 9 parts"]),
    "a dotted key of 20 kB in a header": (b"[a" + b".a" * 10_000 + b"]\n" + SOUND, ["more than 9 parts"]),
    "a dotted key of 20 kB in a value": (b"x = { a" + b".a" * 10_000 + b" = 1 }\n" + SOUND, ["more than 9 parts"]),
    "a dotted key of 20 kB behind a quoted sign": (
        b'"=' + b'".a' * 1 + b".a" * 10_000 + b" = 1\n" + SOUND,
        ["9 parts"],
    ),
    "50 MB": (b"#" * 50_000_000, ["larger than 64 KiB"]),
    "nan users": (with_load(b"users = nan"), ["load.users"]),
    "inf users": (with_load(b"users = inf"), ["load.users"]),
    "-1 users": (with_load(b"users = -1"), ["load.users"]),
    "no users": (with_load(b"users = 0"), ["load.users"]),
    "an endless hold": (with_load(b"hold_s = inf"), ["load.hold_s"]),
    "nothing": (b"", ["'target' is missing"]),
    "a name of 301 characters": (in_place(b'"a"', b'"' + b"a" * 301 + b'"'), ["at most 300"]),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_scenario_is_refused_with_what_is_wrong_and_where(command: Command, tmp_path: Path, name: str) -> None:
    content, words = REFUSED[name]
    (tmp_path / "case.toml").write_bytes(content)
    check_end(command("plan", "case.toml"), ExitCode.USAGE, *words)


def test_lines_that_end_as_on_windows_are_lines(command: Command, tmp_path: Path) -> None:
    (tmp_path / "case.toml").write_bytes(SOUND.replace(b"\n", b"\r\n"))
    check_end(command("plan", "case.toml"), 0)


def test_a_plan_of_nine_days_is_not_begun_by_mistake(command: Command, tmp_path: Path) -> None:
    rounds = b"[repeat]\nmax_rounds = 100\nmin_rounds = 100\nwindow_s = 3600\n[[variants]]"
    variant = b'[[variants]]\nname = "b"\npath = "/b"\n'
    (tmp_path / "case.toml").write_bytes(in_place(b"[[variants]]", rounds) + variant)
    check_end(command("run", "case.toml", "--no-lock"), ExitCode.USAGE, "error[long-plan]", "8 days", "--max-minutes")
    assert not (tmp_path / "results").exists()


NAMES = {
    "a path": "../../x",
    "a device of DOS": "CON",
    "300 characters": "n" * 300,
    "HTML": "<script>alert(1)</script>",
    "markup": "[/red][link=http://x]",
    "an escape": "\\u001b[31mred",
    "a formula": "=1+1",
    "a new line": "a\\nb",
    "a bidi override": "\\u202egnp.exe",
    "a lone fence": "```",
}


@pytest.mark.parametrize("name", NAMES)
def test_a_strange_name_is_planned_and_shown_on_one_line(command: Command, tmp_path: Path, name: str) -> None:
    (tmp_path / "case.toml").write_bytes(in_place(b'"a"', f'"{NAMES[name]}"'.encode()))
    ended = command("plan", "case.toml")
    check_end(ended, 0)
    check_shown(ended)


def test_two_names_with_one_slug_are_two_runs(command: Command, tmp_path: Path) -> None:
    (tmp_path / "case.toml").write_bytes(SOUND + b'[[variants]]\nname = "A!"\npath = "/b"\n')
    ended = command("plan", "case.toml", "--rounds", "0")
    check_end(ended, 0)
    assert {"a", "a-2"} <= set(ended.stdout.split())


def test_a_strange_key_is_quoted_harmlessly(command: Command, tmp_path: Path) -> None:
    (tmp_path / "case.toml").write_bytes('"\\u001b[2J\u202e" = 1\n'.encode() + SOUND)
    ended = command("plan", "case.toml")
    check_end(ended, ExitCode.USAGE, "unknown key")
    check_shown(ended)


def check_shown(ended: Ended) -> None:
    """Nothing that does not show itself was printed."""
    hidden = {each for each in ended.stdout + ended.stderr if unicodedata.category(each) in HIDDEN} - {"\n"}
    assert not hidden, hidden


def make_folder(path: Path) -> None:
    path.mkdir()


def make_loop(path: Path) -> None:
    path.symlink_to(path)


def make_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (make_folder, "is not a regular file"),
        (os.mkfifo, "is not a regular file"),
        (make_device, "is not a regular file"),
        (make_loop, "there is no scenario"),
    ],
    ids=["a folder", "a FIFO", "a device", "a loop of links"],
)
def test_what_is_no_file_is_not_opened(
    command: Command, tmp_path: Path, make: Callable[[Path], None], words: str
) -> None:
    make(tmp_path / "case.toml")
    check_end(command("plan", "case.toml"), ExitCode.USAGE, words)


def test_a_scenario_that_may_not_be_read_is_refused(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root may read everything, so the refusal is the kernel's word for it, given by hand."""

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", "case.toml")

    (tmp_path / "case.toml").write_bytes(SOUND)
    monkeypatch.setattr(Path, "open", refuse)
    check_end(command("plan", "case.toml"), ExitCode.USAGE, "Permission denied")


@pytest.mark.parametrize("out", ["", "results", "results/below", "/proc/loopbench", "n" * 256])
def test_results_that_cannot_be_written_are_an_error_before_anything_starts(
    command: Command, tmp_path: Path, out: str
) -> None:
    """Neither where they go by default nor where `--out` puts them."""
    (tmp_path / "results").write_text("in the way")
    option = ("--out", out) if out else ()
    ended = command("run", write_scenario(tmp_path), "--no-lock", *option)
    check_end(ended, ExitCode.ENVIRONMENT, "results cannot be written")


def test_a_full_disk_is_an_error_before_anything_starts(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = shutil.disk_usage(tmp_path)._replace(free=1_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: full)
    ended = command("run", write_scenario(tmp_path), "--no-lock")
    check_end(ended, ExitCode.ENVIRONMENT, "error[disk-full]", "only 1 MB are free")


def test_a_second_instance_is_refused(command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(LOCK_VARIABLE, str(tmp_path / "lock"))
    with (tmp_path / "lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        ended = command("run", write_scenario(tmp_path))
    check_end(ended, ExitCode.ENVIRONMENT, "error[busy]", "--wait")
    assert not (tmp_path / "results").exists()
