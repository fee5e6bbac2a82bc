"""Checks of the target for the stamp: the right process, its settings, and the three counts."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from loopbench.judge.run.probe_log import ProbeLogs
from loopbench.judge.run.probe_records import MOVED_COUNTS, MOVED_PARTS, ProcessLog
from loopbench.judge.run.run import Run
from loopbench.judge.stamp.metrics import Measured, Metric, NotApplicable, NotObservable
from loopbench.records.probe import SERVED_APP
from loopbench.records.session import STOPPED, RunRecord
from loopbench.scenario import Target, Variant

REMOTE = "the target was not started by loopbench"

_NOT_SETTINGS = ("--port", "--header")  # options that differ between runs and change nothing that is measured
_SCENARIO_KEYS = {
    "app": "app",
    "--app-dir": "app_dir",
    "--workers": "workers",
    "--loop": "loop",
    "--http": "http",
    "interpreter": "python",
    "loop class": "loop",
    "anyio tokens": "thread_tokens",
    "executor threads": "executor_threads",
    "Python": "python",
}
"""Which key of `[target]` may make a setting differ between variants."""

Settings = Mapping[str, str]


@dataclass(frozen=True)
class Reference:
    """Another run of the same session, for comparing settings."""

    target: Target
    settings: Settings


def target_metrics(run: Run, reference: Reference | None) -> dict[str, Metric]:
    """Figures by name."""
    target, remote = run.variant.served, not run.record.target_command
    return {
        "wrong_process_count": _wrong_process_count(run.record, run.probe.processes, remote=remote),
        "worker_count_mismatch": _worker_count_mismatch(target, run.probe.processes, remote=remote),
        "settings_mismatches": _settings_mismatches(run.record, target, run.probe, reference, remote=remote),
        "calls_not_moved": _calls_not_moved(run.variant, run.probe.processes),
        "count_difference": _count_difference(run.record, remote=remote),
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
        facts["executor threads"] = str(start.pools.get("executor_threads"))
    return facts


def _options(command: Sequence[str]) -> Iterable[tuple[str, str]]:
    """Options of `python -m uvicorn app --name value --flag`; nothing of another server's command line."""
    if not command or SERVED_APP in command:
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


def _worker_count_mismatch(target: Target, processes: Sequence[ProcessLog], *, remote: bool) -> Metric:
    """A worker that died is replaced without a word, and its replacement has a pid, so a log, of its own."""
    if not processes:
        return NotObservable(REMOTE) if remote else None
    found = len(processes)
    return Measured(abs(found - target.workers), f"{found} for {target.workers}" if found != target.workers else "")


def _settings_mismatches(
    record: RunRecord, target: Target, logs: ProbeLogs, reference: Reference | None, *, remote: bool
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


def _unlike_scenario(settings: Settings, target: Target) -> Iterable[tuple[str, str]]:
    wanted = {"app": str(target.app), "--workers": str(target.workers), "--http": target.http}
    if target.is_counted_by_probe:  # its command line says nothing about them
        wanted = {}
    yield from ((name, value) for name, value in wanted.items() if settings.get(name) != value)
    is_uvloop = settings["loop class"].startswith("uvloop")
    if is_uvloop != (target.loop == "uvloop") and target.command is None:
        yield "loop class", target.loop
    tokens = settings["anyio tokens"]
    if tokens not in ("None", str(target.thread_tokens)):  # None: the target's environment has no anyio
        yield "anyio tokens", str(target.thread_tokens)
    threads = target.executor_threads
    if threads is not None and settings["executor threads"] != str(threads):
        yield "executor threads", str(threads)


def _unlike_others(settings: Settings, target: Target, reference: Reference | None) -> Iterable[str]:
    """Names of settings that differ from another run's although the scenario gives both variants the same."""
    if reference is None:
        return
    names = settings.keys() | reference.settings.keys()
    if (target.server, target.command) != (reference.target.server, reference.target.command):
        names = settings.keys() & reference.settings.keys()  # servers have other options
    for name in sorted(names):
        key = _SCENARIO_KEYS.get(name)
        may_differ = key is not None and getattr(target, key) != getattr(reference.target, key)
        if settings.get(name) != reference.settings.get(name) and not may_differ:
            yield name


def _calls_not_moved(variant: Variant, processes: Sequence[ProcessLog]) -> Metric:
    """The share of calls that did not run where the variant says, of its endpoint or of its dependencies."""
    if not variant.is_moved:
        return NotApplicable("the variant runs as written")
    found: list[Measured] = []
    for part, style in zip(MOVED_PARTS, (variant.run_in, variant.run_dependencies_in), strict=True):
        counts = [sum(each.moves.get(part, {}).get(name, 0) for each in processes) for name in MOVED_COUNTS]
        found += [_share_not_moved(part, *counts)] if style is not None else []
    worst = max(found, key=lambda each: each.value)
    because = next((str(each.moves["because"]) for each in processes if each.moves.get("because")), worst.detail)
    return Measured(worst.value, because if worst.value else "")


def _share_not_moved(part: str, moved: int, kept: int, refused: int) -> Measured:
    if not moved + kept:
        return Measured(1.0, f"{part}: the probe saw no call of a FastAPI or Starlette function")
    stayed = refused + (kept if part == "endpoint" or not moved else 0)
    return Measured(stayed / (moved + kept), f"{part}: as written they run there already")


def _count_difference(record: RunRecord, *, remote: bool) -> Metric:
    """Requests that no explanation covers: see `Counts`."""
    counts = record.counts
    known = {"server": counts.server, "samples": counts.samples, "Locust": counts.locust}
    missing = [name for name, count in known.items() if count is None]
    unexplained = counts.unexplained
    if missing == ["server"] and not unexplained:
        if remote:
            return NotObservable("the server's own count is not known")
        if record.target_exit != STOPPED:
            return NotObservable(f"the target {record.target_exit} before it wrote its count")
    if unexplained is None or missing:
        return Measured(math.nan, f"no count of {' and '.join(missing)}")
    shown = known | {
        "redirects followed": counts.redirects,
        "without an answer": counts.unanswered,
        "cut at the end": counts.unfinished,
    }
    return Measured(unexplained, ", ".join(f"{name} {count:,}" for name, count in shown.items() if count))
