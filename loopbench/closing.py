"""What `run` and `report` print of a judged session: the details, and below them the answer and what to do next."""

import io
import shlex
from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from loopbench.judge.figures import interval, plural, ratio, rounded
from loopbench.judge.rounds.claims import Answer
from loopbench.judge.rounds.rounds import Judged
from loopbench.judge.session.run_report import RunReport
from loopbench.judge.session.session_report import SessionReport
from loopbench.judge.stamp.stamp_checks import Level
from loopbench.judge.statistics.comparisons import MIN_ROUNDS
from loopbench.judge.statistics.percentiles import samples_needed
from loopbench.judge.statistics.verdict import Verdict, Word
from loopbench.judge.summary.answer import ONE_RUN_EACH, headline
from loopbench.records.samples import PHASE_HOLD
from loopbench.records.session import REPORT_FILE, run_folders
from loopbench.showable import showable

MISSING = "-"
MAX_VERDICTS = 6
MAX_FAULTS = 8
NATURAL_WIDTH = 10_000


def details(report: SessionReport, width: int | None = None) -> Iterator[str]:
    """Tables, causes, gates, claims and findings, line by line; `width` limits the tables (None: no limit)."""
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
    for gate in report.gates:
        yield f"gate {showable(gate.sentence)}"
    yield from _claims(report)
    if report.published is not None:
        yield showable(f"{report.published.source}: {report.published.sentence}")
    if not report.is_empty:
        yield _counts(report)
    if any(request.hold.p99_ms is None for run in report.runs for request in run.requests):
        yield f"{MISSING}: too few answers in the hold to know it (a p99 takes {samples_needed(0.99)}): raise hold_s."
    if report.runs and report.rounds is None:
        yield ONE_RUN_EACH
    yield from _faults(report)


def conclusion(report: SessionReport) -> Iterator[str]:
    """The answer in a sentence, whether it is valid, where the page is, and what to run next; a line each."""
    yield headline(report)
    yield _validity(report)
    yield f"page: {(report.folder / REPORT_FILE).resolve().as_uri()}"
    for command in next_commands(report):
        yield f"next: {showable(shlex.join(['loopbench', *command]))}"


def next_commands(report: SessionReport) -> tuple[tuple[str, ...], ...]:
    """Arguments of the two commands that lead on from this session. None repeats what was just done."""
    record, folder, file = report.record, str(report.folder), report.record.scenario.file
    begun = tuple(record.command[1:]) if record.command[1:2] == ("run",) else ("run", file)
    begun = _without(_without(begun, "--resume", values=1), "--max-minutes", values=1)
    doubts_machine = any(fault.worst.id.startswith("M") for fault in report.stamp.faults)
    second = ("doctor",) if doubts_machine else ("plan", file)
    if _is_unfinished(report):
        return (*begun, "--resume", folder), second
    if record.scenario.quick:
        return _without(begun, "--quick"), second
    if report.rounds is None or report.rounds.count < MIN_ROUNDS:
        return (*_without(begun, "--rounds", values=1), "--rounds", str(MIN_ROUNDS)), second
    states = record.provenance.get("git", {}).values()
    in_git = bool(states) and all("python_dirty" in state for state in states)
    return ("compare", file, "--rev", "HEAD", "--rev", ".") if in_git else second, ("history", file)


def _is_unfinished(report: SessionReport) -> bool:
    """Whether a run is missing that every session of this plan needs."""
    complete = {path.name for path in run_folders(report.folder)}
    needed = (run for run in report.record.plan if run.round <= report.record.scenario.repeat.min_rounds)
    return any(run.folder not in complete for run in needed)


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
    label = {Level.VALID: "valid", Level.DEGRADED: "valid, degraded"}.get(report.stamp.level, "INVALID")
    if not faults:
        return label
    more = f" (+{len(faults) - 1} more)" if len(faults) > 1 else ""
    return f"{label}: {showable(faults[0].worst.sentence)}{more}"


def _ramps(report: SessionReport, width: int | None) -> Iterator[str]:
    neighbour = next(iter(report.record.scenario.neighbours), None)
    beside = () if neighbour is None else (f"{showable(neighbour)} p99",)
    header = ("variant", "all/s", "own/s", "p50 ms", "p99 ms", *beside, "unserved", "failed")
    rows = [_ramp_row(run) for run in report.runs]
    rows += [(name, "not measured") for name in report.missing]
    users = report.record.scenario.users
    yield f"ramp, held at {users} users; good answers/s of all requests and of the variant's own"
    yield from _table(header, rows, width)


def _ramp_row(run: RunReport) -> tuple[str, ...]:
    end, own = run.end_of(PHASE_HOLD), run.own
    return (
        f"{run.variant.name} (INVALID)" if run.stamp.level is Level.INVALID else run.variant.name,
        _figure(run.goodput_rps),
        _figure(own.curve.hold.goodput_rps if own.curve.hold else None),
        _figure(own.hold.p50_ms),
        _figure(own.hold.p99_ms),
        *(_figure(neighbour.hold.p99_ms) for neighbour in run.requests[1:2]),
        MISSING if end is None else str(end.never_served),
        str(run.failures),
    )


def _rounds(judged: Judged, width: int | None) -> Iterator[str]:
    """A quantity's figure for each variant, and a line for each pair; those against the baseline come first."""
    unit, rounds = judged.quantity.unit, len(judged.replicates.rounds)
    estimates = [(name, judged.estimate(name)) for name in judged.replicates.variants]
    spreads = ["" if each.half_width is None else f"+-{100 * each.half_width:.2g} %" for _, each in estimates]
    figures = [
        (name, _figure(each.value), unit, spread) for (name, each), spread in zip(estimates, spreads, strict=True)
    ]
    yield ""
    yield f"{showable(judged.quantity.name)}, {plural(rounds, 'round')}"
    yield from _table((), figures, width)
    yield ""
    valid = [each for each in judged.verdicts if each.word is not Word.INVALID]
    yield from _table((), [_verdict_row(each) for each in valid[:MAX_VERDICTS]], width)
    if len(valid) > MAX_VERDICTS:
        yield f"and {plural(len(valid) - MAX_VERDICTS, 'more pair')}: see the page"
    if invalid := [each.reason for each in judged.verdicts if each.word is Word.INVALID]:
        yield f"{plural(len(invalid), 'pair')} INVALID: {showable('; '.join(dict.fromkeys(invalid)))}"


def _verdict_row(verdict: Verdict) -> tuple[str, ...]:
    ends = verdict.shown_interval
    times = MISSING if verdict.shown_ratio is None else ratio(verdict.shown_ratio)
    between = "no interval" if ends is None else interval(ends)
    return verdict.comparison.a, str(verdict.word), verdict.comparison.b, times, between


def _table(header: Sequence[str], rows: Sequence[Sequence[str]], width: int | None) -> Iterator[str]:
    """Lines of a table; text columns on the left, figures on the right, long cells folded into the width."""
    table = Table(box=None, show_header=bool(header), show_edge=False, pad_edge=False, padding=(0, 2, 0, 0))
    for index in range(max(map(len, [header, *rows]), default=0)):
        cells = [row[index] for row in rows if index < len(row)]
        title = Text(header[index] if header else "")
        table.add_column(title, justify="right" if all(map(_is_figure, cells)) else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(showable(cell)) for cell in row))
    console = Console(file=io.StringIO(), width=width or NATURAL_WIDTH, color_system=None, highlight=False)
    with console.capture() as captured:
        console.print(table)
    yield from (line.rstrip() for line in captured.get().splitlines())


def _is_figure(cell: str) -> bool:
    return cell[:1].isdigit() or cell in {MISSING, "not measured"}


def _figure(value: float | None) -> str:
    return MISSING if value is None else rounded(value)


def _causes(report: SessionReport) -> Iterator[str]:
    """Why each variant is as fast as it is, and the line to look at."""
    for run in report.runs:
        diagnosis = run.insights.diagnosis
        yield f"{showable(run.variant.name)}: {showable(diagnosis.sentence)}"
        if diagnosis.guilty is not None:
            yield f"    {showable(diagnosis.guilty.place)}"


def _claims(report: SessionReport) -> Iterator[str]:
    """Each claim that is answered; those that only lack rounds are counted."""
    few_rounds = report.rounds is None or report.rounds.count < MIN_ROUNDS
    counted = 0
    for answer in report.claims:
        if few_rounds and answer.answer is Answer.NOT_DECIDED and answer.claim.receipt_key is None:
            counted += 1
        else:
            yield f"claim {showable(answer.claim.id)}: {showable(answer.sentence)}"
    if counted:
        yield f"{plural(counted, 'claim')} NOT DECIDED: that takes {MIN_ROUNDS} rounds"


def _faults(report: SessionReport) -> Iterator[str]:
    """What lowered the stamp, with advice where it made the session INVALID."""
    faults = report.stamp.faults
    if faults:
        yield f"stamp: {report.stamp.label}"
    for finding in faults[:MAX_FAULTS]:
        where = f"; in {finding.hit} of {plural(finding.runs, 'run')}" if finding.hit else ""
        yield f"  {showable(finding.worst.sentence)}{where}"
        if finding.worst.advice and finding.level is Level.INVALID:
            yield f"      {finding.worst.advice}"
    if len(faults) > MAX_FAULTS:
        yield f"  and {len(faults) - MAX_FAULTS} more findings: see the page"


def _counts(report: SessionReport) -> str:
    total = sum(record.counts.samples or 0 for record in report.records)
    if report.counts_agree:
        return f"Server, samples and Locust counted the same {total:,} requests."
    return "The three counts of requests do NOT agree: see the page."
