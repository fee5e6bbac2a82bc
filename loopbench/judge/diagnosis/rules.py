"""The rules of the diagnosis: each takes a run's figures and returns a finding, or None. All pure."""

from collections.abc import Callable
from typing import Final

from loopbench.judge.diagnosis.failure_rules import many_fail, some_fail
from loopbench.judge.diagnosis.findings import MIN_TASKS, Evidence, Finding, Kind, all_holding, evidence_of
from loopbench.judge.diagnosis.loop_figures import LoopFigures
from loopbench.judge.diagnosis.loop_lines import Owner
from loopbench.judge.diagnosis.loop_rules import (
    contention,
    gil_contention,
    loop_blocked,
    loop_cpu_bound,
    now_and_then,
    share,
    spinning,
)
from loopbench.judge.diagnosis.pool_rules import anyio_pool_saturated, app_pool_saturated, executor_saturated
from loopbench.judge.diagnosis.remedies import for_hops
from loopbench.judge.diagnosis.wait_rules import (
    connection_held,
    delayed_acknowledgement,
    downstream_wait,
    endless_wait,
)
from loopbench.judge.diagnosis.waits import BACKGROUND, HOP, REQUEST, lines_of, where


def _thread_hops(figures: LoopFigures) -> Finding | None:
    evidence = all_holding(evidence_of("hops", figures.hops_per_answer))
    busy = all_holding(evidence_of("utilization", figures.utilization)) or contention(figures)
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
        f"Garbage collection took {share(figures.gc_share)} of the time; the event loop stood still meanwhile.",
        evidence,
        ("gc.freeze() after start-up, a higher gc.set_threshold, fewer objects in cycles",),
    )


def _no_bottleneck(figures: LoopFigures) -> Finding:
    return Finding(
        Kind.NO_BOTTLENECK,
        f"No bottleneck found: the loop is at {share(figures.utilization)} and users mostly think "
        f"({figures.load.in_flight:.1f} of {figures.load.users} wait for an answer).",
        (),
        ("more users, or less think time, to find a limit",),
    )


Rule = Callable[[LoopFigures], Finding | None]
RULES: Final[tuple[Rule, ...]] = (
    loop_blocked,
    spinning,
    endless_wait,
    _background_backlog,
    _gc_bound,
    _thread_hops,
    many_fail,
    gil_contention,
    loop_cpu_bound,
    app_pool_saturated,
    anyio_pool_saturated,
    executor_saturated,
    _generator_saturated,
    now_and_then,
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
