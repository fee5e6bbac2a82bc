"""The rules of the diagnosis: each takes a run's figures and returns a finding, or None. All pure."""

from collections.abc import Callable
from typing import Final

from loopbench.judge.diagnosis.failure_rules import many_fail, some_fail
from loopbench.judge.diagnosis.findings import MIN_TASKS, Evidence, Finding, Kind, all_holding, evidence_of
from loopbench.judge.diagnosis.loop_figures import LoopFigures
from loopbench.judge.diagnosis.loop_lines import LoopLine, Owner, ranked, total_s
from loopbench.judge.diagnosis.pool_rules import anyio_pool_saturated, app_pool_saturated, executor_saturated
from loopbench.judge.diagnosis.remedies import call_of, for_hops, for_line
from loopbench.judge.diagnosis.wait_rules import (
    connection_held,
    delayed_acknowledgement,
    downstream_wait,
    endless_wait,
)
from loopbench.judge.diagnosis.waits import BACKGROUND, HOP, REQUEST, lines_of, turn_of, where

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


def _percent(share: float | None) -> str:
    return "an unknown part" if share is None else f"{100 * min(1.0, share):.0f} %"  # looks overlap a step's ends


def _contention(figures: LoopFigures) -> tuple[Evidence, ...] | None:
    """Evidence that threads take the CPU from the loop, and no calls of the app's own block it."""
    if (own := evidence_of("own lines", _waiting_of_own(figures))) and own.holds:
        return None
    others = figures.other_threads_cpu
    full = all_holding(
        evidence_of("utilization", figures.utilization),
        evidence_of("process cpu", figures.process_cpu),
        evidence_of("other threads' cpu", others),
    )
    if (served := evidence_of("loop cpu", figures.loop_cpu)) and not served.holds:
        full = None
    return full or all_holding(evidence_of("threads' cpu", others))


def _loop_blocked(figures: LoopFigures) -> Finding | None:
    if _contention(figures):
        return None
    in_long_steps = evidence_of("blocked waiting", _less_queue(figures.blocked_waiting, figures))
    full, waiting = (
        evidence_of("utilization", figures.utilization),
        evidence_of("waiting part", figures.waiting_part),
    )
    evidence = all_holding(in_long_steps) or all_holding(full, waiting)
    return None if evidence is None else _blocked_finding(figures, evidence)


def _less_queue(blocked: float | None, figures: LoopFigures) -> float | None:
    """Without its part of the wait for a processor, which is the machine's doing."""
    if blocked is None or not figures.utilization:
        return blocked
    queued = (figures.run_queue or 0.0) * min(1.0, max(blocked, figures.blocked or 0.0) / figures.utilization)
    return max(0.0, blocked - queued)


def _now_and_then(figures: LoopFigures) -> Finding | None:
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
    where = f" The longest: {line.short_place}, {_percent(line.share)} of that time{_next(figures)}." if line else ""
    how = (
        f"{_percent(figures.blocked)} of the time went into steps of more than 10 ms"
        if line is None or line.blocked
        else f"{_percent(figures.utilization)} of the time it was held in steps of up to 10 ms, mostly not computing"
    )
    turn = turn_of(line) if line else None
    held = f" It waits for {turn.name}, which other requests hold and cannot give back meanwhile." if turn else ""
    sentence = f"A call that does not yield blocks the event loop: {how}, and every other request waited.{where}{held}"
    return Finding(Kind.LOOP_BLOCKED, sentence, evidence, () if line else _UNSEEN_REMEDIES)


def _next(figures: LoopFigures) -> str:
    """The second line, where it takes nearly as long as the first."""
    first, *others = lines_for(Kind.LOOP_BLOCKED, figures)
    second = next((line for line in others if line.owner is Owner.USER and line.share >= SECOND * first.share), None)
    return "" if second is None else f"; then {second.short_place}, {_percent(second.share)}"


_UNSEEN_SENTENCE: Final = (
    "Something blocks the event loop for more than 10 ms at a time, and no line of Python is on its stack."
)
_UNSEEN_REMEDIES: Final = ("a callback without a line of Python blocks (call_soon or call_later of a C function)",)


def _spinning(figures: LoopFigures) -> Finding | None:
    evidence = all_holding(evidence_of("quiet utilization", figures.quiet.utilization)) if figures.quiet else None
    if evidence is None or figures.quiet is None:
        return None
    own = [line for lines in (figures.quiet.lines, figures.lines) for line in lines if line.owner is Owner.USER]
    lines = ranked(own)  # a loop that polls all the time is mostly sampled in its selector, so there may be few
    where = f" Most of it at {lines[0].short_place}." if lines and lines[0].owner is not Owner.LIBRARY else ""
    return Finding(
        Kind.SPINNING,
        f"The event loop is full ({_percent(figures.quiet.utilization)}) while no request is in flight: a task of the "
        f"app runs all the time.{where}",
        evidence,
        (
            "let the task wait for an event or sleep longer: with `await asyncio.sleep(0)` the loop never rests",
            "more workers or users change nothing: each worker spins too",
        ),
        lines=lines,
    )


def _thread_hops(figures: LoopFigures) -> Finding | None:
    evidence = all_holding(evidence_of("hops", figures.hops_per_answer))
    busy = all_holding(evidence_of("utilization", figures.utilization)) or _contention(figures)
    waiting = evidence_of("in flight", figures.load.in_flight / max(1, figures.load.users))
    if evidence is None or not (busy or (waiting and waiting.holds)):
        return None
    lines = lines_of(wait for wait in figures.waits if wait.group == REQUEST and wait.is_for(HOP))
    where = f", mostly for {lines[0].short_place}" if lines else ""
    return Finding(
        Kind.THREAD_HOPS,
        f"Each answer takes {figures.hops_per_answer:.0f} hops to a thread and back{where}: the time goes into handing "
        "over, not into the work.",
        evidence,
        for_hops(lines[0] if lines else None),
        lines=lines,
    )


def _background_backlog(figures: LoopFigures) -> Finding | None:
    left, users = (figures.after.tasks_left if figures.after else None), max(1, figures.load.users)
    rest = None
    if left is not None and left >= MIN_TASKS:
        rest = all_holding(evidence_of("tasks left", left / users))
    grown, goodput = figures.tasks_growth_per_s, figures.load.goodput_rps
    growth = None
    if grown is not None and goodput and grown * figures.seconds_seen >= max(MIN_TASKS, users):
        growth = all_holding(evidence_of("tasks growth", grown / goodput))
    if not rest and not growth:
        return None
    waits = [wait for wait in figures.waits_of(*BACKGROUND) if wait.line.owner is not Owner.LIBRARY]
    return Finding(
        Kind.BACKGROUND_BACKLOG,
        f"Answers go out before their work is done, and the work piles up: {_left_over(figures)}.{where(waits)}",
        (*(rest or ()), *(growth or ())),
        (
            "bound the work in the background: a queue with a limit and a few consumers, or await it before answering",
            "hand it to a worker process or a task queue if it may outlive the request",
        ),
        lines=lines_of(waits),
    )


def _left_over(figures: LoopFigures) -> str:
    grown = figures.tasks_growth_per_s
    parts = [f"{grown:+.0f} tasks a second under load"] if grown is not None else []
    if figures.after is not None and figures.after.tasks_left is not None:
        idle = figures.after.idle_after_s
        until = (
            f"idle {idle:.1f} s later" if idle is not None else f"still at work {figures.after.watched_s:.1f} s later"
        )
        parts.append(f"{figures.after.tasks_left} tasks left after the last answer, {until}")
    return ", ".join(parts)


def _gil_contention(figures: LoopFigures) -> Finding | None:
    evidence = _contention(figures)
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


def _loop_cpu_bound(figures: LoopFigures) -> Finding | None:
    evidence = all_holding(evidence_of("utilization", figures.utilization))
    if evidence is None or _contention(figures) or _loop_blocked(figures):  # full, but not of its own computing
        return None
    if figures.foreign_queue >= TAKEN and app_pool_saturated(figures):  # with the whole processor it would have time
        return None
    line = next(iter(lines_for(Kind.LOOP_CPU_BOUND, figures)), None)
    used = f"its thread used {_percent(figures.loop_cpu)} of a core{_queued(figures)}"
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
    share = figures.run_queue or 0.0
    return f" and waited {_percent(share)} of the time for one" if share >= QUEUED else ""


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


def _generator_saturated(figures: LoopFigures) -> Finding | None:
    generator = figures.generator
    evidence = all_holding(evidence_of("generator cpu", generator.cpu_share)) if generator else None
    if evidence is None or all_holding(evidence_of("utilization", figures.utilization)):
        return None
    return Finding(
        Kind.GENERATOR_SATURATED,
        "The load generator is saturated while the target has CPU to spare: the figures are the generator's.",
        evidence,
        ("more generator processes, or a lighter client, or fewer users with less think time",),
    )


def _accept_starvation(figures: LoopFigures) -> Finding | None:
    load = figures.load
    share = None if load.never_served is None else load.never_served / max(1, load.users)
    evidence = all_holding(evidence_of("never served", share))
    if evidence is None:
        return None
    return Finding(
        Kind.ACCEPT_STARVATION,
        f"{load.never_served} of {load.users} users never had an answer: uvloop accepts one connection a turn of its "
        "loop, so long turns keep newcomers out, and the latencies are those of the few who came in.",
        evidence,
        ("shorten what holds the loop; read no latency figure of this run without the users never served",),
    )


def _gc_bound(figures: LoopFigures) -> Finding | None:
    own = [line for line in figures.lines if line.blocked and line.owner is not Owner.LIBRARY]
    longest_s = max((line.seconds for line in own), default=0.0)
    evidence = all_holding(
        evidence_of("utilization", figures.utilization),
        evidence_of("gc bound", figures.gc_share),
        evidence_of("collecting line", longest_s / figures.watched_s),
    )
    return None if evidence is None else _gc_finding(figures, evidence)


def _gc_pauses(figures: LoopFigures) -> Finding | None:
    waiting = figures.load.in_flight / max(1, figures.load.users)
    evidence = all_holding(evidence_of("gc pauses", figures.gc_share), evidence_of("in flight", waiting))
    return None if evidence is None or _gc_bound(figures) else _gc_finding(figures, evidence)


def _gc_finding(figures: LoopFigures, evidence: tuple[Evidence, ...]) -> Finding:
    return Finding(
        Kind.GC_PAUSES,
        f"Garbage collection took {_percent(figures.gc_share)} of the time; the event loop stood still meanwhile.",
        evidence,
        ("gc.freeze() after start-up, a higher gc.set_threshold, fewer objects in cycles",),
    )


def _no_bottleneck(figures: LoopFigures) -> Finding:
    return Finding(
        Kind.NO_BOTTLENECK,
        f"No bottleneck found: the loop is at {_percent(figures.utilization)} and users mostly think "
        f"({figures.load.in_flight:.1f} of {figures.load.users} wait for an answer).",
        (),
        ("more users, or less think time, to find a limit",),
    )


Rule = Callable[[LoopFigures], Finding | None]
RULES: Final[tuple[Rule, ...]] = (
    _loop_blocked,
    _spinning,
    endless_wait,
    _background_backlog,
    _gc_bound,
    _thread_hops,
    many_fail,
    _gil_contention,
    _loop_cpu_bound,
    app_pool_saturated,
    anyio_pool_saturated,
    executor_saturated,
    _generator_saturated,
    _now_and_then,
    connection_held,
    _accept_starvation,
    _gc_pauses,
    delayed_acknowledgement,
    some_fail,
    downstream_wait,
    _no_bottleneck,
)
"""In the order in which they are tried. The last always holds."""

LAST_RESORTS: Final = frozenset({Kind.DOWNSTREAM_WAIT, Kind.NO_BOTTLENECK})
