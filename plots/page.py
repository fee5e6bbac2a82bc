"""`report.html`: a session on one page that needs nothing else: no script, no network, no style a policy forbids."""

import shlex
from pathlib import Path
from typing import Any

from jinja2 import Environment

from loopbench.judge.figures import MISSING
from loopbench.judge.session.agreement import HOLD_WITHIN, RISE_WITHIN, agreement
from loopbench.judge.session.run_report import RunReport
from loopbench.judge.session.session_report import SessionReport
from loopbench.judge.summary.answer import certainty, headline, neighbour_answer, served_answer
from loopbench.judge.summary.table import figures_table
from loopbench.records.load_order import MODE_OPEN
from plots import glance, provenance, style, validity
from plots.document import environment, style_sheet
from plots.pictures import pictures_of, swatches
from plots.reasons import reasons
from plots.session_charts import Charts


def write_page(report: SessionReport, charts: Charts, path: Path) -> None:
    """Write the page.

    Raises:
        OSError: it cannot be written.
    """
    path.write_text(render_page(report, charts), encoding="utf-8")


def render_page(report: SessionReport, charts: Charts) -> str:
    """Return the page as HTML.

    Args:
        report: the judged session.
        charts: its charts, not drawn yet (`charts_of`).
    """
    made = _environment()
    css, csp = style_sheet(made)
    palette = validity.palette(report)
    return made.get_template("report.html.j2").render(
        css=css,
        csp=csp,
        report=report,
        record=report.record,
        scenario=report.record.scenario,
        stamp=validity.session_words(report),
        answer=headline(report, style.shortened),
        others_answer=_others(report),
        certainty=certainty(report).replace("+-", "±") if report.runs or report.rounds else "",
        glance=glance.table(report),
        pictures=pictures_of(charts, open_mode=report.record.scenario.mode == MODE_OPEN),
        swatches=swatches(palette),
        own_swatches=swatches(style.Palette(palette.names)) if report.rounds else swatches(palette),
        struck={run.variant.name: words for run in report.runs if (words := validity.struck(run))},
        reasons=reasons(report.runs),
        table=figures_table(report),
        receipts=provenance.receipts(report),
        counts=[_counts(run) for run in report.runs],
        counts_sentence=_counts_sentence(report),
        errors=list(provenance.errors(report.runs)),
        run_notes=[(run.variant.name, note) for run in report.runs for note in run.notes],
        services=provenance.services(report),
        machine=provenance.machine_rows(report),
        provenance=provenance.provenance_groups(report),
        reproduce=_reproduce(report),
    )


def _others(report: SessionReport) -> str:
    """What the load did to the others; where the rounds tell the neighbour's time, the table under this holds it."""
    told = bool(report.rounds and report.rounds.neighbour)
    return (
        f"{'' if told else neighbour_answer(report, style.shortened)} {served_answer(report, style.shortened)}".strip()
    )


def _environment() -> Environment:
    made = environment()
    made.filters.update(name=style.shortened, setting=_setting, command=_command, percent=_percent, share=_share)
    return made


def _counts(run: RunReport) -> dict[str, Any]:
    """A line of the table of counts."""
    agreed, own, csv = agreement(run), run.curve.hold, run.csv_curve
    return {
        "variant": run.variant.name,
        "counts": run.record.counts,
        "own_rps": own.goodput_rps if own else None,
        "csv_rps": csv.hold.goodput_rps if csv and csv.hold else None,
        "agreement": agreed,
    }


def _counts_sentence(report: SessionReport) -> str:
    if not report.runs:
        return "There is no complete run to count."
    total = sum(run.record.counts.samples or 0 for run in report.runs)
    roads = [agreement(run).good for run in report.runs]
    counted = (
        f"The server, our samples and Locust counted the same {total:,} requests."
        if report.counts_agree
        else "The three counts do NOT agree in every run: the figures above cannot be trusted where they differ."
    )
    limits = f"within {HOLD_WITHIN:.0%} in the hold and {RISE_WITHIN:.0%} in the rise"
    if all(roads):
        return f"{counted} Curves from samples and from Locust's CSV agree {limits}, wherever they can be compared."
    if any(good is False for good in roads):
        off = sum(good is False for good in roads)
        return (
            f"{counted} In {off} of {len(roads)} runs the curve from Locust's CSV is not {limits}; the notes say why."
        )
    return counted


def _reproduce(report: SessionReport) -> str:
    record = report.record
    quick = ["--quick"] if record.scenario.quick else []
    return shlex.join([record.scenario.file, *quick, "--seed", str(record.seed)])


def _command(words: tuple[str, ...]) -> str:
    return shlex.join(words)


def _setting(value: float) -> str:
    """As the scenario gives it: a setting is exact."""
    return f"{value:.4g}"


def _percent(part: float | None) -> str:
    return MISSING if part is None else f"{part:+.1%}"


def _share(part: float) -> str:
    return f"{part:.0%}"
