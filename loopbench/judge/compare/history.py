"""The same question over time: earlier sessions of a scenario on the same machine, and where its figures changed.

Only like sessions stand in a row: the same settings, machine and versions as the newest one. Each is compared with the
one before it that has rounds (Welch's interval, widened by what the machine itself changed in between), and a change is
marked only where the whole interval lies beyond 1.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from loopbench.errors import DataError
from loopbench.judge.compare.comparison import TOLERANCE, Change, Changed, compare_sessions
from loopbench.judge.compare.likeness import code_of, refusals
from loopbench.judge.compare.session_figures import RampFigure, SessionFigures, read_figures
from loopbench.judge.figures import finite
from loopbench.judge.rounds.rounds import Judged
from loopbench.judge.statistics.verdict import Quantity, Word
from loopbench.records.codec import foreign_content
from loopbench.records.session import linked_sessions, session_folders

HISTORY_FORMAT: Final = 1


class Mark(StrEnum):
    """The change of a figure since the session before. Empty where the interval holds 1."""

    REGRESSION = "REGRESSION"  # a loss, the whole interval beyond the tolerance
    LOSS = "slower"  # a loss that is shown, within the tolerance or not surely beyond it
    IMPROVEMENT = "improvement"
    NONE = ""


@dataclass(frozen=True)
class Point:
    """One figure of one session. Without rounds it comes from one ramp run and has no interval."""

    value: float | None  # None: INVALID, or not measured
    low: float | None  # ends of the 95 % interval over the rounds' runs
    high: float | None
    runs: int  # valid ones of the rounds; 0: of a ramp
    mark: Mark
    ratio: float | None  # over the one before; None where they are not compared
    ratio_interval: tuple[float, float] | None

    @property
    def half_width(self) -> float | None:
        """How far the interval reaches up, as a part of the value."""
        return None if self.high is None or not self.value else self.high / self.value - 1


@dataclass(frozen=True)
class Entry:
    """One variant in one session."""

    variant: str
    goodput: Point  # good answers per second at all users
    neighbour: Point | None  # p99 of the first neighbour, ms
    words: tuple[tuple[str, Word], ...]  # goodput's verdicts on this variant, each against another one


@dataclass(frozen=True)
class SessionEntry:
    """One session in the row."""

    name: str
    started: str  # ISO 8601, UTC
    code: str  # commits, in a few words
    stamp: str
    entries: tuple[Entry, ...]


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
    past = list(_read_all(folder, left_out))
    if not past:
        reason = f": {left_out[0].name}: {left_out[0].reason}" if left_out else ""
        raise DataError(
            f"there is no session in {folder}{reason}",
            slug="no-session",
            where=str(folder),
            hints=("loopbench run SCENARIO",),
        )
    newest = past[-1].record
    like = []
    for each in past:
        unlike = refusals(each.record, newest)
        if unlike:
            first = f"{unlike[0].fact}: {unlike[0].a} there, {unlike[0].b} in the newest"
            left_out.append(LeftOut(each.folder.name, first))
        else:
            like.append(each)
    scenario = newest.scenario
    return History(
        scenario=newest.name,
        title=scenario.title,
        users=scenario.load.users,
        neighbour=next(iter(scenario.neighbours), None),
        tolerance=tolerance,
        sessions=tuple(_entries(like, tolerance)),
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


def _read_all(folder: Path, left_out: list[LeftOut]) -> Iterator[SessionFigures]:
    """By the time they started; those that cannot be read are left out with why."""
    left_out += [LeftOut(link.name, "it is a link") for link in linked_sessions(folder)]
    found = []
    for session in session_folders(folder):
        try:
            with foreign_content(session):
                found.append(read_figures(session))
        except DataError as problem:
            left_out.append(LeftOut(session.name, problem.what))
    yield from sorted(found, key=lambda each: (each.record.started, each.folder.name))


def _entries(past: Sequence[SessionFigures], tolerance: float) -> Iterator[SessionEntry]:
    before: SessionFigures | None = None
    for each in past:
        changed: tuple[Changed, ...] = ()
        if before is not None and each.goodput is not None:
            changed = compare_sessions(before, each, tolerance).changed
        yield _session_entry(each, changed)
        before = each if each.goodput is not None else before


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
