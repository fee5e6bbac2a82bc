"""A worker's reports contain the bytes of the samples file, in order and in bounded pieces."""

from pathlib import Path

import pytest

from loopbench.judge.run.samples import read_samples
from loopbench.locustfiles import sinks
from loopbench.locustfiles.recorder import Recorder
from loopbench.locustfiles.sinks import FileSink, ReportSink
from loopbench.records import samples as layout


def fill(recorder: Recorder, count: int) -> None:
    """Write so many samples in pieces."""
    for index in range(count):
        recorder.record(recorder.origin_s, index / 1000, 27, 0, recorder.name_id("hello"), 200, layout.NO_ERROR, 0)
        if index % 10 == 9:
            recorder.flush()


def taken(sink: ReportSink) -> list[bytes]:
    """Take reports until nothing is left."""
    reports = []
    while not sink.empty:
        reports.append(sink.take())
    return reports


def test_concatenated_reports_are_a_samples_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sinks, "REPORT_BYTES", 1000)
    sink = ReportSink()
    recorder = Recorder(sink, "nonce", generator=1)
    fill(recorder, 100)
    recorder.close(locust_requests=100)
    reports = taken(sink)
    assert len(reports) > 3
    file = FileSink(tmp_path / "samples-1.bin")
    for report in reports:
        file.write(report)
    samples = read_samples(tmp_path)
    assert samples.notes == ()
    assert samples.rows["latency_s"] == pytest.approx([index / 1000 for index in range(100)])


def test_a_report_is_bounded_unless_one_frame_is_larger(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sinks, "REPORT_BYTES", 10)
    sink = ReportSink()
    for frames in (b"123456", b"7890", b"1", b"a frame of its own", b"2"):
        sink.write(frames)
    assert taken(sink) == [b"1234567890", b"1", b"a frame of its own", b"2"]


def test_dropped_frames_show_in_the_trailers_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sink = ReportSink()
    recorder = Recorder(sink, "nonce")
    fill(recorder, 20)
    monkeypatch.setattr(sinks, "BACKLOG_BYTES", 0)
    fill(recorder, 20)
    monkeypatch.undo()
    recorder.close(locust_requests=40)
    FileSink(tmp_path / "samples-0.bin").write(b"".join(taken(sink)))
    (note,) = read_samples(tmp_path).notes
    assert "should hold 40 samples and holds 20" in note
