"""The lines that a diagnosis shows, the guilty one first."""

from typing import Final

from loopbench.judge.diagnosis.findings import Kind, all_holding, evidence_of
from loopbench.judge.diagnosis.loop_figures import LoopFigures
from loopbench.judge.diagnosis.loop_lines import LoopLine, Owner

HAS_LINES: Final = frozenset({Kind.LOOP_BLOCKED, Kind.LOOP_CPU_BOUND})
MAX_LINES: Final = 10
MIN_SHARE: Final = 0.1
"""Of the time of its kind: a line below it is not the reason."""
MIN_OVERALL_SHARE: Final = 0.01


def lines_for(kind: Kind, figures: LoopFigures) -> tuple[LoopLine, ...]:
    """Blocked lines for a blocked loop, then those of short steps; for a full loop those that took longer."""
    if kind not in HAS_LINES:
        return ()
    blocked = [line for line in figures.lines if line.blocked]
    busy = [line for line in figures.lines if not line.blocked]
    few = not (evidence := evidence_of("blocked", figures.blocked)) or not evidence.holds
    short = _seconds(busy) > _seconds(blocked)
    if kind is Kind.LOOP_CPU_BOUND and (few or short):
        return ranked(busy)
    full = all_holding(evidence_of("utilization", figures.utilization))
    return ranked(busy if not blocked or (full and short) else blocked)


def ranked(lines: list[LoopLine]) -> tuple[LoopLine, ...]:
    """Lines that can be changed and that matter first, then the framework's and the rest; each longest first.

    What was found where asyncio hands over is the time of steps like the others, so it makes none of them small.
    """
    known_s = _seconds([line for line in lines if not line.is_handover])

    def rank(line: LoopLine) -> tuple[bool, float]:
        small = line.seconds < MIN_SHARE * known_s or line.share < MIN_OVERALL_SHARE
        return line.owner is Owner.LIBRARY or line.is_handover or small, -line.seconds

    return tuple(sorted(lines, key=rank)[:MAX_LINES])


def _seconds(lines: list[LoopLine]) -> float:
    return sum(line.seconds for line in lines)


def longest_waiting(figures: LoopFigures) -> float:
    """Share of the window that one line of the user's own blocked without computing."""
    waits = [
        line.seconds * (1 - (line.cpu_share or 0.0))
        for line in figures.lines
        if line.blocked and line.owner is Owner.USER
    ]
    return max(waits, default=0.0) / watched_s(figures)


def watched_s(figures: LoopFigures) -> float:
    """Of all workers together, as `lines` are."""
    return figures.seconds_seen * max(1, len(figures.processes))
