"""A command inside the test's own process, for faults that are found before anything starts."""

import sys
from pathlib import Path

import pytest

from loopbench.cli import main
from tests.faults.faults import Ended


def in_process(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, folder: Path, *arguments: str | Path
) -> Ended:
    """One command line, as a shell in that folder would give it."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "argv", ["loopbench", *map(str, arguments)])
    code: object = 0
    try:
        main()
    except SystemExit as leaving:
        code = leaving.code
    said = capsys.readouterr()
    assert isinstance(code, int)
    return Ended(code, said.out, said.err, folder)
