"""Our count of a run: what the generator recorded as answered, whatever else its file holds."""

from pathlib import Path

from loopbench.measure.counts import read_recorded
from loopbench.measure.remote_target import RemoteTarget
from loopbench.records import samples


def test_requests_without_an_answer_are_counted_apart(tmp_path: Path) -> None:
    """Two answers, one request cut at the end of the drain, and one whose client hung up as ordered."""
    from locustfiles.recorder import Recorder  # noqa: PLC0415  importing locustfiles changes sockets: as late as can be
    from locustfiles.sinks import FileSink  # noqa: PLC0415

    recorder = Recorder(FileSink(tmp_path / "samples-0.bin"), "ours")
    for flags in (0, 0, samples.FLAG_UNFINISHED, samples.FLAG_HUNG_UP):
        recorder.record(recorder.origin_s, 0.1, 2, 0, recorder.name_id("hello"), 200, samples.NO_ERROR, flags)
    recorder.close(locust_requests=2)
    counts = read_recorded(tmp_path, RemoteTarget("http://127.0.0.1:1", "ours", None, None)).counts
    assert (counts.samples, counts.unfinished, counts.locust) == (2, 1, 2)
    assert counts.agree
