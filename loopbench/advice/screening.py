"""The routes of a screening session, ranked by the harm that they do to themselves and to their neighbour."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from loopbench.advice.what_ifs import COMPUTES
from loopbench.judge.diagnosis.findings import Kind
from loopbench.judge.session.run_report import RunReport

CALM: Final = frozenset({Kind.NO_BOTTLENECK, Kind.DOWNSTREAM_WAIT, Kind.GENERATOR_SATURATED, Kind.DELAYED_ACK})
"""Diagnoses of routes for which the app is not at fault."""
CHEAP: Final = 2.0
"""CPU time of an answer, over that of the cheapest route, up to which a route that computes is healthy."""
CHEAP_IN_THREADS: Final = 1.2
"""The same for one that hands work to threads: the hop may be what it costs, and another style would save it."""
HOPS: Final = 0.3  # results that threads hand to the loop, for each answer of route and neighbour, from which it does


@dataclass(frozen=True)
class Screened:
    """One route, and how it compares with the best."""

    run: RunReport
    harm: float  # how many times fewer answers than the best, times how many times longer the neighbour's p99
    is_healthy: bool


def screened(runs: Sequence[RunReport]) -> tuple[Screened, ...]:
    """Rank runs of different routes under the same load, the most harmful first."""
    best_rps = max(map(goodput_rps, runs), default=0.0)
    least_ms = min(map(neighbour_p99_ms, runs), default=0.0)
    cpus_s = [each for each in map(_cpu_of_answer_s, runs) if each]
    least_cpu_s = min(cpus_s, default=0.0)
    found = [Screened(run, _harm(run, best_rps, least_ms), _is_healthy(run, least_cpu_s)) for run in runs]
    return tuple(sorted(found, key=lambda each: -each.harm))


def goodput_rps(run: RunReport) -> float:
    """Good answers per second in the window that was diagnosed; 0 if there was none."""
    figures = run.diagnosis.figures
    return figures.load.goodput_rps if figures else 0.0


def neighbour_p99_ms(run: RunReport) -> float:
    """The p99 of the first neighbour, or the least it can be; 0 without a neighbour."""
    if len(run.requests) == 1:
        return 0.0
    hold = run.requests[1].hold
    return hold.p99_ms or (hold.between_ms["p99"].low if hold.between_ms else math.inf)


def _harm(run: RunReport, best_rps: float, least_ms: float) -> float:
    rps, p99_ms = goodput_rps(run), neighbour_p99_ms(run)
    return (best_rps / rps if rps else math.inf) * (p99_ms / least_ms if least_ms else 1.0)


def _is_healthy(run: RunReport, least_cpu_s: float) -> bool:
    diagnosis, cpu_s = run.diagnosis, _cpu_of_answer_s(run)
    hops = (diagnosis.figures.hops_per_answer if diagnosis.figures else None) or 0.0
    cheap = CHEAP_IN_THREADS if hops >= HOPS else CHEAP
    return diagnosis.kind in CALM or (diagnosis.kind in COMPUTES and cpu_s is not None and cpu_s <= cheap * least_cpu_s)


def _cpu_of_answer_s(run: RunReport) -> float | None:
    """CPU seconds of the process for each answer; it does not depend on what else the machine does."""
    figures = run.diagnosis.figures
    if figures is None or not figures.process_cpu or not figures.load.answers_rps:
        return None
    return figures.process_cpu / figures.load.answers_rps
