"""The interpreter that is asked for its packages does not outlive loopbench."""

import os
import select
import subprocess
import sys
from pathlib import Path

ASK = """
import sys
from loopbench.measure.interpreter import ask_python
ask_python(sys.argv[1])
"""


def test_an_asked_interpreter_ends_with_a_killed_harness(tmp_path: Path) -> None:
    python, pipe = tmp_path / "python", tmp_path / "pid"
    os.mkfifo(pipe)
    python.write_text(f"#!/bin/sh\nsh -c 'echo $$ > {pipe}; exec sleep 600'\n")
    python.chmod(0o755)
    harness = subprocess.Popen([sys.executable, "-c", ASK, str(python)])
    asked = os.pidfd_open(int(pipe.read_text()))
    try:
        harness.kill()
        harness.wait()
        assert select.select([asked], [], [], 30)[0], "it is still running"
    finally:
        os.close(asked)
