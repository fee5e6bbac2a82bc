"""The judge reads what the recorder wrote, and notices every loss."""

from pathlib import Path

import pytest

from loopbench.judge.run.samples import read_samples
from loopbench.locustfiles import recorder as recorder_module
from loopbench.locustfiles.recorder import OTHER, Recorder
from loopbench.locustfiles.sinks import FileSink
from loopbench.records import samples as layout
from loopbench.records.tail import SampleTail

FILE = "samples-0.bin"


@pytest.fixture
def recorder(tmp_path: Path) -> Recorder:
    return Recorder(FileSink(tmp_path / FILE), "nonce")


def ask(recorder: Recorder, name: str = "hello", latency_s: float = 0.25, error: str = "", flags: int = 0) -> None:
    error_id = recorder.error_id(error) if error else layout.NO_ERROR
    recorder.record(recorder.origin_s + 1.0, latency_s, 27, 3, recorder.name_id(name), 200, error_id, flags)


def test_a_sample_comes_back_field_by_field(recorder: Recorder, tmp_path: Path) -> None:
    recorder.users = 7
    ask(recorder, latency_s=0.25)
    recorder.close(locust_requests=1)
    samples = read_samples(tmp_path)
    (row,) = samples.rows
    assert (row["start_s"], row["latency_s"], row["size_bytes"]) == (1.0, 0.25, 27)
    assert (row["users"], row["user"], row["status"]) == (7, 3, 200)
    assert samples.names[row["name"]] == "hello"
    assert samples.good.tolist() == [True]
    assert samples.notes == ()


def test_nothing_written_before_a_kill_is_lost_and_the_loss_of_the_rest_is_noticed(
    recorder: Recorder, tmp_path: Path
) -> None:
    for _ in range(10):
        ask(recorder)
    recorder.flush()
    ask(recorder)  # still in memory when the process is killed
    samples = read_samples(tmp_path)
    assert len(samples.rows) == 10
    assert "never closed" in samples.notes[0]


@pytest.mark.parametrize("cut", [1, 20, 200])
def test_a_file_cut_anywhere_is_reported_as_torn(recorder: Recorder, tmp_path: Path, cut: int) -> None:
    for _ in range(10):
        ask(recorder)
    recorder.close(locust_requests=10)
    path = tmp_path / FILE
    path.write_bytes(path.read_bytes()[:-cut])
    assert read_samples(tmp_path).notes


def test_a_full_buffer_is_written_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(recorder_module, "CAPACITY", 4)
    recorder = Recorder(FileSink(tmp_path / FILE), "nonce")
    for _ in range(9):
        ask(recorder)
    assert len(read_samples(tmp_path).rows) == 8
    recorder.close(locust_requests=9)
    assert len(read_samples(tmp_path).rows) == 9


def test_names_beyond_the_limit_share_one(monkeypatch: pytest.MonkeyPatch, recorder: Recorder, tmp_path: Path) -> None:
    monkeypatch.setattr(recorder_module, "MAX_NAMES", 3)
    for number in range(10):
        ask(recorder, name=f"/user/{number}")
    recorder.close(locust_requests=10)
    assert read_samples(tmp_path).names == ("/user/0", "/user/1", "/user/2", OTHER)


def test_failures_warm_up_and_unfinished_requests_are_distinguished(recorder: Recorder, tmp_path: Path) -> None:
    ask(recorder, error="status 500, expected 200")
    ask(recorder, flags=layout.FLAG_WARMUP)
    ask(recorder, error=layout.UNFINISHED, flags=layout.FLAG_UNFINISHED)
    recorder.close(locust_requests=2)
    samples = read_samples(tmp_path)
    assert samples.good.tolist() == [False, True, False]
    assert samples.loaded.tolist() == [True, False, True]
    assert samples.finished.tolist() == [True, True, False]
    assert samples.errors_by_count() == (("status 500, expected 200", 1),)


def test_the_live_view_follows_the_file(recorder: Recorder, tmp_path: Path) -> None:
    tail = SampleTail(tmp_path / FILE)
    assert tail.read().samples == 0
    recorder.begin(layout.PHASE_RAMP)
    recorder.user_started()
    ask(recorder)
    recorder.flush()
    view = tail.read()
    assert (view.samples, view.users, view.phase, view.closed) == (1, 1, layout.PHASE_RAMP, False)
    ask(recorder)
    recorder.close(locust_requests=2)
    assert (tail.read().samples, tail.read().closed) == (2, True)


def test_two_generators_become_one_table(tmp_path: Path) -> None:
    for generator, name in enumerate(("hello", "write")):
        recorder = Recorder(FileSink(tmp_path / f"samples-{generator}.bin"), "nonce", generator)
        user = recorder.user_started()
        recorder.record(recorder.origin_s, 0.1, 1, user, recorder.name_id(name), 200, 0, 0)
        recorder.close(locust_requests=1)
    samples = read_samples(tmp_path)
    assert samples.names == ("hello", "write")
    assert sorted(samples.rows["name"].tolist()) == [0, 1]
    assert sorted(samples.rows["user"].tolist()) == [0, 1]
