"""What stands behind made-up runs: a loop that was watched, ceilings, times, step loads and rounds."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from loopbench.judge.diagnosis.ceilings import Bound, Ceilings
from loopbench.judge.diagnosis.diagnosis import diagnose
from loopbench.judge.diagnosis.load_figures import LoadFigures
from loopbench.judge.diagnosis.loop_figures import LoopFigures
from loopbench.judge.diagnosis.loop_lines import LoopLine, Owner
from loopbench.judge.diagnosis.time_spent import (
    AFTER_APP,
    BEFORE_APP,
    ELSEWHERE,
    ESTIMATED,
    EXACT,
    IN_QUEUE,
    IN_THREAD,
    ON_LOOP,
    UNKNOWN,
    WATCH_LEVEL,
    Part,
    PoolWait,
    RequestTime,
    TimeSpent,
)
from loopbench.judge.rounds.plateau_run import PlateauRun
from loopbench.judge.rounds.rounds import judge_rounds
from loopbench.judge.run.latency import Percentiles
from loopbench.judge.run.loop_curve import LoopMoment
from loopbench.judge.run.open_loop import OpenLoop, OpenMode, Quantile, Times
from loopbench.judge.session.run_report import RunReport
from loopbench.judge.session.session_report import SessionReport, StepReport
from loopbench.judge.stamp.stamp import CheckOutcome, Stamp
from loopbench.judge.stamp.stamp_checks import Level
from loopbench.judge.statistics.bounds import Count
from loopbench.judge.statistics.fits import RunCurve
from loopbench.records.session import Phase
from loopbench.records.source_lines import SourceLine
from tests.made_scenario import changed

LOST = CheckOutcome(
    "C1", "count_difference", Level.INVALID, "the three counts differ by: 7", 7.0, "<= 0", "look at the logs"
)
INVALID_RUN: Final = Stamp((LOST,))
FINE_RUN: Final = Stamp((replace(LOST, level=Level.VALID, what="the three counts differ by: 0", value=0.0),))

WINDOW_S: Final = 1000.0
"""Long, so that a count of whole answers is as exact as a rate."""
SHARES: Final = {BEFORE_APP: 0.3, ON_LOOP: 0.05, IN_QUEUE: 0.35, IN_THREAD: 0.2, ELSEWHERE: 0.02, AFTER_APP: 0.08}


def explained(report: SessionReport, *, exact: bool = False) -> SessionReport:
    """The same session with a probe attached; `exact`: at the explain level."""
    return replace(report, runs=tuple(watched(run, exact=exact) for run in report.runs))


def watched(run: RunReport, *, exact: bool = False) -> RunReport:
    """The same run, whose loop is held by one line, and whose pool is full."""
    return replace(
        run,
        diagnosis=diagnose(loop_figures(run)),
        ceilings=ceilings(run),
        time_spent=spent(run, exact=exact),
        loop=tuple(moment(second) for second in range(1, 120)),
        open_mode=None,
    )


def loop_figures(run: RunReport) -> LoopFigures:
    """A loop that one line holds."""
    rps = run.goodput_rps or 0.0
    return LoopFigures(
        Phase("hold", 100.0, 120.0),
        LoadFigures(100, 60.0, 0, rps),
        seconds_seen=20.0,
        lag_max_s=0.32,
        rss_bytes=90_000_000,
        utilization=0.99,
        loop_cpu=0.31,
        process_cpu=0.6,
        anyio_borrowed=39.5,
        anyio_waiting=12.0,
        anyio_tokens=40,
        executor_queue=3.2,
        blocked=0.8,
        blocked_waiting=0.6,
        lines=lines(run.variant.name),
    )


def lines(function: str) -> tuple[LoopLine, ...]:
    """The app's own line, one near it, and a library's; the text of the first is kept."""
    text = ("async def write_bad():", "    # <b>no threads</b>", "    file.write(data)", "    return {}")
    source = SourceLine("/srv/app/main.py", 41, 39, text, "")
    own = _line(Owner.USER, "/srv/app/main.py", 41, function, 0.8, source)
    near = _line(
        Owner.NEAR, "/srv/app/very/deep/in/a/long/tree/of/packages/encoders_of_everything.py", 7, "encode", 0.12
    )
    return own, near, _line(Owner.LIBRARY, "/usr/lib/python3/json/encoder.py", 258, "iterencode", 0.05)


def _line(
    owner: Owner, file: str, line: int, function: str, share: float, source: SourceLine | None = None
) -> LoopLine:
    seconds = 16 * share
    return LoopLine(owner, file, line, function, file, line, function, True, seconds, share, 0.1 * seconds, source)


def moment(second: int) -> LoopMoment:
    """One second of a ramp of one user a second, then of a hold."""
    users = min(second, 100)
    full = min(1.0, users / 40)
    return LoopMoment(
        float(second), 1, users, 0.99 * full, 0.31 * full, 39.5 * full, max(0.0, users / 4 - 10), 3 * full
    )


def ceilings(run: RunReport) -> Ceilings | None:
    """The loop full, the pool a little above it, the CPU out of sight."""
    rps = run.goodput_rps
    if not rps:
        return None
    names = ("event loop", 1.01), ("anyio limiter of 40", 1.2), ("CPU core", 3)
    return Ceilings(tuple(Bound(name, times * rps) for name, times in names), 0.01, 0.03, 100.0, rps)


def spent(run: RunReport, *, exact: bool) -> TimeSpent:
    """Exact parts, or only the wait for a pool, estimated."""
    latency_s = (run.own.hold.p50_ms or 20.0) / 1000
    parts = (
        tuple(Part(name, share * latency_s, EXACT) for name, share in SHARES.items())
        if exact
        else tuple(Part(name, None, UNKNOWN, WATCH_LEVEL) for name in SHARES)
    )
    own = RequestTime(run.variant.name, "GET /write", 900, 220 if exact else 0, latency_s, None, parts, ())
    waits = () if exact else (PoolWait("anyio", 12.0, 0.4 * latency_s, ESTIMATED),)
    return TimeSpent("explain" if exact else "watch", (own,), waits)


def repeated(
    report: SessionReport, rounds: int = 6, *, spread: float = 0.03, invalid: Sequence[str] = (), seed: int = 7
) -> SessionReport:
    """The same session with rounds around its ramps' goodput; those of `invalid` variants never count."""
    generator = np.random.default_rng(seed)
    runs: list[PlateauRun] = []
    for number in range(1, rounds + 1):
        for run in report.runs:
            noise = float(np.exp(generator.normal(0, spread)))
            stamp = INVALID_RUN if run.variant.name in invalid else FINE_RUN
            runs.append(plateau(run, number, noise, stamp))
    return replace(report, rounds=judge_rounds(report.record.scenario, tuple(runs), 1))


def plateau(run: RunReport, number: int, noise: float, stamp: Stamp) -> PlateauRun:
    """One run of a round."""
    p99_ms = [3.2 * (neighbour.hold.p50_ms or 10.0) / noise for neighbour in run.requests[1:]]
    return PlateauRun(
        record=replace(run.record, kind="plateau", round=number, number=100 * number + run.record.number),
        variant=run.variant,
        answers=Count(round((run.goodput_rps or 0.0) * noise * WINDOW_S), WINDOW_S),
        own=run.own.hold,
        neighbours=tuple(Percentiles(2000, value / 3, value / 2, value, None) for value in p99_ms),
        stamp=stamp,
        health=run.health,
    )


def spoiled(report: SessionReport, *names: str) -> SessionReport:
    """The same session with these ramps INVALID by C1."""
    runs = (replace(run, stamp=INVALID_RUN) if run.variant.name in names else run for run in report.runs)
    return replace(report, runs=tuple(runs))


def stepped(report: SessionReport, knees: Mapping[str, float]) -> SessionReport:
    """The same session with two step runs of these variants, each full at its knee."""
    made = [StepReport(name, step_curve(knee), FINE_RUN) for name, knee in knees.items() for _ in range(2)]
    return replace(report, steps=tuple(made))


def step_curve(knee: float) -> RunCurve:
    """Ten good answers a second for each user up to the knee, but for a little unrest."""
    levels = (1, 2, 4, 6, 8, 10, 20, 30, 36, 40, 44, 60, 80, 100)
    return RunCurve(levels, tuple(10.0 * min(n, knee) * (1 + 0.004 * (-1) ** place) for place, n in enumerate(levels)))


def opened(report: SessionReport) -> SessionReport:
    """The same session in open mode, each variant overrun at its goodput."""
    scenario = changed(report.record.scenario, load={"mode": "open", "rate": (100.0, 400.0), "think_time_s": 0.0})
    runs = (replace(run, open_mode=open_mode(run)) for run in report.runs)
    return replace(report, record=replace(report.record, scenario=scenario), runs=tuple(runs))


def open_mode(run: RunReport) -> OpenMode:
    """A rate that climbs from 100 to 400 a second."""
    capacity_rps = run.goodput_rps or 1.0
    points = tuple(_due(rate, capacity_rps) for rate in (100, 200, 300, 400))
    return OpenMode(run.variant.name, points)


def _due(rate: int, capacity_rps: float) -> OpenLoop:
    p99_ms = 9.0 if rate <= capacity_rps else 900.0
    times = Times(400, 0, Quantile(5.0, at_least=False), None, Quantile(p99_ms, at_least=False), None)
    answered = round(min(rate, capacity_rps))
    return OpenLoop(0.0, 1.0, rate, 0, 0, answered, answered, times, times)
