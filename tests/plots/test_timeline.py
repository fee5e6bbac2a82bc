"""The timeline chart: a bar for each request, where it waited, where it was in the app, and who held the loop."""

import pytest
from matplotlib.axes import Axes

from loopbench.judge.run.timeline import TimelineReport, who_waited
from loopbench.records.timeline import TimedRequest
from plots import panels, style
from plots.inline_svg import split_svg
from plots.timeline import describe, draw_timelines, panel, timeline_chart
from tests.plots.looking import out_of_sight, overlapping, texts
from tests.plots.reports import NASTY


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


def bars(axes: Axes, label: str) -> list[float]:
    """Beginning and end of each bar of this label, one after the other."""
    containers = [each for each in axes.containers if each.get_label() == label]
    return [
        edge for each in containers for patch in each for edge in (patch.get_x(), patch.get_x() + patch.get_width())
    ]


def test_each_request_waits_and_then_is_in_the_app() -> None:
    figure = draw_timelines([report()], panels.FILE)
    (axes,) = figure.axes
    assert bars(axes, "waiting") == pytest.approx([0.0, 0.002, 0.0002, 1.004, 0.0004, 2.006])
    assert bars(axes, "held the loop") == pytest.approx([0.002, 1.003, 1.004, 2.005])
    assert bars(axes, "in the app") == pytest.approx([2.006, 2.008])


def test_it_says_who_was_kept_waiting() -> None:
    shown = texts(draw_timelines([report()], panels.FILE))
    assert "2 of 3 kept waiting; all answered after 2.01 s" in shown
    assert "held the event loop" in describe([report()])


def test_a_request_without_an_answer_ends_where_it_was_last_seen() -> None:
    figure = draw_timelines([report("lost", timed("/gone", 0.0, None, None), timed("/", 0.1, 0.2, 0.3))], panels.FILE)
    assert bars(figure.axes[0], "waiting")[:2] == [0.0, 0.0]
    assert "0 of 2 kept waiting; an answer never came" in texts(figure)


@pytest.mark.parametrize("sheet", [panels.FILE, panels.PAGE], ids=["file", "page"])
def test_nothing_is_cut_off_and_nothing_lies_over_another(sheet: panels.Sheet) -> None:
    many = report("sixteen", *(timed(f"/a-path-that-goes-on-and-on?seconds={n}", 0.0, 0.1 * n, 3.0) for n in range(16)))
    figure = draw_timelines([report(), many, report("third")], sheet)
    assert out_of_sight(figure) == []
    assert overlapping(figure) == []


def test_foreign_names_are_shown_and_not_obeyed() -> None:
    nasty = [report(name, timed(name, 0.0, 0.001, 0.1)) for name in NASTY]
    figure = draw_timelines(nasty, panels.FILE)
    assert not [each for each in texts(figure) if "\u202e" in each or "\n" in each]


def test_the_page_gets_a_panel_a_timeline() -> None:
    figure = draw_timelines([report(), report("again")], panels.PAGE)
    parts = split_svg(figure, panels.bands(figure, panel([report(), report("again")])), name="timelines")
    assert len(parts) == 2
    assert all(style.COLOURS[1] in part for part in parts)


def test_without_timelines_there_is_no_chart() -> None:
    assert timeline_chart([]) is None
    chart = timeline_chart([report()])
    assert chart is not None
    assert chart.draw(panels.FILE).axes
