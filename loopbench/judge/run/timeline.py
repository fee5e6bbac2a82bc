"""Which requests waited for which when a few came at once: from the stamps of each to one sentence.

A request waits until the app begins with it. That takes nothing but the event loop: a `def` endpoint is entered on the
loop too, before it queues for a thread. So a request that waits, waits for one that holds the loop. Which one shows in
the progress of the others: while a request awaits, others are entered or begin to answer. A request held the loop from
its beginning to its answer if no other made progress meanwhile, though one was waiting to be entered.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from loopbench.errors import DataError
from loopbench.judge.figures import listed, plural
from loopbench.records.timeline import TimedRequest, read_timeline

MIN_WAIT_S: Final = 0.02
"""Shorter waits are the server's own work: accepting a handful of connections took it some milliseconds."""

KEPT_WAITING: Final = "kept_waiting"
LONGEST_WAIT: Final = "longest_wait_s"
ALL_ANSWERED: Final = "all_answered_s"
OVERTAKEN: Final = "overtaken"


@dataclass(frozen=True)
class Bar(TimedRequest):
    """One request, judged."""

    number: int  # from 1, in the order they were sent
    held_the_loop: bool
    waited_for: tuple[int, ...]  # numbers of those that held the loop meanwhile

    @property
    def wait_s(self) -> float | None:
        """From sent until the app began with it."""
        return None if self.entered_s is None else self.entered_s - self.sent_s


@dataclass(frozen=True)
class TimelineReport:
    """One timeline, judged."""

    name: str
    bars: tuple[Bar, ...]

    @property
    def kept_waiting(self) -> tuple[Bar, ...]:
        """Those that waited for another."""
        return tuple(bar for bar in self.bars if bar.waited_for)

    @property
    def overtaken(self) -> tuple[Bar, ...] | None:
        """Those of which a later one was answered first; None if one was never answered."""
        ends = [bar.received_s for bar in self.bars]
        known = [end for end in ends if end is not None]
        if len(known) < len(ends):
            return None
        return tuple(bar for bar, end in zip(self.bars, known, strict=True) if min(known[bar.number - 1 :]) < end)

    @property
    def all_answered_s(self) -> float | None:
        """When the last answer was here; None if one never came."""
        ends = [bar.received_s for bar in self.bars]
        known = [end for end in ends if end is not None]
        return max(known) if len(known) == len(ends) else None

    @property
    def receipt(self) -> dict[str, int | float | bool | str]:
        """Figures that a claim can be compared with, like a variant's receipt; a key that is not known is absent."""
        if any(bar.problem for bar in self.bars):
            return {}
        waits = [bar.wait_s for bar in self.bars if bar.wait_s is not None]
        figures = {
            KEPT_WAITING: len(self.kept_waiting) if len(waits) == len(self.bars) else None,
            LONGEST_WAIT: round(max(waits), 4) if len(waits) == len(self.bars) else None,
            OVERTAKEN: None if self.overtaken is None else len(self.overtaken),
            ALL_ANSWERED: None if self.all_answered_s is None else round(self.all_answered_s, 4),
        }
        return {key: value for key, value in figures.items() if value is not None}

    @property
    def sentence(self) -> str:
        """Which requests waited for which."""
        bad = [bar for bar in self.bars if bar.problem]
        if bad:
            return f"Not every answer was right: {bad[0].label}: {bad[0].problem}."
        if any(bar.entered_s is None for bar in self.bars):
            return f"The target did not say when it began with each request. {self._end}"
        if not self.kept_waiting:
            began_s = max(bar.entered_s or 0.0 for bar in self.bars)
            subject = "The request" if len(self.bars) == 1 else f"No request waited for another: all {len(self.bars)}"
            return f"{subject} had begun after {1000 * began_s:.0f} ms. {self._end}"
        longest = max(bar.wait_s or 0.0 for bar in self.kept_waiting)
        numbers = sorted({number for bar in self.kept_waiting for number in bar.waited_for})
        holders = listed([f"{self.bars[number - 1].label} ({number})" for number in numbers])
        return (
            f"{plural(len(self.kept_waiting), 'request')} of {len(self.bars)} waited, up to {longest:.2f} s, because "
            f"{holders} held the event loop. {self._end}"
        )

    @property
    def _end(self) -> str:
        end_s = self.all_answered_s
        return "An answer never came." if end_s is None else f"Everything was answered after {end_s:.2f} s."


def timeline_values(timeline: TimelineReport) -> dict[str, Any]:
    """For `summary.json`."""
    bars = [{name: value for name, value in asdict(bar).items() if name != "status"} for bar in timeline.bars]
    return {"name": timeline.name, "sentence": timeline.sentence, **timeline.receipt, "requests": bars}


def judge_timeline(folder: Path) -> TimelineReport:
    """Read one complete timeline run."""
    record = read_timeline(folder)
    if not record.requests:
        raise DataError("the timeline holds no request", slug="timeline-empty", where=str(folder))
    return TimelineReport(record.name, who_waited(record.requests))


def who_waited(requests: Sequence[TimedRequest]) -> tuple[Bar, ...]:
    """A bar for each request, in order. Pure."""
    holders = {number for number, _ in enumerate(requests, 1) if _held(requests, number - 1)}
    return tuple(
        Bar(
            **vars(request),
            number=number,
            held_the_loop=number in holders,
            waited_for=tuple(
                other for other in sorted(holders - {number}) if _overlap_s(request, requests[other - 1]) > MIN_WAIT_S
            ),
        )
        for number, request in enumerate(requests, 1)
    )


def _held(requests: Sequence[TimedRequest], index: int) -> bool:
    """Whether a request waited while this one was in the app, and no other made progress."""
    suspect = requests[index]
    others = [each for place, each in enumerate(requests) if place != index]
    if suspect.entered_s is None or suspect.answering_s is None:
        return False
    moved = any(
        moment is not None and suspect.entered_s < moment < suspect.answering_s
        for each in others
        for moment in (each.entered_s, each.answering_s)
    )
    return not moved and any(_overlap_s(each, suspect) > MIN_WAIT_S for each in others)


def _overlap_s(waiting: TimedRequest, holder: TimedRequest) -> float:
    """How long one waited to be entered while the other was in the app."""
    if waiting.entered_s is None or holder.entered_s is None or holder.answering_s is None:
        return 0.0
    return min(waiting.entered_s, holder.answering_s) - max(waiting.sent_s, holder.entered_s)
