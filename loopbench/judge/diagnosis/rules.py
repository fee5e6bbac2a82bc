"""The rules of the diagnosis: each takes a run's figures and returns a finding, or None. All pure.

They are tried in the order of RULES, the most particular first. Their limits are in `limits`.
"""

from collections.abc import Callable
from typing import Final

from loopbench.judge.diagnosis.findings import Evidence, Finding, Kind, all_holding, evidence_of
from loopbench.judge.diagnosis.guilty_lines import lines_for, longest_waiting, ranked, watched_s
from loopbench.judge.diagnosis.limits import MIN_TASKS
from loopbench.judge.diagnosis.loop_figures import LoopFigures
from loopbench.judge.diagnosis.loop_lines import LoopLine, Owner
from loopbench.judge.diagnosis.remedies import call_of, for_line

MOST: Final = 0.5
ONE_GIL: Final = 1.05
"""Cores that threads of one GIL can use, and a little for what runs beside it."""


def _percent(share: float | None) -> str:
    return "an unknown part" if share is None else f"{100 * min(1.0, share):.0f} %"  # looks overlap a step's ends


def _contention(figures: LoopFigures) -> tuple[Evidence, ...] | None:
    """Evidence that threads take the CPU from the loop, and no single call blocks it."""
    if (one := evidence_of("one line", longest_waiting(figures))) and one.holds:
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
    full, waiting = evidence_of("utilization", figures.utilization), evidence_of("waiting part", figures.waiting_part)
    evidence = all_holding(in_long_steps) or all_holding(full, waiting)
    return None if evidence is None else _blocked_finding(figures, evidence)


def _less_queue(blocked: float | None, figures: LoopFigures) -> float | None:
    """Without its part of the wait for a processor, which is the machine's doing."""
    if blocked is None or figures.blocked is None or not figures.utilization:
        return blocked
    queued = (figures.run_queue or 0.0) * min(1.0, figures.blocked / figures.utilization)
    return max(0.0, blocked - queued)


def _now_and_then(figures: LoopFigures) -> Finding | None:
    """Long steps on a loop that has time left: every request waits for them nevertheless."""
    unseen = all_holding(evidence_of("blocked unseen", figures.blocked_unseen))
    if unseen:
        return Finding(Kind.LOOP_BLOCKED, _UNSEEN_SENTENCE, unseen, _UNSEEN_REMEDIES, has_lines=False)
    line = next(iter(ranked([line for line in figures.lines if line.blocked])), None)
    if line is None:
        return None
    evidence = all_holding(
        evidence_of("blocked", _less_queue(figures.blocked, figures)),
        evidence_of("longest line", line.seconds / watched_s(figures)),
    )
    return None if evidence is None else _blocked_finding(figures, evidence)


def _blocked_finding(figures: LoopFigures, evidence: tuple[Evidence, ...]) -> Finding:
    line = next(iter(lines_for(Kind.LOOP_BLOCKED, figures)), None)
    where = f" The longest: {line.short_place}, {_percent(line.share)} of that time." if line else ""
    how = (
        f"{_percent(figures.blocked)} of the time went into steps of more than 10 ms"
        if line is None or line.blocked
        else f"{_percent(figures.utilization)} of the time it was held in steps of up to 10 ms, mostly not computing"
    )
    sentence = f"A call that does not yield blocks the event loop: {how}, and every other request waited.{where}"
    return Finding(Kind.LOOP_BLOCKED, sentence, evidence, () if line else _UNSEEN_REMEDIES)


_UNSEEN_SENTENCE: Final = (
    "Something blocks the event loop for more than 10 ms at a time, and no line of Python is on its stack."
)
_UNSEEN_REMEDIES: Final = ("a callback without a line of Python blocks (call_soon or call_later of a C function)",)


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
    return Finding(
        Kind.BACKGROUND_BACKLOG,
        f"Answers go out before their work is done, and the work piles up: {_left_over(figures)}.",
        (*(rest or ()), *(growth or ())),
        (
            "bound the work in the background: a queue with a limit and a few consumers, or await it before answering",
            "hand it to a worker process or a task queue if it may outlive the request",
        ),
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
    line = next(iter(lines_for(Kind.LOOP_CPU_BOUND, figures)), None)
    sentence = (
        f"The event loop computes all the time (its thread used {_percent(figures.loop_cpu)} of a core): "
        f"this is what one process can do.{_most_of_it(line)}"
    )
    remedies: tuple[str, ...] = ("more workers, if there are more cores (uvicorn --workers)",)
    if line is not None and line.is_handover:
        remedies = (*remedies, *_HANDED_OVER)
    elif line is not None and line.blocked:
        remedies = (*for_line(line, computes=True), *remedies)
    elif (
        line is not None
        and call_of(line, computes=True)
        and (much := evidence_of("short steps", line.seconds / watched_s(figures)))
    ):
        remedies = (*remedies, *(for_line(line, computes=True) if much.holds else ()))
    return Finding(Kind.LOOP_CPU_BOUND, sentence, evidence, remedies)


_HANDED_OVER: Final = (
    'asyncio shows where short steps end; LOOPBENCH_PROBE_SIGNAL_SAMPLER = "1" in target.env shows their lines',
    "if it is the answer that takes the time: answer less at a time, or return a ready Response",
)


def _most_of_it(line: LoopLine | None) -> str:
    """Where the loop computes, as far as it was seen."""
    if line is None or line.owner is Owner.LIBRARY:
        return ""
    if line.is_handover:
        return f" In short steps, for {line.function} ({line.short_place})."
    return f" {'Most of it' if line.share >= MOST else 'Of the code that was seen, most'} at {line.short_place}."


def _anyio_pool_saturated(figures: LoopFigures) -> Finding | None:
    tokens = figures.anyio_tokens
    borrowed = None if figures.anyio_borrowed is None or not tokens else figures.anyio_borrowed / tokens
    evidence = all_holding(evidence_of("anyio waiting", figures.anyio_waiting), evidence_of("anyio borrowed", borrowed))
    if evidence is None:
        return None
    wait_s = figures.anyio_wait_s
    waited = "" if wait_s is None else f" A request waits {1000 * wait_s:.0f} ms for a thread, by Little's law."
    return Finding(
        Kind.ANYIO_POOL_SATURATED,
        f"All {tokens} threads of anyio's limiter are taken and {figures.anyio_waiting:.1f} tasks wait.{waited}",
        evidence,
        (
            "use the async equivalent of the call, so that no thread is held while it waits",
            "more tokens: anyio.to_thread.current_default_thread_limiter().total_tokens, set in the lifespan",
            "a CapacityLimiter of its own, made once, for the slow work, so that other routes keep their threads",
        ),
    )


def _executor_saturated(figures: LoopFigures) -> Finding | None:
    evidence = all_holding(evidence_of("executor queue", figures.executor_queue))
    if evidence is None:
        return None
    return Finding(
        Kind.EXECUTOR_SATURATED,
        f"The default executor has {figures.executor_size} threads (min(32, cores + 4)) and "
        f"{figures.executor_queue:.1f} jobs wait: asyncio.to_thread, run_in_executor(None) and aiofiles share it.",
        evidence,
        (
            "use the async equivalent of the call, so that no thread is held while it waits",
            "run_in_threadpool or a plain `def` endpoint: anyio's limiter has 40 threads",
            "loop.set_default_executor(ThreadPoolExecutor(n)) in the lifespan, or an executor of its own",
        ),
    )


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
    evidence = all_holding(evidence_of("never served", load.never_served / max(1, load.users)))
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
    evidence = all_holding(evidence_of("utilization", figures.utilization), evidence_of("gc bound", figures.gc_share))
    return None if evidence is None else _gc_finding(figures, evidence)


def _gc_pauses(figures: LoopFigures) -> Finding | None:
    evidence = all_holding(evidence_of("gc pauses", figures.gc_share))
    return None if evidence is None or _gc_bound(figures) else _gc_finding(figures, evidence)


def _gc_finding(figures: LoopFigures, evidence: tuple[Evidence, ...]) -> Finding:
    return Finding(
        Kind.GC_PAUSES,
        f"Garbage collection took {_percent(figures.gc_share)} of the time; the event loop stood still meanwhile.",
        evidence,
        ("gc.freeze() after start-up, a higher gc.set_threshold, fewer objects in cycles",),
    )


def _downstream_wait(figures: LoopFigures) -> Finding | None:
    evidence = all_holding(evidence_of("in flight", figures.load.in_flight / max(1, figures.load.users)))
    if evidence is None:
        return None
    at_once = figures.load.served_at_once
    width = (
        ""
        if at_once is None or at_once > figures.load.in_flight / 2
        else f" About {at_once:.3g} requests are worked on at a time and the others queue: a lock, a connection pool "
        "or a limiter of the app's own."
    )
    return Finding(
        Kind.DOWNSTREAM_WAIT,
        "Requests wait for something outside the loop, which has time left, and no thread pool is full: a service "
        f"behind it, a lock or pool of the app's own, or too few users to fill it.{width}",
        evidence,
        (
            "more users, to see whether throughput grows with them",
            "look at what is awaited: its latency, its pool (one client from the lifespan), locks held over an await",
        ),
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
    _gc_bound,
    _background_backlog,
    _gil_contention,
    _loop_cpu_bound,
    _anyio_pool_saturated,
    _executor_saturated,
    _generator_saturated,
    _now_and_then,
    _accept_starvation,
    _gc_pauses,
    _downstream_wait,
    _no_bottleneck,
)
"""In the order in which they are tried. The last always holds."""

LAST_RESORTS: Final = frozenset({Kind.DOWNSTREAM_WAIT, Kind.NO_BOTTLENECK})
