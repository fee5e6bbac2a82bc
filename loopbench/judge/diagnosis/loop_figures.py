"""What the target's loop, its pools and its load did in one window of a run, as plain numbers.

Joins the probe's logs with the samples. Both carry the host's monotonic clock when target and generator ran on one
host; where their times have nothing in common, nothing is joined and the figures say so.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from loopbench.judge.diagnosis.load_figures import LoadFigures, load_figures
from loopbench.judge.diagnosis.log_evidence import LogEvidence, log_evidence
from loopbench.judge.diagnosis.loop_lines import LoopLine, by_own_line, loop_lines
from loopbench.judge.diagnosis.waits import TaskCounts, ThreadPool, Wait, wait_figures
from loopbench.judge.run.probe_log import ProbeLogs
from loopbench.judge.run.probe_records import BLOCKED
from loopbench.judge.run.run import Run
from loopbench.judge.run.samples import Samples
from loopbench.records.generator_watch import lag_ms
from loopbench.records.session import Phase

QUIET_UTILIZATION = 0.1
MIN_QUIET_S = 0.5  # the shortest second that counts where no request is in flight
MIN_SLOPE_SECONDS = 4  # seconds from which a slope is fitted


@dataclass(frozen=True, slots=True)
class GeneratorFigures:
    """What the generator noted about itself in the window; the busiest of several."""

    cpu_share: float  # mean, of a core
    lag_p99_ms: float | None


@dataclass(frozen=True, slots=True)
class AfterLoad:
    """Work that was left when the last answer had come."""

    tasks_left: int | None  # tasks not done in the next second, less the fewest there ever were
    idle_after_s: float | None  # until nothing was left; None: not before the target was stopped
    watched_s: float


@dataclass(frozen=True, slots=True)
class Quiet:
    """The loop in the seconds in which no request was in flight and no work was left."""

    utilization: float
    lines: tuple[LoopLine, ...]


@dataclass(frozen=True, slots=True)
class ProcessShare:
    """One worker's part."""

    pid: int
    requests: int | None
    utilization: float | None


@dataclass(frozen=True, slots=True)
class LoopFigures:
    """One window of a run. Shares are of wall time (1: all of it); pools are means. None: not measured.

    With several workers, the loop, its pools and its blocked shares are those of the busiest one.
    """

    window: Phase
    load: LoadFigures
    seconds_seen: float  # of the window, by the probe; 0: nothing below was observed
    utilization: float | None = None
    loop_cpu: float | None = None
    process_cpu: float | None = None
    run_queue: float | None = None  # the loop's thread was ready and another had its processor
    lag_max_s: float | None = None
    rss_bytes: int | None = None  # the most of the target and its children, in the window
    anyio_borrowed: float | None = None
    anyio_waiting: float | None = None
    anyio_tokens: int | None = None
    executor_queue: float | None = None
    executor_threads: int | None = None  # started
    executor_size: int | None = None  # the most there can be
    tasks_growth_per_s: float | None = None
    connections: float | None = None
    gc_share: float | None = None
    blocked: float | None = None
    blocked_waiting: float | None = None  # of the window: blocked, and not computing
    blocked_unseen: float | None = None
    lines: tuple[LoopLine, ...] = ()  # of all workers
    hops_per_answer: float | None = None  # results that threads handed to the loop
    waits: tuple[Wait, ...] = ()  # of all workers, the most members first
    pools: tuple[ThreadPool, ...] = ()
    tasks: TaskCounts | None = None
    quiet: Quiet | None = None
    log: LogEvidence | None = None  # None: all answers were good
    after: AfterLoad | None = None
    generator: GeneratorFigures | None = None
    processes: tuple[ProcessShare, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def other_threads_cpu(self) -> float | None:
        """CPU of the process outside the loop's thread, in cores."""
        return None if self.process_cpu is None or self.loop_cpu is None else max(0.0, self.process_cpu - self.loop_cpu)

    @property
    def foreign_queue(self) -> float:
        """Share of the time in which the loop's thread was ready and another program had its processor."""
        return max(0.0, (self.run_queue or 0.0) - (self.other_threads_cpu or 0.0))

    def served(self, cores: float | None) -> float | None:
        """CPU of this process in the time in which no other program had its processor."""
        return None if cores is None or self.foreign_queue >= 1.0 else cores / (1.0 - self.foreign_queue)

    @property
    def own_utilization(self) -> float | None:
        """Utilization of the time in which no other program had the loop's processor."""
        if self.utilization is None:
            return None
        taken = min(self.foreign_queue, self.utilization)
        return self.utilization if taken >= 1.0 else (self.utilization - taken) / (1.0 - taken)

    @property
    def waiting_part(self) -> float | None:
        """Of the time in which the loop was at work and had its processor, the part in which it did not compute."""
        if self.utilization is None or self.loop_cpu is None:
            return None
        on_loop = self.utilization - (self.run_queue or 0.0)
        return 0.0 if on_loop <= self.loop_cpu else 1.0 - self.loop_cpu / on_loop

    @property
    def waiting(self) -> float | None:
        """Share of the time in which the loop was at work, had its processor and did not compute."""
        if self.waiting_part is None or self.utilization is None:
            return None
        return self.waiting_part * max(0.0, self.utilization - (self.run_queue or 0.0))

    @property
    def watched_s(self) -> float:
        """Seconds seen of all workers together, as `lines` are."""
        return self.seconds_seen * max(1, len(self.processes))

    def waits_of(self, *groups: str) -> list[Wait]:
        """The waits of some groups, the most members first."""
        return [wait for wait in self.waits if wait.group in groups]

    @property
    def anyio_wait_s(self) -> float | None:
        """Mean wait for a thread, by Little's law, if every request takes one token once."""
        per_s = self.load.goodput_rps
        return None if self.anyio_waiting is None or per_s <= 0 else self.anyio_waiting / per_s


def loop_figures(run: Run, window: Phase) -> LoopFigures:
    """Everything the diagnosis looks at in one window of a run."""
    load, logs = load_figures(run, window), run.probe
    seconds = logs.seconds.sort_values(["pid", "t0_monotonic_s"])
    inside = run.seconds_within(seconds, window)
    if inside.empty:
        note = "the probe did not run" if seconds.empty else "the probe's times and the generator's do not meet"
        return LoopFigures(window, load, 0.0, notes=(note, *logs.notes))
    processes = _processes(logs, inside)
    pid = max(processes, key=lambda process: -1.0 if process.utilization is None else process.utilization).pid
    busiest = inside[inside["pid"] == pid]
    lines = run.seconds_within(logs.lines, window)
    return LoopFigures(
        window,
        load,
        run_queue=run_queue_share(run, window),
        rss_bytes=max((rss for row in run.sensors_within(window) if (rss := row.target.rss_bytes)), default=None),
        **_loop(busiest),
        **_pools(logs, pid, busiest),
        **_blocked(lines[lines["pid"] == pid], busiest),
        lines=by_own_line(loop_lines(lines, run.source_lines)),
        **wait_figures(run, window),
        hops_per_answer=_per_answer(busiest, "hops_total"),
        quiet=_quiet(run, seconds[seconds["pid"] == pid]),
        log=log_evidence(run.target_log) if load.failures else None,
        tasks_growth_per_s=_slope(*_background(run.seconds_within(logs.tasks, window), busiest, pid)),
        after=_after_load(run, seconds[seconds["pid"] == pid], *_background(logs.tasks, seconds, pid)),
        generator=_generator(run.samples, window),
        processes=processes,
        notes=(*logs.notes, *_not_measured(logs)),
    )


def run_queue_share(run: Run, window: Phase) -> float | None:
    """Share of a window in which the loop's thread was ready and another had its processor; None: not measured.

    While its processes are stopped, a target's threads are not ready: that time does not count.
    """
    rows = run.sensors_within(window)
    known = [(delay_s, run.awake_s(row)) for row in rows if (delay_s := row.target.run_queue_delay_s) is not None]
    awake_s = sum(each for _, each in known)
    return sum(delay_s for delay_s, _ in known) / awake_s if awake_s else None


def _mean(seconds: pd.DataFrame, column: str) -> float | None:
    """Over the seconds, weighted with their lengths; those without a value count for nothing."""
    known = seconds[seconds[column].notna()]
    lengths = (known["t1_monotonic_s"] - known["t0_monotonic_s"]).to_numpy(dtype=np.float64)
    values = known[column].to_numpy(dtype=np.float64)
    return float(np.average(values, weights=lengths)) if lengths.sum() > 0 else None


def _most(seconds: pd.DataFrame, column: str) -> float | None:
    most = seconds[column].max()
    return None if pd.isna(most) else float(most)


def _whole(value: float | None) -> int | None:
    return None if value is None else round(value)


def _length_s(seconds: pd.DataFrame) -> float:
    return float((seconds["t1_monotonic_s"] - seconds["t0_monotonic_s"]).sum())


def _loop(seconds: pd.DataFrame) -> dict[str, Any]:
    pauses = seconds["gc_pause_s"].dropna()
    return {
        "seconds_seen": _length_s(seconds),
        "utilization": _mean(seconds, "utilization"),
        "loop_cpu": _mean(seconds, "loop_cpu_share"),
        "process_cpu": _mean(seconds, "process_cpu_share"),
        "lag_max_s": _most(seconds, "lag_max_s"),
        "connections": _mean(seconds, "connections"),
        "gc_share": float(pauses.sum()) / _length_s(seconds) if len(pauses) else None,
    }


def _slope(seconds: pd.DataFrame, column: str) -> float | None:
    """Change per second, by least squares; None with fewer than MIN_SLOPE_SECONDS values."""
    known = seconds[seconds[column].notna()]
    if len(known) < MIN_SLOPE_SECONDS:
        return None
    at = known["t1_monotonic_s"].to_numpy(dtype=np.float64)
    return float(np.polyfit(at - at[0], known[column].to_numpy(dtype=np.float64), 1)[0])


def _pools(logs: ProbeLogs, pid: int, seconds: pd.DataFrame) -> dict[str, Any]:
    size = next(process.start.pools.get("executor_threads") for process in logs.processes if process.start.pid == pid)
    return {
        "anyio_borrowed": _mean(seconds, "anyio_borrowed_mean"),
        "anyio_waiting": _mean(seconds, "anyio_waiting_mean"),
        "anyio_tokens": _whole(_most(seconds, "anyio_total")),
        "executor_queue": _mean(seconds, "executor_queue_mean"),
        "executor_threads": _whole(_most(seconds, "executor_threads")),
        "executor_size": size,
    }


def _blocked(lines: pd.DataFrame, seconds: pd.DataFrame) -> dict[str, Any]:
    length_s = _length_s(seconds)
    blocked = lines[lines["kind"] == BLOCKED]
    computing_s = blocked["cpu_s"].sum(min_count=1) if len(blocked) else 0.0
    blocked_s = float(blocked["seconds"].sum())
    return {
        "blocked": blocked_s / length_s,
        "blocked_waiting": None if pd.isna(computing_s) else max(0.0, blocked_s - float(computing_s)) / length_s,
        "blocked_unseen": float(seconds["blocked_unseen_s"].sum()) / length_s,
    }


def _per_answer(seconds: pd.DataFrame, column: str) -> float | None:
    """Growth of a count per answer that the server completed; None without both counts or without an answer."""
    counts = seconds[[column, "requests_total"]].dropna()
    if len(counts) < 2:
        return None
    grown, answers = (float(counts.iloc[-1][name] - counts.iloc[0][name]) for name in (column, "requests_total"))
    return grown / answers if answers else None


def _not_measured(logs: ProbeLogs) -> tuple[str, ...]:
    """One sentence for each figure that a probe could not measure, with its reason."""
    reasons = {name: why for process in logs.processes for name, why in process.start.unavailable.items()}
    return tuple(f"{name} was not measured: {why}" for name, why in reasons.items() if name != "requests_total")


def _quiet(run: Run, seconds: pd.DataFrame) -> Quiet | None:
    """The seconds in which no user waited, the server served no request and no work was left; None without any."""
    seconds = seconds[seconds["requests_total"] > 0].iloc[:-1]  # in the last one the server stops
    begin_s, end_s = (seconds[name] - (run.origin_s or 0.0) for name in ("t0_monotonic_s", "t1_monotonic_s"))
    sent, answered = np.sort(run.samples.rows["start_s"]), np.sort(run.samples.end_s)
    in_flight = np.searchsorted(sent, end_s) > np.searchsorted(answered, begin_s)
    tasks = run.probe.tasks
    serving = tasks["request"] + tasks["given_up"] + tasks["after_answer"] > 0
    idle = tasks[~serving & (tasks["other"] < tasks["other"].min() + 1)]["t0_monotonic_s"]
    chosen = seconds[seconds["t0_monotonic_s"].isin(idle) & ~in_flight & (end_s - begin_s >= MIN_QUIET_S)]
    utilization = _mean(chosen, "utilization")
    if utilization is None:
        return None
    lines = run.probe.lines
    inside = lines[lines["t0_monotonic_s"].isin(chosen["t0_monotonic_s"])]
    return Quiet(utilization, by_own_line(loop_lines(inside, run.source_lines)))


def _background(tasks: pd.DataFrame, seconds: pd.DataFrame, pid: int) -> tuple[pd.DataFrame, str]:
    """A table and its column with the tasks that no client waits for; all tasks, from probes that did not sample."""
    own = tasks[tasks["pid"] == pid]
    if own.empty:
        return seconds[seconds["pid"] == pid], "tasks"
    return own.assign(background=own["after_answer"] + own["other"]), "background"


def _after_load(run: Run, seconds: pd.DataFrame, tasks: pd.DataFrame, column: str) -> AfterLoad | None:
    """From the first whole second after the last answer on; None when the target was stopped before it was over."""
    samples, origin_s = run.samples, run.origin_s or 0.0
    if not np.any(samples.loaded):
        return None
    ended_s = float(samples.end_s[samples.loaded & samples.finished].max(initial=0.0)) + origin_s
    later = _after(seconds, ended_s)
    if later.empty:
        return None
    fewest, fewest_counted = seconds["tasks"].min(), tasks[column].min()
    base, base_counted = (0.0 if pd.isna(each) else float(each) for each in (fewest, fewest_counted))
    counted = _after(tasks, ended_s)[column].dropna()
    unanswered = int(np.count_nonzero(samples.loaded & ~samples.finished)) if column == "tasks" else 0  # no background
    quiet = later[(later["tasks"] <= base) & (later["utilization"].fillna(0.0) < QUIET_UTILIZATION)]
    return AfterLoad(
        tasks_left=max(0, round(float(counted.iloc[0]) - base_counted) - unanswered) if len(counted) else None,
        idle_after_s=None if quiet.empty else max(0.0, float(quiet["t0_monotonic_s"].iloc[0]) - ended_s),
        watched_s=float(later["t1_monotonic_s"].iloc[-1]) - ended_s,
    )


def _after(rows: pd.DataFrame, moment_s: float) -> pd.DataFrame:
    return rows[(rows["t0_monotonic_s"] + rows["t1_monotonic_s"]) / 2 > moment_s]


def _generator(samples: Samples, window: Phase) -> GeneratorFigures | None:
    shares, lags_ms = [], []
    for generator in samples.watch:
        inside = [second for second in generator if window.start_s < second.at_s <= window.end_s + second.span_s / 2]
        if inside:
            shares.append(sum(second.cpu_s for second in inside) / sum(second.span_s for second in inside))
            lags_ms.append(lag_ms(inside, 0.99))
    known = [lag for lag in lags_ms if lag is not None]
    return GeneratorFigures(max(shares), max(known, default=None)) if shares else None


def _processes(logs: ProbeLogs, inside: pd.DataFrame) -> tuple[ProcessShare, ...]:
    return tuple(
        ProcessShare(process.start.pid, process.requests_last_seen, _mean(seconds, "utilization"))
        for process in logs.processes
        for seconds in [inside[inside["pid"] == process.start.pid]]
        if len(seconds)
    )
