"""Our count of a run: what the generator recorded as answered, whatever else its file holds."""

from pathlib import Path

import pytest

from loopbench.measure.counts import read_recorded
from loopbench.measure.remote_target import RemoteTarget
from loopbench.records import samples
from loopbench.records.session import Counts


def test_requests_without_an_answer_are_counted_apart(tmp_path: Path) -> None:
    """Two answers, a request given up, one cut at the end of the drain, and one whose client hung up as ordered."""
    from loopbench.locustfiles.recorder import Recorder  # noqa: PLC0415  importing locustfiles changes sockets: as late as can be
    from loopbench.locustfiles.sinks import FileSink  # noqa: PLC0415

    recorder = Recorder(FileSink(tmp_path / "samples-0.bin"), "ours")
    for flags in (0, 0, samples.FLAG_UNFINISHED, samples.FLAG_HUNG_UP):
        recorder.record(recorder.origin_s, 0.1, 2, 0, recorder.name_id("hello"), 200, samples.NO_ERROR, flags)
    recorder.record(recorder.origin_s, 0.1, 0, 0, recorder.name_id("hello"), 0, recorder.error_id("timeout"), 0)
    recorder.close(locust_requests=3)
    counts = read_recorded(tmp_path, RemoteTarget("http://127.0.0.1:1", "ours", None, None)).counts
    assert (counts.samples, counts.unfinished, counts.locust) == (3, 1, 3)
    assert (counts.unanswered, counts.hung_up, counts.sent) == (1, 1, 5)
    assert counts.agree


@pytest.mark.parametrize(
    ("counts", "unexplained"),
    [
        (Counts(100, 100, 100, 0), 0),
        (Counts(103, 100, 100, 5), 0),  # answered after the client was cut
        (Counts(106, 100, 100, 5), 1),
        (Counts(60, 100, 100, 0, unanswered=40), 0),  # the client gave up before the server answered
        (Counts(59, 100, 100, 0, unanswered=40), 1),
        (Counts(102, 100, 100, 0, hung_up=2), 0),
        (Counts(100, 100, 99, 5), 1),  # Locust and the recorder see the same requests
        (Counts(None, 100, 98, 0), 2),
        (Counts(100, None, 100, 0), None),
    ],
)
def test_a_difference_is_a_fault_only_where_nothing_explains_it(counts: Counts, unexplained: int | None) -> None:
    assert counts.unexplained == unexplained
