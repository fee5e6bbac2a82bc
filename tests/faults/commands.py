"""A command inside the test's own process: for commands that start no process of their own."""

import sys
from pathlib import Path
from typing import Protocol

import pytest

from loopbench.cli import main
from tests.faults.faults import Ended


class Command(Protocol):
    """A `loopbench` command line in a test's own folder."""

    def __call__(self, *arguments: str | Path) -> Ended:
        """Run it to its end."""


def in_process(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, folder: Path, *arguments: str | Path
) -> Ended:
    """Run one command line, as a shell in that folder would."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "argv", ["loopbench", *map(str, arguments)])
    code: object = 0
    try:
        main()
    except SystemExit as leaving:
        code = leaving.code
    printed = capsys.readouterr()
    assert isinstance(code, int)
    return Ended(code, printed.out, printed.err, folder)
