"""`summary.md`: the answer and the table of figures in GitHub's Markdown. Foreign text stands in code spans only."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from loopbench.judge.figures import MISSING, interval, plural, ratio, rounded
from loopbench.judge.rounds.published import Published
from loopbench.judge.rounds.rounds import Rounds
from loopbench.judge.session.session_report import SessionReport
from loopbench.judge.stamp.stamp_checks import Level
from loopbench.judge.summary.answer import certainty, headline, others_answer
from loopbench.judge.summary.bars import goodput_bars
from loopbench.judge.summary.table import Column, figures_table
from loopbench.showable import showable


class Section(NamedTuple):
    """A part of the text."""

    name: str
    text: str  # empty, or whole lines


def markdown(report: SessionReport) -> str:
    """The whole text."""
    return "".join(section.text for section in sections(report))


def sections(report: SessionReport) -> tuple[Section, ...]:
    """The parts of the text in their order; the first is the answer, with the stamp."""
    parts: tuple[tuple[str, Iterable[str]], ...] = (
        ("the answer", _answer(report)),
        ("the gates", _gates(report)),
        ("the findings", _findings(report)),
        ("the chart", _chart(report)),
        ("the verdicts", _rounds(report.rounds) if report.rounds else ()),
        ("the figures", _table(report)),
        ("the reasons", _reasons(report)),
        ("the claims", _claims(report)),
        ("the published figures", _published(report.published) if report.published else ()),
        ("the notes", _notes(report)),
    )
    return tuple(Section(name, "".join(f"{line}\n" for line in lines)) for name, lines in parts)


def code_span(text: str) -> str:
    r"""Foreign text as code. A pipe, which divides a table, is `\x7c`, and a backtick is `\x60`.

    A longer fence would be no way out: GitHub's renderer knows none above 80 backticks.
    """
    shown = showable(text).replace("|", r"\x7c").replace("`", r"\x60")
    padding = " " if not shown or " " in (shown[0], shown[-1]) else ""
    return f"`{padding}{shown or ' '}{padding}`"


def _answer(report: SessionReport) -> Iterator[str]:
    scenario = report.record.scenario
    yield f"<!-- loopbench: {report.record.name} -->"  # invisible: finds the comment of a pull request again
    yield f"## {code_span(scenario.title)}" + (" (quick look)" if report.record.quick else "")
    yield ""
    if scenario.question:
        yield f"{code_span(scenario.question)}\n"
    yield f"**{headline(report, code_span)}** {others_answer(report, code_span)}".rstrip()
    yield f"\n**{report.stamp.label}.** {certainty(report)}\n"


def _gates(report: SessionReport) -> Iterator[str]:
    if report.gates:
        yield "| expected | outcome | found |"
        yield "|---|---|---|"
        for gate in report.gates:
            found = f"{gate.numbers}; {gate.reason}".strip("; ") or MISSING
            line = f" {code_span(gate.line.place)}" if gate.line else ""
            yield f"| {code_span(f'{gate.subject}: {gate.limit}')} | **{gate.outcome}** | {code_span(found)}{line} |"
        yield ""


def _findings(report: SessionReport) -> Iterator[str]:
    """What lowered the stamp, folded away where the session is not INVALID."""
    faults = report.stamp.faults
    if not faults:
        return
    is_open = " open" if report.stamp.level is Level.INVALID else ""
    yield f"<details{is_open}><summary>{plural(len(faults), 'finding')} about the measurement</summary>\n"
    for finding in faults:
        yield f"- {finding.level.label}: {code_span(finding.sentence)}. {finding.worst.advice}".rstrip()
    yield "\n</details>\n"


def _chart(report: SessionReport) -> Iterator[str]:
    """A block of code, which no name in it can end: each line begins with a bar or a figure."""
    if heading_and_bars := list(goodput_bars(report)):
        heading, *bars = heading_and_bars
        yield f"{heading}\n"
        yield from ("```text", *bars, "```\n")


def _rounds(rounds: Rounds) -> Iterator[str]:
    for judged in rounds.judged:
        yield f"| {code_span(judged.quantity.name)} | verdict | ratio | 95 % interval | rounds |"
        yield "|---|---|--:|--:|--:|"
        for verdict in judged.verdicts:
            comparison = verdict.comparison
            figures = f"{ratio(verdict.shown_ratio)} | {interval(verdict.shown_interval)} | {comparison.rounds}"
            yield f"| {code_span(comparison.a)} over {code_span(comparison.b)} | {verdict.word} | {figures} |"
        yield ""


def _table(report: SessionReport) -> Iterator[str]:
    table = figures_table(report)
    heads = [_head(column, starts_group=index in table.group_starts) for index, column in enumerate(table.columns)]
    yield f"| variant | {' | '.join(heads)} |"
    yield "|---|" + "--:|" * len(heads)
    reasons = table.reasons
    for row in table.rows:
        cells = [f"{cell.text} ({reasons.index(cell.why) + 1})" if cell.why else cell.text for cell in row.cells]
        yield f"| {code_span(row.variant)} | {' | '.join(cells)} |"
    if reasons:
        yield f"\n{MISSING} " + "; ".join(f"({number}) {reason}" for number, reason in enumerate(reasons, 1)) + "."


def _reasons(report: SessionReport) -> Iterator[str]:
    yield "\n| variant | why | line |"
    yield "|---|---|---|"
    for run in report.runs:
        diagnosis = run.diagnosis
        line = code_span(diagnosis.guilty.place) if diagnosis.guilty else MISSING
        yield f"| {code_span(run.variant.name)} | {code_span(diagnosis.sentence)} | {line} |"


def _claims(report: SessionReport) -> Iterator[str]:
    if report.claims:
        yield "\n| claim | answer | because |"
        yield "|---|---|---|"
    for each in report.claims:
        yield f"| {code_span(each.claim.text)} | {each.answer} | {code_span(each.numbers + each.reason)} |"


def _head(column: Column, *, starts_group: bool) -> str:
    of = f" {code_span(column.of)}" if column.of else ""
    group = f"{column.group}{of}:<br>" if starts_group else ""
    return f"{group}{column.name}<br>{column.unit}"


def _published(published: Published) -> Iterator[str]:
    reference = code_span(published.claims[0].variant)
    yield f"\n| variant | published RPS | measured RPS | published, times {reference} | measured, times {reference} |"
    yield "|---|--:|--:|--:|--:|"
    for claim in published.claims:
        figures = (rounded(claim.published_rps), rounded(claim.measured_rps))
        ratios = (ratio(claim.published_ratio), ratio(claim.measured_ratio))
        yield f"| {code_span(claim.variant)} | {' | '.join((*figures, *ratios))} |"
    yield f"\n{code_span(published.sentence)}"
    if published.source:
        yield f"\nSource: {code_span(published.source)}"


def _counts(report: SessionReport) -> str:
    total = sum(record.counts.samples or 0 for record in report.records)
    if not report.records:
        return "There is no complete run to count."
    if report.counts_agree:
        return f"Server, samples and Locust account for the same {total:,} requests."
    return "**The three counts of requests do not agree in every run.**"


def _notes(report: SessionReport) -> Iterator[str]:
    """The counts, and each run's own notes; one that speaks of counts may carry foreign text."""
    yield f"\n{_counts(report)}"
    for run in report.runs:
        yield from (f"- {code_span(run.variant.name)}: {code_span(note)}" for note in run.notes)
