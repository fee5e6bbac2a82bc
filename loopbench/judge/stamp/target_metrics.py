"""Checks of the target for the stamp: the right process, its settings, and the three counts."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from loopbench.judge.run.probe_log import ProbeLogs, ProcessLog
from loopbench.judge.run.run import Run
from loopbench.judge.stamp.metrics import Measured, Metric, NotObservable
from loopbench.records.session import Counts, ResolvedTarget, RunRecord

REMOTE = "the target was not started by loopbench"

_NOT_SETTINGS = ("--port", "--header")
"""Options that differ between runs and change nothing that is measured."""
_SCENARIO_KEYS = {
    "app": "app",
    "--app-dir": "app_dir",
    "--workers": "workers",
    "--loop": "loop",
    "--http": "http",
    "interpreter": "python",
    "loop class": "loop",
    "anyio tokens": "thread_tokens",
    "Python": "python",
}
"""Which key of `[target]` may make a setting differ between variants."""

Settings = Mapping[str, str]


@dataclass(frozen=True)
class Reference:
    """Another run of the same session, for comparing settings."""

    target: ResolvedTarget
    settings: Settings


def target_metrics(run: Run, reference: Reference | None) -> dict[str, Metric]:
    """Figures of `RunMetrics` by name.

    Args:
        run: the run.
        reference: any readable run of the session; None when there is none yet.
    """
    target, remote = run.variant.target, not run.record.target_command
    return {
        "wrong_process_count": _wrong_process_count(run.record, run.probe.processes, remote=remote),
        "worker_count_mismatch": _worker_count_mismatch(target, run.probe.processes, remote=remote),
        "settings_mismatches": _settings_mismatches(run.record, target, run.probe, reference, remote=remote),
        "count_difference": _count_difference(run.record.counts, remote=remote),
    }


def effective_settings(record: RunRecord, logs: ProbeLogs) -> Settings:
    """The target's options and its observed settings, by name, without those that differ between runs."""
    facts = {name: value for name, value in _options(record.target_command) if name not in _NOT_SETTINGS}
    for process in logs.processes:
        start = process.start
        facts["loop class"] = start.loop_class
        facts["Python"] = start.python
        facts["probe level"] = start.level
        facts["anyio tokens"] = str(start.pools.get("anyio_tokens"))
    return facts


def _options(command: Sequence[str]) -> Iterable[tuple[str, str]]:
    """Options of `python -m uvicorn app --name value --flag`."""
    if not command:
        return
    yield "interpreter", command[0]
    for index, word in enumerate(command):
        before, after = command[index - 1] if index else "", command[index + 1] if index + 1 < len(command) else ""
        if word.startswith("--"):
            yield word, "" if after.startswith("--") else after
        elif before == "uvicorn":
            yield "app", word


def _wrong_process_count(record: RunRecord, processes: Sequence[ProcessLog], *, remote: bool) -> Metric:
    """The harness has seen the nonce in its own answers before the load; the probe carries it through all of it."""
    if not processes:
        return NotObservable(REMOTE) if remote else None
    return Measured(sum(1 for process in processes if process.start.nonce != record.nonce))


def _worker_count_mismatch(target: ResolvedTarget, processes: Sequence[ProcessLog], *, remote: bool) -> Metric:
    """A worker that died is replaced without a word, and its replacement has a pid, so a log, of its own."""
    if not processes:
        return NotObservable(REMOTE) if remote else None
    found = len(processes)
    return Measured(abs(found - target.workers), f"{found} for {target.workers}" if found != target.workers else "")


def _settings_mismatches(
    record: RunRecord, target: ResolvedTarget, logs: ProbeLogs, reference: Reference | None, *, remote: bool
) -> Metric:
    if remote:
        return NotObservable(REMOTE)
    if not logs.processes:
        return Measured(math.nan, "the probe left no log")
    settings = effective_settings(record, logs)
    mismatches = [
        f"{name} is {settings.get(name)}, not {wanted}" for name, wanted in _unlike_scenario(settings, target)
    ]
    mismatches += [f"{name} is not as in the other runs" for name in _unlike_others(settings, target, reference)]
    return Measured(len(mismatches), "; ".join(mismatches))


def _unlike_scenario(settings: Settings, target: ResolvedTarget) -> Iterable[tuple[str, str]]:
    wanted = {"app": target.app, "--workers": str(target.workers), "--http": target.http}
    yield from ((name, value) for name, value in wanted.items() if settings.get(name) != value)
    is_uvloop = settings["loop class"].startswith("uvloop")
    if is_uvloop != (target.loop == "uvloop"):
        yield "loop class", target.loop
    tokens = settings["anyio tokens"]
    if tokens not in ("None", str(target.thread_tokens)):  # None: the target's environment has no anyio
        yield "anyio tokens", str(target.thread_tokens)


def _unlike_others(settings: Settings, target: ResolvedTarget, reference: Reference | None) -> Iterable[str]:
    """Names of settings that differ from another run's although the scenario gives both variants the same."""
    if reference is None:
        return
    for name in sorted(settings.keys() | reference.settings.keys()):
        key = _SCENARIO_KEYS.get(name)
        may_differ = key is not None and getattr(target, key) != getattr(reference.target, key)
        if settings.get(name) != reference.settings.get(name) and not may_differ:
            yield name


def _count_difference(counts: Counts, *, remote: bool) -> Metric:
    known = {
        name: count
        for name, count in (("server", counts.server), ("samples", counts.samples), ("Locust", counts.locust))
        if count is not None
    }
    if counts.server is None and remote:
        return NotObservable("the server's own count is not known")
    missing = sorted({"server", "samples", "Locust"} - known.keys())
    if missing:
        return Measured(math.nan, f"no count of {' and '.join(missing)}")
    difference = max(known.values()) - min(known.values())
    detail = ", ".join(f"{name} {count:,}" for name, count in known.items())
    return Measured(difference, detail)
