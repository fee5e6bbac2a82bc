"""The session's figures for other programs and for a table elsewhere: `summary.json`, `summary.csv`, `summary.md`."""

import csv
import io
import json
import math
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from loopbench.judge.rounds.published import Published
from loopbench.judge.run.latency import Percentiles
from loopbench.judge.run.occupancy import PhaseEnd
from loopbench.judge.run.timeline import timeline_values
from loopbench.judge.run.windows import Curve
from loopbench.judge.session.agreement import agreement
from loopbench.judge.session.gates import gate_values
from loopbench.judge.session.run_report import RequestReport, RunReport
from loopbench.judge.session.session_report import SessionReport
from loopbench.judge.summary.answer import certainty, headline
from loopbench.judge.summary.insights_summary import claim_values, insights_values
from loopbench.judge.summary.markdown import markdown
from loopbench.judge.summary.rounds_summary import health_values, rounds_values, run_stamp_values, stamp_values
from loopbench.judge.summary.table import end_of_load
from loopbench.records.files import write_file
from loopbench.records.schemas import with_schema
from loopbench.records.session import SUMMARY_STEM, SessionRecord
from loopbench.scenario import Scenario, Target, Variant
from loopbench.showable import csv_text

SUMMARY_FORMAT: Final = 2  # Of `summary.json`. Raise it when a reader of the old one would misread the new one.

DIGITS: Final = 9  # more than any figure here carries, so that nothing is lost by rounding twice


def write_summary(report: SessionReport, folder: Path) -> None:
    """Write the three files. Raises OSError if one cannot be written."""
    made = {"json": to_json(report), "csv": to_csv(report), "md": markdown(report)}
    for ending, text in made.items():
        write_file(folder / f"{SUMMARY_STEM}.{ending}", text)


def to_json(report: SessionReport) -> str:
    """`summary.json`: names as they are, because JSON can hold any; no NaN."""
    return json.dumps(summary_values(report), indent=1, allow_nan=False) + "\n"


def summary_values(report: SessionReport) -> dict[str, Any]:
    """Return what `summary.json` and the page's data block hold."""
    record = report.record
    runs = {run.variant.slug: run for run in report.runs}
    content = {
        "loopbench": record.loopbench,
        "started": record.started,
        "session": report.folder.name,
        "scenario": _scenario(record),
        "seed": record.seed,
        "command": record.command,
        "machine": record.machine,
        "packages": record.packages,
        "answer": headline(report),
        "certainty": certainty(report),
        "stamp": stamp_values(report.stamp),
        "rounds": None if report.rounds is None else rounds_values(report.rounds),
        "shapes": {name: {"sentence": shape.sentence} | asdict(shape) for name, shape in report.shapes},
        "counts_agree": report.counts_agree,
        "variants": [_variant(record.scenario, each, runs.get(each.slug)) for each in record.scenario.variants],
        "missing": report.missing,
        "failures": [asdict(each) for each in report.failures.variants],
        "timelines": [timeline_values(each) for each in report.timelines],
        "gates": [gate_values(each) for each in report.gates],
        "claims": [claim_values(each) for each in report.claims],
        "published": None if report.published is None else _published(report.published),
        "notes": report.notes,
    }
    return with_schema("summary", SUMMARY_FORMAT, {key: _plain(value) for key, value in content.items()})


def to_csv(report: SessionReport) -> str:
    """`summary.csv`: one row for each variant and request; an empty cell is a figure that is not known."""
    text = io.StringIO()
    rows = list(_csv_rows(report))
    writer = csv.DictWriter(text, fieldnames=CSV_COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: _csv_cell(value) for key, value in row.items()} for row in rows)
    return text.getvalue()


CSV_COLUMNS: Final = (
    "variant",
    "request",
    "is_neighbour",
    "users",
    "goodput_rps",
    "goodput_p10_rps",
    "goodput_p90_rps",
    "answers_in_hold",
    "p50_ms",
    "p95_ms",
    "p99_ms",
    "p999_ms",
    "run_goodput_rps",
    "run_knee_users",
    "run_failures",
    "users_never_served",
    "requests_in_flight",
)


def _csv_rows(report: SessionReport) -> Iterator[dict[str, Any]]:
    measured = {run.variant.slug for run in report.runs}
    for run in report.runs:
        for request in run.requests:
            yield _csv_row(report.record.scenario.load.users, run, request)
    for variant in report.record.scenario.variants:
        if variant.slug not in measured:
            yield dict.fromkeys(CSV_COLUMNS) | {"variant": variant.name, "request": variant.name}


def _csv_row(users: int, run: RunReport, request: RequestReport) -> dict[str, Any]:
    end = end_of_load(run)
    low, high = _spread(request.curve) or (None, None)
    latency = _percentiles(request.hold)
    values = (
        run.variant.name,
        request.name,
        int(request.is_neighbour),
        users,
        _goodput(request.curve),
        low,
        high,
        latency["answers"],
        *(latency[name] for name in ("p50_ms", "p95_ms", "p99_ms", "p999_ms")),
        run.goodput_rps,
        run.curve.knee_users,
        run.failures,
        None if end is None else end.moment.never_served,
        None if end is None else end.moment.in_flight,
    )
    return dict(zip(CSV_COLUMNS, values, strict=True))


def _csv_cell(value: Any) -> str:
    if isinstance(value, str):
        return csv_text(value)
    return "" if value is None or _plain(value) is None else str(_plain(value))


def _scenario(record: SessionRecord) -> dict[str, Any]:
    """The scenario without what `variants` tells; its neighbours by name."""
    scenario = record.scenario
    return scenario.model_dump(mode="json", exclude={"variants", "requests"}) | {
        "file": record.file,
        "name": record.name,
        "quick": record.quick,
        "explain": record.explain,
        "users": scenario.load.users,
        "neighbours": scenario.neighbours,
        "baseline": next((each.slug for each in scenario.variants if each.name == scenario.baseline), ""),
    }


def _variant(scenario: Scenario, variant: Variant, run: RunReport | None) -> dict[str, Any]:
    facts = {
        "name": variant.name,
        "slug": variant.slug,
        **scenario.request_values(variant),
        "target": _target(variant.served),
        "measured": run is not None,
    }
    return facts if run is None else facts | _run(run)


def _target(target: Target) -> dict[str, Any]:
    facts = target.model_dump(include={"app_dir", "server", "workers", "loop", "http", "thread_tokens"})
    return facts | {"app": target.app or "", "env_names": sorted(target.env), "python": target.python or ""}


def _run(run: RunReport) -> dict[str, Any]:
    agreed = agreement(run)
    return {
        "run": run.record.number,
        "stamp": run_stamp_values(run.stamp),
        "health": health_values(run.health),
        "receipt": run.record.receipt,
        **insights_values(run),
        "goodput_rps": run.goodput_rps,
        "goodput_spread_rps": _spread(run.curve),
        "knee_users": run.curve.knee_users,
        "requests": [_request(request) for request in run.requests],
        "end_of_load": _end(end_of_load(run)),
        "failures": run.failures,
        "errors": [{"error": error, "count": count} for error, count in run.errors],
        "counts": asdict(run.record.counts),
        "locust_csv": {
            "goodput_rps": _goodput(run.csv_curve) if run.csv_curve else None,
            "hold_difference": agreed.hold,
            "rise_difference": agreed.rise,
            "notes": agreed.notes,
        },
        "phases": [asdict(phase) for phase in run.record.phases],
        "notes": run.notes,
    }


def _request(request: RequestReport) -> dict[str, Any]:
    return {
        "name": request.name,
        "is_neighbour": request.is_neighbour,
        "goodput_rps": _goodput(request.curve),
        "goodput_spread_rps": _spread(request.curve),
        "hold": _percentiles(request.hold),
    }


def _percentiles(hold: Percentiles) -> dict[str, float | None]:
    values = asdict(hold)
    return {"answers": values.pop("samples")} | values


def _end(end: PhaseEnd | None) -> dict[str, Any] | None:
    return None if end is None else {"phase": end.phase} | asdict(end.moment)


def _published(published: Published) -> dict[str, Any]:
    facts = ("variant", "published_rps", "measured_rps", "published_ratio", "measured_ratio", "reproduced")
    claims = [{fact: getattr(each, fact) for fact in facts} for each in published.claims]
    return {"source": published.source, "sentence": published.sentence, "claims": claims}


def _goodput(curve: Curve) -> float | None:
    return curve.hold.goodput_rps if curve.hold else None


def _spread(curve: Curve) -> tuple[float, float] | None:
    return curve.hold.spread_rps if curve.hold else None


def _plain(value: Any) -> Any:
    """Floats to `DIGITS` digits, and None for what is no number: JSON has no NaN, and missing is never zero."""
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value
