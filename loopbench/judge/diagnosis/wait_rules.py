"""The rules for waits that no pool explains: without end, behind another request, in the network, for a service."""

from typing import Final

from loopbench.judge.diagnosis.findings import Finding, Kind, all_holding, evidence_of
from loopbench.judge.diagnosis.loop_figures import LoopFigures
from loopbench.judge.diagnosis.pool_rules import anyio_pool_saturated, app_pool_saturated, executor_saturated
from loopbench.judge.diagnosis.waits import GIVEN_UP, RECEIVES, REQUEST, Wait, lines_of, where

MIN_TIMES_ALONE: Final = 5.0  # so many times longer than a request alone there must be no answer
ACK_S: Final = (0.036, 0.050)  # Linux delays an acknowledgement by 40 ms; a process adds a few
CONSTANT_S: Final = 0.010  # spread of response times up to which they are constant


def endless_wait(figures: LoopFigures) -> Finding | None:
    """Requests of a name that are never answered."""
    stuck = max((each for each in figures.load.names if each.never_ends), key=lambda each: each.waiting, default=None)
    if stuck is None or all_holding(evidence_of("utilization", figures.utilization)):
        return None
    evidence = all_holding(evidence_of("never answered", stuck.waiting))
    if evidence is None or stuck.silent_s < MIN_TIMES_ALONE * (stuck.alone_s or 0.0):
        return None
    waits = figures.waits_of(REQUEST, GIVEN_UP, *(pool.name for pool in figures.pools))
    return Finding(
        Kind.ENDLESS_WAIT,
        f"Requests to {stuck.name} never finish ({stuck.waiting:.0f} in flight; {stuck.served} of {stuck.users} "
        f"users ever had an answer to it) while the event loop has time.{where(waits)}{_held_and_wanted(waits)}",
        evidence,
        (*_against(waits), "give every wait a timeout, so that requests fail instead of piling up"),
        lines=lines_of(waits),
    )


def _against(waits: list[Wait]) -> tuple[str, ...]:
    """What to do about an endless wait, if it is known what is waited for."""
    turns = [wait.turn for wait in waits if wait.turn]
    if turns and not _held_and_wanted(waits):
        return turns[0].advice
    if turns:
        return ("do not hold one and wait for another of the same pool or lock: share one connection per request",)
    if any(wait.is_for(RECEIVES) for wait in waits):
        return ("the request's body was read before, perhaps by a middleware: read it once and hand on what was read",)
    return ()


def connection_held(figures: LoopFigures) -> Finding | None:
    """Requests that wait behind another on their keep-alive connection."""
    pipelined = None if figures.tasks is None else figures.tasks.pipelined
    evidence = all_holding(evidence_of("pipelined", pipelined))
    if evidence is None:
        return None
    waits = figures.waits_of(REQUEST)
    return Finding(
        Kind.CONNECTION_HELD,
        f"{pipelined:.0f} requests on average wait on a keep-alive connection that still serves the request before: "
        f"its client has the whole answer, and the app has not ended it.{where(waits)}",
        evidence,
        (
            "end the answer before the work that follows it: start that work as a task, or hand it to a queue",
            "a middleware or generator that works after the last chunk keeps the connection: return from it first",
        ),
        lines=lines_of(waits),
    )


def delayed_acknowledgement(figures: LoopFigures) -> Finding | None:
    """Nagle's algorithm on one side and delayed acknowledgements on the other."""
    spread_s = next((each.spread_s for each in figures.load.names), None)
    outside_s = _outside_the_app_s(figures)
    if spread_s is None or outside_s is None or all_holding(evidence_of("utilization", figures.utilization)):
        return None
    low_s, high_s = ACK_S
    if not low_s <= outside_s <= high_s or spread_s > CONSTANT_S:
        return None
    return Finding(
        Kind.DELAYED_ACK,
        f"Every answer takes a constant {1000 * outside_s:.0f} ms outside the app, on a loop that has time: Nagle's "
        "algorithm holds the second part of the answer back until the client acknowledges the first, and the client "
        "delays that by 40 ms.",
        (),
        (
            "--loop uvloop: it sets TCP_NODELAY, which asyncio does not for sockets inherited by `uvicorn --workers`",
            "one process per port behind a proxy, instead of --workers",
        ),
        lines=(),
    )


def _outside_the_app_s(figures: LoopFigures) -> float | None:
    """Mean time of a request neither in the app nor behind another on its connection, by Little's law."""
    if figures.tasks is None or not figures.load.answers_rps:
        return None
    inside = figures.tasks.request + figures.tasks.pipelined
    return max(0.0, figures.load.in_flight - inside) / figures.load.answers_rps


def downstream_wait(figures: LoopFigures) -> Finding | None:
    """Requests that wait for something that no resource above explains."""
    evidence = all_holding(evidence_of("in flight", figures.load.in_flight / max(1, figures.load.users)))
    if evidence is None:
        return None
    waits = figures.waits_of(REQUEST, *(pool.name for pool in figures.pools))
    width = (
        ""
        if figures.load.width is None
        else f" About {figures.load.width:.3g} requests are worked on at a time and the others queue: a lock, a "
        "connection pool or a limiter, here or in the service."
    )
    return Finding(
        Kind.DOWNSTREAM_WAIT,
        "Requests wait for something outside the loop, which has time left, and no thread pool is full: a service "
        f"behind it, a lock or pool of the app's own, or too few users to fill it.{width}{where(waits)}",
        evidence,
        (
            *(("more users, to see whether throughput grows with them",) if figures.load.width is None else ()),
            "look at what is awaited: its latency, its pool (one client from the lifespan), locks held over an await",
        ),
        lines=lines_of(waits),
    )


def is_explained_by_a_wait(figures: LoopFigures) -> bool:
    """Return whether a pool, a lock or an endless wait is the cause, of which failures are a consequence."""
    rules = (endless_wait, app_pool_saturated, anyio_pool_saturated, executor_saturated)
    return any(rule(figures) for rule in rules)


def _held_and_wanted(waits: list[Wait]) -> str:
    """Where the same line is reached in two ways, the rarer way is that of requests that hold what all wait for."""
    lines = lines_of(waits)
    if not lines:
        return ""
    first = (lines[0].file, lines[0].line)
    ways: dict[str, float] = {}
    for wait in waits:
        if (wait.line.file, wait.line.line) == first:
            ways[wait.caller] = ways.get(wait.caller, 0.0) + wait.mean
    if len(ways) < 2:
        return ""
    rarer, *_, often = sorted(ways, key=lambda way: ways[way])
    return (
        f" {ways[often]:.0f} came there through {_function(often, rarer)} and {ways[rarer]:.0f} through "
        f"{_function(rarer, often)}: these hold what the others wait for, so about {ways[rarer]:.0f} exist."
    )


def _function(way: str, other: str) -> str:
    calls = [call for call in way.split("\n") if call not in other.split("\n")]
    return calls[-1].rpartition(":")[2] if calls else way.rpartition(":")[2]
