"""Samples that are not what the recorder wrote are reported and never used. One real run, damaged in many ways."""

import json
import shutil
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest

from loopbench.errors import DataError, ExitCode
from loopbench.judge.run.samples import read_samples
from loopbench.judge.session.session_report import judge_session
from loopbench.judge.stamp.stamp_checks import Level
from loopbench.records import samples as layout
from loopbench.records.frames import HEADER, Frame, decode, encode
from loopbench.records.session import RUN_FILE, SESSION_FILE, read_run, run_folders, samples_file
from tests.faults.commands import Command
from tests.faults.faults import FAULTY, Ended

pytestmark = pytest.mark.real

SAMPLES = samples_file(0)
MOST_CUTS = 400


@pytest.fixture
def run(finished_run: Callable[[], Path], tmp_path: Path) -> Path:
    """A copy of a real run, alone."""
    original = finished_run()
    return shutil.copytree(original, tmp_path / "results" / "case" / "x" / "runs" / original.name)


@pytest.fixture
def session(healthy: Ended, tmp_path: Path) -> Path:
    """A copy of a real session, in a test's own folder."""
    return shutil.copytree(healthy.session, tmp_path / "results" / "case" / healthy.session.name)


def test_a_file_torn_at_any_byte_is_noticed(run: Path) -> None:
    """At every byte of a short file; of a long one at the frames' edges and evenly in between."""
    whole = (run / SAMPLES).read_bytes()
    edges = {cut for frame in edges_of(whole) for cut in (frame - 1, frame, frame + 1, frame + HEADER.size)}
    cuts = edges | set(range(0, len(whole), max(1, len(whole) // MOST_CUTS)))
    for cut in sorted(cut for cut in cuts if 0 <= cut < len(whole)):
        (run / SAMPLES).write_bytes(whole[:cut])
        assert not believed(run), f"torn at byte {cut} of {len(whole)}"


def test_a_flipped_bit_is_noticed_wherever_it_is(run: Path) -> None:
    whole = (run / SAMPLES).read_bytes()
    for place in range(0, len(whole), max(1, len(whole) // MOST_CUTS)):
        (run / SAMPLES).write_bytes(whole[:place] + bytes([whole[place] ^ 1 << place % 8]) + whole[place + 1 :])
        assert not believed(run), f"a bit of byte {place} of {len(whole)}"


def edges_of(whole: bytes) -> list[int]:
    """Where frames begin."""
    edges, offset = [], 0
    for frame in decode(BytesIO(whole)):
        assert isinstance(frame, Frame)
        edges.append(offset)
        offset += HEADER.size + len(frame.payload)
    return edges


def believed(run: Path) -> bool:
    """Whether a reader accepts the samples as whole and right, without a note."""
    try:
        return not read_samples(run, read_run(run).nonce).notes
    except DataError:
        return False


def frames_of(run: Path) -> list[tuple[bytes, bytes]]:
    """Kind and payload of each frame."""
    data = (run / SAMPLES).read_bytes()
    return [(frame.kind, bytes(frame.payload)) for frame in decode(BytesIO(data)) if isinstance(frame, Frame)]


def write_frames(run: Path, frames: list[tuple[bytes, bytes]]) -> None:
    """Lay the samples down again."""
    (run / SAMPLES).write_bytes(b"".join(encode(kind, payload) for kind, payload in frames))


def torn(run: Path) -> None:
    data = (run / SAMPLES).read_bytes()
    (run / SAMPLES).write_bytes(data[: len(data) // 2])


def a_bit_flipped(run: Path) -> None:
    data = bytearray((run / SAMPLES).read_bytes())
    data[len(data) // 2] ^= 4
    (run / SAMPLES).write_bytes(data)


def a_length_of_two_gib(run: Path) -> None:
    data = bytearray((run / SAMPLES).read_bytes())
    data[4:8] = (2**31).to_bytes(4, "little")
    (run / SAMPLES).write_bytes(data)


def without_trailer(run: Path) -> None:
    write_frames(run, frames_of(run)[:-1])


def one_too_many_in_the_trailer(run: Path) -> None:
    *frames, (kind, payload) = frames_of(run)
    assert kind == layout.TRLR
    trailer = json.loads(payload)
    trailer["samples"] += 1
    write_frames(run, [*frames, (kind, json.dumps(trailer).encode())])


def of_another_run(run: Path) -> None:
    other = next(each for each in run_folders(run.parents[1]) if each.name.endswith(FAULTY))
    shutil.copy(other / SAMPLES, run / SAMPLES)


def gone(run: Path) -> None:
    (run / SAMPLES).unlink()


DAMAGES = (
    torn,
    a_bit_flipped,
    a_length_of_two_gib,
    without_trailer,
    one_too_many_in_the_trailer,
    of_another_run,
    gone,
)


def add_run(session: Path, number: int) -> Path:
    """Add a copy of the first run to a session and its plan; return its folder."""
    original = next(run_folders(session))
    copy = shutil.copytree(original, original.with_name(original.name.replace("0001", f"{number:04}")))
    run, whole = (json.loads(file.read_text()) for file in (copy / RUN_FILE, session / SESSION_FILE))
    (copy / RUN_FILE).write_text(json.dumps(run | {"number": number}))
    plan = [*whole["plan"], whole["plan"][0] | {"number": number}]
    (session / SESSION_FILE).write_text(json.dumps(whole | {"plan": plan}))
    return copy


def test_a_report_leaves_damaged_runs_out_and_names_each(command: Command, session: Path) -> None:
    """A report takes a second, so one session has a run for every damage. The reader notices each on its own, too."""
    damaged = {damage.__name__: add_run(session, number) for number, damage in enumerate(DAMAGES, 3)}
    for damage in DAMAGES:
        assert believed(damaged[damage.__name__])
        damage(damaged[damage.__name__])
    ended = command("report", session)
    assert ended.code == ExitCode.DATA, ended.stderr
    assert "error[runs-damaged]" in ended.stderr
    assert [name for name, run in damaged.items() if f"{run.name}: " not in ended.stderr] == []
    assert [name for name, run in damaged.items() if believed(run)] == []
    assert "kept: the other 2 runs are drawn" in ended.stderr
    assert (session / "report.html").stat().st_size > 0


def test_counts_that_are_off_by_one_make_a_session_invalid(session: Path) -> None:
    file = next(run_folders(session)) / "run.json"
    record = json.loads(file.read_text())
    record["counts"]["server"] -= 1
    file.write_text(json.dumps(record))
    stamp = judge_session(session).stamp
    assert stamp.level is Level.INVALID
    assert any("C1: requests that the counts do not explain: 1" in each.worst.sentence for each in stamp.faults)
