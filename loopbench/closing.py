"""The last lines on the console: the stamp, the figures, the verdicts, and where the page lies."""

from collections.abc import Iterator

from loopbench.judge.rounds.rounds import Judged, Rounds
from loopbench.judge.session.run_report import RunReport
from loopbench.judge.session.session_report import SessionReport
from loopbench.judge.session.session_stamp import MergedFinding, SessionStamp
from loopbench.judge.stamp.stamp_checks import Level
from loopbench.judge.statistics.percentiles import samples_needed
from loopbench.records.samples import PHASE_HOLD
from loopbench.records.session import REPORT_FILE
from loopbench.showable import showable

MISSING = "-"
MOST_VERDICTS = 12
MOST_FAULTS = 8


def closing_lines(report: SessionReport) -> Iterator[str]:
    """What a person reads first, and often only."""
    yield ""
    yield from _ramp_table(report)
    if report.steps:
        yield from _shapes(report)
    if report.rounds is not None:
        yield from _rounds(report.rounds)
    yield ""
    yield from _reasons(report)
    for timeline in report.timelines:
        yield f"{showable(timeline.name)}: {showable(timeline.sentence)}"
    for gate in report.gates:
        yield f"gate {showable(gate.sentence)}"
    for claim in report.claims:
        yield f"claim {showable(claim.claim.id)}: {showable(claim.sentence)}"
    if report.published is not None:
        yield showable(f"{report.published.source}: {report.published.sentence}")
    if not report.is_empty:
        yield _counts(report)
    if any(request.hold.p99_ms is None for run in report.runs for request in run.requests):
        yield f"{MISSING}: too few answers in the hold to know it (a p99 takes {samples_needed(0.99)}): raise hold_s."
    yield from _stamp(report.stamp)
    if report.runs and report.rounds is None:
        yield "One run each: a picture, not a comparison."
    yield f"page: {report.folder / REPORT_FILE}"


def _ramp_table(report: SessionReport) -> Iterator[str]:
    users = report.record.scenario.users
    neighbour = next(iter(report.record.scenario.neighbours), None)
    beside = "" if neighbour is None else f"{showable(neighbour)[:7] + ' p99':>12}"
    yield f"the ramp, held at {users} users; good answers a second, all requests together and the variant's own"
    yield f"{'variant':<20}{'all':>7}{'own':>7}{'p50 ms':>7}{'p99 ms':>7}{beside}{'never served':>13}{'failed':>7}"
    for run in report.runs:
        yield _row(run)
    for name in report.missing:
        yield f"{showable(name):<20}{'not measured':>14}"


def _row(run: RunReport) -> str:
    end = run.end_of(PHASE_HOLD)
    hold = run.own.hold
    own = run.own.curve.hold
    cells = (
        f"{_number(run.goodput_rps):>7}",
        f"{_number(own.goodput_rps if own else None):>7}",
        f"{_number(hold.p50_ms):>7}",
        f"{_number(hold.p99_ms):>7}",
        *(f"{_number(neighbour.hold.p99_ms):>12}" for neighbour in run.requests[1:2]),
        f"{MISSING if end is None else end.never_served:>13}",
        f"{run.failures:>7}",
    )
    invalid = "  INVALID" if run.stamp.level is Level.INVALID else ""
    return f"{showable(run.variant.name):<20}" + "".join(cells) + invalid


def _shapes(report: SessionReport) -> Iterator[str]:
    yield ""
    yield "the shape of throughput against users, from the step runs"
    for name, shape in report.shapes:
        yield f"  {showable(name):<24}{showable(shape.sentence)}"


def _reasons(report: SessionReport) -> Iterator[str]:
    """Why each variant is as fast as it is, and the line to look at."""
    for run in report.runs:
        diagnosis = run.insights.diagnosis
        yield f"{showable(run.variant.name)}: {showable(diagnosis.sentence)}"
        if diagnosis.guilty is not None:
            yield f"    {showable(diagnosis.guilty.place)}"


def _rounds(rounds: Rounds) -> Iterator[str]:
    for judged in rounds.judged:
        yield ""
        yield from _verdicts(judged)


def _verdicts(judged: Judged) -> Iterator[str]:
    """One sentence a pair; those against the baseline come first."""
    quantity = judged.quantity
    rounds = len(judged.replicates.rounds)
    yield f"{quantity.name}, {rounds} round" + ("" if rounds == 1 else "s")
    for name in judged.replicates.variants:
        estimate = judged.estimate(name)
        spread = "" if estimate.half_width is None else f" +-{100 * estimate.half_width:.2g} %"
        yield f"  {showable(name):<24}{_number(estimate.value):>9} {quantity.unit}{spread}"
    for verdict in judged.verdicts[:MOST_VERDICTS]:
        yield f"  {showable(verdict.sentence)}"
    if len(judged.verdicts) > MOST_VERDICTS:
        yield f"  and {len(judged.verdicts) - MOST_VERDICTS} more pairs: see the page"


def _stamp(stamp: SessionStamp) -> Iterator[str]:
    yield f"stamp: {stamp.label}"
    for finding in stamp.faults[:MOST_FAULTS]:
        yield from _finding(finding)
    if len(stamp.faults) > MOST_FAULTS:
        yield f"  and {len(stamp.faults) - MOST_FAULTS} more findings: see the page"


def _finding(finding: MergedFinding) -> Iterator[str]:
    yield f"  {finding.level.label}  {showable(finding.sentence)}"
    if finding.worst.advice:
        yield f"      {finding.worst.advice}"


def _counts(report: SessionReport) -> str:
    total = sum(record.counts.samples or 0 for record in report.records)
    if report.counts_agree:
        return f"Server, samples and Locust counted the same {total:,} requests."
    return "The three counts of requests do NOT agree: see the page."


def _number(value: float | None) -> str:
    """Three digits that count; a dash for what is not known."""
    if value is None:
        return MISSING
    return f"{float(f'{value:.3g}'):,.10g}"
