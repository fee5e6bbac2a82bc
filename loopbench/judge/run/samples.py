"""A run's samples as one table: every generator's file read, checked, and joined.

Reading is strict: a torn file gives what is whole and a note, a missing trailer is a note, and a
file of another run or format is refused.
"""

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cached_property
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np
import numpy.typing as npt

from loopbench.errors import DataError
from loopbench.judge.run import time_axis
from loopbench.records import FORMAT_VERSION
from loopbench.records import samples as layout
from loopbench.records.codec import from_json, parse_json
from loopbench.records.files import open_file
from loopbench.records.frames import Frame, Torn, decode
from loopbench.records.generator_watch import WatchedSecond, decode_seconds
from loopbench.records.session import MAX_RUN_S, SAMPLES_GLOB, FileFact, file_fact

DTYPE = np.dtype(list(layout.FIELDS))
assert DTYPE.itemsize == layout.STRUCT.size

MAX_UNSENT: Final = 100_000_000
MAX_TEXTS: Final = 65_536  # of each table: an index has two bytes
MAX_EVENTS: Final = 500_000  # users that come and go, phases, seconds of an open load
"""Most requests of an open load that were due and never sent: each becomes a row of waiting time."""

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Places = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Samples:
    """Every request of a run. Rows in the order in which their answers came; times in seconds after the origin."""

    rows: npt.NDArray[np.void]
    names: tuple[str, ...]
    errors: tuple[str, ...]
    events: tuple[layout.Event, ...]
    notes: tuple[str, ...]
    watch: tuple[tuple[WatchedSecond, ...], ...] = ()  # one row of seconds for each generator, in the files' order
    head: layout.Head | None = None  # of the first generator, on whose clock the times are; None: torn off
    journey: str = ""  # name of a variant whose users come from a locustfile: all requests are its own

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
    def failed(self) -> Mask:
        """Answered badly or not at all. A client that hung up on purpose is no failure."""
        hung_up = self.rows["flags"] & layout.FLAG_HUNG_UP != 0
        return np.asarray(self.finished & ~self.good & ~hung_up)

    @cached_property
    def loaded(self) -> Mask:
        """Sent by a user, not by the warm-up."""
        return np.asarray(self.rows["flags"] & layout.FLAG_WARMUP == 0)

    @cached_property
    def sent_in_order_s(self) -> Floats:
        """When each request of a user was sent, ascending: sorted once for everybody who counts."""
        return np.sort(self.rows["start_s"][self.loaded], kind="stable")  # nearly in order already: one pass

    @cached_property
    def answered_in_order_s(self) -> Floats:
        """When each request of a user was answered or given up, ascending."""
        return np.sort(self.end_s[self.loaded], kind="stable")

    def named(self, name: str) -> Mask:
        """Requests of one name."""
        if name == self.journey != "":
            return np.ones(len(self.rows), dtype=np.bool_)
        if name not in self.names:
            return np.zeros(len(self.rows), dtype=np.bool_)
        return np.asarray(self.rows["name"] == self.names.index(name))

    def of_each_name(self, chosen: Mask) -> Iterator[tuple[int, Places]]:
        """Yield each name that occurs among the chosen requests, by its index, with the places of its rows.

        One sort, however many names there are. A name that the table does not list is left out.
        """
        places = np.flatnonzero(chosen)
        names = self.rows["name"][places]
        order = np.argsort(names, kind="stable")
        found, begins = np.unique(names[order], return_index=True)
        for name, own in zip(found.tolist(), np.split(places[order], begins[1:]), strict=False):
            if name < len(self.names):
                yield name, own

    @cached_property
    def user_start_times_s(self) -> Floats:
        """When each user began, in order."""
        return np.sort([at for at, kind, _ in self.events if kind == layout.EVENT_USER_STARTED])

    def errors_by_count(self) -> tuple[tuple[str, int], ...]:
        """Error classes with how often each occurred, the most frequent first."""
        counts = np.bincount(self.rows["error"][self.finished], minlength=len(self.errors))
        pairs = [(self.errors[i], int(counts[i])) for i in range(1, len(self.errors)) if counts[i]]
        return tuple(sorted(pairs, key=lambda pair: (-pair[1], pair[0])))


def read_samples(run_folder: Path, run: str | None = None, facts: Sequence[FileFact] = ()) -> Samples:
    """The samples of one run.

    Args:
        run_folder: where they lie.
        run: the run's nonce; None accepts any.
        facts: what the run's files held when it was finished; empty accepts any.

    Raises:
        DataError: there are none, or a file was changed, is of another run or format, or holds what no recorder writes.
    """
    known = {fact.name: fact for fact in facts if fnmatch(fact.name, SAMPLES_GLOB)}
    names = sorted({path.name for path in run_folder.glob(SAMPLES_GLOB)} | known.keys())
    if not names:
        raise _missing(run_folder)
    parts = [_read_carefully(run_folder / name, run, known.get(name)) for name in names]
    return parts[0] if len(parts) == 1 else _join(parts)


def read_head(run_folder: Path, run: str | None = None) -> layout.Head | None:
    """The head of the first generator's file; None: torn off."""
    path = min(run_folder.glob(SAMPLES_GLOB), default=None)
    if path is None:
        raise _missing(run_folder)
    with open_file(path) as file, _foreign_refused(path):
        first = next(decode(file), None)
        return _checked_head(first, path, run) if isinstance(first, Frame) and first.kind == layout.HEAD else None


def _missing(run_folder: Path) -> DataError:
    return DataError("the run's folder holds no samples", slug="samples-missing", where=str(run_folder))


def _read_carefully(path: Path, run: str | None, fact: FileFact | None) -> Samples:
    try:
        with open_file(path) as file, _foreign_refused(path):
            _check_unchanged(path, file, fact)
            file.seek(0)
            return _checked(_decode(path, file, run))
    except FileNotFoundError:
        raise _changed(path, fact) from None


@contextmanager
def _foreign_refused(path: Path) -> Iterator[None]:
    """Refuse whole frames with foreign content."""
    try:
        yield
    except (ValueError, TypeError, KeyError) as problem:
        raise DataError(
            f"the samples hold what no recorder writes: {problem}", slug="samples-foreign", where=str(path)
        ) from None


def _check_unchanged(path: Path, file: BinaryIO, fact: FileFact | None) -> None:
    if fact is not None and file_fact(path.name, file) != fact:
        raise _changed(path, fact)


def _changed(path: Path, fact: FileFact | None) -> DataError:
    return DataError(
        f"{path.name} is not what it was when the run was finished",
        slug="samples-changed",
        where=str(path.parent),
        allowed=f"{fact.size_bytes} bytes with checksum {fact.crc32}" if fact else "",
    )


def _checked(samples: Samples) -> Samples:
    """Return samples whose times and counts may be sorted, summed and spread over seconds."""
    times = [samples.rows["start_s"], samples.rows["latency_s"], [at_s for at_s, _, _ in samples.events]]
    if not all(np.all(np.abs(np.asarray(each, dtype=np.float64)) <= MAX_RUN_S) for each in times):
        raise ValueError("a time is no number of seconds in a run")
    if sum(abs(int(count)) for _, kind, count in samples.events if kind == layout.EVENT_DUE_UNSENT) > MAX_UNSENT:
        raise ValueError(f"more than {MAX_UNSENT:,} requests were due and not sent")
    if max(len(samples.names), len(samples.errors)) > MAX_TEXTS:
        raise ValueError(f"more than {MAX_TEXTS:,} names or errors")
    if len(samples.rows) and samples.rows["error"].max() >= len(samples.errors):
        raise ValueError("an error class without a name")
    return samples


def _decode(path: Path, file: BinaryIO, run: str | None) -> Samples:
    blocks: list[npt.NDArray[np.void]] = []
    events: list[layout.Event] = []
    tables = layout.Tables([], [""])
    head: layout.Head | None = None
    trailer: layout.Trailer | None = None
    notes: list[str] = []
    watch: list[WatchedSecond] = []
    for frame in decode(file):
        if isinstance(frame, Torn):
            notes.append(f"{path.name} is torn at byte {frame.offset_bytes}: {frame.reason}")
        elif frame.kind == layout.HEAD:
            head = _checked_head(frame, path, run)
        elif frame.kind == layout.SAMP:
            blocks.append(np.frombuffer(frame.payload, dtype=DTYPE))
        elif frame.kind == layout.NAME:
            tables = from_json(layout.Tables, frame.payload, path.name)
        elif frame.kind == layout.EVNT:
            events += from_json(list[layout.Event], frame.payload, path.name)
            if len(events) > MAX_EVENTS:
                raise ValueError(f"more than {MAX_EVENTS:,} events")
        elif frame.kind == layout.WTCH:
            watch += decode_seconds(frame.payload)
        elif frame.kind == layout.TRLR:
            trailer = from_json(layout.Trailer, frame.payload, path.name)
    rows = np.concatenate(blocks) if blocks else np.empty(0, dtype=DTYPE)
    notes += _incomplete(path, len(rows), trailer)
    names, errors = tuple(tables.names), tuple(tables.errors)
    return Samples(rows, names, errors, tuple(events), tuple(notes), (tuple(watch),), head)


def _incomplete(path: Path, found: int, trailer: layout.Trailer | None) -> list[str]:
    if trailer is None:
        return [f"{path.name} was never closed: up to its last second may be missing"]
    if trailer.samples != found:
        return [f"{path.name} should hold {trailer.samples} samples and holds {found}"]
    return []


def _checked_head(frame: Frame, path: Path, run: str | None) -> layout.Head:
    head = parse_json(frame.payload)
    if not isinstance(head, dict):
        raise TypeError("a head that is no object")
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
    return from_json(layout.Head, frame.payload, path.name)


def _join(parts: list[Samples]) -> Samples:
    """Several generators' samples as one: on the first one's time axis, names and users renumbered, phases once."""
    parts = [parts[0], *(_on_axis_of(parts[0], part) for part in parts[1:])]
    names = _numbered(name for part in parts for name in part.names)
    errors = _numbered(error for part in parts for error in part.errors)
    if max(len(names), len(errors)) > MAX_TEXTS:
        raise DataError(f"more than {MAX_TEXTS:,} names or errors in all", slug="samples-foreign", where="")
    users = 0
    blocks = []
    for part in parts:
        rows = part.rows.copy()
        rows["name"] = np.array([names[name] for name in part.names] or [0])[rows["name"]]
        rows["error"] = np.array([errors[error] for error in part.errors])[rows["error"]]
        rows["user"] += users
        users += sum(1 for _, kind, _ in part.events if kind == layout.EVENT_USER_STARTED)
        blocks.append(rows)
    rows = np.concatenate(blocks)
    order = np.argsort(rows["start_s"] + rows["latency_s"], kind="stable")
    rows = rows[order]
    events = tuple(sorted(_joined_events(parts), key=lambda event: event[0]))
    rows["users"] = time_axis.users_alive(rows["start_s"] + rows["latency_s"], events)
    notes = tuple(note for part in parts for note in part.notes)
    watch = tuple(seconds for part in parts for seconds in part.watch)
    return Samples(rows, tuple(names), tuple(errors), events, notes, watch, parts[0].head)


def _numbered(texts: Iterable[str]) -> dict[str, int]:
    return {text: index for index, text in enumerate(dict.fromkeys(texts))}


def _on_axis_of(first: Samples, part: Samples) -> Samples:
    shift_s = time_axis.shift_s(_marked(first), _marked(part))
    if shift_s is None:
        note = "a generator on another clock has no phase in common with the first: its times are not comparable"
        return dataclasses.replace(part, notes=(*part.notes, note))
    rows = part.rows.copy()
    rows["start_s"] += shift_s
    events = tuple((at + shift_s, kind, value) for at, kind, value in part.events)
    watch = tuple(tuple(each._replace(at_s=each.at_s + shift_s) for each in row) for row in part.watch)
    return dataclasses.replace(part, rows=rows, events=events, watch=watch)


def _marked(part: Samples) -> time_axis.Marked:
    head = part.head
    return time_axis.Marked(head.clock if head else "", head.origin_monotonic_s if head else 0.0, part.events)


def _joined_events(parts: list[Samples]) -> Iterator[layout.Event]:
    """All users' comings and goings, numbered on from one generator to the next; the phases of the first."""
    users = 0
    for index, part in enumerate(parts):
        for at, kind, value in part.events:
            if kind in (layout.EVENT_USER_STARTED, layout.EVENT_USER_STOPPED):
                yield at, kind, int(value) + users
            elif kind != layout.EVENT_PHASE or index == 0:
                yield at, kind, value
        users += sum(1 for _, kind, _ in part.events if kind == layout.EVENT_USER_STARTED)
