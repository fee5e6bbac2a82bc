"""Records of several generators on one axis: exactly on one host, by what all marked across hosts."""

from pathlib import Path

import numpy as np
import pytest

from loopbench.judge.run.samples import read_samples
from loopbench.judge.run.time_axis import Marked, shift_s, users_alive
from loopbench.locustfiles.recorder import Recorder
from loopbench.locustfiles.sinks import FileSink

Noted = tuple[float, str, int | str]
PHASES = ("settle", "hold", "drain")


def marked(*at_s: float, clock: str = "", origin_s: float = 0.0) -> Marked:
    """A generator that saw the phases begin at these moments of its own."""
    events: list[Noted] = [(0.0, "phase", "warmup")]
    events += [(at, "phase", name) for at, name in zip(at_s, PHASES, strict=False)]
    return Marked(clock, origin_s, [*events, (99.0, "phase", "end")])


@pytest.mark.parametrize(
    ("first", "other", "expected_s"),
    [
        pytest.param(marked(1, 2, 5, clock="a"), marked(9, 9, 9, clock="a", origin_s=0.25), 0.25, id="one clock"),
        pytest.param(
            marked(1, 2, 5, clock="a", origin_s=7), marked(3, 4, 7, clock="b", origin_s=900), -2, id="two hosts"
        ),
        pytest.param(marked(1, 2, 5), marked(3, 4, 7), -2, id="clocks without a name are not the same clock"),
        pytest.param(marked(1, 2, 5), marked(3, 4, 7.5), -2, id="one message that came late does not count"),
        pytest.param(marked(1, 2, 5), marked(), None, id="nothing in common"),
    ],
)
def test_what_is_added_to_another_generators_times(first: Marked, other: Marked, expected_s: float | None) -> None:
    assert shift_s(first, other) == expected_s


def test_levels_that_come_twice_are_matched_in_their_order() -> None:
    here = [(1.0, "phase", "settle"), (2.0, "phase", "step-5"), (3.0, "phase", "settle"), (4.0, "phase", "step-9")]
    there = [(at + 10, kind, name) for at, kind, name in here]
    assert shift_s(Marked("", 0, here), Marked("", 0, there)) == -10


def test_users_are_counted_over_all_generators() -> None:
    events: list[Noted] = [
        (1.0, "user_started", 0),
        (1.0, "user_started", 1),
        (2.0, "user_started", 2),
        (3.0, "user_stopped", 0),
    ]
    assert users_alive(np.array([0.5, 1.0, 2.5, 3.0, 3.5]), events).tolist() == [0, 2, 3, 3, 2]


@pytest.mark.parametrize("clocks", [("a", "a"), ("a", "b"), ("", "")], ids=["one host", "two hosts", "unknown"])
def test_two_records_are_read_as_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clocks: tuple[str, str]) -> None:
    """Across hosts the second clock runs 900 s ahead, and its origin is arbitrary: only phases may count."""
    recorders = []
    for number, clock in enumerate(clocks):
        monkeypatch.setattr("loopbench.records.clocks.this_clock", lambda clock=clock: clock)
        recorders.append(Recorder(FileSink(tmp_path / f"samples-{number}.bin"), "n", number))
    if clocks[0] != clocks[1] or not clocks[0]:
        recorders[1].origin_s -= 900
    for recorder, name in zip(recorders, ("hello", "write"), strict=True):
        recorder.user_started()
        recorder.begin("hold")
        recorder.record(recorder.origin_s, 1.0, 0, 0, recorder.name_id(name), 200, 0, 0)
    sent_s = recorders[0].origin_s
    recorders[1].record(sent_s, 2000.0, 0, 0, recorders[1].name_id("write"), 200, 0, 0)
    for recorder in recorders:
        recorder.close(0)
    samples = read_samples(tmp_path)
    late = samples.rows[samples.rows["latency_s"] == 2000]
    assert late["start_s"][0] == pytest.approx(0, abs=0.5)
    assert samples.names[late["name"][0]] == "write"
    assert (late["user"][0], late["users"][0]) == (1, 2)
    assert [value for _, kind, value in samples.events if kind == "phase"] == ["hold", "end"]
    assert sorted(value for _, kind, value in samples.events if kind == "user_started") == [0, 1]
