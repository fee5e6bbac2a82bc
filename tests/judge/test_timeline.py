"""Who waited for whom, from made-up stamps."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from loopbench.errors import DataError
from loopbench.judge.run.timeline import TimelineReport, timeline_values, who_waited
from loopbench.records.timeline import MAX_BYTES, TIMELINE_FILE, TimedRequest, read_timeline, write_timeline
from loopbench.scenario.model import MAX_TIMELINE_REQUESTS

Times = Sequence[tuple[float, float | None, float | None]]

BLOCKED = [(0.0, 0.002, 1.002), (0.0001, 1.003, 2.003), (0.0002, 2.004, 2.005)]
AWAITED = [(0.0, 0.002, 1.002), (0.0001, 0.003, 1.003), (0.0002, 0.004, 0.005)]
MIXED = [(0.0, 0.001, 2.0), (0.0001, 0.002, 1.002), (0.0002, 1.003, 1.004)]  # the first awaits, the second blocks


def timed(times: Times, problem: str = "") -> list[TimedRequest]:
    return [
        TimedRequest(f"/{number}", sent, entered, answering, answering, 200, problem)
        for number, (sent, entered, answering) in enumerate(times, 1)
    ]


def report(times: Times, problem: str = "") -> TimelineReport:
    return TimelineReport("t", who_waited(timed(times, problem)))


@pytest.mark.parametrize(
    ("times", "waited_for"),
    [
        (BLOCKED, [(), (1,), (1, 2)]),
        (AWAITED, [(), (), ()]),
        (MIXED, [(), (), (2,)]),
        ([(0.0, 0.001, 5.0)], [()]),  # alone: whether it held the loop is unknown
        ([(0.0, 0.001, 0.01), (0.0, 0.011, 0.012)], [(), ()]),  # too short a wait to blame anybody
        ([(0.0, 0.001, 1.0), (0.0001, 1.001, 1.002), (0.99, 1.003, 1.004)], [(), (1,), ()]),  # 10 ms of it are no wait
        ([(0.0, None, None), (0.0, 1.0, 2.0)], [(), ()]),  # not observed is no wait
    ],
)
def test_whoever_waited_waited_for_those_that_held_the_loop(times: Times, waited_for: list[tuple[int, ...]]) -> None:
    assert [bar.waited_for for bar in report(times).bars] == waited_for


def test_one_that_gave_way_did_not_hold_the_loop_though_others_waited_meanwhile() -> None:
    assert [bar.held_the_loop for bar in report(MIXED).bars] == [False, True, False]


def test_the_receipt_counts_who_waited_and_how_long() -> None:
    counts = {"kept_waiting": 2, "longest_wait_s": 2.0038, "overtaken": 0, "all_answered_s": 2.005}
    assert report(BLOCKED).receipt == counts


def test_a_timeline_with_a_wrong_answer_says_nothing() -> None:
    assert report(AWAITED, "status 503, expected 200").receipt == {}


def test_a_request_is_overtaken_by_a_later_one_that_was_answered_first() -> None:
    assert [bar.number for bar in report(AWAITED).overtaken or ()] == [1, 2]
    assert [bar.number for bar in report(MIXED).overtaken or ()] == [1]
    assert report([(0.0, 0.5, None), (0.0, 0.5, 0.6)]).overtaken is None  # the first may come yet


def test_as_plain_values_it_holds_the_sentence_the_figures_and_every_request() -> None:
    values = timeline_values(report(BLOCKED))
    assert (values["name"], values["kept_waiting"]) == ("t", 2)
    assert [each["waited_for"] for each in values["requests"]] == [(), (1,), (1, 2)]


def test_what_was_not_observed_is_absent_from_the_receipt() -> None:
    assert report([(0.0, None, None), (0.0, 1.0, 2.0)]).receipt == {}


@pytest.mark.parametrize(
    ("judged", "said"),
    [
        (report(BLOCKED), "2 requests of 3 waited, up to 2.00 s, because /1 (1) and /2 (2) held the event loop."),
        (
            report(AWAITED),
            "No request waited for another: all 3 had begun after 4 ms. Everything was answered after 1.00",
        ),
        (report(AWAITED, "status 500, expected 200"), "Not every answer was right: /1: status 500"),
        (report([(0.0, None, 1.0)]), "The target did not say when it began"),
        (report([(0.0, 0.5, None)]), "The request had begun after 500 ms. An answer never came."),
    ],
)
def test_one_sentence_says_it(judged: TimelineReport, said: str) -> None:
    assert judged.sentence.startswith(said)


def test_a_timeline_goes_to_disk_and_comes_back(tmp_path: Path) -> None:
    write_timeline(tmp_path, "t", tuple(timed(BLOCKED)))
    assert read_timeline(tmp_path).requests == tuple(timed(BLOCKED))


@pytest.mark.parametrize("text", ["", "{}", '{"format": 2, "name": "t", "requests": [{"label": 1}]}'])
def test_a_damaged_one_is_refused_with_its_path(tmp_path: Path, text: str) -> None:
    (tmp_path / TIMELINE_FILE).write_text(text)
    with pytest.raises(DataError, match=r"timeline\.json"):
        read_timeline(tmp_path)


def test_more_requests_than_a_scenario_may_ask_are_refused(tmp_path: Path) -> None:
    """Each is compared with every other."""
    write_timeline(tmp_path, "t", tuple(timed(AWAITED[:1] * MAX_TIMELINE_REQUESTS)))
    assert len(read_timeline(tmp_path).requests) == MAX_TIMELINE_REQUESTS
    write_timeline(tmp_path, "t", tuple(timed(AWAITED[:1] * (MAX_TIMELINE_REQUESTS + 1))))
    with pytest.raises(DataError, match="holds 17 requests"):
        read_timeline(tmp_path)


def test_one_that_is_larger_than_any_of_ours_is_not_read(tmp_path: Path) -> None:
    write_timeline(tmp_path, "t" * MAX_BYTES, tuple(timed(AWAITED)))
    with pytest.raises(DataError, match="larger than 1 MB"):
        read_timeline(tmp_path)


def test_one_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no"):
        read_timeline(tmp_path)
