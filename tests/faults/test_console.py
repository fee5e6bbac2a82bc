"""Streams that are closed, full, dumb or ASCII, and a terminal that goes away: none disturbs a measurement."""

import os
import pty
import select
import signal
import subprocess
import termios
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Self

import pytest

from loopbench.errors import ExitCode
from loopbench.records.session import REPORT_FILE, run_folders
from tests.faults.faults import ENDLESS_S, LOOPBENCH, Ended, Measuring, begun_session, left_behind, write_scenario


@pytest.mark.parametrize(
    ("command", "streams", "code"),
    [
        ("list", ">&-", ExitCode.USAGE),
        ("list", "2>&-", ExitCode.USAGE),
        ("report", ">&- 2>&- <&-", ExitCode.DATA),
        ("list", ">/dev/full", ExitCode.USAGE),
        ("list", "2>/dev/full", ExitCode.USAGE),
    ],
)
def test_streams_that_are_closed_or_full_change_no_exit_code(
    command: str, streams: str, code: ExitCode, tmp_path: Path
) -> None:
    """What cannot be printed is dropped; no other file gets it, and Python does not complain at exit."""
    line = f'"{LOOPBENCH[0]}" {command} nowhere {streams}'
    done = subprocess.run(["/bin/sh", "-c", line], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == code
    assert "Traceback" not in done.stdout + done.stderr
    assert "Exception ignored" not in done.stderr


def test_ascii_and_a_dumb_terminal_get_plain_words(tmp_path: Path) -> None:
    """A title in another script becomes question marks, not an error."""
    file = write_scenario(tmp_path)
    file.write_text(file.read_text().replace("A fault", "Ein Fehler: \u00fcber\u2014alles"), encoding="utf-8")
    env = os.environ | {"PYTHONIOENCODING": "ascii", "TERM": "dumb", "LC_ALL": "C"}
    done = subprocess.run([*LOOPBENCH, "list", "."], cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Ein Fehler: ?ber?alles" in done.stdout


@pytest.mark.real
@pytest.mark.nightly
class TestTerminal:
    """A session on a terminal of its own."""

    def test_ctrl_c_leaves_the_terminal_as_it_was(self, finished_run: Callable[[], Path], tmp_path: Path) -> None:
        """Echo is on, the cursor is visible, the shell learns of the signal."""
        with _Terminal() as terminal:
            before = termios.tcgetattr(terminal.master)
            ended = _act_on(terminal, tmp_path, finished_run, lambda: os.write(terminal.master, b"\x03"))
            assert termios.tcgetattr(terminal.master) == before
        assert ended.code == -signal.SIGINT
        assert b"\x1b[?25l" not in terminal.seen
        assert b"1 of 2 runs are complete" in terminal.seen
        assert b"Traceback" not in terminal.seen

    def test_a_closed_terminal_ends_it_with_everything_kept(
        self, finished_run: Callable[[], Path], tmp_path: Path
    ) -> None:
        """SIGHUP: the report is drawn although no terminal shows its words."""
        with _Terminal() as terminal:
            ended = _act_on(terminal, tmp_path, finished_run, terminal.close)
        assert ended.code == -signal.SIGHUP
        assert (ended.session / REPORT_FILE).stat().st_size > 0


class _Terminal:
    """A pseudo-terminal whose other end is read by a thread."""

    def __init__(self) -> None:
        self.master, self.slave = pty.openpty()
        self.seen = b""
        self._closing = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Hang up."""
        if not self._closing.is_set():
            self._closing.set()
            self._reader.join()
            os.close(self.slave)
            os.close(self.master)

    def _read(self) -> None:
        while not self._closing.is_set():
            if select.select([self.master], [], [], 0.05)[0]:
                self.seen += os.read(self.master, 65536)


def _act_on(terminal: _Terminal, folder: Path, finished_run: Callable[[], Path], act: Callable[[], object]) -> Ended:
    """A session in the foreground of that terminal, and something that happens in its hold."""
    file = write_scenario(folder, hold_s=ENDLESS_S)
    session = begun_session(file, finished_run())
    streams = dict.fromkeys(("stdin", "stdout", "stderr"), terminal.slave)
    command = ("setsid", "--ctty", *LOOPBENCH)
    with Measuring(folder, file, "--resume", session, command=command, streams=streams) as measuring:
        measuring.wait_for("phase", phase="hold")
        act()
        ended = measuring.end()
    assert left_behind(folder) == []
    assert len(list(run_folders(ended.session))) == 1
    return ended
