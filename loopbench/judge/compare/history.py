"""The same question over time: earlier sessions of a scenario on the same machine, and where its figures changed.

Only like sessions stand in a row: the same settings, machine and versions as the newest one. Each is compared with the
one before it that has rounds (Welch's interval, widened by what the machine itself changed in between), and a change is
marked only where the whole interval lies beyond 1.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from loopbench.errors import DataError
from loopbench.judge.compare.comparison import TOLERANCE, Change, Changed, compare_sessions
from loopbench.judge.compare.history_rows import (
    Entry,
    KeptRow,
    Mark,
    Point,
    SessionEntry,
    digest,
    identity_of,
    read_rows,
    write_rows,
)
from loopbench.judge.compare.likeness import alike_facts, code_of, refusals
from loopbench.judge.compare.session_figures import RampFigure, SessionFigures, read_figures
from loopbench.judge.figures import finite
from loopbench.judge.rounds.rounds import Judged
from loopbench.judge.statistics.verdict import Quantity, Word
from loopbench.records.codec import foreign_content
from loopbench.records.session import SessionRecord, linked_sessions, read_session, session_folders

HISTORY_FORMAT: Final = 1


@dataclass(frozen=True)
class LeftOut:
    """A session that is not in the row, and the first reason."""

    name: str
    reason: str


@dataclass(frozen=True)
class History:
    """Oldest first."""

    scenario: str
    title: str
    users: int
    neighbour: str | None
    tolerance: float
    sessions: tuple[SessionEntry, ...]
    left_out: tuple[LeftOut, ...]

    @property
    def variants(self) -> tuple[str, ...]:
        """Of all sessions, in the order in which they first appear; the newest session's come first."""
        newest_first = (entry.variant for session in reversed(self.sessions) for entry in session.entries)
        return tuple(dict.fromkeys(newest_first))

    def row(self, variant: str) -> Iterator[tuple[SessionEntry, Entry]]:
        """One variant over the sessions that have it."""
        for session in self.sessions:
            for entry in session.entries:
                if entry.variant == variant:
                    yield session, entry


def read_history(folder: Path, tolerance: float = TOLERANCE) -> History:
    """Every session of one scenario's results. Raises DataError if there is no session in it that can be read."""
    left_out: list[LeftOut] = []
    kept = read_rows(folder)
    past = _read_all(folder, kept, left_out)
    if not past:
        reason = f": {left_out[0].name}: {left_out[0].reason}" if left_out else ""
        raise DataError(
            f"there is no session in {folder}{reason}",
            slug="no-session",
            where=str(folder),
            hints=("loopbench run SCENARIO",),
        )
    newest = past[-1]
    rows = {each.folder.name: row for each, row in zip(past, _rows(past, tolerance), strict=True)}
    if rows != kept:
        write_rows(folder, rows)
    left_out += [LeftOut(name, row.refusal) for name, row in rows.items() if row.entry is None]
    scenario = newest.record.scenario
    return History(
        scenario=newest.record.name,
        title=scenario.title,
        users=scenario.load.users,
        neighbour=next(iter(scenario.neighbours), None),
        tolerance=tolerance,
        sessions=tuple(row.entry for row in rows.values() if row.entry is not None),
        left_out=tuple(sorted(left_out, key=lambda each: each.name)),
    )


def history_values(history: History) -> dict[str, Any]:
    """For `--json`; figures are not rounded."""
    return {
        "format": HISTORY_FORMAT,
        "scenario": history.scenario,
        "title": history.title,
        "users": history.users,
        "neighbour": history.neighbour,
        "tolerance": history.tolerance,
        "sessions": [
            {
                "session": session.name,
                "started": session.started,
                "code": session.code,
                "stamp": session.stamp,
                "variants": [_entry_values(entry) for entry in session.entries],
            }
            for session in history.sessions
        ],
        "left_out": [{"session": each.name, "reason": each.reason} for each in history.left_out],
    }


def _entry_values(entry: Entry) -> dict[str, Any]:
    return {
        "variant": entry.variant,
        "goodput_rps": _point_values(entry.goodput),
        "neighbour_p99_ms": None if entry.neighbour is None else _point_values(entry.neighbour),
        "verdicts": [{"against": other, "verdict": str(word)} for other, word in entry.words],
    }


def _point_values(point: Point) -> dict[str, Any]:
    return {
        "value": point.value,
        "interval": None if point.low is None or point.high is None else finite((point.low, point.high)),
        "valid_runs": point.runs,
        "mark": str(point.mark) or None,
        "ratio": point.ratio,
        "ratio_interval": finite(point.ratio_interval),
    }


class _Past:
    """One session: its row as far as it is known without the others, and its files, which are read when needed."""

    def __init__(self, folder: Path, kept: KeptRow | None) -> None:
        self.folder = folder
        identity = identity_of(folder)
        self.row = kept if kept is not None and kept.identity == identity else self._new_row(identity)

    @cached_property
    def record(self) -> SessionRecord:
        """Its `session.json`."""
        return read_session(self.folder)

    @cached_property
    def figures(self) -> SessionFigures:
        """Its figures."""
        return read_figures(self.folder)

    def _new_row(self, identity: str) -> KeptRow:
        record, has_rounds = self.figures.record, self.figures.goodput is not None
        facts = digest(alike_facts(record))
        return KeptRow(identity, record.started, facts, has_rounds, refused_by="", refusal="", follows="", entry=None)


def _read_all(folder: Path, kept: Mapping[str, KeptRow], left_out: list[LeftOut]) -> Sequence[_Past]:
    """By the time they started; those that cannot be read are left out with why."""
    left_out += [LeftOut(link.name, "it is a link") for link in linked_sessions(folder)]
    found = []
    for session in session_folders(folder):
        try:
            with foreign_content(session):
                found.append(_Past(session, kept.get(session.name)))
        except DataError as problem:
            left_out.append(LeftOut(session.name, problem.what))
    return sorted(found, key=lambda each: (each.row.started, each.folder.name))


def _rows(past: Sequence[_Past], tolerance: float) -> Iterator[KeptRow]:
    """Yield each session's row, taken as it was kept where it follows from the same sessions as then."""
    newest, before = past[-1], None
    for each in past:
        refusal = _refusal(each, newest)
        if refusal:
            yield replace(each.row, refused_by=newest.row.facts, refusal=refusal, follows="", entry=None)
            continue
        follows = digest([before and before.row.identity, tolerance])
        entry = each.row.entry
        if entry is None or each.row.follows != follows:
            entry = _compared_entry(before, each, tolerance)
        yield replace(each.row, refused_by=newest.row.facts, refusal="", follows=follows, entry=entry)
        before = each if each.row.has_rounds else before


def _refusal(each: _Past, newest: _Past) -> str:
    """The first fact in which a session differs from the newest; empty where they are alike."""
    if each.row.facts == newest.row.facts:
        return ""
    if each.row.refused_by == newest.row.facts:
        return each.row.refusal
    unlike = refusals(each.record, newest.record)
    return f"{unlike[0].fact}: {unlike[0].a} there, {unlike[0].b} in the newest" if unlike else ""


def _compared_entry(before: _Past | None, each: _Past, tolerance: float) -> SessionEntry:
    changed: tuple[Changed, ...] = ()
    if before is not None and each.row.has_rounds:
        changed = compare_sessions(before.figures, each.figures, tolerance).changed
    return _session_entry(each.figures, changed)


def _session_entry(figures: SessionFigures, changed: Sequence[Changed]) -> SessionEntry:
    record = figures.record
    marks = {(each.variant, each.verdict.quantity): each for each in changed}
    return SessionEntry(
        name=figures.folder.name,
        started=record.started,
        code=code_of(record),
        stamp=figures.stamp,
        entries=tuple(_entry(figures, variant.name, marks) for variant in record.scenario.variants),
    )


def _entry(figures: SessionFigures, variant: str, marks: dict[tuple[str, Quantity], Changed]) -> Entry:
    if figures.goodput is None:
        ramp = figures.ramps.get(variant, RampFigure(None, None, valid=False))
        p99_ms = _of_ramp(ramp.neighbour_p99_ms, ramp) if figures.record.scenario.neighbours else None
        return Entry(variant, _of_ramp(ramp.goodput_rps, ramp), p99_ms, ())
    verdicts = figures.goodput.verdicts
    return Entry(
        variant=variant,
        goodput=_of_rounds(figures.goodput, variant, marks),
        neighbour=None if figures.neighbour is None else _of_rounds(figures.neighbour, variant, marks),
        words=tuple((each.comparison.b, each.word) for each in verdicts if each.comparison.a == variant),
    )


def _of_ramp(value: float | None, ramp: RampFigure) -> Point:
    return Point(value if ramp.valid else None, None, None, 0, Mark.NONE, None, None)


def _of_rounds(judged: Judged, variant: str, marks: dict[tuple[str, Quantity], Changed]) -> Point:
    estimate = judged.estimate(variant)
    ends = estimate.interval()
    changed = marks.get((variant, judged.quantity))
    verdict = None if changed is None else changed.verdict
    return Point(
        value=estimate.value,
        low=None if ends is None else ends.low,
        high=None if ends is None else ends.high,
        runs=estimate.count,
        mark=Mark.NONE if changed is None else mark_of(changed),
        ratio=None if verdict is None else verdict.shown_ratio,
        ratio_interval=None if verdict is None else verdict.shown_interval,
    )


def mark_of(changed: Changed) -> Mark:
    """What a comparison with the session before amounts to: a mark only where the whole interval lies beyond 1."""
    if changed.change is Change.REGRESSION:
        return Mark.REGRESSION
    if changed.verdict.word not in {Word.FASTER, Word.SLOWER}:
        return Mark.NONE
    return Mark.IMPROVEMENT if changed.verdict.word is Word.FASTER else Mark.LOSS
