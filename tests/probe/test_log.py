"""The log file of one process: whole lines in order, and nothing after an error."""

import json
from pathlib import Path

import pytest
from loopbench_probe.log import Log


def test_records_are_appended_one_per_line(tmp_path: Path) -> None:
    log = Log(str(tmp_path), 7)
    log.write({"record": "start"}, {"record": "second"})
    log.write({"record": "end"})
    lines = (tmp_path / "probe-7.jsonl").read_text().splitlines()
    assert [json.loads(line)["record"] for line in lines] == ["start", "second", "end"]


def test_two_writers_of_one_file_overwrite_nothing(tmp_path: Path) -> None:
    first, second = Log(str(tmp_path), 7), Log(str(tmp_path), 7)
    first.write({"from": 1})
    second.write({"from": 2})
    first.write({"from": 1})
    assert len(first.path.read_text().splitlines()) == 3


def test_nothing_is_written_after_the_end(tmp_path: Path) -> None:
    log = Log(str(tmp_path), 7)
    log.close()
    log.write({"record": "second"})
    assert log.path.read_bytes() == b""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
def test_a_full_disk_ends_the_log_but_not_the_app(tmp_path: Path) -> None:
    (tmp_path / "probe-7.jsonl").symlink_to("/dev/full")
    log = Log(str(tmp_path), 7)
    log.write({"record": "start"})
    log.write({"record": "second"})
    assert log._descriptor is None


def test_a_figure_that_json_cannot_represent_raises(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        Log(str(tmp_path), 7).write({"utilization": float("nan")})
