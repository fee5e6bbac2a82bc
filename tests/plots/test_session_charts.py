"""All charts of a session: which there are, that their files are written, and that no text is cut or covered."""

from pathlib import Path

import pytest

from loopbench.judge.session_report import SessionReport
from plots import panels
from plots.session_charts import Chart, charts_of, draw_charts
from tests.plots.looking import out_of_sight, overlapping, texts
from tests.plots.reports import FOUR, Made, nasty_session, session, twelve_variants

SESSIONS: dict[str, SessionReport] = {
    "four": session(),
    "nasty": nasty_session(),
    "twelve": twelve_variants(),
    "one": session([Made("only", published_rps=3)]),
    "failures only": session([Made("broken", failed=True), Made("b")]),
    "no hold": session([Made("def", hold_s=0), Made("b", hold_s=0)]),
    "no neighbour": session(neighbours=()),
    "one missing": session(missing=["aiofiles"]),
}
OURS = {"rps-users-each", "latency", "neighbour", "occupancy", "published"}


def ours(report: SessionReport) -> list[Chart]:
    return [chart for chart in charts_of(report).all if chart.stem in OURS]


def test_every_chart_is_written_as_svg_and_png(tmp_path: Path) -> None:
    report = session(FOUR[:2])
    files = draw_charts(report, tmp_path / "charts")
    stems = ["rps-users", "rps-users-v1", "rps-users-v2", "rps-users-each", "latency", "neighbour", "occupancy"]
    assert [path.name for path in files] == [f"{s}.{e}" for s in (*stems, "published") for e in ("svg", "png")]
    assert all(path.stat().st_size > 1000 for path in files)


def test_charts_without_data_are_not_there() -> None:
    nothing = charts_of(session([Made("a"), Made("b")], missing=["a", "b"]))
    assert nothing.all == ()
    assert charts_of(session(neighbours=())).neighbours == ()
    assert [chart.stem for chart in charts_of(session(neighbours=("a", "b"))).neighbours] == [
        "neighbour",
        "neighbour-2",
    ]


@pytest.mark.parametrize("report", SESSIONS.values(), ids=SESSIONS)
@pytest.mark.parametrize("sheet", [panels.FILE, panels.PAGE], ids=["file", "page"])
def test_no_text_is_cut_and_none_covers_another(report: SessionReport, sheet: panels.Sheet) -> None:
    for chart in ours(report):
        figure = chart.draw(sheet)
        assert out_of_sight(figure) == [], chart.stem
        assert overlapping(figure) == [], chart.stem


@pytest.mark.parametrize("report", SESSIONS.values(), ids=SESSIONS)
def test_every_panel_lies_within_its_band(report: SessionReport) -> None:
    """The page cuts a figure into bands: they may not run into each other or out of it."""
    for chart in ours(report):
        figure = chart.draw(panels.PAGE)
        bands = panels.bands(figure, chart.panel)
        ends = [0.0, *(band.top_in + band.height_in for band in bands)]
        assert all(band.top_in >= end - 1e-6 for band, end in zip(bands, ends, strict=False)), chart.stem
        assert ends[-1] <= figure.get_figheight() + 1e-6, chart.stem


def test_no_control_or_bidirectional_character_reaches_a_chart() -> None:
    for chart in charts_of(nasty_session()).all:
        shown = "".join(texts(chart.draw(panels.FILE))) + chart.alt
        assert not {"\u202e", "\x1b", "\n\n", "\x07"} & set(shown), chart.stem


def test_alternative_texts_say_what_the_charts_show() -> None:
    charts = charts_of(session())
    assert charts.overlay
    assert "blocking async def: 200 per second held, knee at 2" in charts.overlay.alt
    assert charts.latency
    assert "p99 960 ms; never served: 31 of 100 users" in charts.latency.alt
    assert charts.published
    assert (
        "aiofiles: published 470 per second, 0.85 times the reference; measured 300, 0.60 times" in charts.published.alt
    )
