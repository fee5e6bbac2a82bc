"""Charts as the page shows them: whole where there is room, in panels where there is not, as plain SVG."""

from dataclasses import dataclass, replace
from typing import Final

from markupsafe import Markup

from plots import panels, style
from plots.chart import Chart
from plots.inline_svg import inline_svg, split_svg
from plots.session_charts import Charts

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
    time_spent: Picture | None
    profiles: Picture | None
    small_multiples: Picture | None
    neighbours: tuple[Picture, ...]
    occupancy: Picture | None
    steps: Picture | None
    open_mode: tuple[Picture, ...]
    published: Picture | None
    timelines: Picture | None


def pictures_of(charts: Charts, *, open_mode: bool) -> Pictures:
    """Draw every chart of a session for the page."""
    if open_mode:
        charts = _of_open_mode(charts)
    return Pictures(
        overlay=_picture(charts.overlay),
        forest=_picture(charts.forest),
        rounds=_picture(charts.rounds),
        lines=_picture(charts.lines),
        time_spent=_picture(charts.time_spent),
        profiles=_picture(charts.profiles),
        small_multiples=_picture(charts.small_multiples),
        neighbours=tuple(map(_drawn, charts.neighbours)),
        occupancy=_picture(charts.occupancy),
        steps=_picture(charts.steps),
        open_mode=tuple(map(_drawn, charts.open_mode)),
        published=_picture(charts.published),
        timelines=_picture(charts.timelines),
    )


def _of_open_mode(charts: Charts) -> Charts:
    """Without what is drawn against users: in open mode they follow the rate, and nothing follows from their number."""
    return replace(charts, overlay=None, profiles=None, small_multiples=None, neighbours=())


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
    for text in [each for each in figure.texts if each.get_position()[1] > 1 - HEADLINE_IN / figure.get_figheight()]:
        text.remove()  # it would be cut off, and found by who searches the page
    made = inline_svg(figure, name=name, title=chart.caption.title, alt=chart.alt, cut_top_in=HEADLINE_IN)
    return Markup(made)  # noqa: S704  as above


def _swatch(stroke: style.Stroke) -> Markup:
    dash = "" if isinstance(stroke.dash, str) else " ".join(f"{3 * part:g}" for part in stroke.dash[1])
    return Markup(
        '<svg class="chart swatch" viewBox="0 0 24 8" width="24" height="8" aria-hidden="true">'
        '<path d="M0 4H24" stroke-width="4" stroke="{}" stroke-dasharray="{}"/></svg>'
    ).format(stroke.colour, dash or "none")
