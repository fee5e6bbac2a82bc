"""All charts of a session: which there are, that their files are written, and that no text is cut or covered."""

from dataclasses import replace
from pathlib import Path

import pytest

from loopbench.judge.session.session_report import SessionReport
from loopbench.judge.session.session_stamp import MergedFinding, SessionStamp
from loopbench.judge.stamp.stamp_checks import Level
from plots import panels, style, validity
from plots.chart import Chart
from plots.session_charts import charts_of, draw_charts
from tests.plots.causes import LOST, explained, opened, repeated, spoiled, stepped
from tests.plots.looking import out_of_sight, overlapping, texts
from tests.plots.reports import FOUR, NASTY, Made, nasty_session, session, twelve_variants

SESSIONS: dict[str, SessionReport] = {
    "four": session(),
    "nasty": nasty_session(),
    "twelve": twelve_variants(),
    "one": session([Made("only", published_rps=3)]),
    "failures only": session([Made("broken", failed=True), Made("b")]),
    "no hold": session([Made("def", hold_s=0), Made("b", hold_s=0)]),
    "no neighbour": session(neighbours=()),
    "one missing": session(missing=["aiofiles"]),
    "everything": opened(stepped(repeated(explained(session(), exact=True)), {"def": 40, "aiofiles": 6})),
    "one INVALID": spoiled(repeated(explained(session()), invalid=["aiofiles"]), "aiofiles"),
    "nasty causes": spoiled(repeated(explained(nasty_session(), exact=True), 2), *NASTY[:3]),
}
CAUSES = {"loop", "pools", "blocked-lines", "time-spent"}
LOADS = {"verdicts", "rounds", "steps", "open-rate", "open-response"}
OURS = {"rps-users-each", "latency", "neighbour", "occupancy", "published"} | CAUSES | LOADS


def ours(report: SessionReport) -> list[Chart]:
    return [chart for chart in charts_of(report).all if chart.stem in OURS]


def test_every_chart_is_written_as_svg_and_png(tmp_path: Path) -> None:
    report = session(FOUR[:2])
    files = draw_charts(report, tmp_path / "charts")
    stems = ["rps-users", "rps-users-v1", "rps-users-v2", "profiles", "rps-users-each"]
    stems += ["latency", "neighbour", "occupancy"]
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


@pytest.mark.parametrize("name", ["nasty", "nasty causes"])
def test_no_control_or_bidirectional_character_reaches_a_chart(name: str) -> None:
    for chart in charts_of(SESSIONS[name]).all:
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


def test_everything_that_is_known_has_its_chart() -> None:
    assert {chart.stem for chart in charts_of(SESSIONS["everything"]).all} >= OURS
    assert not {chart.stem for chart in charts_of(SESSIONS["four"]).all} & (CAUSES | LOADS)


def test_the_stamp_stands_in_the_corner_of_every_file_and_covers_nothing() -> None:
    faulty = replace(SESSIONS["everything"], stamp=SessionStamp((MergedFinding(LOST),)))
    for chart in charts_of(faulty).all:
        if chart.stem in OURS | {"rps-users"}:
            figure = chart.draw(replace(panels.FILE, stamp=chart.stamp))
            assert "INVALID: C1" in texts(figure), chart.stem
            assert overlapping(figure) == [], chart.stem
            assert out_of_sight(figure) == [], chart.stem


def test_a_stamp_names_only_the_rules_of_its_level() -> None:
    degraded = replace(LOST, id="M3", level=Level.DEGRADED)
    both = SessionStamp((MergedFinding(degraded), MergedFinding(LOST)))
    words = [
        validity.session_words(replace(session(), stamp=stamp)) for stamp in (both, SessionStamp(both.findings[:1]))
    ]
    assert words == ["INVALID: C1", "VALID (DEGRADED): M3"]


def test_a_single_variants_chart_has_its_own_runs_stamp() -> None:
    charts = charts_of(SESSIONS["one INVALID"])
    assert [chart.stamp for chart in charts.variants] == ["VALID", "VALID", "VALID", "INVALID: C1"]


def test_an_invalid_run_is_struck_out_and_gives_no_figure() -> None:
    charts = charts_of(SESSIONS["one INVALID"])
    for chart in (charts.small_multiples, charts.latency, charts.occupancy, charts.loop, charts.pools, charts.lines):
        assert chart
        assert "INVALID: C1" in texts(chart.draw(panels.FILE)), chart.stem
    assert charts.overlay
    assert "aiofiles: INVALID: C1, no result." in charts.overlay.alt
    shown = texts(charts.overlay.draw(panels.FILE))
    assert "INVALID: C1" in shown
    assert not [text for text in shown if text.startswith("300/s")]
    lines = charts.overlay.draw(panels.FILE).axes[0].get_lines()
    colours = {str(each.get_label()): each.get_color() for each in lines}
    assert (colours["aiofiles"], colours["def"]) == (style.STRUCK, style.COLOURS[0])
