"""The timeline chart: a bar for each request, where it waited, where it was in the app, and who held the loop."""

from dataclasses import replace

import pytest
from matplotlib.axes import Axes

from loopbench.judge.run.timeline import TimelineReport, who_waited
from loopbench.plots import panels, style, timeline
from loopbench.plots.chart import Chart
from loopbench.plots.pictures import pictures_of
from loopbench.records.timeline import TimedRequest
from tests.plots.looking import out_of_sight, overlapping, texts
from tests.plots.reports import NASTY, session


def timed(label: str, sent_s: float, entered_s: float | None, answering_s: float | None) -> TimedRequest:
    received_s = None if answering_s is None else answering_s + 0.001
    return TimedRequest(label, sent_s, entered_s, answering_s, received_s, 200, "")


def report(name: str = "two that block", *requests: TimedRequest) -> TimelineReport:
    given = requests or (
        timed("/slow", 0.0, 0.002, 1.002),
        timed("/slow", 0.0002, 1.004, 2.004),
        timed("/fast", 0.0004, 2.006, 2.007),
    )
    return TimelineReport(name, who_waited(given))


def chart(*timelines: TimelineReport) -> Chart:
    made = timeline.chart(replace(session(), timelines=timelines), style.Palette(()))
    assert made
    return made


def bars(axes: Axes, label: str) -> list[float]:
    """Beginning and end of each bar of this label, one after the other."""
    containers = [each for each in axes.containers if each.get_label() == label]
    return [
        edge for each in containers for patch in each for edge in (patch.get_x(), patch.get_x() + patch.get_width())
    ]


def test_each_request_waits_and_then_is_in_the_app() -> None:
    figure = chart(report()).draw(panels.FILE)
    (axes,) = figure.axes
    assert bars(axes, "waiting") == pytest.approx([0.0, 0.002, 0.0002, 1.004, 0.0004, 2.006])
    assert bars(axes, "held the loop") == pytest.approx([0.002, 1.003, 1.004, 2.005])
    assert bars(axes, "in the app") == pytest.approx([2.006, 2.008])


def test_it_says_who_was_kept_waiting() -> None:
    shown = texts(chart(report()).draw(panels.FILE))
    assert "2 of 3 kept waiting; all answered after 2.01 s" in shown
    assert "held the event loop" in chart(report()).alt


def test_a_request_without_an_answer_ends_where_it_was_last_seen() -> None:
    lost = report("lost", timed("/gone", 0.0, None, None), timed("/", 0.1, 0.2, 0.3))
    figure = chart(lost).draw(panels.FILE)
    assert bars(figure.axes[0], "waiting")[:2] == [0.0, 0.0]
    assert "0 of 2 kept waiting; an answer never came" in texts(figure)


@pytest.mark.parametrize("sheet", [panels.FILE, panels.PAGE], ids=["file", "page"])
def test_nothing_is_cut_off_and_nothing_lies_over_another(sheet: panels.Sheet) -> None:
    many = report("sixteen", *(timed(f"/a-path-that-goes-on-and-on?seconds={n}", 0.0, 0.1 * n, 3.0) for n in range(16)))
    figure = chart(report(), many, report("third")).draw(sheet)
    assert out_of_sight(figure) == []
    assert overlapping(figure) == []


def test_foreign_names_are_shown_and_not_obeyed() -> None:
    nasty = [report(name, timed(name, 0.0, 0.001, 0.1)) for name in NASTY]
    figure = chart(*nasty).draw(panels.FILE)
    assert not [each for each in texts(figure) if "\u202e" in each or "\n" in each]


def test_the_page_gets_a_panel_a_timeline() -> None:
    parts = pictures_of(chart(report(), report("again"))).panels
    assert len(parts) == 2
    assert all(style.COLOURS[1] in part for part in parts)


def test_without_timelines_there_is_no_chart() -> None:
    assert timeline.chart(session(), style.Palette(())) is None
