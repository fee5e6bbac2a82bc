"""The rules of the stamp: each figure, its limit, and what to do beyond it. The one table of thresholds.

A rule has one or more checks; each check names a figure of `metrics.RunMetrics` or `metrics.SessionMetrics`. The limits
are engineering choices, tested with planted faults (`docs/stamp.md`). Nothing outside this table changes a stamp.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from loopbench.judge.stamp.stamp_checks import Check, Level, Rule, Unit

_BLIND: Final = "the fault could be there unnoticed"

OUTCOMES: Final = frozenset({"C2", "D2"})
"""Rules about what a variant did, not about what was done to it: it failed, or answered too few. A run that is INVALID
by one of them is not repeated (until it does not fail would be to choose the answer), and the rounds beside it say
nothing alone: they may be the ones that went well."""

RUN_RULES: Final = (
    Rule(
        "T1",
        "the target that answered is the one that was started",
        (
            Check("wrong_process_count", "processes that served without this run's nonce", Unit.COUNT, invalid=0),
            Check("worker_count_mismatch", "server processes more or fewer than were asked for", Unit.COUNT, invalid=0),
        ),
        "see target.log: a worker died and was replaced, or something else serves there; measure again",
        Level.DEGRADED,
        "another process may have answered, or another app",
    ),
    Rule(
        "T2",
        "settings are equal except where the scenario says so",
        (Check("settings_mismatches", "settings that are not what the scenario says", Unit.COUNT, invalid=0),),
        "start every variant alike: let loopbench start the target, and change nothing between runs of a session",
        Level.DEGRADED,
        "variants may differ in more than their code",
    ),
    Rule(
        "C1",
        "server, samples and Locust counted the same requests after the drain",
        (Check("count_difference", "largest difference between two counts", Unit.COUNT, invalid=0),),
        "look for clients that retry or drop requests, and for a server killed before it had written its end",
        Level.DEGRADED,
        "only two of the three counts can be compared",
    ),
    Rule(
        "C2",
        "requests do not fail",
        (Check("failure_share", "failed requests", Unit.SHARE, invalid=0.01, remark_above=0.0),),
        "read locust_failures.csv and target.log; a failing request is often a fast one",
        Level.INVALID,
        "without it no answer is known to be good",
    ),
    Rule(
        "C3",
        "bodies are right and the work was done",
        (Check("wrong_bodies", "answers with a wrong body or without their receipt", Unit.COUNT, invalid=0),),
        "the endpoint did not do the work (a coroutine never awaited?), or `expect` asks for the wrong thing",
        Level.INVALID,
        "without it no answer is known to be good",
    ),
    Rule(
        "B0",
        "throughput is possible",
        (Check("above_ceiling", "throughput over what the users can ask for", Unit.SHARE, invalid=0.02),),
        "the measurement is wrong: look at the window, the number of users and the think time",
        Level.INVALID,
        "a throughput that may be impossible is none",
    ),
    Rule(
        "D1",
        "the steady window is long enough",
        (
            Check("window_s", "steady window", Unit.SECONDS, invalid=5.0, at_least=True),
            Check("window_response_times", "mean response times in the window", Unit.RATIO, invalid=5.0, at_least=True),
        ),
        "hold longer: load.hold_s (ramps), repeat.window_s (rounds), load.step_s (steps)",
        Level.INVALID,
        "a window of unknown length gives no rate",
    ),
    Rule(
        "D2",
        "enough was completed",
        (
            Check(
                "completions", "requests completed at the point that has fewest", Unit.COUNT, invalid=100, at_least=True
            ),
        ),
        "hold longer, or let more users ask",
        Level.INVALID,
        "a rate of unknown error is none",
    ),
    Rule(
        "U1",
        "every user was answered",
        (
            Check("users_never_served", "users never served", Unit.COUNT, degraded=0, remark_above=-1.0),
            Check("unfinished_requests", "requests without an answer after the drain", Unit.COUNT, degraded=0),
        ),
        "read no response time without this number: those who waited longest are not in it",
        Level.DEGRADED,
        _BLIND,
    ),
    Rule(
        "G1",
        "the generator has CPU to spare",
        (Check("generator_cpu_share", "generator CPU in its busiest second, of a core", Unit.SHARE, invalid=0.80),),
        "use more generators (load.generators), fewer users, or a longer think time",
        Level.DEGRADED,
        "hidden time and loop lag (G2, G3) still show a generator that is too slow",
    ),
    Rule(
        "G2",
        "users do not wait for the generator",
        (Check("hidden_share", "users' time that is neither waiting nor thinking", Unit.SHARE, 0.10, 0.02),),
        "the generator is what is measured: use the default user class, more generators or fewer users",
        Level.DEGRADED,
        _BLIND,
    ),
    Rule(
        "G3",
        "the generator is quick against what it times",
        (
            Check(
                "generator_lag_share", "p99 of the generator's loop lag over the median latency", Unit.SHARE, 0.5, 0.1
            ),
        ),
        "response times carry the generator's own waiting: use more generators or fewer users",
        Level.DEGRADED,
        _BLIND,
    ),
    Rule(
        "G4",
        "the generator could do twice as much",
        (Check("own_ceiling_share", "throughput over this generator's own ceiling", Unit.SHARE, degraded=0.5),),
        "use more generators (load.generators)",
        Level.DEGRADED,
        _BLIND,
    ),
    Rule(
        "M1",
        "no CPU steal",
        (Check("steal_share", "stolen CPU in the worst 5 s", Unit.SHARE, invalid=0.05),),
        "measure when the host is quiet, or on a machine of your own",
        Level.VALID,
        "many hosts report none; what they take shows in the canary, M2",
    ),
    Rule(
        "M2",
        "the machine is as fast as in the rest of the session",
        (
            Check(
                "canary_deviation",
                "canary around the run, off the session's median beyond its usual scatter",
                Unit.SHARE,
                0.10,
                0.05,
            ),
        ),
        "stop other work on this machine; `loopbench doctor` says how steady it is",
        Level.DEGRADED,
        _BLIND,
    ),
    Rule(
        "M3",
        "no other process uses the CPU",
        (Check("foreign_cpu_share", "CPU taken by other processes, of all there is", Unit.SHARE, degraded=0.05),),
        "stop other work on this machine (`top` names it)",
        Level.DEGRADED,
        _BLIND,
    ),
    Rule(
        "M4",
        "no CPU quota was hit",
        (Check("throttled_periods", "periods in which a control group was throttled", Unit.COUNT, invalid=0),),
        "raise the container's CPU limit, or give it none",
        Level.VALID,
        "who is throttled computes late, and so does the canary, M2",
    ),
    Rule(
        "M5",
        "runnable threads got a CPU without delay",
        (
            Check(
                "run_queue_share",
                "time kept waiting for a processor by others, worse of target and generator",
                Unit.SHARE,
                0.05,
                0.02,
            ),
        ),
        "pin target and generator to cores of their own, and stop other work on this machine",
        Level.DEGRADED,
        _BLIND,
    ),
    Rule(
        "N1",
        "the kernel dropped no connection",
        (Check("listen_drops", "connections that found a full queue or were dropped", Unit.COUNT, invalid=0),),
        "raise net.core.somaxconn and the server's backlog, or let users come more slowly",
        Level.DEGRADED,
        _BLIND,
    ),
    Rule(
        "N2",
        "connections are kept",
        (Check("connections_per_user", "new connections for each user", Unit.RATIO, degraded=1.05),),
        "the server closes connections: keep-alive is off, shorter than the think time, or limited in requests",
        Level.DEGRADED,
        "opening connections may be what was measured",
    ),
    Rule(
        "F1",
        "the disk keeps up",
        (Check("dirty_share", "dirty pages over the kernel's background threshold", Unit.SHARE, invalid=0.80),),
        "write less, or wait between runs until the disk has caught up (`sync`)",
        Level.DEGRADED,
        "writing may have been held up by the kernel",
    ),
    Rule(
        "S1",
        "the steady window is steady",
        (Check("change_points", "steps of the goodput inside the window", Unit.COUNT, degraded=0),),
        "let it settle longer (repeat.settle_s, load.warmup_s); see what else ran at that moment",
        Level.DEGRADED,
        _BLIND,
    ),
    Rule(
        "P1",
        "users come slowly against the throughput",
        (Check("arrival_share", "arrivals over throughput", Unit.SHARE, degraded=0.02),),
        "lower load.spawn_rate: the ramp's response times are too low by about this share",
        Level.DEGRADED,
        _BLIND,
    ),
    Rule(
        "O1",
        "requests start when they are due",
        (Check("late_share", "requests that started over 5 ms late, or never", Unit.SHARE, invalid=0.01),),
        "lower load.rate, or give it more users (connections) and more generators",
        Level.INVALID,
        "an open load that starts late is a closed one",
    ),
)
"""For every run, in this order."""

SESSION_RULES: Final = (
    Rule(
        "X1",
        "there are enough rounds",
        (Check("rounds", "complete rounds", Unit.COUNT, degraded=5, at_least=True),),
        "measure more rounds: --resume goes on where this session ended",
        Level.DEGRADED,
        _BLIND,
    ),
    Rule(
        "X2",
        "the intervals are narrow",
        (Check("half_width", "widest half of a declared 95 % interval", Unit.SHARE, degraded=0.05),),
        "measure more rounds, or on a quieter machine",
        Level.DEGRADED,
        _BLIND,
    ),
    Rule(
        "X3",
        "few runs had to be repeated",
        (Check("repeat_share", "repeats for each run of the rounds", Unit.SHARE, degraded=0.20),),
        "the machine is not fit to measure on: see `loopbench doctor`",
        Level.DEGRADED,
        _BLIND,
    ),
    Rule(
        "M6",
        "the machine keeps its speed",
        (Check("canary_scatter", "usual scatter of the canary over the session", Unit.SHARE, degraded=0.05),),
        "the host shares its cores: the intervals carry that, a machine of your own would narrow them",
        Level.DEGRADED,
        _BLIND,
    ),
)
"""For a session as a whole."""

RULES: Final = RUN_RULES + SESSION_RULES
CHECKS: Final[Mapping[str, Check]] = MappingProxyType({each.metric: each for rule in RULES for each in rule.checks})
"""By the name of their figure."""


def table() -> tuple[tuple[str, str, str, str, str], ...]:
    """What is printed beside every result: id, what is measured, limit, level beyond it, advice; a row for a check."""
    return tuple(
        (
            rule.id,
            check.title,
            " / ".join(check.bound(limit) for _, limit in check.limits),
            " / ".join(level.name for level, _ in check.limits),
            rule.advice,
        )
        for rule in RULES
        for check in rule.checks
    )


def markdown_table() -> str:
    """The same in GitHub's Markdown, with what it costs when a figure cannot be seen; it stands in `docs/stamp.md`."""
    unseen = {rule.id: f"{rule.unobservable.name}: {rule.unobservable_why}" for rule in RULES}
    rows = [
        f"| {id_} | {level} | {title} | {limit} | {advice} | {unseen[id_]} |"
        for id_, title, limit, level, advice in table()
    ]
    return "\n".join(
        ("| id | level | figure | limit | what to do | if it cannot be seen |", "|---|---|---|---|---|---|", *rows)
    )
