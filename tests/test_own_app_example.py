"""docs/examples/own-app: a project of its own that loopbench measures as the guide says."""

import json
import shutil
import sys
from pathlib import Path

import pytest

from loopbench.errors import ExitCode
from tests.faults.faults import loopbench

EXAMPLE = Path(__file__).parents[1] / "docs" / "examples" / "own-app"
SHORT = ("load.users=3", "load.spawn_rate=3", "load.warmup_s=0.3", "load.hold_s=1", "load.think_time_s=0")


@pytest.mark.real
def test_the_example_project_is_measured_from_its_folder_without_a_file_name(tmp_path: Path) -> None:
    """The machine may make so short a session INVALID; that both variants were served is seen nevertheless."""
    project = shutil.copytree(EXAMPLE, tmp_path / "own-app")
    (project / ".venv").symlink_to(sys.prefix)
    ended = loopbench("run", "--rounds", "0", "--json", *(f"--set={each}" for each in SHORT), folder=project)
    assert ended.code in {ExitCode.OK, ExitCode.CANNOT_TELL}, ended.stderr
    summary = json.loads(ended.stdout)
    assert [each["name"] for each in summary["variants"]] == ["as written", "in a thread"]
    assert summary["counts_agree"]
    assert all(each["requests"][0]["hold"]["answers"] for each in summary["variants"])
