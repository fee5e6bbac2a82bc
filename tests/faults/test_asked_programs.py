"""A program that is asked about the app, an interpreter or git, does not outlive loopbench."""

import os
import select
import subprocess
import sys
from pathlib import Path

import pytest

from loopbench.measure import programs

ASK_PYTHON = """
import sys
from loopbench.measure.interpreter import ask_python
ask_python(sys.argv[1])
"""
ASK_GIT = """
from pathlib import Path
from loopbench.measure.provenance import git_state
git_state(Path.cwd())
"""


@pytest.mark.parametrize("ask", [ASK_PYTHON, ASK_GIT], ids=["interpreter", "git"])
def test_an_asked_program_ends_with_a_killed_harness(tmp_path: Path, ask: str) -> None:
    program, pipe = tmp_path / "git", tmp_path / "pid"
    os.mkfifo(pipe)
    program.write_text(f"#!/bin/sh\nsh -c 'echo $$ > {pipe}; exec sleep 600'\n")
    program.chmod(0o755)
    env = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    harness = subprocess.Popen([sys.executable, "-c", ask, str(program)], env=env)
    asked = os.pidfd_open(int(pipe.read_text()))
    try:
        harness.kill()
        harness.wait()
        assert select.select([asked], [], [], 30)[0], "it is still running"
    finally:
        os.close(asked)


def test_a_program_that_prints_without_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """A repository of 228 kB can have a billion files."""
    monkeypatch.setattr(programs, "MAX_PRINTED_BYTES", 100_000)
    with pytest.raises(subprocess.CalledProcessError) as ended:
        programs.output_of(("yes",), timeout_s=60)
    assert ended.value.stderr == "more than 100,000 bytes"


def test_a_program_s_output_and_complaint_are_told() -> None:
    assert programs.output_of(("printf", "abc"), timeout_s=60) == "abc"
    with pytest.raises(subprocess.CalledProcessError) as failed:
        programs.output_of(("sh", "-c", "echo no >&2; exit 3"), timeout_s=60)
    assert (failed.value.returncode, failed.value.stderr) == (3, "no\n")
