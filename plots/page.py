"""`report.html`: a session on one page that needs nothing else: no script, no network, no style a policy forbids."""

import re
import shlex
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

from jinja2 import Environment

from loopbench.judge.figures import percent
from loopbench.judge.session.agreement import HOLD_WITHIN, RISE_WITHIN, agreement
from loopbench.judge.session.session_report import SessionReport
from loopbench.judge.stamp.health import trouble_of
from loopbench.judge.summary.answer import certainty, headline, others_answer
from loopbench.judge.summary.clauses import named
from loopbench.judge.summary.request_times import served_answer
from loopbench.judge.summary.summary import summary_values
from loopbench.judge.summary.table import figures_table
from loopbench.parallel import in_parallel
from loopbench.plots import glance, provenance, style, validity
from loopbench.plots.chart import Chart
from loopbench.plots.charts import SECTIONS
from loopbench.plots.document import environment, style_sheet
from loopbench.plots.pictures import pictures_of, swatches

_INDENTED_TAG: Final = re.compile(r"\n\s+<")  # a line of the templates: a foreign text holds no tag


def render_page(report: SessionReport, charts: Mapping[str, Sequence[Chart]]) -> str:
    """Return the page as HTML."""
    sections = [(each, [chart for chart in charts.get(each.name, ()) if chart.on_page]) for each in SECTIONS]
    made = _environment([chart for _, shown in sections for chart in shown])
    css, csp = style_sheet(made)
    palette = validity.palette(report)
    text = made.get_template("report.html.j2").render(
        css=css,
        csp=csp,
        report=report,
        record=report.record,
        scenario=report.record.scenario,
        stamp=validity.session_words(report),
        answer=headline(report, _named),
        others_answer=_others(report),
        certainty=certainty(report).replace("+-", "±") if report.runs or report.rounds else "",
        glance=glance.table(report),
        healths=[
            (each.name, health, trouble_of(report.healths(each.name)))
            for each in report.record.scenario.variants
            if (health := report.health(each.name))
        ],
        sections=sections,
        swatches=swatches(palette),
        own_swatches=swatches(style.Palette(palette.names)) if report.rounds else swatches(palette),
        struck={run.variant.name: words for run in report.runs if (words := validity.struck(run))},
        table=figures_table(report),
        receipts=provenance.receipts(report),
        counts=[(run, agreement(run)) for run in report.runs],
        counts_sentence=_counts_sentence(report),
        services=provenance.services(report),
        machine=provenance.machine_rows(report),
        provenance=provenance.provenance_groups(report),
        reproduce=_reproduce(report),
        summary=summary_values(report),
    )
    return _INDENTED_TAG.sub("\n<", text)


def _others(report: SessionReport) -> str:
    """What the load did to the others; where the rounds have the neighbour's time, the table under this shows it."""
    in_table = bool(report.rounds and report.rounds.neighbour)
    return served_answer(report, _named) if in_table else others_answer(report, _named)


def _named(name: str) -> str:
    return named(style.shortened(name))


def _environment(shown: Sequence[Chart]) -> Environment:
    drawn = in_parallel([partial(pictures_of, chart) for chart in shown])
    by_stem = dict(zip((chart.stem for chart in shown), drawn, strict=True))
    made = environment()
    made.filters.update(pictures=lambda chart: by_stem[chart.stem], name=style.shortened, command=shlex.join)
    made.filters.update(
        setting="{:.4g}".format, share=percent, change=partial(percent, form="+.1f")
    )  # a setting is exact
    return made


def _counts_sentence(report: SessionReport) -> str:
    if not report.runs:
        return "There is no complete run to count."
    total = sum(run.record.counts.samples or 0 for run in report.runs)
    agreed = [agreement(run).good for run in report.runs]
    counted = (
        f"The server, our samples and Locust account for the same {total:,} requests."
        if report.counts_agree
        else "The three counts do NOT agree in every run: the figures above cannot be trusted where they differ."
    )
    limits = f"within {percent(HOLD_WITHIN)} in the hold and {percent(RISE_WITHIN)} in the rise"
    if all(agreed):
        return f"{counted} Curves from samples and from Locust's CSV agree {limits}, wherever they can be compared."
    if any(good is False for good in agreed):
        off = sum(good is False for good in agreed)
        return (
            f"{counted} In {off} of {len(agreed)} runs the curve from Locust's CSV is not {limits}; the notes say why."
        )
    return counted


def _reproduce(report: SessionReport) -> str:
    record = report.record
    quick = ["--quick"] if record.quick else []
    return shlex.join([record.file, *quick, "--seed", str(record.seed)])
