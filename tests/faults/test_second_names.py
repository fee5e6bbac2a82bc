"""A file of a resumed session that has a second name outside it is replaced, not written into."""

import os
import sys
from pathlib import Path

import pytest

from loopbench.measure.store import write_durably
from loopbench.measure.supervise import Supervised


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """Return a file that a stranger's session must not change."""
    file = tmp_path / "outside"
    file.write_text("kept")
    return file


def test_a_record_is_not_written_through_the_second_name_of_its_part(tmp_path: Path, outside: Path) -> None:
    (tmp_path / ".ceiling.json.part").hardlink_to(outside)
    write_durably(tmp_path / "ceiling.json", "{}")
    assert (outside.read_text(), (tmp_path / "ceiling.json").read_text()) == ("kept", "{}")


def test_a_log_is_not_appended_to_a_file_with_a_second_name(tmp_path: Path, outside: Path) -> None:
    log = tmp_path / "service-redis.log"
    log.hardlink_to(outside)
    with Supervised([sys.executable, "-c", "print('new')"], env=os.environ, cwd=tmp_path, log=log) as process:
        process._process.wait()
    assert (outside.read_text(), log.read_text()) == ("kept", "new\n")
