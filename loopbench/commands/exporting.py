"""The command `export`: a session's requests, or its summary, for other programs."""

import json
from pathlib import Path
from typing import Annotated, Literal

import typer

from loopbench.commands.options import AsJson, session_folders
from loopbench.console import Speech
from loopbench.errors import DataError, EnvironmentRefusedError, UsageError
from loopbench.showable import showable

EXPORT_FOLDER = "export"
SEND_S = 60
"""A receiver's time for everything, tries included."""


def export(  # noqa: PLR0913  one parameter an option
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A session.", autocompletion=session_folders)],
    *,
    what: Annotated[
        Literal["samples", "summary"] | None,
        typer.Option(help="Every request, or the figures.", show_default="what the format fits"),
    ] = None,
    form: Annotated[
        Literal["csv", "parquet", "json", "md", "openmetrics", "badge", "badge-svg"],
        typer.Option("--format", help="Samples: csv, parquet. Summary: csv, json, md, openmetrics, badge(-svg)."),
    ] = "csv",
    out: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Where the file goes.", show_default="DIR/export")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file of that name.")] = False,
    otlp: Annotated[
        str | None, typer.Option(metavar="URL", help="Send the figures to an OTLP/HTTP receiver; write no file.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write a session's requests, or its summary, into one file.

    Requests are CSV or Parquet: one row for each request of every run that counts, with its run, round, variant and
    phase (docs/notebook.md describes the columns). The summary is CSV, JSON, Markdown,
    OpenMetrics text for Prometheus, or its answer as a badge: for shields.io, or as an SVG.
    """
    speech = Speech(as_json=as_json)
    if otlp is not None:
        if what or out or force:
            raise UsageError("--otlp writes no file: it excludes --what, --out and --force", slug="export-format")
        _send(folder, otlp, speech)
        return
    from loopbench.judge.summary.export import Form, What
    from loopbench.judge.summary.export import export as write

    made = write(folder, out or folder / EXPORT_FOLDER, What(what) if what else None, Form(form), force=force)
    rows = "" if made.rows is None else f", {made.rows:,} requests"
    speech.answer(f"written: {showable(str(made.path))}{rows}")
    speech.give(json.dumps({"file": str(made.path), "requests": made.rows, "left_out": made.left_out}, indent=1))
    if made.left_out:
        raise DataError(
            f"not exported: {'; '.join(made.left_out)}",
            slug="export-incomplete",
            where=str(folder),
            kept=f"every other run, in {made.path}",
        )


def _send(folder: Path, url: str, speech: Speech) -> None:
    """Send a session's figures, with the lock: not while something is measured on this machine."""
    from loopbench.judge.session.session_report import judge_session
    from loopbench.judge.summary.otlp import send
    from loopbench.measure.lock import one_at_a_time
    from loopbench.measure.stop import StopWish

    with one_at_a_time():
        report = judge_session(folder)
        try:
            sent = StopWish().within(SEND_S, lambda: send(report, url))
        except TimeoutError:
            what = f"the receiver's answer did not end within {SEND_S} s"
            raise EnvironmentRefusedError(what, slug="otlp") from None
    speech.answer(f"sent: {sent} figures")
    speech.give(json.dumps({"sent": sent}, indent=1))
