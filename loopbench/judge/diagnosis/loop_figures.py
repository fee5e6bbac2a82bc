"""What the target's loop, its pools and its load did in one window of a run, as plain numbers.

Joins the probe's logs with the samples. Both carry the host's monotonic clock when target and generator ran on one
host; where their times have nothing in common, nothing is joined and the figures say so.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from loopbench.judge.diagnosis.loop_lines import LoopLine, by_own_line, loop_lines
from loopbench.judge.run.occupancy import first_answers_s
from loopbench.judge.run.probe_log import BLOCKED, ProbeLogs
from loopbench.judge.run.run import Run
from loopbench.judge.run.samples import Samples
from loopbench.records.generator_watch import lag_ms
from loopbench.records.session import Phase

QUIET_UTILIZATION = 0.1
MIN_SLOPE_SECONDS = 4
"""Seconds from which a slope is fitted."""


@dataclass(frozen=True, slots=True)
class LoadFigures:
    """What the users saw in the window. Times in seconds."""

    users: int
    in_flight: float  # mean number of requests sent and not answered: exact, from the overlap of each with the window
    never_served: int  # users who had no answer up to the end of the window
    goodput_rps: float
    alone_s: float | None  # see `Run.alone_s`; None: no good answer

    @property
    def served_at_once(self) -> float | None:
        """How many requests are worked on at a time, by Little's law with the time one takes alone."""
        return None if self.alone_s is None else self.goodput_rps * self.alone_s


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
    after: AfterLoad | None = None
    generator: GeneratorFigures | None = None
    processes: tuple[ProcessShare, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def other_threads_cpu(self) -> float | None:
        """CPU of the process outside the loop's thread, in cores."""
        return None if self.process_cpu is None or self.loop_cpu is None else max(0.0, self.process_cpu - self.loop_cpu)

    @property
    def waiting_part(self) -> float | None:
        """Of the time in which the loop was at work and had its processor, the part in which it did not compute."""
        if self.utilization is None or self.loop_cpu is None:
            return None
        on_loop = self.utilization - (self.run_queue or 0.0)
        return 0.0 if on_loop <= self.loop_cpu else 1.0 - self.loop_cpu / on_loop

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
        **_loop(busiest),
        **_pools(logs, pid, busiest),
        **_blocked(lines[lines["pid"] == pid], busiest),
        lines=by_own_line(loop_lines(lines, run.source_lines)),
        after=_after_load(seconds[seconds["pid"] == pid], run.samples, run.origin_s or 0.0),
        generator=_generator(run.samples, window),
        processes=processes,
        notes=logs.notes,
    )


def load_figures(run: Run, window: Phase) -> LoadFigures:
    """What the users saw in a window."""
    samples = run.samples
    sent, end = samples.rows["start_s"][samples.loaded], samples.end_s[samples.loaded]
    overlap = np.clip(np.minimum(end, window.end_s) - np.maximum(sent, window.start_s), 0.0, None)
    users = int(np.searchsorted(samples.user_start_times_s, window.end_s, side="right"))
    served = int(np.searchsorted(first_answers_s(samples), window.end_s, side="right"))
    return LoadFigures(
        users=users,
        in_flight=float(overlap.sum()) / window.width_s,
        never_served=max(0, users - served),
        goodput_rps=run.goodput_rps(window),
        alone_s=run.alone_s(window),
    )


def run_queue_share(run: Run, window: Phase) -> float | None:
    """Share of a window in which the loop's thread was ready and another had its processor; None: not measured."""
    rows = run.sensors_within(window)
    known = [(delay_s, row.wall_s) for row in rows if (delay_s := row.target.run_queue_delay_s) is not None]
    spans_s = sum(wall_s for _, wall_s in known)
    return sum(delay_s for delay_s, _ in known) / spans_s if spans_s else None


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
        "tasks_growth_per_s": _slope(seconds, "tasks"),
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


def _after_load(seconds: pd.DataFrame, samples: Samples, origin_s: float) -> AfterLoad | None:
    """From the first whole second after the last answer on; None when the target was stopped before it was over."""
    if not np.any(samples.loaded):
        return None
    ended_s = float(samples.end_s[samples.loaded & samples.finished].max(initial=0.0)) + origin_s
    later = seconds[(seconds["t0_monotonic_s"] + seconds["t1_monotonic_s"]) / 2 > ended_s]
    if later.empty:
        return None
    fewest = seconds["tasks"].min()
    base = 0 if pd.isna(fewest) else int(fewest)
    unanswered = int(np.count_nonzero(samples.loaded & ~samples.finished))  # still at work: no background
    left = later["tasks"].iloc[0]
    quiet = later[(later["tasks"] <= base) & (later["utilization"].fillna(0.0) < QUIET_UTILIZATION)]
    return AfterLoad(
        tasks_left=None if pd.isna(left) else max(0, int(left) - base - unanswered),
        idle_after_s=None if quiet.empty else max(0.0, float(quiet["t0_monotonic_s"].iloc[0]) - ended_s),
        watched_s=float(later["t1_monotonic_s"].iloc[-1]) - ended_s,
    )


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
