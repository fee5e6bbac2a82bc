"""Every chart of a session: what it is called, what it says, and how it is drawn, into files or onto the page."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from matplotlib.figure import Figure

from loopbench.judge.figures import rounded
from loopbench.judge.published import Published
from loopbench.judge.run_report import RunReport
from loopbench.judge.session_report import SessionReport
from loopbench.showable import showable
from plots import latency, neighbour, occupancy, panels, published, small_multiples, style
from plots.panels import Caption, Panel, Sheet
from plots.rps_users import CLOSED_LOOP, draw_rps_users

OVERLAY: Final = "rps-users"


@dataclass(frozen=True)
class Chart:
    """One picture.

    Args:
        stem: its files' name, without an ending.
        caption: title, how it was made, notes.
        alt: what it says, for those who do not see it.
        draw: makes it for a sheet.
        panel: the measures of its panels, by which the page cuts it.
        stands_whole: where there is room, the page shows it as in the file, without its headline.
    """

    stem: str
    caption: Caption
    alt: str
    draw: Callable[[Sheet], Figure]
    panel: Panel
    stands_whole: bool = False


@dataclass(frozen=True)
class Charts:
    """All of them. Those that nothing is known for are not there."""

    overlay: Chart | None
    variants: tuple[Chart, ...]
    small_multiples: Chart | None
    latency: Chart | None
    neighbours: tuple[Chart, ...]
    occupancy: Chart | None
    published: Chart | None

    @property
    def all(self) -> tuple[Chart, ...]:
        """In the order of the page."""
        single = (self.overlay, *self.variants, self.small_multiples, self.latency, *self.neighbours)
        return tuple(chart for chart in (*single, self.occupancy, self.published) if chart is not None)


def draw_charts(report: SessionReport, folder: Path) -> tuple[Path, ...]:
    """Write every chart as SVG and PNG.

    Args:
        report: the judged session.
        folder: where to; made if it is not there.

    Returns:
        The files, SVG before PNG.

    Raises:
        OSError: a file cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    charts = charts_of(report).all
    return tuple(path for chart in charts for path in style.save(chart.draw(panels.FILE), folder / chart.stem))


def charts_of(report: SessionReport) -> Charts:
    """The charts this session has data for, not drawn yet."""
    scenario, runs, claims = report.record.scenario, report.runs, report.published
    palette = style.Palette(tuple(each.name for each in scenario.variants))
    neighbours = enumerate(scenario.neighbours, 1) if runs else ()
    return Charts(
        overlay=_overlay(report, palette) if runs else None,
        variants=tuple(_variant(run, palette) for run in runs),
        small_multiples=_small_multiples(report, palette) if runs else None,
        latency=_latency(report, palette) if runs else None,
        neighbours=tuple(_neighbour(report, palette, number, name) for number, name in neighbours),
        occupancy=_occupancy(report, palette) if runs else None,
        published=_published(claims, runs, palette) if claims else None,
    )


def _overlay(report: SessionReport, palette: style.Palette) -> Chart:
    title = f"{panels.named(report.record.scenario.title, 50)}: throughput against users"

    def draw(sheet: Sheet) -> Figure:
        if sheet.captioned:
            return draw_rps_users([run.curve for run in report.runs], palette, title=title)
        return small_multiples.draw_together(report.runs, palette, sheet)

    alt = f"Good answers per second against users, one line a variant. {_held(report.runs)}"
    return Chart(OVERLAY, Caption(title, CLOSED_LOOP), alt, draw, small_multiples.TOGETHER, stands_whole=True)


def _variant(run: RunReport, palette: style.Palette) -> Chart:
    title = f"{panels.named(run.variant.name, 40)}: throughput against users"
    return Chart(
        f"{OVERLAY}-{run.variant.slug}",
        Caption(title, CLOSED_LOOP),
        f"Good answers per second against users. {_held((run,))}",
        lambda _: draw_rps_users([run.curve], palette, title=title),
        Panel(),
    )


def _small_multiples(report: SessionReport, palette: style.Palette) -> Chart:
    return Chart(
        f"{OVERLAY}-each",
        small_multiples.CAPTION,
        small_multiples.describe(report),
        lambda sheet: small_multiples.draw_small_multiples(report.runs, palette, sheet),
        small_multiples.PANEL,
    )


def _latency(report: SessionReport, palette: style.Palette) -> Chart:
    return Chart(
        "latency",
        latency.CAPTION,
        latency.describe(report),
        lambda sheet: latency.draw_latency(report.runs, palette, sheet),
        latency.PANEL,
    )


def _occupancy(report: SessionReport, palette: style.Palette) -> Chart:
    return Chart(
        "occupancy",
        occupancy.CAPTION,
        occupancy.describe(report),
        lambda sheet: occupancy.draw_occupancy(report.runs, palette, sheet),
        occupancy.PANEL,
    )


def _neighbour(report: SessionReport, palette: style.Palette, number: int, name: str) -> Chart:
    return Chart(
        "neighbour" if number == 1 else f"neighbour-{number}",
        neighbour.caption(name),
        neighbour.describe(report, name),
        lambda sheet: neighbour.draw_neighbour(report.runs, name, palette, sheet),
        neighbour.PANEL,
    )


def _published(claims: Published, runs: tuple[RunReport, ...], palette: style.Palette) -> Chart:
    curves = [run.curve for run in runs]
    return Chart(
        "published",
        published.caption(claims),
        published.describe(claims),
        lambda sheet: published.draw_published(claims, curves, palette, sheet),
        published.panel_for(claims),
    )


def _held(runs: tuple[RunReport, ...]) -> str:
    parts = []
    for run in runs:
        held = f"{rounded(run.goodput_rps)} per second held" if run.goodput_rps is not None else "no hold"
        knee = "" if run.curve.knee_users is None else f", knee at {run.curve.knee_users:.0f} users"
        parts.append(f"{showable(run.variant.name)}: {held}{knee}.")
    return " ".join(parts)
