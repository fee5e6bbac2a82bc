"""All charts of a session: which there are, that their files are written, and that no text is cut or covered."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from loopbench.judge.session.session_stamp import MergedOutcome, SessionStamp
from loopbench.judge.stamp.stamp_checks import Level
from loopbench.plots import panels, style, validity
from loopbench.plots.charts import charts_of, draw_charts
from tests.plots.causes import LOST
from tests.plots.looking import texts
from tests.plots.reports import FOUR, session
from tests.plots.sessions import PAGE_ONLY, SESSIONS, Drawn, charts, checked, in_file, on_page, sections

DRAWN = sorted(SESSIONS.keys() - PAGE_ONLY - {"nothing complete"})

CAUSES = {"blocked-lines", "time-spent"}
LOADS = {"verdicts", "rounds", "steps", "open-rate", "open-response"}
OURS = {"rps-users-each", "latency", "neighbour", "occupancy", "published"} | CAUSES | LOADS


def test_every_chart_is_written_as_svg_and_the_overlay_as_png_too(tmp_path: Path) -> None:
    files = draw_charts(charts_of(session(FOUR[:2])), tmp_path / "charts")
    stems = [
        "rps-users-def",
        "rps-users-blocking-async-def",
        "profiles",
        "neighbour",
        "published",
        "latency",
        "occupancy",
    ]
    assert [path.name for path in files] == [
        *("rps-users.svg", "rps-users.png", "rps-users.csv"),
        *(f"{stem}.{ending}" for stem in (*stems, "rps-users-each") for ending in ("svg", "csv")),
    ]
    assert {path.name for path in (tmp_path / "charts").iterdir()} == {path.name for path in files}
    assert all(path.stat().st_size > 1000 for path in files if path.suffix != ".csv")


def test_every_chart_is_written_as_png_too_where_that_is_asked_for(tmp_path: Path) -> None:
    files = draw_charts({"picture": sections("one")["picture"]}, tmp_path, all_png=True)
    assert [path.name for path in files] == [
        *("rps-users.svg", "rps-users.png", "rps-users.csv"),
        *("rps-users-only.svg", "rps-users-only.png", "rps-users-only.csv"),
    ]
    assert all(path.stat().st_size > 1000 for path in files if path.suffix != ".csv")


def test_a_png_that_is_not_written_again_is_removed(tmp_path: Path) -> None:
    """It would show an earlier state of the session, beside an SVG that shows this one."""
    (tmp_path / "latency.png").touch()
    (tmp_path / "mine.png").touch()
    draw_charts({"latency": sections("one")["latency"]}, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"latency.svg", "latency.csv", "mine.png"}


def test_charts_without_data_are_not_there() -> None:
    assert charts("nothing complete") == {}
    assert "neighbours" not in sections("no neighbour")
    two = charts_of(session(neighbours=("a", "b")))["neighbours"]
    assert [chart.stem for chart in two] == ["neighbour", "neighbour-2"]


@pytest.mark.parametrize("name", DRAWN)
@pytest.mark.parametrize("drawn", [in_file, on_page], ids=["file", "page"])
def test_no_text_is_cut_and_none_covers_another(name: str, drawn: Callable[[str, str], Drawn]) -> None:
    for chart in checked(name):
        assert drawn(name, chart.stem).out_of_sight == [], chart.stem
        assert drawn(name, chart.stem).overlapping == [], chart.stem


@pytest.mark.parametrize("name", DRAWN)
def test_every_panel_lies_within_its_band(name: str) -> None:
    """The page cuts a figure into bands: they may not run into each other or out of it."""
    for chart in checked(name):
        drawn = on_page(name, chart.stem)
        ends = [0.0, *(band.top_in + band.height_in for band in drawn.bands)]
        assert all(band.top_in >= end - 1e-6 for band, end in zip(drawn.bands, ends, strict=False)), chart.stem
        assert ends[-1] <= drawn.height_in + 1e-6, chart.stem


def test_no_control_or_bidirectional_character_reaches_a_chart() -> None:
    for chart in charts("hostile").values():
        shown = "".join(in_file("hostile", chart.stem).texts) + chart.alt
        assert not {"\u202e", "\x1b", "\n\n", "\x07"} & set(shown), chart.stem


def test_alternative_texts_say_what_the_charts_show() -> None:
    four = charts("four")
    assert "blocking async def: 200 per second held, knee at 2" in four["rps-users"].alt
    assert "p99 960 ms; never served: 31 of 100 users" in four["latency"].alt
    published = "aiofiles: published 470 per second, 0.85 times the reference; measured 300, 0.60 times"
    assert published in four["published"].alt


def test_everything_that_is_known_has_its_chart() -> None:
    assert {chart.stem for chart in checked("open")} == OURS
    assert not charts("four").keys() & (CAUSES | LOADS)


def test_the_stamp_stands_in_the_corner_of_every_file_and_covers_nothing() -> None:
    for stem in OURS | {"rps-users"}:
        drawn = in_file("open", stem)
        assert "INVALID: C1" in drawn.texts, stem
        assert drawn.overlapping == [], stem
        assert drawn.out_of_sight == [], stem


def test_a_stamp_names_only_the_rules_of_its_level() -> None:
    degraded = replace(LOST, id="M3", level=Level.DEGRADED)
    both = SessionStamp((MergedOutcome(degraded), MergedOutcome(LOST)))
    words = [
        validity.session_words(replace(session(), stamp=stamp)) for stamp in (both, SessionStamp(both.findings[:1]))
    ]
    assert words == ["INVALID: C1", "VALID (DEGRADED): M3"]


def test_a_single_variants_chart_has_its_own_runs_stamp() -> None:
    assert [chart.stamp for chart in sections("one INVALID")["picture"][1:]] == [
        "VALID",
        "VALID",
        "VALID",
        "INVALID: C1",
    ]


@pytest.mark.parametrize("stem", ["rps-users-each", "latency", "occupancy", "blocked-lines"])
def test_an_invalid_run_is_struck_out(stem: str) -> None:
    assert "INVALID: C1" in in_file("one INVALID", stem).texts


def test_an_invalid_run_gives_the_overlay_no_figure() -> None:
    overlay = charts("one INVALID")["rps-users"]
    assert "aiofiles: INVALID: C1, no result." in overlay.alt
    figure = overlay.draw(panels.FILE)
    assert "INVALID: C1" in texts(figure)
    assert not [text for text in texts(figure) if text.startswith("300/s")]
    colours = {str(each.get_label()): each.get_color() for each in figure.axes[0].get_lines()}
    assert (colours["aiofiles"], colours["def"]) == (style.STRUCK, style.COLOURS[0])
