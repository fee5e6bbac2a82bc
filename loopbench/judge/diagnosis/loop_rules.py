"""The rules for an event loop that is held or full: by a call that blocks, a spinning task, threads, or computing."""

from collections.abc import Iterable
from typing import Final

from loopbench.judge.diagnosis.findings import Evidence, Finding, Kind, all_holding, evidence_of
from loopbench.judge.diagnosis.loop_figures import LoopFigures
from loopbench.judge.diagnosis.loop_lines import LoopLine, Owner, ranked, total_s
from loopbench.judge.diagnosis.pool_rules import app_pool_saturated
from loopbench.judge.diagnosis.remedies import call_of, for_line
from loopbench.judge.diagnosis.waits import BACKGROUND, NO_WAIT, lines_of, turn_of

MOST: Final = 0.5
SECOND: Final = 0.3  # of the longest line's time, from which the next line is named too
QUEUED: Final = 0.1  # share of the time in a run queue from which a sentence names it
TAKEN: Final = 0.3  # share of the time from which other programs that have the loop's processor are named first
ONE_GIL: Final = 1.05  # cores that threads of one GIL can use, and a little for what runs beside it


def lines_for(kind: Kind, figures: LoopFigures) -> tuple[LoopLine, ...]:
    """Blocked lines for a blocked loop, then those of short steps; for a full loop those that took longer."""
    if kind not in {Kind.LOOP_BLOCKED, Kind.LOOP_CPU_BOUND}:
        return ()
    blocked = [line for line in figures.lines if line.blocked]
    busy = [line for line in figures.lines if not line.blocked]
    few = not (evidence := evidence_of("blocked", figures.blocked)) or not evidence.holds
    short = total_s(busy) > total_s(blocked)
    if kind is Kind.LOOP_CPU_BOUND and (few or short):
        return ranked(busy)
    full = all_holding(evidence_of("utilization", figures.utilization))
    return ranked(busy if not blocked or (full and short) else blocked)


def _waiting_of_own(figures: LoopFigures) -> float:
    """Share of the window in which the user's own lines held the loop without computing.

    A line that waits for the GIL does not compute either. So short steps count only with a call that is known to block,
    and of the lines with long steps the longest or all with such a call.
    """
    own = [line for line in figures.lines if line.owner is Owner.USER]
    calls_s = sum(_waited_s(line) for line in own if call_of(line, computes=False))
    longest_s = max((_waited_s(line) for line in own if line.blocked), default=0.0)
    return max(calls_s, longest_s) / figures.watched_s


def _waited_s(line: LoopLine) -> float:
    return line.seconds * (1 - (line.cpu_share or 0.0))


def share(part: float | None) -> str:
    """Return a share of the time in words."""
    return "an unknown part" if part is None else f"{100 * min(1.0, part):.0f} %"  # looks overlap a step's ends


def contention(figures: LoopFigures) -> tuple[Evidence, ...] | None:
    """Evidence that threads take the CPU from the loop, and no calls of the app's own block it."""
    if (own := evidence_of("own lines", _waiting_of_own(figures))) and own.holds:
        return None
    others = figures.other_threads_cpu
    full = all_holding(
        evidence_of("utilization", figures.utilization),
        evidence_of("process cpu", figures.served(figures.process_cpu)),
        evidence_of("other threads' cpu", figures.served(others)),
    )
    if (served := evidence_of("loop cpu", figures.loop_cpu)) and not served.holds:
        full = None
    return full or all_holding(evidence_of("threads' cpu", others))


def loop_blocked(figures: LoopFigures) -> Finding | None:
    """A call that does not yield holds the loop."""
    if contention(figures):
        return None
    in_long_steps = evidence_of("blocked waiting", _less_queue(figures.blocked_waiting, figures))
    held = all_holding(
        evidence_of("utilization", figures.utilization),
        evidence_of("waiting part", figures.waiting_part),
        evidence_of("waiting", figures.waiting),
    )
    evidence = all_holding(in_long_steps) or held
    return None if evidence is None else _blocked_finding(figures, evidence)


def _less_queue(blocked: float | None, figures: LoopFigures) -> float | None:
    """Without its part of the wait for a processor, which is the machine's doing."""
    if blocked is None or not figures.utilization:
        return blocked
    queued = (figures.run_queue or 0.0) * min(1.0, max(blocked, figures.blocked or 0.0) / figures.utilization)
    return max(0.0, blocked - queued)


def now_and_then(figures: LoopFigures) -> Finding | None:
    """Long steps on a loop that has time left: every request waits for them nevertheless."""
    unseen = all_holding(evidence_of("blocked unseen", _less_queue(figures.blocked_unseen, figures)))
    if unseen:
        return Finding(Kind.LOOP_BLOCKED, _UNSEEN_SENTENCE, unseen, _UNSEEN_REMEDIES, lines=())
    line = next(iter(ranked([line for line in figures.lines if line.blocked])), None)
    if line is None:
        return None
    evidence = all_holding(
        evidence_of("blocked", _less_queue(figures.blocked, figures)),
        evidence_of("longest line", line.seconds / figures.watched_s),
    )
    return None if evidence is None else _blocked_finding(figures, evidence)


def _blocked_finding(figures: LoopFigures, evidence: tuple[Evidence, ...]) -> Finding:
    line = next(iter(lines_for(Kind.LOOP_BLOCKED, figures)), None)
    where = f" The longest: {line.short_place}, {share(line.share)} of that time{_next(figures)}." if line else ""
    how = (
        f"{share(figures.blocked)} of the time went into steps of more than 10 ms"
        if line is None or line.blocked
        else f"{share(figures.utilization)} of the time it was held in steps of up to 10 ms, mostly not computing"
    )
    turn = turn_of(line) if line else None
    held = f" It waits for {turn.name}, which other requests hold and cannot give back meanwhile." if turn else ""
    sentence = f"A call that does not yield blocks the event loop: {how}, and every other request waited.{where}{held}"
    return Finding(Kind.LOOP_BLOCKED, sentence, evidence, () if line else _UNSEEN_REMEDIES)


def _next(figures: LoopFigures) -> str:
    """The second line, where it takes nearly as long as the first."""
    first, *others = lines_for(Kind.LOOP_BLOCKED, figures)
    second = next((line for line in others if line.owner is Owner.USER and line.share >= SECOND * first.share), None)
    return "" if second is None else f"; then {second.short_place}, {share(second.share)}"


_UNSEEN_SENTENCE: Final = (
    "Something blocks the event loop for more than 10 ms at a time, and no line of Python is on its stack."
)
_UNSEEN_REMEDIES: Final = ("a callback without a line of Python blocks (call_soon or call_later of a C function)",)


def spinning(figures: LoopFigures) -> Finding | None:
    """A task of the app runs all the time."""
    evidence = all_holding(evidence_of("quiet utilization", figures.quiet.utilization)) if figures.quiet else None
    if evidence is None or figures.quiet is None:
        return None
    lines = _spinning_lines(figures, figures.quiet.lines)
    where = f" Most of it at {lines[0].short_place}." if lines and lines[0].owner is not Owner.LIBRARY else ""
    return Finding(
        Kind.SPINNING,
        f"The event loop is full ({share(figures.quiet.utilization)}) while no request is in flight: a task of the "
        f"app runs all the time.{where}",
        evidence,
        (
            "let the task wait for an event or sleep longer: with `await asyncio.sleep(0)` the loop never rests",
            "more workers or users change nothing: each worker spins too",
        ),
        lines=lines,
    )


def _spinning_lines(figures: LoopFigures, quiet: tuple[LoopLine, ...]) -> tuple[LoopLine, ...]:
    """The own lines at work while no request is in flight; else those of tasks that never wait, else those under load.

    A loop that polls gives up the GIL in its selector only, so that a sampler may never see it elsewhere. What its
    tasks await is seen there, too.
    """
    never_wait = [wait for wait in figures.waits_of(*BACKGROUND) if wait.line.inner_function == NO_WAIT]
    return next(
        filter(None, (ranked(_own(quiet)), lines_of(wait for wait in never_wait if wait.line.owner is Owner.USER))),
        ranked(_own(figures.lines)),
    )


def _own(lines: Iterable[LoopLine]) -> list[LoopLine]:
    return [line for line in lines if line.owner is Owner.USER]


def gil_contention(figures: LoopFigures) -> Finding | None:
    """Threads compute beside the loop."""
    evidence = contention(figures)
    if evidence is None:
        return None
    return Finding(
        Kind.GIL_CONTENTION,
        f"Threads compute beside the loop ({figures.other_threads_cpu or 0:.2f} of {figures.process_cpu or 0:.2f} "
        f"cores) and they share one GIL{_partly_free(figures)}: the loop waits for its turn, and more threads make it "
        "wait longer.",
        evidence,
        (
            "give CPU work to processes: ProcessPoolExecutor made in the lifespan, anyio.to_process, or more workers",
            "fewer thread tokens let the loop have its turn more often; for a trivial body `async def` needs no thread",
        ),
    )


def _partly_free(figures: LoopFigures) -> str:
    """One GIL allows one core: what is above it ran in C code that gave it up."""
    return " (more than one core, so part of it runs without the GIL)" if (figures.process_cpu or 0.0) > ONE_GIL else ""


def loop_cpu_bound(figures: LoopFigures) -> Finding | None:
    """The loop computes all the time."""
    evidence = all_holding(evidence_of("utilization", figures.utilization))
    if evidence is None or contention(figures) or loop_blocked(figures):  # full, but not of its own computing
        return None
    if figures.foreign_queue >= TAKEN and app_pool_saturated(figures):  # with the whole processor it would have time
        return None
    line = next(iter(lines_for(Kind.LOOP_CPU_BOUND, figures)), None)
    used = f"its thread used {share(figures.loop_cpu)} of a core{_queued(figures)}"
    sentence = f"The event loop computes all the time ({used}): this is what one process can do."
    alone: tuple[str, ...] = ()
    if figures.foreign_queue >= TAKEN:
        sentence = f"The event loop has work all the time, but other programs take its processor ({used})."
        alone = ("stop other work on this machine and measure again: alone, the loop may have time",)
    remedies = (*_computing_remedies(line, figures), *alone)
    return Finding(Kind.LOOP_CPU_BOUND, sentence + _most_of_it(line, figures), evidence, remedies)


def _computing_remedies(line: LoopLine | None, figures: LoopFigures) -> tuple[str, ...]:
    workers = "more workers, if there are more cores (uvicorn --workers)"
    if line is None:
        return (workers,)
    if line.is_handover:
        return (workers, *_HANDED_OVER)
    if line.blocked:
        return (*for_line(line, computes=True), workers)
    much = evidence_of("short steps", line.seconds / figures.watched_s)
    if call_of(line, computes=True) and much and much.holds:
        return (workers, *for_line(line, computes=True))
    return (workers,)


def _queued(figures: LoopFigures) -> str:
    """How much of the time it was ready and another thread or process had its processor."""
    queued = figures.run_queue or 0.0
    return f" and waited {share(queued)} of the time for one" if queued >= QUEUED else ""


_HANDED_OVER: Final = (
    'asyncio shows where short steps end; LOOPBENCH_PROBE_SIGNAL_SAMPLER = "1" in target.env shows their lines',
    "if it is the answer that takes the time: answer less at a time, or return a ready Response",
)


def _most_of_it(line: LoopLine | None, figures: LoopFigures) -> str:
    """Where the loop computes, and how much of its time at work was seen on any line where that is little."""
    if line is None or line.owner is Owner.LIBRARY:
        return ""
    if line.is_handover:
        return f" In short steps, for {line.function} ({line.short_place})."
    seen_s, worked_s = total_s(list(figures.lines)), (figures.utilization or 0.0) * figures.watched_s
    if seen_s < MOST * worked_s:
        return f" Only {seen_s:.2g} s of {worked_s:.2g} s were seen on a line, the longest at {line.short_place}."
    return f" {'Most of it' if line.share >= MOST else 'Of the code that was seen, most'} at {line.short_place}."
