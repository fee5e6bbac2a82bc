"""Requests in flight and users without an answer are counted at any moment."""

from pathlib import Path

import numpy as np

from loopbench.judge.run.occupancy import moments, phase_ends
from loopbench.judge.run.samples import Samples, read_samples
from loopbench.locustfiles.recorder import Recorder
from loopbench.locustfiles.sinks import FileSink
from loopbench.records import samples as layout
from loopbench.records.session import Phase


def recorded(folder: Path, users: int, requests: list[tuple[int, float, float, int]]) -> Samples:
    """Users that start at 0, 1, 2... s, and requests (user, start_s, latency_s, flags) among them."""
    recorder = Recorder(FileSink(folder / "samples-0.bin"), "nonce")
    for user in range(users):
        recorder._events.append((float(user), layout.EVENT_USER_STARTED, user))
    name = recorder.name_id("a")
    for user, start_s, latency_s, flags in requests:
        recorder.record(recorder.origin_s + start_s, latency_s, 0, user, name, 200, 0, flags)
    recorder.close(len(requests))
    return read_samples(folder)


def test_users_in_flight_and_never_served(tmp_path: Path) -> None:
    samples = recorded(tmp_path, 3, [(0, 0.5, 1.0, 0), (0, 1.5, 2.0, 0), (2, 2.5, 4.0, 0)])
    at = moments(samples, np.array([0.6, 1.6, 2.6, 3.6, 10.0]))
    assert [moment.users for moment in at] == [1, 2, 3, 3, 3]
    assert [moment.in_flight for moment in at] == [1, 1, 2, 1, 0]
    assert [moment.never_served for moment in at] == [1, 1, 2, 2, 1]
    assert [moment.passed_over for moment in at] == [None, None, None, None, 1]


def test_a_request_without_an_answer_serves_nobody(tmp_path: Path) -> None:
    samples = recorded(tmp_path, 1, [(0, 0.5, 5.0, layout.FLAG_UNFINISHED)])
    (end,) = phase_ends(samples, (Phase("drain", 0.0, 6.0),))
    assert end.moment.never_served == 1


def test_warm_up_serves_nobody_and_is_not_in_flight(tmp_path: Path) -> None:
    samples = recorded(tmp_path, 1, [(0, 0.0, 5.0, layout.FLAG_WARMUP)])
    (moment,) = moments(samples, np.array([2.0]))
    assert (moment.in_flight, moment.never_served) == (0, 1)
