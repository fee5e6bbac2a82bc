"""Which other styles and settings to try for a route: the other style always, the rest as its diagnosis suggests."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from loopbench.first_scenario.reading import Endpoint
from loopbench.judge.diagnosis.ceilings import USERS, Ceilings
from loopbench.judge.diagnosis.diagnosis import Diagnosis
from loopbench.judge.diagnosis.findings import Kind

AS_WRITTEN: Final = "as written"
MAX_WHAT_IFS: Final = 3
MORE_THREADS: Final = 100
FEWER_THREADS: Final = 4
IN_THREADS: Final = 0.5
"""Mean threads of anyio's limiter at work from which an endpoint of unknown style counts as a plain `def`."""

COMPUTES: Final = frozenset({Kind.LOOP_CPU_BOUND, Kind.GIL_CONTENTION, Kind.GC_PAUSES, Kind.THREAD_HOPS})
"""Diagnoses of routes that use the CPU."""
WAITS: Final = frozenset({Kind.LOOP_BLOCKED, Kind.ANYIO_POOL_SATURATED, Kind.EXECUTOR_SATURATED, Kind.APP_POOL})
"""Diagnoses of routes that hold a thread, or the loop, while they wait."""
QUEUES: Final = frozenset({Kind.ANYIO_POOL_SATURATED, Kind.APP_POOL})  # those in which threads may be too few
OF_THREADS: Final = ("event loop", "anyio limiter", "default executor")
"""Beginnings of the names of bounds that do not hold for code that awaits."""


@dataclass(frozen=True)
class WhatIf:
    """A variant of a route. Its name completes "it would be faster ..."."""

    name: str
    settings: Mapping[str, Any]
    than: str = AS_WRITTEN  # the simpler variant of which this is an extension


PLAIN: Final = WhatIf("as plain def", {"run_in": "threadpool"})


def may_be_refused(what_if: WhatIf, endpoint: Endpoint | None) -> bool:
    """Whether a what-if moves into threads what may await."""
    if what_if.settings.get("run_in") == "threadpool":
        return what_if.than == AS_WRITTEN and (endpoint is None or endpoint.awaits)
    moved = endpoint.dependencies if endpoint and "threadpool" in what_if.settings.values() else []
    return any(each.is_async and each.awaits for each in moved)


def without(what_ifs: Iterable[WhatIf], names: Collection[str]) -> tuple[WhatIf, ...]:
    """Return the what-ifs that are left without the named ones, of which no other may be an extension."""
    return tuple(each for each in what_ifs if each.name not in names and each.than not in names)


@dataclass(frozen=True)
class Untried:
    """What no setting can try, and what it could reach at most."""

    name: str
    times: float  # predicted throughput at most, over the measured one


def is_async(endpoint: Endpoint | None, diagnosis: Diagnosis) -> bool:
    """Whether a route's endpoint runs on the event loop, from its code or else from the threads it used."""
    if endpoint is not None:
        return endpoint.is_async
    figures = diagnosis.figures
    return figures is None or (figures.anyio_borrowed or 0.0) < IN_THREADS


def what_ifs(endpoint: Endpoint | None, diagnosis: Diagnosis) -> tuple[WhatIf, ...]:
    """What to try for a route with this diagnosis: the other style, that of its dependencies, then settings."""
    kinds = {diagnosis.kind, *(each.kind for each in diagnosis.also)}
    on_loop = is_async(endpoint, diagnosis)
    found = [
        PLAIN if on_loop else WhatIf("as async def", {"run_in": "event_loop"}),
        *_for_dependencies(endpoint, diagnosis.kind),
        *_for_threads(kinds, diagnosis, on_loop=on_loop),
    ]
    if Kind.EXECUTOR_SATURATED in kinds:
        found.append(_with_target(f"with {MORE_THREADS} executor threads", executor_threads=MORE_THREADS))
    if Kind.GC_PAUSES in kinds:
        found.append(_with_target("after gc.freeze()", gc_freeze=True))
    once = {each.name: each for each in found}  # two diagnoses may suggest the same
    return tuple(once.values())[:MAX_WHAT_IFS]


def _for_dependencies(endpoint: Endpoint | None, kind: Kind) -> Iterator[WhatIf]:
    are_async = {each.is_async for each in endpoint.dependencies} if endpoint else set[bool]()
    if True in are_async and kind is Kind.LOOP_BLOCKED:
        yield WhatIf("with its dependencies as plain def", {"run_dependencies_in": "threadpool"})
    if False in are_async and kind not in (Kind.LOOP_BLOCKED, Kind.APP_POOL):
        yield WhatIf("with its dependencies as async def", {"run_dependencies_in": "event_loop"})


def _for_threads(kinds: set[Kind], diagnosis: Diagnosis, *, on_loop: bool) -> Iterator[WhatIf]:
    """More threads where there is a queue for them, or where the other style would make one; fewer for one GIL."""
    waiting = diagnosis.figures.anyio_waiting if diagnosis.figures else None
    if kinds & QUEUES or (waiting or 0.0) >= 1.0:
        yield _with_target(f"with {MORE_THREADS} threads", thread_tokens=MORE_THREADS)
    for threads, reasons in ((MORE_THREADS, {Kind.LOOP_BLOCKED}), (FEWER_THREADS, COMPUTES)):
        if not kinds & reasons:
            continue
        if not on_loop:
            yield _with_target(f"with {threads} threads", thread_tokens=threads)
        elif diagnosis.kind in reasons:
            settings = {**PLAIN.settings, "target": {"thread_tokens": threads}}
            yield WhatIf(f"{PLAIN.name} with {threads} threads", settings, than=PLAIN.name)


def _with_target(name: str, **settings: Any) -> WhatIf:
    return WhatIf(name, MappingProxyType({"target": settings}))


def untried(diagnosis: Diagnosis, ceilings: Ceilings | None, cores: int) -> tuple[Untried, ...]:
    """What would take a change of the code, or processes; with the bound of the throughput that is left then."""
    if ceilings is None or not ceilings.answers_rps:
        return ()
    if diagnosis.kind in COMPUTES and cores > 1:
        return (Untried(f"{cores} processes", min(cores, _bound(ceilings, cores) / ceilings.answers_rps)),)
    if diagnosis.kind is Kind.APP_POOL:
        return (Untried("a wider pool or lock", _bound(ceilings, 1) / ceilings.answers_rps),)
    if diagnosis.kind in WAITS:
        return (Untried("an async client", _bound(ceilings, 1) / ceilings.answers_rps),)
    return ()


def _bound(ceilings: Ceilings, processes: int) -> float:
    """Requests a second that users and CPU allow to so many processes on a core each."""
    kept = [each for each in ceilings.bounds if not each.name.startswith(OF_THREADS)]
    return max(ceilings.answers_rps, min(each.rps * (1 if each.name == USERS else processes) for each in kept))
