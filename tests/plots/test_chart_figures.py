"""The figures of a chart as a table: what is drawn, under the names that are drawn, and nothing of an INVALID run."""

import csv
import math
import re

import pytest
from matplotlib.figure import Figure

from loopbench.plots import panels
from loopbench.plots.chart_figures import Series, chart_csv, series_of
from loopbench.plots.charts import charts_of
from tests.plots.causes import explained, spoiled
from tests.plots.reports import FOUR, session
from tests.plots.sessions import charts, page


def of_chart(name: str, stem: str) -> dict[str, Series]:
    """The series of a chart of a made-up session, by their title."""
    return {each.title: each for each in series_of(charts(name)[stem].draw(panels.FILE))}


@pytest.mark.parametrize(
    ("stem", "title", "names"),
    [
        ("rps-users", "good answers per second: aiofiles", ("users", "")),
        ("verdicts", "goodput at 100 users: def over blocking async def: 2.49 (2.37 to 2.61)", ("ratio", "")),
        ("rounds", "goodput at 100 users: def: mean", ("1/s", "")),
        ("published", "good answers per second: def: published", ("", "")),
        ("time-spent", "def · 80.0 ms: on the loop", ("milliseconds", "")),
        ("blocked-lines", "def: app/main.py:41 in def: own code", ("of the blocked time", "")),
        ("profiles", "def, good answers/s: goodput", ("users", "")),
        ("occupancy", "def: never served", ("seconds since the ramp began", "users, requests")),
    ],
)
def test_a_series_has_the_names_that_are_drawn(stem: str, title: str, names: tuple[str, str]) -> None:
    series = of_chart("everything", stem)
    assert title in series, list(series)
    assert (series[title].x_name, series[title].y_name) == names


def test_every_figure_is_a_number_or_missing() -> None:
    for chart in charts("everything").values():
        series = series_of(chart.draw(panels.FILE))
        rows = list(csv.reader(chart_csv(series).splitlines()))
        assert len(rows) == 1 + sum(len(each.points) for each in series)
        cells = [cell for row in rows[1:] for cell in row[4:]]
        assert all(cell == "" or math.isfinite(float(cell)) for cell in cells), chart.stem


def test_the_points_are_those_of_the_curve() -> None:
    report = session(FOUR[:2])
    (chart, *_) = charts_of(report)["picture"]
    drawn = {each.title: each for each in series_of(chart.draw(panels.PAGE))}["def"].points
    assert [(x, y) for x, _, y in drawn] == [(each.users, each.goodput_rps) for each in report.runs[0].curve.windows]


def test_a_bar_has_both_ends() -> None:
    ((start, end, _),) = of_chart("everything", "time-spent")["def · 80.0 ms: on the loop"].points
    assert (start, end) == pytest.approx((24.0, 28.0))


def test_the_mark_of_the_rounds_is_at_no_number_of_users() -> None:
    ((users, _, rps),) = of_chart("everything", "profiles")["def, good answers/s: rounds"].points
    assert math.isnan(users)
    assert rps == pytest.approx(490, abs=1)


def test_an_invalid_run_has_no_figures() -> None:
    report = spoiled(explained(session(FOUR[:2])), "def")
    sections = charts_of(report)
    for chart in (sections[name][0] for name in ("picture", "profiles", "why", "time", "occupancy")):
        names = {each.title for each in series_of(chart.draw(panels.PAGE))}
        assert not [name for name in names if re.search(r"(^|: )def\b", name)], chart.stem


def test_the_page_shows_at_most_six_points_of_each_line() -> None:
    text = page("everything")
    assert text.count("<summary>Figures of this chart</summary>") >= 8
    assert "charts/rps-users.csv" in text
    tables = re.findall(r'<table class="points">.*?</table>', text, re.DOTALL)
    assert max(row.count("<td>") for table in tables for row in table.split("<tr>")) == 6


def test_an_area_without_points_has_no_figures() -> None:
    figure = Figure()
    figure.subplots().fill_between([1.0, 2.0], [math.nan, math.nan], label="lost")
    assert series_of(figure) == ()
