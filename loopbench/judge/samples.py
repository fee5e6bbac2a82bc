"""A run's samples as one table: every generator's file read, checked, and joined.

Reading is strict about what it says: a torn file gives what is whole and a note, a missing trailer is a note, and a
file of another run or format is refused.
"""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from loopbench.errors import DataError
from loopbench.records import FORMAT_VERSION
from loopbench.records import samples as layout
from loopbench.records.frames import Frame, Torn, decode
from loopbench.records.session import SAMPLES_GLOB

DTYPE = np.dtype(list(layout.FIELDS))
assert DTYPE.itemsize == layout.STRUCT.size

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Samples:
    """Every request of a run. Rows in the order in which their answers came; times in seconds after the origin."""

    rows: npt.NDArray[np.void]
    names: tuple[str, ...]
    errors: tuple[str, ...]
    events: tuple[layout.Event, ...]
    notes: tuple[str, ...]

    @cached_property
    def end_s(self) -> Floats:
        """When each answer was complete."""
        return np.asarray(self.rows["start_s"] + self.rows["latency_s"], dtype=np.float64)

    @cached_property
    def finished(self) -> Mask:
        """Answered, well or badly: not given up at the end of the drain."""
        return np.asarray(self.rows["flags"] & layout.FLAG_UNFINISHED == 0)

    @cached_property
    def good(self) -> Mask:
        """Answered as expected."""
        return np.asarray((self.rows["error"] == layout.NO_ERROR) & self.finished)

    @cached_property
    def loaded(self) -> Mask:
        """Sent by a user, not by the warm-up."""
        return np.asarray(self.rows["flags"] & layout.FLAG_WARMUP == 0)

    def named(self, name: str) -> Mask:
        """Requests of one name."""
        if name not in self.names:
            return np.zeros(len(self.rows), dtype=np.bool_)
        return np.asarray(self.rows["name"] == self.names.index(name))

    @cached_property
    def user_start_times_s(self) -> Floats:
        """When each user began, in order."""
        return np.sort([at for at, kind, _ in self.events if kind == layout.EVENT_USER_STARTED])

    def errors_by_count(self) -> tuple[tuple[str, int], ...]:
        """Error classes with how often each occurred, the most frequent first."""
        counts = np.bincount(self.rows["error"][self.finished], minlength=len(self.errors))
        pairs = [(self.errors[i], int(counts[i])) for i in range(1, len(self.errors)) if counts[i]]
        return tuple(sorted(pairs, key=lambda pair: (-pair[1], pair[0])))


def read_samples(run_folder: Path, run: str | None = None) -> Samples:
    """The samples of one run.

    Args:
        run_folder: where they lie.
        run: the run's nonce; None accepts any.

    Raises:
        DataError: there are none, or a file is of another run or format, or holds what no recorder writes.
    """
    files = sorted(run_folder.glob(SAMPLES_GLOB))
    if not files:
        raise DataError("the run's folder holds no samples", slug="samples-missing", where=str(run_folder))
    parts = [_read_carefully(path, run) for path in files]
    return parts[0] if len(parts) == 1 else _join(parts)


def _read_carefully(path: Path, run: str | None) -> Samples:
    try:
        return _read_file(path, run)
    except (ValueError, TypeError, KeyError, RecursionError) as problem:  # whole frames with foreign content
        raise DataError(
            f"the samples hold what no recorder writes: {problem}", slug="samples-foreign", where=str(path)
        ) from None


def _read_file(path: Path, run: str | None) -> Samples:
    blocks: list[npt.NDArray[np.void]] = []
    events: list[layout.Event] = []
    tables = layout.Tables([], [""])
    trailer: layout.Trailer | None = None
    notes: list[str] = []
    for frame in decode(path.read_bytes()):
        if isinstance(frame, Torn):
            notes.append(f"{path.name} is torn at byte {frame.offset_bytes}: {frame.reason}")
        elif frame.kind == layout.HEAD:
            _check_head(frame, path, run)
        elif frame.kind == layout.SAMP:
            blocks.append(np.frombuffer(frame.payload, dtype=DTYPE))
        elif frame.kind == layout.NAME:
            tables = layout.Tables(**json.loads(bytes(frame.payload)))
        elif frame.kind == layout.EVNT:
            events += [(at, kind, value) for at, kind, value in json.loads(bytes(frame.payload))]
        elif frame.kind == layout.TRLR:
            trailer = layout.Trailer(**json.loads(bytes(frame.payload)))
    rows = np.concatenate(blocks) if blocks else np.empty(0, dtype=DTYPE)
    if trailer is None:
        notes.append(f"{path.name} was never closed: up to its last second may be missing")
    elif trailer.samples != len(rows):
        notes.append(f"{path.name} should hold {trailer.samples} samples and holds {len(rows)}")
    return Samples(rows, tuple(tables.names), tuple(tables.errors), tuple(events), tuple(notes))


def _check_head(frame: Frame, path: Path, run: str | None) -> None:
    head = json.loads(bytes(frame.payload))
    version = head.get("format")
    if run is not None and head.get("run") != run:
        raise DataError("the samples are another run's", slug="samples-foreign", where=str(path))
    if version != FORMAT_VERSION:
        raise DataError(
            f"the samples have format {version}, this loopbench reads {FORMAT_VERSION}",
            slug="samples-format",
            where=str(path),
            hints=("report it with the loopbench that wrote it",),
        )


def _join(parts: list[Samples]) -> Samples:
    """Several generators' samples as one, names and users renumbered so that they do not meet."""
    names = tuple(dict.fromkeys(name for part in parts for name in part.names))
    errors = tuple(dict.fromkeys(error for part in parts for error in part.errors))
    users = 0
    blocks = []
    for part in parts:
        rows = part.rows.copy()
        rows["name"] = np.array([names.index(name) for name in part.names] or [0])[rows["name"]]
        rows["error"] = np.array([errors.index(error) for error in part.errors])[rows["error"]]
        rows["user"] += users
        users += sum(1 for _, kind, _ in part.events if kind == layout.EVENT_USER_STARTED)
        blocks.append(rows)
    rows = np.concatenate(blocks)
    order = np.argsort(rows["start_s"] + rows["latency_s"], kind="stable")
    events = sorted((event for part in parts for event in part.events), key=lambda event: event[0])
    return Samples(rows[order], names, errors, tuple(events), tuple(note for part in parts for note in part.notes))
