"""Judged sessions made up for tests: no files, no clock, figures that a test can name."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np

from loopbench.judge.diagnosis.diagnosis import not_observed
from loopbench.judge.rounds.claims import answer_claims
from loopbench.judge.rounds.published import published_claims, published_figures
from loopbench.judge.run.latency import LatencyPoint, Percentiles
from loopbench.judge.run.occupancy import Moment, PhaseEnd
from loopbench.judge.run.windows import Curve, curve_from_completions
from loopbench.judge.session.run_report import RequestReport, RunReport
from loopbench.judge.session.session_report import SessionReport
from loopbench.judge.session.session_stamp import NOTHING, MergedOutcome, SessionStamp
from loopbench.judge.stamp.canaries import Canaries
from loopbench.judge.stamp.health import Health
from loopbench.judge.stamp.stamp import CheckOutcome, Stamp
from loopbench.judge.stamp.stamp_checks import Level, State
from loopbench.records import FORMAT_VERSION
from loopbench.records.session import (
    STOPPED,
    Counts,
    Phase,
    PlannedRun,
    RunRecord,
    SessionRecord,
)
from loopbench.scenario import Variant
from tests.judge.recorded_run import blank
from tests.made_scenario import made_scenario

FINE = CheckOutcome("C1", "count_difference", Level.VALID, "the three counts differ by: 0", 0.0, "<= 0")
VALID_RUN = Stamp((FINE,))
VALID_SESSION = SessionStamp((MergedOutcome(FINE),))

NASTY = (
    "<script>alert(1)</script>",
    "$x$ costs $5",
    "[/red] [link=https://example.invalid]here[/link]",
    "two\nlines",
    "\u202egnp.exe",
    "a|b `` c",
    "=1+1",
)


@dataclass(frozen=True)
class Made:
    """What one variant's run is to look like.

    Args:
        name: of the variant.
        rps: good answers a second at full load, all requests together; half of them are the variant's own.
        knee: users beyond which there is no more.
        p50_ms: of its own request at full load; None for too few answers.
        never_served: users without an answer at the end.
        failed: whether every answer failed.
        hold_s: length of the hold; 0 for none.
        published_rps: what the source claims.
    """

    name: str
    rps: float = 400.0
    knee: float = 40.0
    p50_ms: float | None = 20.0
    never_served: int = 0
    failed: bool = False
    hold_s: float = 20.0
    published_rps: float | None = None


FOUR = (
    Made("def", rps=500, p50_ms=80, published_rps=550),
    Made("blocking async def", rps=200, knee=20, p50_ms=300, never_served=31, published_rps=205),
    Made("thread offload", rps=480, p50_ms=90, published_rps=540),
    Made("aiofiles", rps=300, knee=30, p50_ms=150, published_rps=470),
)


def session(
    made: Sequence[Made] = FOUR,
    *,
    missing: Sequence[str] = (),
    neighbours: Sequence[str] = ("hello",),
    users: int = 100,
    title: str = "Writing a file, four ways",
    notes: Sequence[str] = ("Closed loop.",),
) -> SessionReport:
    """A session of these variants; those that are `missing` have no run."""
    record = _record(made, tuple(neighbours), users, title)
    pairs = [
        (each, variant)
        for each, variant in zip(made, record.scenario.variants, strict=True)
        if each.name not in missing
    ]
    runs = tuple(run(each, variant, number, users, neighbours) for number, (each, variant) in enumerate(pairs, 1))
    measured = {each.variant.name: each.goodput_rps for each in runs}
    return SessionReport(
        folder=Path("results/file-write/2026-11-20T10-22-05Z"),
        record=record,
        runs=runs,
        steps=(),
        rounds=None,
        stamp=VALID_SESSION if runs else SessionStamp((NOTHING,)),
        canaries=Canaries(0.003, 0.02),
        claims=(),
        published=published_figures(
            record.scenario,
            answer_claims(published_claims(record.scenario), {}, {}),
            measured.get,
        ),
        damaged=(),
        missing=tuple(missing),
        notes=tuple(notes),
    )


def run(made: Made, variant: Variant, number: int, users: int, neighbours: Sequence[str]) -> RunReport:
    """One run."""
    phases = _phases(users, made.hold_s)
    whole = curve(made, users, made.rps, made.name)
    return RunReport(
        record=_run_record(variant, number, phases, users),
        variant=variant,
        curve=whole,
        requests=(
            _request(made, users, made.name, is_neighbour=False),
            *(_request(made, users, name, is_neighbour=True) for name in neighbours),
        ),
        moments=tuple(_moment(made, users, second) for second in range(round(users + made.hold_s) + 1)),
        ends=tuple(
            PhaseEnd(phase.name, replace(_moment(made, users, round(phase.end_s)), at_s=phase.end_s))
            for phase in phases
        ),
        errors=(("HTTP 500", 1200), ("body: <b>not json</b>", 3)) if made.failed else (),
        csv_curve=replace(whole, label="csv"),
        stamp=VALID_RUN,
        health=_health(made, users, whole),
        diagnosis=not_observed("made up"),
        ceilings=None,
        time_spent=None,
        loop=(),
        open_mode=None,
        notes=(),
    )


def _health(made: Made, users: int, whole: Curve) -> Health:
    """As the samples would show it."""
    answers = 0 if made.failed or whole.hold is None else round(whole.hold.goodput_rps * made.hold_s)
    state = State.FAILING if made.failed else State.STARVING if made.never_served else State.HEALTHY
    wrong = 1203 if made.failed else 0
    return blank(
        Health,
        state=state,
        good=answers,
        wrong=wrong,
        users=users,
        never_served=made.never_served,
        answers=answers,
        window_s=float(made.hold_s),
        watched_s=float(users + made.hold_s),
        target_exit=STOPPED,
    )


def curve(made: Made, users: int, rps: float, label: str) -> Curve:
    """A ramp of one user a second that rises to its knee and stays, then the hold."""
    return replace(_unnamed_curve(users, rps, made.knee, made.hold_s, failed=made.failed), label=label)


@cache
def _unnamed_curve(users: int, rps: float, knee: float, hold_s: float, *, failed: bool) -> Curve:
    seconds = np.arange(users + hold_s)
    per_second = np.rint(rps * np.minimum(1, (np.minimum(seconds, users) + 0.5) / knee)).astype(int)
    times_s = np.concatenate([second + (np.arange(n) + 0.5) / n for second, n in enumerate(per_second) if n])
    return curve_from_completions(
        "",
        completion_times_s=times_s,
        ok=np.full(len(times_s), not failed),
        ramp_start_s=0.0,
        user_start_times_s=np.arange(users, dtype=np.float64),
        hold_start_s=float(users),
        hold_end_s=users + hold_s,
    )


def _request(made: Made, users: int, name: str, *, is_neighbour: bool) -> RequestReport:
    p50_ms = None if made.failed or made.p50_ms is None else made.p50_ms * (0.2 if is_neighbour else 1)
    levels = range(5, users + 1, 10)
    points = [] if p50_ms is None else [_point(p50_ms, level, made.knee) for level in levels]
    hold = Percentiles(0, None, None, None, None)
    if p50_ms is not None and made.hold_s:
        hold = _percentiles(p50_ms, 2000)
    return RequestReport(
        name=name,
        is_neighbour=is_neighbour,
        curve=curve(made, users, made.rps / 2, name),
        latency=tuple(points),
        hold=hold,
    )


def _point(p50_ms: float, users: float, knee: float) -> LatencyPoint:
    return LatencyPoint(float(users), _percentiles(p50_ms * max(0.1, (users - knee / 2) / 100), 400))


def _percentiles(p50_ms: float, samples: int) -> Percentiles:
    return Percentiles(samples, p50_ms, p50_ms * 1.8, p50_ms * 3.2 if samples >= 368 else None, None)


def _moment(made: Made, users: int, second: int) -> Moment:
    up = min(second, users)
    never = round(made.never_served * up / users)
    return Moment(float(second), up, max(never, round(up * 0.6)), never, 10 * up)


def _phases(users: int, hold_s: float) -> tuple[Phase, ...]:
    end_s = users + hold_s
    hold = (Phase("hold", float(users), end_s),) if hold_s else ()
    return (Phase("ramp", 0.0, float(users)), *hold, Phase("drain", end_s, end_s + 0.2))


def _record(made: Sequence[Made], neighbours: tuple[str, ...], users: int, title: str) -> SessionRecord:
    scenario = made_scenario(
        *(
            {"name": each.name, "path": f"/write?variant={index}", "published": {"rps": each.published_rps}}
            for index, each in enumerate(made, 1)
        ),
        neighbours=neighbours,
        title=title,
        question="What does a blocking write in async def cost?",
        source="An article",
        load={"users": users, "warmup_s": 3.0, "think_time_s": 0.03},
    )
    return SessionRecord(
        format=FORMAT_VERSION,
        loopbench="0.1.0",
        started="2026-11-20T10:22:05+00:00",
        command=("loopbench", "run", "scenarios/file_write.toml"),
        file="scenarios/file_write.toml",
        quick=False,
        explain=False,
        scenario=scenario,
        seed=7,
        plan=tuple(PlannedRun(n, "ramp", 0, each.slug, n, 125.0) for n, each in enumerate(scenario.variants, 1)),
        machine={"cpu": "a CPU", "cores": 2, "memory_bytes": 8 * 2**30},
        packages={"locust": "2.47.0", "fastapi": "0.165.0"},
        provenance={},
        environment_ignored=(),
    )


def _run_record(variant: Variant, number: int, phases: tuple[Phase, ...], users: int) -> RunRecord:
    return RunRecord(
        format=FORMAT_VERSION,
        number=number,
        kind="ramp",
        round=0,
        variant=variant.slug,
        attempt=1,
        nonce="n",
        started="2026-11-20T10:22:06+00:00",
        wall_s=125.0,
        load_s=122.0,
        port=1,
        target_command=("python", "-m", "uvicorn", "app:app"),
        load_command=("python", "-m", "locust"),
        target_pids=(1,),
        target_cpus=(0,),
        generator_cpus=(1,),
        target_exit="stopped",
        generator_exit="exit code 0",
        phases=phases,
        users_started=users,
        counts=Counts(server=1000, samples=1000, locust=1000, unfinished=0),
        canary_before_s=0.004,
        canary_after_s=0.004,
        services=(),
        receipt=None,
        files=(),
    )


def nasty_session(made: Sequence[Made] = (), title: str = "<img src=x> \x1b[31mred") -> SessionReport:
    """Foreign text wherever it can be; with variants of every nasty name unless others are given."""
    every = [Made(name, rps=300 + 20 * index, published_rps=100.0 + index) for index, name in enumerate(NASTY)]
    return session(made or every, title=title, neighbours=("<i>hello</i>\u202e",), notes=("a <b>note</b>\x07",))


def twelve_variants() -> SessionReport:
    """More variants than there are colours."""
    return session([Made(f"variant number {n}", rps=100.0 * n, published_rps=90.0 * n) for n in range(1, 13)])
