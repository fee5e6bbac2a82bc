"""Where requests wait for a thread: anyio's limiter and the default executor, against users."""

import math
from collections.abc import Iterator, Sequence
from typing import Final

from matplotlib.axes import Axes

from loopbench.judge.figures import rounded
from loopbench.judge.session.run_report import RunReport
from loopbench.plots import panels, style
from loopbench.plots.loop import by_worker, rise

USED_FROM: Final = 0.5  # threads or waiters, mean of a second: below it a pool did nothing worth a picture


def most_used(runs: Sequence[RunReport]) -> float:
    """Return the end of an axis of threads and waiters that all these runs share."""
    return max(1.0, *(value for run in runs for value in values(run)))


def is_used(runs: Sequence[RunReport]) -> bool:
    """Whether any run used a pool."""
    return any(value >= USED_FROM for run in runs for value in values(run))


def facts(run: RunReport) -> str:
    """Of the hold, the means of the busiest worker."""
    figures = run.diagnosis.figures
    if figures is None or not run.loop:
        return "the pools were not observed"
    parts = []
    if figures.anyio_borrowed is not None and figures.anyio_borrowed >= USED_FROM:
        of = "" if figures.anyio_tokens is None else f" of {figures.anyio_tokens}"
        parts.append(f"anyio {rounded(figures.anyio_borrowed)}{of}")
    if figures.anyio_waiting is not None and figures.anyio_waiting >= USED_FROM:
        parts.append(f"{rounded(figures.anyio_waiting)} waiting")
    if figures.executor_queue is not None and figures.executor_queue >= USED_FROM:
        parts.append(f"executor {rounded(figures.executor_queue)}")
    return ", ".join(parts) or "no pool in use"


def values(run: RunReport) -> Iterator[float]:
    """Everything that was seen of its pools: threads in use, waiters, queued jobs."""
    for moment in run.loop:
        known = (moment.anyio_borrowed, moment.anyio_waiting, moment.executor_queue)
        yield from (value for value in known if math.isfinite(value))


def draw_moments(axes: Axes, run: RunReport, stroke: style.Stroke, most_users: float) -> None:
    """Threads in use and waiters of one run, onto axes whose limits are set."""
    if not any(value >= USED_FROM for value in values(run)):
        panels.empty(axes, "no pool in use" if run.loop else "not observed")
        return
    figures = run.diagnosis.figures
    if figures is not None and figures.anyio_tokens and figures.anyio_tokens <= axes.get_ylim()[1]:
        axes.plot([0, most_users], [figures.anyio_tokens] * 2, color=style.QUIET, linewidth=0.8, label="tokens")
    for own in by_worker(rise(run)):
        users = [moment.users for moment in own]
        axes.fill_between(users, [moment.anyio_waiting for moment in own], color=stroke.colour, alpha=0.25, linewidth=0)
        axes.plot(users, [moment.anyio_waiting for moment in own], color=stroke.colour, linewidth=0.9, label="waiting")
        (out,) = axes.plot(users, [moment.anyio_borrowed for moment in own], color=stroke.colour, linewidth=2)
        out.set(label="borrowed", linestyle=stroke.dash_alone)
        queue = [moment.executor_queue for moment in own]
        axes.plot(users, queue, color=style.INK, linewidth=1.4, linestyle=(0, (1, 1.6)), label="executor queue")
    if figures is not None:
        for value, colour in ((figures.anyio_borrowed, stroke.colour), (figures.executor_queue, style.INK)):
            panels.hold_dot(axes, most_users, value, colour, ([], []))
