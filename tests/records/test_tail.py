"""The live view of a samples file while it grows."""

import json
import math
from itertools import accumulate
from pathlib import Path
from statistics import mean, variance

import pytest

from loopbench.records import samples as layout
from loopbench.records.frames import encode
from loopbench.records.tail import RPS_OVER_S, BlockedNow, RecentAnswers, SampleTails, SecondCounts, half_width

EXAMPLE = Path(__file__).parents[2] / "results" / "example" / "runs" / "0003-ramp-def"


def test_bursts_of_answers_give_their_mean_rate() -> None:
    """Ten users that each wait a second: ten answers within some milliseconds, once a second."""
    recent = RecentAnswers()
    for second in range(12):
        recent.add(second + 0.003 * user for user in range(10))
    assert recent.rps == pytest.approx(10, rel=0.05)


def test_older_answers_do_not_count() -> None:
    recent = RecentAnswers()
    recent.add(accumulate([0.001] * 5000))
    recent.add(5 + 0.1 * number for number in range(1 + round(RPS_OVER_S / 0.1)))
    assert recent.rps == pytest.approx(10, rel=0.05)


def test_before_that_the_rate_is_since_the_first_answer() -> None:
    recent = RecentAnswers()
    recent.add([100.0, 100.5, 101.0])
    assert recent.rps == pytest.approx(2)


def test_one_answer_has_no_rate() -> None:
    recent = RecentAnswers()
    recent.add([])
    assert recent.rps == 0
    recent.add([3.0])
    assert recent.rps == 0


def test_the_interval_of_a_rate_is_that_of_the_mean_over_whole_seconds() -> None:
    counts = SecondCounts()
    each = [90, 110, 95, 105, 100, 98, 102]
    counts.add(second + number / n for second, n in enumerate([3, *each, 3]) for number in range(n))
    assert counts.whole == each  # the first and the last second are cut
    t_of_6 = 2.447
    wanted = t_of_6 * (variance(each) / len(each)) ** 0.5 / mean(each)
    assert half_width([counts.whole]) == pytest.approx(wanted, rel=0.01)
    assert half_width([each, each]) == pytest.approx(wanted / 2**0.5, rel=0.01)  # two generators


@pytest.mark.parametrize("each", [[], [[]], [[100] * 5], [[0] * 9]])
def test_a_rate_without_enough_seconds_has_no_interval(each: list[list[int]]) -> None:
    assert half_width(each) is None


def test_the_view_of_a_run_has_its_interval_and_the_p99_of_its_neighbour() -> None:
    view = SampleTails([EXAMPLE / "samples-0.bin"], "hello").read()
    assert view.neighbour_p99_ms is not None
    assert 0 < view.neighbour_p99_ms < 10_000
    assert SampleTails([EXAMPLE / "samples-0.bin"]).read().neighbour_p99_ms is None
    assert SampleTails([EXAMPLE / "samples-0.bin"], "no such request").read().neighbour_p99_ms is None


@pytest.mark.parametrize(
    ("start_s", "latency_s"), [(1e12, 0.1), (-1e12, 0.1), (1.0, 1e12), (math.nan, 0.1), (1.0, math.inf)]
)
def test_a_time_that_no_run_has_is_refused(start_s: float, latency_s: float, tmp_path: Path) -> None:
    """Every second up to it would get a count."""
    rows = [
        layout.STRUCT.pack(at_s, long_s, 0, 0, 0, 1, 1, 0, 0, 200, 0, 0)
        for at_s, long_s in ((0, 0.1), (start_s, latency_s))
    ]
    hold = json.dumps([[0, layout.EVENT_PHASE, layout.PHASE_HOLD]]).encode()
    path = tmp_path / "samples-0.bin"
    path.write_bytes(encode(layout.EVNT, hold) + encode(layout.SAMP, b"".join(rows)))
    with pytest.raises(ValueError, match="no number of seconds in a run"):
        SampleTails([path]).read()


def test_the_share_of_the_newest_second_that_was_blocked_is_the_worst_of_all_loops(tmp_path: Path) -> None:
    now_s = 0.0
    blocked = BlockedNow(tmp_path, lambda: now_s)
    for pid, blocked_s in ((1, 0.25), (2, 0.5)):
        line = {"file": "a.py", "line": 1, "function": "f", "user_file": None, "blocked_s": blocked_s}
        record = {"record": "second", "t0_monotonic_s": 0.0, "t1_monotonic_s": 1.0, "blocked": [line]}
        (tmp_path / f"probe-{pid}.jsonl").write_text(json.dumps(record) + "\n")
    assert blocked.read() is None  # the files are read once a second
    now_s = 1.0
    assert blocked.read() == 0.5
