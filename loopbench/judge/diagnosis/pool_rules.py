"""The rules for pools: the app's own pools, locks and limiters, anyio's threads, and executors."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from loopbench.judge.diagnosis.findings import Evidence, Finding, Kind, all_holding, evidence_of
from loopbench.judge.diagnosis.load_figures import NameLoad
from loopbench.judge.diagnosis.loop_figures import LoopFigures
from loopbench.judge.diagnosis.loop_lines import LoopLine, Owner
from loopbench.judge.diagnosis.remedies import async_equivalent
from loopbench.judge.diagnosis.waits import (
    ANYIO,
    DEFAULT_EXECUTORS,
    FOR_A_THREAD,
    IN_EXECUTOR_QUEUE,
    REQUEST,
    Turn,
    Wait,
    at_line,
    lines_of,
)

QUICK_S: Final = 0.05  # response time alone up to which a request is quick
SLOWED: Final = 5.0  # how many times longer than alone a quick request takes when it waits in a queue of slow ones
MIN_HOLDERS: Final = 0.3  # mean members of a group that are elsewhere than at the turn that the others wait for


@dataclass(frozen=True, slots=True)
class Queue:
    """Tasks or threads that wait for one turn at one line."""

    turn: Turn
    lines: tuple[LoopLine, ...]
    waiting: float
    among: float  # requests in flight, or threads at work in their pool


def app_pool_saturated(figures: LoopFigures) -> Finding | None:
    """A pool, lock or limiter of the app, or an executor of its own."""
    if all_holding(evidence_of("utilization", figures.own_utilization)) or not _requests_queue(figures):
        return None
    queue = max(_queues(figures), key=lambda each: each.waiting, default=None)
    if queue is not None:
        evidence = all_holding(
            evidence_of("turn waiting", queue.waiting),
            evidence_of("turn share", queue.waiting / max(1.0, queue.among)),
            evidence_of("turn of users", queue.waiting / max(1, figures.load.users)),
        )
        if evidence:
            return _of_turn(figures, queue, evidence)
    return _own_executor(figures) or _process_pool(figures) or _narrower_than_threads(figures)


def _of_turn(figures: LoopFigures, queue: Queue, evidence: tuple[Evidence, ...]) -> Finding:
    width = figures.load.width
    wide = "" if width is None else f", about {max(1.0, width):.0f} wide"
    return Finding(
        Kind.APP_POOL,
        f"Requests queue for {queue.turn.name}{wide}: {queue.waiting:.0f} wait on average"
        f"{at_line(queue.lines)}. The event loop has time.{_pool_timeouts(figures)}",
        evidence,
        (*queue.turn.advice, "more threads, workers or users only make the queue longer"),
        lines=queue.lines,
    )


def _own_executor(figures: LoopFigures) -> Finding | None:
    known = {ANYIO, *DEFAULT_EXECUTORS}
    pool = max((each for each in figures.pools if each.name not in known), key=lambda each: each.waiting, default=None)
    if (
        pool is None
        or not pool.is_full
        or not (evidence := all_holding(evidence_of("own executor queue", pool.waiting)))
    ):
        return None
    lines = _work_lines(figures, pool.name)
    return Finding(
        Kind.APP_POOL,
        f"All {pool.size:.0f} threads of the executor {pool.name!r} are at work and {pool.waiting:.0f} jobs wait"
        f"{at_line(lines, ', mostly')}.",
        evidence,
        (*_instead_of_threads(lines), "more threads in this executor, if what they wait for can serve more"),
        lines=lines,
    )


def _process_pool(figures: LoopFigures) -> Finding | None:
    """Requests that wait for an executor whose workers are no threads of this process."""
    waits = [wait for wait in figures.waits_of(REQUEST) if wait.is_for_an_executor]
    waiting, width = sum(wait.mean for wait in waits), figures.load.width
    if width is None or all_holding(evidence_of("executor queue", figures.executor_queue)):
        return None
    evidence = all_holding(
        evidence_of("turn waiting", waiting - width),
        evidence_of("turn of users", (waiting - width) / max(1, figures.load.users)),
    )
    if evidence is None:
        return None
    lines = lines_of(waits)
    return Finding(
        Kind.APP_POOL,
        f"Requests queue for a worker of an executor, about {max(1.0, width):.0f} wide: {waiting - width:.0f} wait on "
        f"average{at_line(lines)}. No thread of this process does the work, so it is a process pool.",
        evidence,
        ("more processes in the pool, if there are cores left: else less work for each request",),
        lines=lines,
    )


def _narrower_than_threads(figures: LoopFigures) -> Finding | None:
    """Threads of anyio's limiter that nearly all wait for something that no pattern of `TURNS` knows."""
    evidence, tokens = _anyio_evidence(figures), figures.anyio_tokens
    widths = [each.width for each in figures.load.names if each.in_flight]
    if evidence is None or not tokens or not widths or None in widths:
        return None
    width = sum(filter(None, widths))  # also of names whose requests do not queue: they hold threads too
    narrow = all_holding(evidence_of("worked on", width / tokens))
    if narrow is None:
        return None
    lines = _work_lines(figures, ANYIO)
    wide = f"about {max(1.0, width):.0f} of their requests are worked on at a time"
    return Finding(
        Kind.APP_POOL,
        f"All {tokens} threads of anyio's limiter are taken, but only {wide}: the others wait for something narrower, "
        f"such as a lock, a file or a service{at_line(lines)}.",
        (*evidence, *narrow),
        ("hold it for a shorter time, or widen it; more threads, workers or users only make the queue longer",),
        lines=lines,
    )


def _anyio_evidence(figures: LoopFigures) -> tuple[Evidence, ...] | None:
    tokens = figures.anyio_tokens
    borrowed = None if figures.anyio_borrowed is None or not tokens else figures.anyio_borrowed / tokens
    return all_holding(evidence_of("anyio waiting", figures.anyio_waiting), evidence_of("anyio borrowed", borrowed))


def anyio_pool_saturated(figures: LoopFigures) -> Finding | None:
    """The threads of anyio's default limiter."""
    evidence, tokens = _anyio_evidence(figures), figures.anyio_tokens
    if evidence is None:
        return None
    wait_s = figures.anyio_wait_s
    waited = "" if wait_s is None else f" A request waits {1000 * wait_s:.0f} ms for a thread, by Little's law."
    lines = _work_lines(figures, ANYIO)
    slowed = _slowed(figures)
    return Finding(
        Kind.ANYIO_POOL_SATURATED,
        f"All {tokens} threads of anyio's limiter are taken{at_line(lines, ', mostly')} and "
        f"{figures.anyio_waiting:.1f} tasks wait.{waited}{_slowed_sentence(slowed)}",
        evidence,
        (
            *(f"make {each.name} `async def`: it needs no thread of its own" for each in slowed),
            *_instead_of_threads(lines),
            "more tokens: anyio.to_thread.current_default_thread_limiter().total_tokens, set in the lifespan",
            "a CapacityLimiter of its own, made once, for the slow work, so that other routes keep their threads",
        ),
        lines=lines,
    )


def executor_saturated(figures: LoopFigures) -> Finding | None:
    """The threads of the loop's default executor."""
    evidence = all_holding(evidence_of("executor queue", figures.executor_queue))
    if evidence is None:
        return None
    lines = _work_lines(figures, *DEFAULT_EXECUTORS)
    names = [wait for wait in figures.waits_of(REQUEST) if wait.is_for(IN_EXECUTOR_QUEUE)]
    resolving = f" Name resolution (getaddrinfo) waits in the same queue{at_line(lines_of(names))}." if names else ""
    return Finding(
        Kind.EXECUTOR_SATURATED,
        f"The default executor has {figures.executor_size} threads (min(32, cores + 4)){at_line(lines, ', mostly')} "
        f"and {figures.executor_queue:.1f} jobs wait: asyncio.to_thread, run_in_executor(None), aiofiles and asyncio's "
        f"getaddrinfo share it.{resolving}",
        evidence,
        (
            *(
                ("an executor of its own for the slow work, so that name resolution keeps its threads",)
                if names
                else ()
            ),
            *_instead_of_threads(lines),
            "run_in_threadpool or a plain `def` endpoint: anyio's limiter has 40 threads",
            "loop.set_default_executor(ThreadPoolExecutor(n)) in the lifespan, or an executor of its own",
        ),
        lines=lines,
    )


def _work_lines(figures: LoopFigures, *pools: str) -> tuple[LoopLine, ...]:
    """Return where the threads of a pool are; if they run only a library's function, where requests wait for them."""
    lines = lines_of(figures.waits_of(*pools))
    if all(line.owner is Owner.LIBRARY for line in lines):
        return lines_of(figures.waits_of(REQUEST)) or lines
    return lines


def _requests_queue(figures: LoopFigures) -> bool:
    """Return whether requests of a name queue; where it is not known, they may."""
    names = [each for each in figures.load.names if each.in_flight]
    return not names or any(each.queues or each.alone_s is None for each in names)


def _queues(figures: LoopFigures) -> Iterable[Queue]:
    """Yield what tasks or threads queue for, other than anyio's default limiter.

    Somebody must hold what is queued for: where all wait at one place, that wait is their work.
    """
    at_work = {pool.name: pool.at_work for pool in figures.pools}
    groups: dict[tuple[str, str], list[Wait]] = {}
    for wait in figures.waits:
        of_limiter = wait.is_for(FOR_A_THREAD) and (figures.anyio_waiting or 0.0) >= 1.0
        if wait.turn is not None and not of_limiter and wait.group in {REQUEST, *at_work}:
            kind = wait.group if wait.group in at_work else REQUEST
            groups.setdefault((kind, wait.turn.name), []).append(wait)
    for (group, _), waits in groups.items():
        turn, waiting = waits[0].turn, sum(wait.mean for wait in waits)
        members = sum(wait.mean for wait in figures.waits if wait.group == group)
        if turn is not None and members - waiting >= MIN_HOLDERS:
            yield Queue(turn, lines_of(waits), waiting, at_work.get(group, figures.load.in_flight))


def _slowed(figures: LoopFigures) -> tuple[NameLoad, ...]:
    """Quick requests that wait in the queue of slow ones."""
    slowest_s = max((each.alone_s or 0.0 for each in figures.load.names), default=0.0)
    return tuple(
        each
        for each in figures.load.names
        if each.alone_s is not None
        and each.mean_s is not None
        and each.alone_s < QUICK_S
        and each.mean_s > max(QUICK_S, SLOWED * each.alone_s)
        and slowest_s > each.alone_s
    )


def _slowed_sentence(slowed: tuple[NameLoad, ...]) -> str:
    parts = [
        f"{each.name} takes {1000 * (each.alone_s or 0):.0f} ms alone and {1000 * (each.mean_s or 0):.0f} ms here"
        for each in slowed
    ]
    return f" Quick requests wait in the same queue: {', '.join(parts)}." if parts else ""


def _instead_of_threads(lines: tuple[LoopLine, ...]) -> tuple[str, ...]:
    instead = async_equivalent(lines[0]) if lines else ""
    of_it = f" ({instead})" if instead else ""
    return (f"in an `async def`, the async equivalent of the call{of_it}: no thread is held while it waits",)


def _pool_timeouts(figures: LoopFigures) -> str:
    raised = figures.log.most_frequent if figures.log else None
    return "" if raised is None else f" The log has {raised.count} times: {raised.text}"
