"""Open mode, judged: response times are counted from when requests were due, and no request that waited is left out."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest

from loopbench.judge.run.open_loop import OpenLoop, due_times_s, open_loop, rate_curve
from loopbench.judge.run.samples import DTYPE, Samples
from loopbench.locustfiles.schedule import Rate, Schedule
from loopbench.records import samples as layout
from loopbench.scenario.load_settings import Arrivals

SERVICE_S = 0.005
Floats = npt.NDArray[np.float64]


def made(
    due_s: Sequence[float] | Floats,
    *,
    latency_s: float | Floats = SERVICE_S,
    late_s: float | Floats = 0.0,
    events: tuple[layout.Event, ...] = (),
) -> Samples:
    """Good answers to requests that were due at these moments."""
    rows = np.zeros(len(due_s), dtype=DTYPE)
    rows["start_s"] = np.asarray(due_s) + late_s
    rows["late_s"], rows["latency_s"], rows["status"] = late_s, latency_s, 200
    return Samples(rows, ("asked",), ("",), events, ())


def schedule(rps: float, until_s: float, arrivals: Arrivals = "exponential") -> Floats:
    times = np.fromiter(Schedule(Rate(rps, rps, 0.0), arrivals, seed=11), np.float64, count=int(rps * until_s * 1.5))
    return times[times < until_s]


def through_a_stall(due_s: Floats, users: int, *, begin_s: float, end_s: float) -> Samples:
    """Due requests served by so many users, first come first served, by a server that stands still once."""
    free_s = np.zeros(users)
    start_s, done_s = np.empty(len(due_s)), np.empty(len(due_s))
    for index, at_s in enumerate(due_s):
        user = int(np.argmin(free_s))
        start_s[index] = max(at_s, free_s[user])
        begins_in_stall = begin_s - SERVICE_S <= start_s[index] < end_s
        done_s[index] = (end_s if begins_in_stall else start_s[index]) + SERVICE_S
        free_s[user] = done_s[index]
    return made(due_s, latency_s=done_s - start_s, late_s=start_s - due_s)


def true_p99_ms(due_s: Floats, *, begin_s: float, end_s: float) -> float:
    """From the schedule and the stall alone."""
    waits_s = np.where((due_s >= begin_s - SERVICE_S) & (due_s < end_s), end_s - due_s, 0.0) + SERVICE_S
    return float(np.quantile(waits_s, 0.99, method="inverted_cdf")) * 1000


STALL = {"begin_s": 4.0, "end_s": 5.5}


def test_through_a_stall_the_p99_is_the_true_one_when_there_are_users_enough() -> None:
    due_s = schedule(200, 10)
    found = open_loop(through_a_stall(due_s, 500, **STALL), 0, 10)
    assert found.response.p99 is not None
    assert found.response.p99.ms == pytest.approx(true_p99_ms(due_s, **STALL), rel=0.02)
    assert found.late_share == 0


def test_with_too_few_users_the_response_time_still_holds_the_wait_that_the_service_time_leaves_out() -> None:
    """A closed loop of ten users would report the service time: a p99 fifty times too good."""
    due_s = schedule(200, 10)
    found = open_loop(through_a_stall(due_s, 10, **STALL), 0, 10)
    assert found.response.p99 is not None
    assert found.service.p99 is not None
    assert found.response.p99.ms == pytest.approx(true_p99_ms(due_s, **STALL), rel=0.10)
    assert found.service.p99.ms < 30
    assert found.late_share is not None
    assert found.late_share > 0.1, "rule O1 must see that the schedule was not kept"


def test_starts_up_to_five_milliseconds_late_are_not_late() -> None:
    due_s = np.arange(100) / 100 + 0.001
    late_s = np.where(np.arange(100) < 3, 0.0051, 0.0049)
    assert open_loop(made(due_s, late_s=late_s), 0, 1).late_share == pytest.approx(0.03)


def unsent(*groups: tuple[float, int]) -> tuple[layout.Event, ...]:
    return (*((at_s, layout.EVENT_DUE_UNSENT, count) for at_s, count in groups), (10.0, layout.EVENT_LOAD_ENDED, 0))


def test_requests_never_sent_count_as_due_as_late_and_as_unanswered() -> None:
    found = open_loop(made(np.arange(900) / 100, events=unsent((9.2, 40), (9.5, 60))), 0, 10)
    assert (found.due, found.unsent, found.response.unanswered, found.good) == (1000, 100, 100, 900)
    assert found.late_share == pytest.approx(0.1)
    assert found.offered_rps == pytest.approx(100)
    assert found.achieved_rps == pytest.approx(90)


def test_a_percentile_that_reaches_the_unanswered_says_at_least() -> None:
    found = open_loop(made(np.arange(900) / 100, events=unsent((9.2, 40), (9.5, 60))), 0, 10).response
    shown = [(round(each.ms, 3), each.at_least) for each in (found.p50, found.p95, found.p99) if each]
    assert shown == [(5.0, False), (500.0, True), (800.0, True)]


@pytest.mark.parametrize(
    ("change", "unanswered"),
    [
        ({"status": 0, "error": 1}, 1),  # a timeout, a reset
        ({"status": 0, "error": 1, "flags": layout.FLAG_UNFINISHED}, 1),
        ({"status": 500, "error": 1}, 0),  # an answer, but a bad one
    ],
)
def test_silence_is_an_unanswered_request_and_a_bad_answer_is_none(change: dict[str, int], unanswered: int) -> None:
    samples = made(np.arange(100) / 100)
    for field, value in change.items():
        samples.rows[field][7] = value
    found = open_loop(samples, 0, 1)
    assert found.response.unanswered == found.service.unanswered == unanswered
    assert found.response.requests == 99 + unanswered
    assert found.due == 100


def test_requests_belong_to_the_window_they_were_due_in() -> None:
    samples = made([0.5, 0.99, 1.0], late_s=0.25)
    assert open_loop(samples, 0, 1).due == 2
    assert due_times_s(samples) == pytest.approx([0.5, 0.99, 1.0], abs=1e-6)


def test_the_warm_up_was_not_due() -> None:
    samples = made([0.1, 0.2])
    samples.rows["flags"] = layout.FLAG_WARMUP
    found = open_loop(samples, 0, 1)
    assert found.due == 0
    assert found.late_share is None
    assert found.response.p50 is None


def test_too_few_requests_for_a_percentile_give_none() -> None:
    found = open_loop(made(np.arange(100) / 100), 0, 1).response
    assert found.p95 is not None
    assert found.p99 is None


def offered(curve: list[OpenLoop]) -> list[float]:
    return [point.offered_rps for point in curve]


def test_along_a_climbing_rate_the_curve_shows_what_was_offered() -> None:
    times = np.fromiter(Schedule(Rate(0.0, 400.0, 20.0), "constant", 1), np.float64, count=5000)
    curve = rate_curve(made(times), 0, 20)
    assert sum(point.due for point in curve) == np.count_nonzero(times < 20)
    assert all(point.due >= 400 for point in curve)
    middles_s = [(point.start_s + point.end_s) / 2 for point in curve]
    assert offered(curve) == pytest.approx([20 * at_s for at_s in middles_s], rel=0.02)


def test_a_server_that_falls_behind_is_offered_more_than_it_achieves() -> None:
    due_s = schedule(200, 20, "constant")
    done_s = np.arange(1, len(due_s) + 1) / 100  # half of what is due
    (whole,) = rate_curve(made(due_s, latency_s=done_s - due_s), 0, 20, requests=10_000)
    assert whole.offered_rps == pytest.approx(200)
    assert whole.achieved_rps == pytest.approx(100, rel=0.01)


def test_a_time_in_which_nothing_was_due_has_no_curve() -> None:
    assert rate_curve(made([1.0]), 2, 3) == []
