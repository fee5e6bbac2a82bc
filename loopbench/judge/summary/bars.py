"""Each variant's good answers per second as bars of block characters, for the summary in Markdown."""

from collections.abc import Iterator

from loopbench.judge.figures import rounded
from loopbench.judge.session.session_report import SessionReport
from loopbench.judge.summary.one_run_each import full_load
from loopbench.showable import showable

WIDTH = 30  # characters of the longest bar
EIGHTHS = " ▏▎▍▌▋▊▉"  # blocks of 0 to 7 eighths of a character


def goodput_bars(report: SessionReport) -> Iterator[str]:
    """Yield a heading and a line for each variant; nothing where no figure is known.

    The bar stands before the name, because a name can be of any width.
    """
    values, source = _values(report)
    largest = max((value for value in values.values() if value is not None), default=0.0)
    if not largest:
        return
    yield f"Good answers per second at {full_load(report)} ({source}):"
    figures = {name: rounded(value) for name, value in values.items()}
    width = max(map(len, figures.values()))
    for name, value in values.items():
        yield f"{_bar((value or 0.0) / largest):{WIDTH}} {figures[name]:>{width}}  {showable(name)}"


def _values(report: SessionReport) -> tuple[dict[str, float | None], str]:
    """Returns the figure of each variant over its rounds, or of its ramp where there are none, and which it is."""
    names = [variant.name for variant in report.record.scenario.variants]
    if report.rounds is not None:
        return {name: report.rounds.goodput.estimate(name).value for name in names}, "geometric mean of the rounds"
    held = {run.variant.name: run.goodput_rps for run in report.runs if run.is_valid}
    return {name: held.get(name) for name in names}, "the ramp runs"


def _bar(part: float) -> str:
    full, eighths = divmod(round(8 * WIDTH * part), 8)
    return "█" * full + EIGHTHS[eighths].strip()
