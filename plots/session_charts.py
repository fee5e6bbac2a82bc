"""Every chart of a session: what it is called, what it says, and how it is drawn, into files or onto the page."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from matplotlib.figure import Figure

from loopbench.judge.figures import rounded
from loopbench.judge.rounds.published import Published
from loopbench.judge.session.run_report import RunReport
from loopbench.judge.session.session_report import SessionReport
from loopbench.records.load_order import MODE_OPEN
from loopbench.showable import showable
from plots import (
    ceilings,
    latency,
    load_charts,
    neighbour,
    occupancy,
    panels,
    plateaus,
    profiles,
    published,
    small_multiples,
    style,
    validity,
    why_charts,
)
from plots.chart import Chart
from plots.panels import Caption, Panel, Sheet
from plots.rps_users import CLOSED_LOOP, draw_rps_users
from plots.timeline import timeline_chart

OVERLAY: Final = "rps-users"
OPEN_LOOP: Final = "Open loop: requests are due on a schedule, and a free user sends each; users follow the rate."


@dataclass(frozen=True)
class Charts:
    """All of them. Those that nothing is known for are not there."""

    overlay: Chart | None
    forest: Chart | None
    rounds: Chart | None
    lines: Chart | None
    loop: Chart | None
    pools: Chart | None
    time_spent: Chart | None
    variants: tuple[Chart, ...]
    profiles: Chart | None
    small_multiples: Chart | None
    latency: Chart | None
    neighbours: tuple[Chart, ...]
    occupancy: Chart | None
    steps: Chart | None
    open_mode: tuple[Chart, ...]
    published: Chart | None
    timelines: Chart | None

    @property
    def all(self) -> tuple[Chart, ...]:
        """In the order of the page."""
        why = (self.lines, self.loop, self.pools, self.time_spent)
        first = (
            self.overlay,
            *self.variants,
            self.profiles,
            self.forest,
            self.rounds,
            *why,
            self.small_multiples,
            self.latency,
        )
        last = (*self.neighbours, self.occupancy, self.steps, *self.open_mode, self.published, self.timelines)
        return tuple(chart for chart in (*first, *last) if chart is not None)


def draw_charts(charts: Iterable[Chart], folder: Path, *, all_png: bool = False) -> tuple[Path, ...]:
    """Write every chart as SVG, each with its stamp, and the overlay of all variants as PNG too.

    Args:
        charts: the charts to write.
        folder: where to write; created if it does not exist.
        all_png: write every chart as PNG. Otherwise an earlier PNG of a chart that is written as SVG only is removed,
            because it would show an earlier state of the session.

    Returns:
        The files, SVG before PNG.

    Raises:
        OSError: a file cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    return tuple(path for chart in charts for path in _files_of(chart, folder, png=all_png or chart.stem == OVERLAY))


def _files_of(chart: Chart, folder: Path, *, png: bool) -> Iterator[Path]:
    """Write one chart."""
    figure, stem = chart.draw(replace(panels.FILE, stamp=chart.stamp)), folder / chart.stem
    yield style.save_svg(figure, stem)
    if png:
        yield style.save_png(figure, stem)
    else:
        (folder / f"{chart.stem}.png").unlink(missing_ok=True)


def charts_of(report: SessionReport) -> Charts:
    """The charts this session has data for, not drawn yet."""
    scenario, runs, claims = report.record.scenario, report.runs, report.published
    palette, stamp = validity.palette(report), validity.session_words(report)
    neighbours = enumerate(scenario.neighbours, 1) if runs else ()
    return Charts(
        overlay=_overlay(report, palette, stamp) if runs else None,
        forest=load_charts.forest_chart(report, palette, stamp),
        rounds=load_charts.rounds_chart(report, palette, stamp),
        lines=why_charts.lines_chart(report, palette, stamp),
        loop=why_charts.loop_chart(report, palette, stamp),
        pools=why_charts.pools_chart(report, palette, stamp),
        time_spent=why_charts.time_chart(report, palette, stamp),
        variants=tuple(_variant(report, run, palette) for run in runs),
        profiles=_profiles(report, palette, stamp) if runs else None,
        small_multiples=_small_multiples(report, palette, stamp) if runs else None,
        latency=_latency(report, palette, stamp) if runs else None,
        neighbours=tuple(_neighbour(report, palette, stamp, number, name) for number, name in neighbours),
        occupancy=_occupancy(report, palette, stamp) if runs else None,
        steps=load_charts.steps_chart(report, palette, stamp),
        open_mode=load_charts.open_charts(report, palette, stamp),
        published=_published(claims, runs, palette, stamp) if claims and (runs or report.rounds) else None,
        timelines=timeline_chart(report.timelines),  # no rule judges a timeline
    )


def _overlay(report: SessionReport, palette: style.Palette, stamp: str) -> Chart:
    title, how = f"{panels.named(report.record.scenario.title, 50)}: throughput against users", _how(report)
    measured = plateaus.plateaus(report.rounds)

    def draw(sheet: Sheet) -> Figure:
        if sheet.captioned:
            curves = [run.curve for run in report.runs]
            tops = [curve.highest_rps for curve in curves] + [each.highest_rps for each in measured.values()]
            lowest_rps = {} if report.record.scenario.mode == MODE_OPEN else ceilings.lowest(report.runs, max(tops))
            return draw_rps_users(curves, palette, title, how, measured, sheet.stamp, lowest_rps)
        return small_multiples.draw_together(report.runs, palette, sheet, measured)

    ends = [f"{showable(name)}: {each.figures} over {each.runs} rounds." for name, each in measured.items()]
    alt = f"Good answers per second against users, one line a variant. {_held(report.runs)} {' '.join(ends)}".strip()
    notes = validity.noted((plateaus.MARK,) if measured else (), report.runs)
    return Chart(OVERLAY, Caption(title, how, notes), alt, draw, small_multiples.TOGETHER, stamp, stands_whole=True)


def _variant(report: SessionReport, run: RunReport, palette: style.Palette) -> Chart:
    title, how = f"{panels.named(run.variant.name, 40)}: throughput against users", _how(report)
    measured = plateaus.plateaus(report.rounds)
    return Chart(
        f"{OVERLAY}-{run.variant.slug}",
        Caption(title, how),
        f"Good answers per second against users. {_held((run,))}",
        lambda sheet: draw_rps_users([run.curve], palette, title, how, measured, sheet.stamp),
        Panel(),
        validity.run_words(run.stamp),
    )


def _profiles(report: SessionReport, palette: style.Palette, stamp: str) -> Chart:
    measured = plateaus.plateaus(report.rounds)
    return Chart(
        "profiles",
        profiles.caption(report.runs),
        profiles.describe(report),
        lambda sheet: profiles.draw_profiles(report.runs, palette, sheet, measured),
        profiles.panel_for(report.runs),
        stamp,
    )


def _small_multiples(report: SessionReport, palette: style.Palette, stamp: str) -> Chart:
    return Chart(
        f"{OVERLAY}-each",
        small_multiples.caption(report.runs),
        small_multiples.describe(report),
        lambda sheet: small_multiples.draw_small_multiples(report.runs, palette, sheet),
        small_multiples.PANEL,
        stamp,
    )


def _latency(report: SessionReport, palette: style.Palette, stamp: str) -> Chart:
    return Chart(
        "latency",
        latency.CAPTION,
        latency.describe(report),
        lambda sheet: latency.draw_latency(report.runs, palette, sheet),
        latency.PANEL,
        stamp,
    )


def _occupancy(report: SessionReport, palette: style.Palette, stamp: str) -> Chart:
    return Chart(
        "occupancy",
        occupancy.CAPTION,
        occupancy.describe(report),
        lambda sheet: occupancy.draw_occupancy(report.runs, palette, sheet),
        occupancy.PANEL,
        stamp,
    )


def _neighbour(report: SessionReport, palette: style.Palette, stamp: str, number: int, name: str) -> Chart:
    return Chart(
        "neighbour" if number == 1 else f"neighbour-{number}",
        neighbour.caption(name),
        neighbour.describe(report, name),
        lambda sheet: neighbour.draw_neighbour(report.runs, name, palette, sheet),
        neighbour.PANEL,
        stamp,
    )


def _published(claims: Published, runs: tuple[RunReport, ...], palette: style.Palette, stamp: str) -> Chart:
    curves = [run.curve for run in runs]
    return Chart(
        "published",
        published.caption(claims),
        published.describe(claims),
        lambda sheet: published.draw_published(claims, curves, palette, sheet),
        published.panel_for(claims),
        stamp,
    )


def _how(report: SessionReport) -> str:
    return OPEN_LOOP if report.record.scenario.mode == MODE_OPEN else CLOSED_LOOP


def _held(runs: tuple[RunReport, ...]) -> str:
    parts = []
    for run in runs:
        if words := validity.struck(run):
            parts.append(f"{showable(run.variant.name)}: {words}, no result.")
            continue
        held = f"{rounded(run.goodput_rps)} per second held" if run.goodput_rps is not None else "no hold"
        knee = "" if run.curve.knee_users is None else f", knee at {run.curve.knee_users:.0f} users"
        parts.append(f"{showable(run.variant.name)}: {held}{knee}.")
    return " ".join(parts)
