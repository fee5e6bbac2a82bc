"""Where requests wait for a thread: anyio's limiter and the default executor, against users; a panel each variant."""

import math
from collections.abc import Iterator, Sequence
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from loopbench.judge.figures import rounded
from loopbench.judge.session.run_report import RunReport
from loopbench.showable import showable
from plots import panels, style, validity
from plots.loop import by_worker, rise
from plots.panels import Caption, Panel, Sheet

CAPTION: Final = Caption(
    "The thread pools under the load",
    "Threads in use and requests that wait for one; mean of each second, the same axes in every panel.",
    (
        "Thick: tokens of anyio's limiter that are out. Filled: tasks waiting for one. Grey line: all tokens.",
        "Dotted: jobs queued for asyncio's default executor.",
    ),
)
PANEL: Final = Panel(right_in=0.3)
USED_FROM: Final = 0.5
"""Threads or waiters, mean of a second: below it a pool did nothing worth a picture."""


def draw_pools(runs: Sequence[RunReport], palette: style.Palette, sheet: Sheet) -> Figure:
    """The chart of these runs; at least one."""
    with style.look():
        figure, axes = panels.new_panels(len(runs), sheet, caption(runs), PANEL)
        most_users = max(run.curve.most_users for run in runs) or 1.0
        most = max((value for run in runs for value in values(run)), default=1.0)
        for each, run in zip(axes, runs, strict=True):
            stroke = palette[run.variant.name]
            panels.frame(each, x="users", y="threads, waiting")
            panels.users_axis(each, most_users)
            panels.count_axis(each, max(most, 1.0), along="y", room=1.12)
            panels.run_head(each, run.variant.name, stroke, "no result" if stroke.struck else facts(run))
            draw_moments(each, run, stroke, most_users)
    return figure


def caption(runs: Sequence[RunReport]) -> Caption:
    """What the picture answers."""
    return Caption(CAPTION.title, CAPTION.subtitle, validity.noted(CAPTION.notes, runs))


def is_used(runs: Sequence[RunReport]) -> bool:
    """Whether any run used a pool."""
    return any(value >= USED_FROM for run in runs for value in values(run))


def describe(runs: Sequence[RunReport]) -> str:
    """What the chart says, for those who do not see it."""
    parts = [f"{showable(run.variant.name)}: {validity.said(run, facts(run))}." for run in runs]
    return "Threads in use and requests waiting for one, against users. At full load, " + " ".join(parts)


def facts(run: RunReport) -> str:
    """Of the hold, the means of the busiest worker."""
    figures = run.insights.diagnosis.figures
    if figures is None or not run.insights.loop:
        return "the pools were not observed"
    said = []
    if figures.anyio_borrowed is not None and figures.anyio_borrowed >= USED_FROM:
        of = "" if figures.anyio_tokens is None else f" of {figures.anyio_tokens}"
        said.append(f"anyio {rounded(figures.anyio_borrowed)}{of}")
    if figures.anyio_waiting is not None and figures.anyio_waiting >= USED_FROM:
        said.append(f"{rounded(figures.anyio_waiting)} waiting")
    if figures.executor_queue is not None and figures.executor_queue >= USED_FROM:
        said.append(f"executor {rounded(figures.executor_queue)}")
    return ", ".join(said) or "no pool in use"


def values(run: RunReport) -> Iterator[float]:
    """Everything that was seen of its pools: threads in use, waiters, queued jobs."""
    for moment in run.insights.loop:
        known = (moment.anyio_borrowed, moment.anyio_waiting, moment.executor_queue)
        yield from (value for value in known if math.isfinite(value))


def draw_moments(axes: Axes, run: RunReport, stroke: style.Stroke, most_users: float) -> None:
    """Threads in use and waiters of one run, onto axes whose limits are set."""
    if not any(value >= USED_FROM for value in values(run)):
        panels.empty(axes, "no pool in use" if run.insights.loop else "not observed")
        return
    figures = run.insights.diagnosis.figures
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
