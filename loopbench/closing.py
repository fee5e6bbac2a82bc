"""The last lines on the console: the figures, what they answer, and where the page lies."""

from collections.abc import Iterator

from loopbench.judge.run_report import RunReport
from loopbench.judge.session_report import SessionReport
from loopbench.judge.statistics import samples_needed
from loopbench.records.samples import PHASE_HOLD
from loopbench.records.session import REPORT_FILE
from loopbench.showable import showable

MISSING = "-"


def closing_lines(report: SessionReport) -> Iterator[str]:
    """A small table and three sentences."""
    users = report.record.scenario.users
    yield ""
    neighbour = next(iter(report.record.scenario.neighbours), None)
    beside = "" if neighbour is None else f"{showable(neighbour)[:12] + ' p99 ms':>20}"
    yield f"held at {users} users; good answers a second, all requests together and the variant's own"
    yield f"{'variant':<24}{'all':>9}{'own':>9}{'p50 ms':>9}{'p99 ms':>9}{beside}{'never served':>14}{'failed':>8}"
    for run in report.runs:
        yield _row(run)
    for name in report.missing:
        yield f"{showable(name):<24}{'not measured':>18}"
    yield ""
    if report.published is not None:
        yield showable(f"{report.published.source}: {report.published.sentence}")
    yield _counts(report)
    if any(request.hold.p99_ms is None for run in report.runs for request in run.requests):
        yield f"{MISSING}: too few answers in the hold to know it (a p99 takes {samples_needed(0.99)}): raise hold_s."
    yield "One run each: a picture, not a comparison."
    yield f"page: {report.folder / REPORT_FILE}"


def _row(run: RunReport) -> str:
    end = run.end_of(PHASE_HOLD)
    hold = run.own.hold
    own = run.own.curve.hold
    cells = (
        f"{_number(run.goodput_rps):>9}",
        f"{_number(own.goodput_rps if own else None):>9}",
        f"{_number(hold.p50_ms):>9}",
        f"{_number(hold.p99_ms):>9}",
        *(f"{_number(neighbour.hold.p99_ms):>20}" for neighbour in run.requests[1:2]),
        f"{MISSING if end is None else end.never_served:>14}",
        f"{run.failures:>8}",
    )
    return f"{showable(run.variant.name):<24}" + "".join(cells)


def _counts(report: SessionReport) -> str:
    total = sum(run.record.counts.samples or 0 for run in report.runs)
    if report.counts_agree:
        return f"Server, samples and Locust counted the same {total:,} requests."
    return "The three counts of requests do NOT agree: see the page."


def _number(value: float | None) -> str:
    """Three digits that count; a dash for what is not known."""
    if value is None:
        return MISSING
    return f"{float(f'{value:.3g}'):,.10g}"
