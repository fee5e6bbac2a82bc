"""Which requests waited for which: a bar for each request of a timeline, from its start to its answer."""

from functools import partial
from typing import Final

from matplotlib.axes import Axes

from loopbench.judge.run.timeline import Bar, TimelineReport
from loopbench.judge.session.session_report import SessionReport
from loopbench.plots import panels, style
from loopbench.plots.chart import Chart
from loopbench.plots.panels import Caption, Panel
from loopbench.showable import showable

CAPTION: Final = Caption(
    "Who waits for whom",
    "Requests sent at once, in the order from top to bottom, each on a connection of its own; once, without load.",
    (
        "Grey: waiting until the app begins with it. Blue: in the app. Red: in the app, holding the event loop.",
        "Who sends a request waits for both. One look each, at the probe's explain level: a picture, not a comparison.",
    ),
)

ROW_IN: Final = 0.42  # a request's name and its bar
_BAR_AT, _THICK = 0.2, 0.4  # below the middle of its row, and of the row
_NAME_AT = -0.22
_LONGEST_NAME = 30


def chart(session: SessionReport, _palette: style.Palette) -> Chart | None:
    """Every timeline of a session, on the same seconds, without a stamp: no rule judges one; None without any."""
    timelines = session.timelines
    if not timelines:
        return None
    longest_s = max((_end_s(bar) for each in timelines for bar in each.bars), default=1.0)
    most = max(len(each.bars) for each in timelines)
    return Chart(
        "timelines",
        CAPTION,
        " ".join(f"{showable(each.name)}: {showable(each.sentence)}" for each in timelines),
        [partial(_fill, each, longest_s) for each in timelines],
        Panel(height_in=ROW_IN * most, left_in=0.3, right_in=0.3),
        stamp="",
    )


def _fill(timeline: TimelineReport, longest_s: float, axes: Axes) -> None:
    panels.bars_frame(axes, "seconds after the first was sent")
    axes.set_xlim(0, longest_s * 1.03)
    axes.set_ylim(len(timeline.bars) + 0.5, 0.5)
    panels.head(axes, timeline.name, style.Stroke(style.INK), _facts(timeline), alarming=bool(timeline.kept_waiting))
    for bar in timeline.bars:
        _draw_bar(axes, bar)


def _draw_bar(axes: Axes, bar: Bar) -> None:
    """Waiting, then in the app; a request whose stamps are not known is one long wait."""
    end_s = _end_s(bar)
    entered_s = end_s if bar.entered_s is None else bar.entered_s
    inside, colour = ("held the loop", style.COLOURS[1]) if bar.held_the_loop else ("in the app", style.COLOURS[0])
    y = bar.number + _BAR_AT
    axes.barh(y, entered_s - bar.sent_s, _THICK, bar.sent_s, color=style.PARTS[0], label="waiting")
    axes.barh(y, end_s - entered_s, _THICK, entered_s, color=colour, label=inside)
    held = ", held the loop" if bar.held_the_loop else ""
    across = axes.get_yaxis_transform()
    words = axes.annotate(
        f"{bar.number}  {style.shortened(bar.label, _LONGEST_NAME)}{held}", (0, bar.number + _NAME_AT), xycoords=across
    )
    words.set(fontsize=10, color=style.INK, va="center")


def _end_s(bar: Bar) -> float:
    """Where its bar ends: with the answer, or, if none came, with the last that is known of it."""
    known = (bar.received_s, bar.answering_s, bar.entered_s, bar.sent_s)
    return next(each for each in known if each is not None)


def _facts(timeline: TimelineReport) -> str:
    end_s = timeline.all_answered_s
    ended = "an answer never came" if end_s is None else f"all answered after {end_s:.2f} s"
    waited = len(timeline.kept_waiting)
    return f"{waited} of {len(timeline.bars)} kept waiting; {ended}"
