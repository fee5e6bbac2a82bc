"""The command line in this process: arguments in, exit code and words out."""

import os
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import pytest

from loopbench import cli


@dataclass(frozen=True)
class Called:
    """What a call left behind."""

    code: int
    out: str
    err: str


def call(capsys: pytest.CaptureFixture[str], folder: Path, *arguments: str) -> Called:
    """One call of `loopbench` in a folder."""
    before = Path.cwd()
    capsys.readouterr()
    os.chdir(folder)
    try:
        with mock.patch("sys.argv", ["loopbench", *arguments]), pytest.raises(SystemExit) as left:
            cli.main()
    finally:
        os.chdir(before)
    said = capsys.readouterr()
    return Called(int(left.value.code or 0), said.out, said.err)
