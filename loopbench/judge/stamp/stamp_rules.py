"""The rules of the stamp: each figure, its limit, and what to do beyond it. The one table of thresholds.

A rule has one or more checks; each check names a figure of a run or of a session. A rule is
about the measurement, and then it lowers the stamp, or about the health of the target, which is a result. INVALID is
for what no interval covers. The limits are engineering choices, tested with planted faults (`docs/stamp.md`). Nothing
outside this table changes a stamp.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from loopbench.judge.stamp.stamp_checks import Check, Level, Rule, State, Unit

RUN_RULES: Final = (
    Rule(
        "T1",
        "the target that answered is the one that was started",
        (
            Check("wrong_process_count", "processes that served without this run's nonce", Unit.COUNT, invalid=0),
            Check("worker_count_mismatch", "server processes more or fewer than were asked for", Unit.COUNT, invalid=0),
        ),
        "see target.log: a worker died and was replaced, or something else serves there; measure again",
        "the figures would be another program's",
        unobservable_why="another process may have answered, or another app",
    ),
    Rule(
        "T2",
        "settings are equal except where the scenario says so",
        (Check("settings_mismatches", "settings that are not what the scenario says", Unit.COUNT, invalid=0),),
        "start every variant alike: let loopbench start the target, and change nothing between runs of a session",
        "a difference could come from the settings",
        unobservable_why="variants may differ in more than their code",
    ),
    Rule(
        "T3",
        "calls run where run_in says",
        (Check("calls_not_moved", "calls not moved", Unit.SHARE, invalid=0.0),),
        "choose the other style, or remove run_in: the call is of that style as written, or awaits",
        "the variant would be another than its name says",
        unobservable_why="the variant may have run as written",
    ),
    Rule(
        "C1",
        "every request is accounted for by server, samples and Locust",
        (Check("count_difference", "requests that the counts do not explain", Unit.COUNT, invalid=0),),
        "look for clients that retry or drop requests, and for a server killed before it had written its end",
        "a request that is in no count may be one that mattered",
        unobservable_why="only two of the three counts can be compared",
    ),
    Rule(
        "C2",
        "requests do not fail",
        (Check("failure_share", "failed requests", Unit.SHARE, degraded=0.01, remark_above=0.0),),
        "read target.log: the first error is on the page; a failing request is often a fast one",
        "failures are counted, and are no good answers: their share is a result",
        State.FAILING,
        unobservable=Level.INVALID,
        unobservable_why="without it no answer is known to be good",
    ),
    Rule(
        "C3",
        "bodies are right and the work was done",
        (Check("wrong_bodies", "answers with a wrong body or without their receipt", Unit.COUNT, degraded=0),),
        "the endpoint did not do the work (a coroutine never awaited?), or `expect` asks for the wrong thing",
        "an app that answers without doing the work is a result",
        State.FAILING,
        unobservable=Level.INVALID,
        unobservable_why="without it no answer is known to be good",
    ),
    Rule(
        "B0",
        "throughput is possible",
        (Check("above_ceiling", "throughput over what the users can ask for", Unit.SHARE, invalid=0.02),),
        "the measurement is wrong: look at the window, the number of users and the think time",
        "only a wrong record can exceed what its users can ask for",
        unobservable=Level.INVALID,
        unobservable_why="a throughput that may be impossible is none",
    ),
    Rule(
        "D1",
        "the steady window is long enough",
        (Check("window_s", "steady window", Unit.SECONDS, 0.1, 5.0, at_least=True),),
        "hold longer: load.hold_s (ramps), repeat.window_s (rounds), load.step_s (steps)",
        "a rate needs a window; its length is the scenario's choice",
        unobservable=Level.INVALID,
        unobservable_why="a window of unknown length gives no rate",
    ),
    Rule(
        "D2",
        "enough was completed",
        (
            Check("completions", "requests completed where fewest are", Unit.COUNT, degraded=100, at_least=True),
            Check("window_response_times", "response times in the window", Unit.RATIO, degraded=5.0, at_least=True),
        ),
        "for an estimate instead of a bound, hold longer: load.hold_s, repeat.window_s, load.step_s",
        "how many answers come is a result; fewer bound a rate instead of estimating it",
        State.HEALTHY,
        unobservable=Level.INVALID,
        unobservable_why="a rate of unknown error is none",
    ),
    Rule(
        "D3",
        "answers come within the window",
        (
            Check("response_windows", "mean response time over the window's length", Unit.SHARE, degraded=1.0),
            Check("unfinished_requests", "requests without an answer after the drain", Unit.COUNT, degraded=0),
        ),
        "read response times as lower bounds; raise load.drain_s or repeat.window_s if such answers are usual",
        "how long answers take is a result; those that do not come bound it from below",
        State.STALLED,
    ),
    Rule(
        "D4",
        "the work stays the same",
        (
            Check("answer_growth", "growth of the answers of a request under the load", Unit.SHARE, degraded=0.10),
            Check(
                "response_growth",
                "growth of a request's response time under a constant load",
                Unit.SHARE,
                degraded=0.30,
            ),
        ),
        "the load fills what it reads: begin every run with equal data (target.prepare), or ask for pages of one size",
        "with state that grows, every figure depends on how much was written before",
    ),
    Rule(
        "U1",
        "every user was answered",
        (Check("users_never_served", "users never served", Unit.COUNT, degraded=0, remark_above=-1.0),),
        "read no response time without this number: those who waited longest are not in it",
        "who is served is what the styles differ in",
        State.STARVING,
    ),
    Rule(
        "G1",
        "the generator has CPU to spare",
        (
            Check("generator_cpu_share", "generator CPU, of a core", Unit.SHARE, invalid=0.80),
            Check("generator_busy_share", "time the generator computed or waited for a CPU", Unit.SHARE, invalid=0.80),
            Check("generator_cpu_peak", "generator CPU in its busiest second, of a core", Unit.SHARE, degraded=0.80),
        ),
        "use more generators (load.generators), fewer users, or a longer think time",
        "a saturated generator, not the target, sets the pace",
        unobservable_why="hidden time and loop lag (G2, G3) still show a generator that is too slow",
    ),
    Rule(
        "G2",
        "users do not wait for the generator",
        (Check("hidden_share", "users' time that is neither waiting nor thinking", Unit.SHARE, 0.10, 0.02),),
        "the generator is what is measured: use LlhttpUser, more generators or fewer users",
        "time inside the generator is none of the target's",
    ),
    Rule(
        "G3",
        "the generator is quick against what it times",
        (
            Check("generator_lag_share", "mean of the generator's loop lag over a user's cycle", Unit.SHARE, 0.5),
            Check(
                "generator_lag_tail",
                "p99 of the generator's loop lag over the median latency",
                Unit.SHARE,
                degraded=0.1,
            ),
        ),
        "response times carry the generator's own waiting: use more generators or fewer users",
        "response times would be the generator's own",
    ),
    Rule(
        "G4",
        "the generator could do twice as much",
        (Check("own_ceiling_share", "throughput over this generator's own ceiling", Unit.SHARE, degraded=0.5),),
        "use more generators (load.generators)",
        "near its ceiling a generator is slower than the target",
    ),
    Rule(
        "M1",
        "no CPU steal",
        (Check("steal_share", "stolen CPU in the worst 5 s", Unit.SHARE, invalid=0.5, degraded=0.05),),
        "measure when the host is quiet, or on a machine of your own",
        "runs that all lose a little carry it in their interval; half of the CPU is another machine",
        unobservable=Level.VALID,
        unobservable_why="many hosts report none; what they take shows in the canary, M2",
    ),
    Rule(
        "M2",
        "the machine is as fast as in the rest of the session",
        (
            Check(
                "canary_deviation",
                "canary around the run, off the session's median beyond its usual scatter",
                Unit.SHARE,
                degraded=0.05,
            ),
        ),
        "stop other work on this machine; `loopbench doctor` says how steady it is",
        "the machine's speed reaches every variant, and the intervals over runs carry it",
    ),
    Rule(
        "M3",
        "no other process uses the CPU",
        (Check("foreign_cpu_share", "CPU taken by other processes, of all there is", Unit.SHARE, degraded=0.05),),
        "stop other work on this machine (`top` names it)",
        "the CPU of others reaches every variant, and the intervals over runs carry it",
    ),
    Rule(
        "M4",
        "no CPU quota was hit",
        (Check("throttled_periods", "periods in which a control group was throttled", Unit.COUNT, degraded=0),),
        "raise the container's CPU limit, or give it none",
        "a quota holds for every variant, and the intervals over runs carry it",
        unobservable=Level.VALID,
        unobservable_why="who is throttled computes late, and so does the canary, M2",
    ),
    Rule(
        "M5",
        "runnable threads got a CPU without delay",
        (
            Check(
                "run_queue_share",
                "time others kept the target waiting for a processor, beyond the session's usual",
                Unit.SHARE,
                0.06,
                0.02,
            ),
            Check("generator_queue_share", "the same of the generator, in all", Unit.SHARE, degraded=0.02),
        ),
        "pin target and generator to cores of their own, and stop other work on this machine",
        "what reaches every run alike is in the intervals; more of it means another process on the target's core",
    ),
    Rule(
        "N1",
        "the kernel dropped no connection",
        (Check("listen_drops", "connections that found a full queue or were dropped", Unit.COUNT, degraded=0),),
        "raise net.core.somaxconn and the server's backlog, or let users come more slowly",
        "the kernel counts the sockets of every process here; a connection that is kept out shows as a long answer",
    ),
    Rule(
        "N2",
        "connections are kept",
        (Check("connections_per_user", "new connections for each user", Unit.RATIO, degraded=1.05),),
        "the server closes connections: keep-alive is off, shorter than the think time, or limited in requests",
        "opening connections may be what was measured",
        unobservable_why="opening connections may be what was measured",
    ),
    Rule(
        "F1",
        "the disk keeps up",
        (Check("dirty_share", "dirty pages over the kernel's background threshold", Unit.SHARE, degraded=0.80),),
        "write less, or wait between runs until the disk has caught up (`sync`)",
        "a busy disk reaches every variant, and the intervals over runs carry it",
        unobservable_why="writing may have been held up by the kernel",
    ),
    Rule(
        "S1",
        "the steady window is steady",
        (Check("change_points", "steps of the goodput inside the window", Unit.COUNT, degraded=0),),
        "let it settle longer (repeat.settle_s, load.warmup_s); see what else ran at that moment",
        "a step may come from outside, and the intervals over runs carry it",
    ),
    Rule(
        "P1",
        "users come slowly against the throughput",
        (Check("arrival_share", "arrivals over throughput", Unit.SHARE, degraded=0.02),),
        "lower load.spawn_rate: the ramp's response times are too low by about this share",
        "the ramp's response times are a little too low",
    ),
    Rule(
        "O1",
        "requests start when they are due",
        (Check("late_share", "requests that started over 5 ms late, or never", Unit.SHARE, invalid=0.01),),
        "lower load.rate, or give it more users (connections) and more generators",
        "requests that the generator sends late are another load; those that wait for a connection wait for the target",
        unobservable=Level.INVALID,
        unobservable_why="an open load that starts late is a closed one",
    ),
)
"""For every run, in this order."""

SESSION_RULES: Final = (
    Rule(
        "X1",
        "there are enough rounds",
        (Check("rounds", "complete rounds", Unit.COUNT, degraded=5, at_least=True),),
        "measure again with more rounds: --rounds, and without --quick",
        "few rounds agree by chance",
    ),
    Rule(
        "X2",
        "the intervals are narrow",
        (Check("half_width", "widest half of a declared 95 % interval", Unit.SHARE, degraded=0.05),),
        "measure more rounds, or on a quieter machine",
        "the answer is less exact than wanted",
    ),
    Rule(
        "X3",
        "few runs had to be repeated",
        (Check("repeat_share", "repeats for each run of the rounds", Unit.SHARE, degraded=0.20),),
        "the machine is not fit to measure on: see `loopbench doctor`",
        "the machine disturbs runs",
    ),
    Rule(
        "M6",
        "the machine keeps its speed",
        (Check("canary_scatter", "usual scatter of the canary over the session", Unit.SHARE, degraded=0.05),),
        "the host shares its cores: the intervals carry that, a machine of your own would narrow them",
        "the intervals over runs carry it",
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
            _consequence(rule, check),
            rule.advice,
        )
        for rule in RULES
        for check in rule.checks
    )


def _consequence(rule: Rule, check: Check) -> str:
    """What a figure beyond the limit means."""
    if rule.health is None:
        return " / ".join(level.name for level, _ in check.limits)
    return "the figures are bounds" if rule.health is State.HEALTHY else f"health: {rule.health}"


def markdown_table() -> str:
    """The same in GitHub's Markdown, with the reason and what it costs when a figure cannot be seen."""
    more = {rule.id: f"{rule.why} | {rule.unobservable.name}: {rule.unobservable_why}" for rule in RULES}
    rows = [
        f"| {id_} | {level} | {title} | {limit} | {advice} | {more[id_]} |"
        for id_, title, limit, level, advice in table()
    ]
    head = "| id | beyond the limit | figure | limit | what to do | why | if it cannot be seen |"
    return "\n".join((head, "|---|---|---|---|---|---|---|", *rows))
