"""What a run's own probe saw of its resources gives ceilings that explain it, and the one that was full is named."""

import json
from pathlib import Path
from typing import Any

import pytest

from loopbench.judge.diagnosis.ceilings import Ceilings, ceilings_of
from tests.judge.recorded_run import Made, Rows, write_run


def ceilings(folder: Path, made: Made, **seen: Any) -> Ceilings | None:
    """Of a run in every second of which the probe saw this."""
    files = write_run(folder, made)
    for log in files.folder.glob("probe-*.jsonl"):
        records = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
        lines = [json.dumps(each | seen if each["record"] == "second" else each) for each in records]
        log.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return ceilings_of(files, cores=2)


def known(found: Ceilings | None) -> Ceilings:
    assert found is not None
    return found


FULL = {
    "event loop": {"utilization": 0.99},
    "anyio limiter of 40": {"anyio_borrowed_mean": 39.5},
    "default executor of 6": {"executor_queue_mean": 3.0},
    "CPU core": {"process_cpu_share": 0.97},
}


@pytest.mark.parametrize("name", FULL)
def test_the_resource_that_was_full_is_named(tmp_path: Path, name: str) -> None:
    """20 users with 20 ms of think time and 100 ms of waiting; alone a request takes 5 ms."""
    made = Made(service_s=lambda at_s, _: 0.005 if at_s < 1.1 else 0.1, users=20, think_s=0.02)
    assert known(ceilings(tmp_path, made, **FULL[name])).limits == (name,)


def test_users_who_are_answered_at_once_are_their_own_limit(tmp_path: Path) -> None:
    found = known(ceilings(tmp_path, Made(), utilization=0.4))
    assert found.limits == ("users",)
    assert dict(found.bounds)["users"] == pytest.approx(found.users / 0.05, rel=0.06)


def test_the_response_time_alone_is_the_one_seen_when_hardly_anybody_was_there(tmp_path: Path) -> None:
    """Later, caches are warm, and a lucky request is faster than any that came alone."""

    def alone_at_first(rows: Rows) -> Rows:
        rows["users"][rows["start_s"] < 2.0] = 1
        return rows

    made = Made(service_s=lambda at_s, _: 0.02 if at_s < 2 else 0.01, rows=alone_at_first)
    assert known(ceilings(tmp_path, made)).alone_s == pytest.approx(0.02, rel=0.02)


def test_half_a_loop_in_use_means_twice_the_throughput(tmp_path: Path) -> None:
    found = known(ceilings(tmp_path, Made(), utilization=0.5, process_cpu_share=0.2, anyio_borrowed_mean=10.0))
    heights = dict(found.resources)
    assert heights["event loop"] == pytest.approx(found.answers_rps / 0.5)
    assert heights["anyio limiter of 40"] == pytest.approx(found.answers_rps * 40 / 10)
    assert heights["CPU core"] == pytest.approx(found.answers_rps / 0.2)
    assert list(heights) == ["event loop", "anyio limiter of 40", "CPU core"]


def test_what_the_probe_could_not_see_is_no_ceiling(tmp_path: Path) -> None:
    found = known(ceilings(tmp_path, Made(), utilization=None, anyio_borrowed_mean=None, process_cpu_share=None))
    assert found.resources == ()


def test_nothing_full_and_far_below_its_users_is_said_to_be_unexplained(tmp_path: Path) -> None:
    made = Made(service_s=lambda at_s, _: 0.005 if at_s < 1.1 else 0.1, users=20, think_s=0.02)
    found = known(ceilings(tmp_path, made, utilization=0.1, anyio_borrowed_mean=1.0))
    assert "nothing known explains it" in found.sentence


def test_two_workers_have_two_loops(tmp_path: Path) -> None:
    found = known(ceilings(tmp_path, Made(workers=2), utilization=0.8, process_cpu_share=0.8))
    assert dict(found.resources)["event loop"] == pytest.approx(found.answers_rps / 0.8)


def all_failed(rows: Rows) -> Rows:
    rows["error"] = 1
    return rows


@pytest.mark.parametrize(
    "made",
    [Made(hold_s=0.0), Made(load={"mode": "open", "rate": 900.0, "think_time_s": 0.0}), Made(rows=all_failed)],
    ids=["no window", "open mode", "no good answer"],
)
def test_where_there_is_nothing_to_explain_there_are_no_ceilings(tmp_path: Path, made: Made) -> None:
    assert ceilings(tmp_path, made) is None
