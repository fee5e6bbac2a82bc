"""What `run` and `report` print of a judged session: the details, the verdicts with the answer, and what to do next."""

import math
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from loopbench.bundled import shown
from loopbench.console import MISSING, table_lines
from loopbench.judge.diagnosis.findings import Kind
from loopbench.judge.figures import half_width, interval, plural, ratio, rounded
from loopbench.judge.rounds.claims import Answer
from loopbench.judge.rounds.rounds import Judged
from loopbench.judge.session.run_report import RunReport
from loopbench.judge.session.session_report import SessionReport
from loopbench.judge.stamp.stamp_checks import Level
from loopbench.judge.statistics.comparisons import MIN_ROUNDS
from loopbench.judge.statistics.intervals import TEstimate
from loopbench.judge.statistics.percentiles import samples_needed
from loopbench.judge.statistics.verdict import Verdict, Word
from loopbench.judge.summary.answer import ONE_RUN_EACH, headline
from loopbench.judge.summary.clauses import health_clause
from loopbench.records.samples import PHASE_HOLD
from loopbench.records.session import KIND_TIMELINE, REPORT_FILE, run_folders
from loopbench.showable import showable

MAX_VERDICTS = 6
OF_THE_SCENARIO: Final = ("D1", "D4")  # rules whose advice is about the scenario: how long it loads, and what it fills
MAX_FAULTS = 8


def details(report: SessionReport, width: int | None = None) -> Iterator[str]:
    """Yield tables, causes and findings; `width` limits the tables (None: no limit)."""
    yield ""
    yield from _ramps(report, width)
    for name, shape in report.shapes:
        yield f"steps, {showable(name)}: {showable(shape.sentence)}"
    for judged in report.rounds.judged if report.rounds else ():
        yield from _rounds(judged, width)
    yield ""
    yield from _causes(report)
    for timeline in report.timelines:
        yield f"{showable(timeline.name)}: {showable(timeline.sentence)}"
    if report.published is not None:
        yield showable(f"{report.published.source}: {report.published.sentence}")
    if not report.is_empty:
        yield _counts(report)
    if any(not request.hold.shown("p99") for run in report.runs for request in run.requests):
        yield f"{MISSING}: too few answers in the hold to know it (a p99 takes {samples_needed(0.99)}): raise hold_s."
    if report.runs and report.rounds is None:
        yield ONE_RUN_EACH
    yield from _faults(report)


def verdict_lines(report: SessionReport, width: int | None = None) -> Iterator[str]:
    """Yield the verdict on each pair, gate and claim, and last the answer in a sentence and whether it is valid."""
    pairs = [line for judged in (report.rounds.judged if report.rounds else ()) for line in _verdicts(judged, width)]
    gates = [f"gate {showable(gate.sentence)}" for gate in report.gates]
    if verdicts := [*pairs, *gates, *_claims(report)]:
        yield from (*verdicts, "")
    yield headline(report)
    yield _validity(report)


def pointers(report: SessionReport) -> Iterator[str]:
    """Yield where the page is and what to run next."""
    yield f"page: {(report.folder / REPORT_FILE).resolve().as_uri()}"
    for command in next_commands(report):
        yield f"next: {showable(shlex.join(['loopbench', *command]))}"


def next_commands(report: SessionReport) -> tuple[tuple[str, ...], ...]:
    """Arguments of the two commands that lead on from this session. None repeats what was just done."""
    record, folder, file = report.record, str(report.folder), shown(Path(report.record.file))
    begun = tuple(record.command[1:]) if record.command[1:2] == ("run",) else ("run", file)
    begun = _without(_without(begun, "--resume", values=1), "--max-minutes", values=1)
    doubts_machine = any(fault.worst.id.startswith("M") for fault in report.stamp.faults)
    second = ("doctor",) if doubts_machine else ("plan", file)
    if _is_for_advice(report):
        second = ("advise", file)
    if _is_unfinished(report):
        return (*begun, "--resume", folder), second
    if record.quick:
        return _without(begun, "--quick"), second
    if report.rounds is None or report.rounds.count < MIN_ROUNDS:
        return (*_without(begun, "--rounds", values=1), "--rounds", str(MIN_ROUNDS)), second
    states = record.provenance.get("git", {}).values()
    in_git = bool(states) and all("dirty" in state for state in states)
    return ("compare", file, "--rev", "HEAD", "--rev", ".") if in_git else second, ("history", file)


def _is_for_advice(report: SessionReport) -> bool:
    """Whether a route blocks its event loop, and the scenario compares it with no other way of writing it."""
    scenario = report.record.scenario
    is_compared = report.record.command[1:2] == ("compare",) or scenario.baseline is not None
    is_compared |= any(each.is_moved for each in scenario.variants)
    blocks = any(run.diagnosis.kind is Kind.LOOP_BLOCKED for run in report.runs if run.is_valid)
    return blocks and not is_compared and not scenario.load.locustfile and scenario.target.url is None


def _is_unfinished(report: SessionReport) -> bool:
    """Whether a run is missing that every session of this plan needs."""
    scenario, complete = report.record.scenario, {path.name for path in run_folders(report.folder)}
    failed = {each.slug for each in scenario.variants if each.name in report.failures.names}
    needed = (run for run in report.record.plan if run.round <= scenario.repeat.fewest_rounds)
    return any(run.folder not in complete for run in needed if run.kind == KIND_TIMELINE or run.variant not in failed)


def _without(arguments: Sequence[str], option: str, values: int = 0) -> tuple[str, ...]:
    """The arguments less an option and its value."""
    kept: list[str] = []
    skipped = 0
    for argument in arguments:
        if argument == option:
            skipped = values + 1
        if not skipped and not argument.startswith(f"{option}="):
            kept.append(argument)
        skipped = max(0, skipped - 1)
    return tuple(kept)


def _validity(report: SessionReport) -> str:
    faults = report.stamp.faults
    if not faults:
        return report.stamp.label
    more = f" (+{len(faults) - 1} more)" if len(faults) > 1 else ""
    return f"{report.stamp.label}: {showable(faults[0].worst.sentence)}{more}"


def _ramps(report: SessionReport, width: int | None) -> Iterator[str]:
    neighbour = next(iter(report.record.scenario.neighbours), None)
    beside = () if neighbour is None else (f"{showable(neighbour)} p99",)
    header = ("variant", "all/s", "own/s", "p50 ms", "p99 ms", *beside, "unserved", "failed")
    rows = [_ramp_row(run) for run in report.runs]
    rows += [(name, "not measured") for name in report.missing]
    rows += [(each.variant, each.state) for each in report.failures.variants]
    users = report.record.scenario.load.users
    yield f"ramp, held at {users} users; good answers/s of all requests and of the variant's own"
    yield from table_lines(header, rows, width)


def _ramp_row(run: RunReport) -> tuple[str, ...]:
    end, own = run.end_of(PHASE_HOLD), run.own
    return (
        f"{run.variant.name} (INVALID)" if run.stamp.level is Level.INVALID else run.variant.name,
        _figure(run.goodput_rps),
        _figure(own.curve.hold.goodput_rps if own.curve.hold else None),
        *(own.hold.shown(name) or MISSING for name in ("p50", "p99")),
        *(neighbour.hold.shown("p99") or MISSING for neighbour in run.requests[1:2]),
        MISSING if end is None else str(end.never_served),
        str(run.failures),
    )


def _rounds(judged: Judged, width: int | None) -> Iterator[str]:
    """Yield a quantity's figure for each variant."""
    unit, rounds = judged.quantity.unit, len(judged.replicates.rounds)
    estimates = [(name, judged.estimate(name)) for name in judged.replicates.variants]
    spreads = [_spread(each) for _, each in estimates]
    figures = [
        (name, _figure(each.value), unit, spread) for (name, each), spread in zip(estimates, spreads, strict=True)
    ]
    yield ""
    yield f"{showable(judged.quantity.name)}, {plural(rounds, 'round')}"
    yield from table_lines((), figures, width)


def _verdicts(judged: Judged, width: int | None) -> Iterator[str]:
    """Yield a line for each pair in a quantity; those against the baseline come first."""
    if judged.verdicts:
        yield showable(judged.quantity.name)
    valid = [each for each in judged.verdicts if each.word is not Word.INVALID]
    if valid:
        yield from table_lines((), [_verdict_row(each) for each in valid[:MAX_VERDICTS]], width)
    if len(valid) > MAX_VERDICTS:
        yield f"and {plural(len(valid) - MAX_VERDICTS, 'more pair')}: see the page"
    if invalid := [each.reason for each in judged.verdicts if each.word is Word.INVALID]:
        yield f"{plural(len(invalid), 'pair')} INVALID: {showable('; '.join(dict.fromkeys(invalid)))}"


def _spread(estimate: TEstimate) -> str:
    ends = estimate.interval()
    if estimate.is_bounded and ends is not None:
        return f"over {rounded(ends.low)}" if math.isinf(ends.high) else f"{rounded(ends.low)} to {rounded(ends.high)}"
    return "" if estimate.half_width is None else f"+-{half_width(estimate.half_width)}"


def _verdict_row(verdict: Verdict) -> tuple[str, ...]:
    if verdict.bound:
        return verdict.comparison.a, str(verdict.word), verdict.comparison.b, verdict.bound
    ends = verdict.shown_interval
    times = MISSING if verdict.shown_ratio is None else ratio(verdict.shown_ratio)
    between = "no interval" if ends is None else interval(ends)
    return verdict.comparison.a, str(verdict.word), verdict.comparison.b, times, between


def _figure(value: float | None) -> str:
    return MISSING if value is None else rounded(value)


def _causes(report: SessionReport) -> Iterator[str]:
    """Why each variant is as fast as it is, and the line to look at."""
    for run in report.runs:
        diagnosis = run.diagnosis
        if unwell := health_clause(report, run.variant.name):
            yield f"{showable(run.variant.name)}: {unwell}"
        yield f"{showable(run.variant.name)}: {showable(diagnosis.sentence)}"
        if diagnosis.guilty is not None:
            yield f"    {showable(diagnosis.guilty.place)}"


def _claims(report: SessionReport) -> Iterator[str]:
    """Yield each claim that is answered; those that only lack rounds are counted."""
    few_rounds = report.rounds is None or report.rounds.count < MIN_ROUNDS
    counted = 0
    for answer in report.claims:
        if few_rounds and answer.answer is Answer.NOT_DECIDED and answer.claim.receipt_key is None:
            counted += 1
        else:
            yield f"claim {showable(answer.claim.id)}: {showable(answer.sentence)}"
    if counted:
        yield f"{plural(counted, 'claim')} NOT DECIDED: more rounds narrow the intervals"


def _faults(report: SessionReport) -> Iterator[str]:
    """What lowered the stamp, with advice where it made the session INVALID or is a fault of the scenario."""
    faults = report.stamp.faults
    if faults:
        yield f"stamp: {report.stamp.label}"
    for finding in faults[:MAX_FAULTS]:
        where = f"; in {finding.hit} of {plural(finding.runs, 'run')}" if finding.hit else ""
        yield f"  {showable(finding.worst.sentence)}{where}"
        if finding.worst.advice and (finding.level is Level.INVALID or finding.worst.id in OF_THE_SCENARIO):
            yield f"      {finding.worst.advice}"
    if len(faults) > MAX_FAULTS:
        yield f"  and {plural(len(faults) - MAX_FAULTS, 'more finding')}: see the page"


def _counts(report: SessionReport) -> str:
    total = sum(record.counts.samples or 0 for record in report.records)
    if report.counts_agree:
        return f"Server, samples and Locust account for the same {total:,} requests."
    return "The three counts of requests do NOT agree: see the page."
