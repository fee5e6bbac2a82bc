"""The limit of open files: raised for users and targets, never above the hard limit, and inherited."""

import subprocess
import sys
from pathlib import Path

import pytest

from loopbench.measure import open_files

LIMITED = """
import os, resource, sys
from pathlib import Path
from loopbench.measure import open_files
from loopbench.measure.supervise import Supervised

soft, hard = int(sys.argv[1]), int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
command = [sys.executable, "-c", "import resource; print(*resource.getrlimit(resource.RLIMIT_NOFILE))"]
with Supervised(command, env=dict(os.environ), cwd=Path("."), log=Path("log")) as child:
    child._process.wait()
print(open_files.allow_open_files(), Path("log").read_text(), sep="; ", end="")
"""
"""A process with these limits that supervises a child, which prints its own."""


@pytest.mark.parametrize(("soft", "hard", "then"), [(256, 3_000, 3_000), (3_000, 3_000, 3_000), (64, 64, 64)])
def test_a_child_has_the_hard_limit_where_that_is_less_than_is_needed(
    soft: int, hard: int, then: int, tmp_path: Path
) -> None:
    command = [sys.executable, "-c", LIMITED, str(soft), str(hard)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == f"{then}; {then} {hard}\n"


@pytest.mark.parametrize(
    ("soft", "hard", "then"),
    [(1_024, 5_000, 2_000), (4_000, 5_000, 4_000), (1_024, -1, 2_000), (-1, -1, None), (2_000, 2_000, 2_000)],
)
def test_the_soft_limit_is_raised_to_what_is_needed_and_never_lowered(
    soft: int, hard: int, then: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = [(soft, hard)]
    monkeypatch.setattr("resource.getrlimit", lambda _: limits[-1])
    monkeypatch.setattr("resource.setrlimit", lambda _, both: limits.append(both))
    assert open_files.allow_open_files(2_000) == then
    assert limits[-1] == (soft if then is None else then, hard)
