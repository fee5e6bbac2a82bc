"""The sections of the page in their order, the charts in them, and the charts' files."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from loopbench.judge.session.session_report import SessionReport
from loopbench.parallel import in_parallel
from loopbench.plots import (
    blocked_lines,
    latency,
    neighbour,
    occupancy,
    open_rate,
    overlay,
    panels,
    profiles,
    published,
    rounds,
    rps_users,
    small_multiples,
    steps,
    style,
    time_spent,
    timeline,
    validity,
    verdicts,
)
from loopbench.plots.chart import Chart
from loopbench.plots.chart_figures import chart_csv, series_of
from loopbench.records.files import write_file


class Section(NamedTuple):
    """One section of the page."""

    name: str  # its id, and the name of its template if it holds more than a heading and charts
    chart: Callable[[SessionReport, style.Palette], Chart | None] | None = None  # what makes its chart
    heading: str = ""  # its heading, if that is not the title of its first chart


SECTIONS: Final = (
    Section("open-mode", open_rate.chart, "Against the offered rate"),
    Section("picture", overlay.chart, "Throughput against users"),
    Section("steps", steps.chart),
    Section("gates"),
    Section("verdicts", verdicts.chart, "Verdicts"),
    Section("profiles", profiles.chart),
    Section("neighbours", neighbour.chart, "The neighbours"),
    Section("health", heading="The health of the targets"),
    Section("time", time_spent.chart),
    Section("why", blocked_lines.chart, "Why"),
    Section("timelines", timeline.chart),
    Section("claims"),
    Section("published", published.chart),
    Section("figures"),
    Section("latency", latency.chart),
    Section("rounds", rounds.chart, "The rounds"),
    Section("occupancy", occupancy.chart),
    Section("counts", small_multiples.chart, "How the counts agree"),
    Section("findings"),
    Section("details"),
)
"""The order of the page."""


def charts_of(session: SessionReport) -> dict[str, tuple[Chart, ...]]:
    """Return the charts this session has data for, by their section; none of them is drawn yet."""
    palette = validity.palette(session)
    made = {section.name: section.chart(session, palette) for section in SECTIONS if section.chart}
    return {
        name: tuple(_of_session(each, session) for each in (chart, *chart.also))
        for name, chart in made.items()
        if chart
    }


def _of_session(chart: Chart, session: SessionReport) -> Chart:
    """The chart with the session's stamp, and on the page only if its mode allows it."""
    is_open = session.record.scenario.load.is_open
    stamp = validity.session_words(session) if chart.stamp is None else chart.stamp
    return replace(
        chart,
        stamp=stamp,
        wide=chart.wide and replace(chart.wide, stamp=stamp),
        on_page=chart.on_page and not (is_open and chart.needs_closed_mode),
    )


def draw_charts(charts: Mapping[str, Iterable[Chart]], folder: Path, *, all_png: bool = False) -> tuple[Path, ...]:
    """Write every chart as SVG, each with its stamp, and its figures as CSV; the overlay of all variants as PNG too.

    Args:
        charts: the charts to write, by their section.
        folder: where to write; created if it does not exist.
        all_png: write every chart as PNG. Otherwise an earlier PNG of a chart that is written as SVG only is removed,
            because it would show an earlier state of the session.

    Returns:
        The files of each chart: SVG, PNG, CSV.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = in_parallel(
        [
            partial(_files_of, chart, folder, png=all_png or chart.stem == rps_users.STEM)
            for section in charts.values()
            for chart in section
        ]
    )
    return tuple(path for each in files for path in each)


def _files_of(chart: Chart, folder: Path, *, png: bool) -> tuple[Path, ...]:
    if not png:
        (folder / f"{chart.stem}.png").unlink(missing_ok=True)
    figure = chart.draw(panels.FILE)
    table = folder / f"{chart.stem}.csv"
    write_file(table, chart_csv(series_of(figure)))
    return *style.save(figure, folder / chart.stem, ("svg", "png") if png else ("svg",)), table
