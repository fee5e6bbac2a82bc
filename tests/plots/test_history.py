"""The chart of earlier sessions: what is drawn is what the history says."""

from itertools import combinations
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from loopbench.judge.compare.history import History, LeftOut
from loopbench.judge.compare.history_rows import Entry, Mark, Point, SessionEntry
from loopbench.plots.history import caption, draw_history
from loopbench.plots.history_page import render_history_page
from loopbench.plots.style import save
from tests.plots.reports import NASTY
from tests.plots.test_page import Outline

NONE = Point(None, None, None, 0, Mark.NONE, None, None)


def point(value: float, mark: Mark = Mark.NONE, ratio: float | None = None) -> Point:
    return Point(value, value * 0.97, value * 1.03, 6, mark, ratio, None)


def history(values: dict[str, list[Point]], *, neighbour: str | None = None, left: int = 0) -> History:
    """One list of points a variant, as long as there are sessions."""
    count = len(next(iter(values.values())))
    sessions = tuple(
        SessionEntry(
            f"s{place}",
            f"2026-11-{place % 28 + 1:02d}T10:00:00+00:00",
            "abc",
            "VALID",
            tuple(Entry(name, row[place], row[place] if neighbour else None, ()) for name, row in values.items()),
        )
        for place in range(count)
    )
    out = tuple(LeftOut(f"x{number}", "machine") for number in range(left))
    return History("made", "Made up", 100, neighbour, 0.1, sessions, out)


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for axes in figure.axes for text in axes.texts]


def test_every_session_is_a_point_at_its_place_and_value() -> None:
    (axes,) = draw_history(history({"def": [point(500), NONE, point(300)]})).axes
    dots = {line.get_label(): np.asarray(line.get_xydata()).tolist() for line in axes.lines}
    assert dots["session 0"] == [[0, 500]]
    assert dots["session 2"] == [[2, 300]]
    assert "session 1" not in dots


def test_only_what_is_marked_gets_a_word() -> None:
    figure = draw_history(history({"def": [point(500), point(480), point(300, Mark.REGRESSION, 0.62)]}))
    assert [text for text in texts(figure) if "REGRESSION" in text] == ["REGRESSION ×0.62"]  # noqa: RUF001


def test_words_never_cover_each_other() -> None:
    """Whatever is crowded: those without room are rings alone, and REGRESSIONs come first."""
    row = [point(500 + place, Mark.LOSS, 0.94) for place in range(20)] + [point(300, Mark.REGRESSION, 0.6)]
    figure = draw_history(history({"def": row}))
    figure.canvas.draw()
    (axes,) = figure.axes
    words = [text for text in axes.texts if "×" in text.get_text()]  # noqa: RUF001
    boxes = [word.get_window_extent() for word in words]
    assert not [(a, b) for a, b in combinations(boxes, 2) if a.overlaps(b)]
    assert any("REGRESSION" in word.get_text() for word in words)
    assert 3 <= len(words) < 21


def test_a_figure_without_an_interval_is_hollow() -> None:
    ramp = Point(400, None, None, 0, Mark.NONE, None, None)
    (axes,) = draw_history(history({"def": [point(500), ramp]})).axes
    faces = {line.get_label(): line.get_markerfacecolor() for line in axes.lines}
    assert faces["session 1"] == "#ffffff"
    assert faces["session 0"] != "#ffffff"
    assert len(axes.collections) == 1


def test_the_newest_session_always_has_its_day() -> None:
    (axes,) = draw_history(history({"def": [point(500)] * 25})).axes
    assert axes.get_xticks()[-1] == 24
    assert len(axes.get_xticks()) <= 6


def test_a_variant_without_a_valid_figure_says_so() -> None:
    assert "no valid figure" in texts(draw_history(history({"def": [NONE, NONE]})))


def test_what_is_not_in_the_picture_is_said_under_it() -> None:
    many = history({f"v{number}": [point(1)] for number in range(14)}, left=2)
    assert [note for note in caption(many).notes if "2 " in note] == [
        "Left out: 2 sessions of other settings, machines or versions.",
        "2 more variants are not drawn.",
    ]


def test_any_names_make_a_picture() -> None:
    made = history({name: [point(500), point(300, Mark.LOSS, 0.6)] for name in NASTY}, neighbour="<i>hello</i>\u202e")
    assert all(text.replace("\n", "").isprintable() for text in texts(draw_history(made)))


def test_the_same_history_gives_the_same_bytes(tmp_path: Path) -> None:
    made = history({"def": [point(500), point(300, Mark.LOSS, 0.6)]})
    first = [path.read_bytes() for path in save(draw_history(made), tmp_path / "history")]
    assert first == [path.read_bytes() for path in save(draw_history(made), tmp_path / "history")]


def test_every_row_of_the_page_has_an_address_a_link_to_it_and_one_to_the_sessions_page() -> None:
    made = history({"def": [point(500), point(300, Mark.REGRESSION, 0.6)], "<b>": [NONE, point(1)]}, neighbour="ping")
    text = render_history_page(made)
    outline = Outline(text)
    ids = outline.values("id")
    assert {"variant-def.s0", "variant-def.s1", "variant-b.s0", "variant-b.s1"} <= set(ids)
    assert len(ids) == len(set(ids))
    addresses = [each for each in outline.values("href") if each.startswith("#")]
    assert {each[1:] for each in addresses} <= set(ids)
    assert {"#variant-def.s1", "./s1/report.html"} <= set(outline.values("href"))
    assert "REGRESSION x0.60" in outline.text
    assert outline.open == []


def test_the_page_of_a_history_loads_and_runs_nothing() -> None:
    made = history({name: [point(500), point(300, Mark.LOSS, 0.6)] for name in NASTY}, neighbour="<i>hello</i>", left=1)
    outline = Outline(render_history_page(made))
    assert not {"script", "img", "link", "iframe", "object", "form"} & set(outline.tags)
    assert all(value.startswith(("#", "./")) for value in outline.values("href"))
    assert "left out" in outline.text.lower()
