"""Charts as the page shows them: whole where there is room, in panels where there is not, as plain SVG."""

from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from loopbench.judge.session_report import SessionReport
from plots import panels, style
from plots.chart import Chart
from plots.inline_svg import inline_svg, split_svg
from plots.session_charts import charts_of

HEADLINE_IN: Final = 0.74
"""What a chart with its own caption has above its axes; the page says it in HTML."""


@dataclass(frozen=True)
class Picture:
    """A chart on the page: whole where there is room and it has such a form, else in its panels."""

    chart: Chart
    whole: Markup | None
    panels: tuple[Markup, ...]


@dataclass(frozen=True)
class Pictures:
    """All of them; None for what nothing is known of."""

    overlay: Picture | None
    forest: Picture | None
    rounds: Picture | None
    lines: Picture | None
    loop: Picture | None
    pools: Picture | None
    time_spent: Picture | None
    small_multiples: Picture | None
    latency: Picture | None
    neighbours: tuple[Picture, ...]
    occupancy: Picture | None
    steps: Picture | None
    open_mode: tuple[Picture, ...]
    published: Picture | None
    timelines: Picture | None


def pictures_of(report: SessionReport) -> Pictures:
    """Every chart of the session, drawn for the page."""
    charts = charts_of(report)
    return Pictures(
        overlay=_picture(charts.overlay),
        forest=_picture(charts.forest),
        rounds=_picture(charts.rounds),
        lines=_picture(charts.lines),
        loop=_picture(charts.loop),
        pools=_picture(charts.pools),
        time_spent=_picture(charts.time_spent),
        small_multiples=_picture(charts.small_multiples),
        latency=_picture(charts.latency),
        neighbours=tuple(map(_drawn, charts.neighbours)),
        occupancy=_picture(charts.occupancy),
        steps=_picture(charts.steps),
        open_mode=tuple(map(_drawn, charts.open_mode)),
        published=_picture(charts.published),
        timelines=_picture(charts.timelines),
    )


def swatches(palette: style.Palette) -> dict[str, Markup]:
    """A line in each variant's colour, to tie tables to charts."""
    return {name: _swatch(palette[name]) for name in palette.names}


def _picture(chart: Chart | None) -> Picture | None:
    return None if chart is None else _drawn(chart)


def _drawn(chart: Chart) -> Picture:
    figure = chart.draw(panels.PAGE)
    parts = split_svg(figure, panels.bands(figure, chart.panel), name=chart.stem)
    # Serialised by ElementTree, which escapes.
    return Picture(chart, _whole(chart), tuple(Markup(part) for part in parts))  # noqa: S704


def _whole(chart: Chart) -> Markup | None:
    if not chart.stands_whole:
        return None
    figure, name = chart.draw(panels.FILE), f"{chart.stem}-whole"
    made = inline_svg(figure, name=name, title=chart.caption.title, alt=chart.alt, cut_top_in=HEADLINE_IN)
    return Markup(made)  # noqa: S704  as above


def _swatch(stroke: style.Stroke) -> Markup:
    dash = "" if isinstance(stroke.dash, str) else " ".join(f"{3 * part:g}" for part in stroke.dash[1])
    return Markup(
        '<svg class="chart swatch" viewBox="0 0 24 8" width="24" height="8" aria-hidden="true">'
        '<path d="M0 4H24" stroke-width="4" stroke="{}" stroke-dasharray="{}"/></svg>'
    ).format(stroke.colour, dash or "none")
