"""Charts as the page shows them, as plain SVG: in their panels and, where there is such a form, whole."""

from dataclasses import replace
from typing import NamedTuple

from markupsafe import Markup
from matplotlib.figure import Figure

from loopbench.plots import panels, style
from loopbench.plots.chart import Chart
from loopbench.plots.chart_figures import Series, series_of
from loopbench.plots.inline_svg import inline_svg, split_svg
from loopbench.plots.panels import Panel


class Pictures(NamedTuple):
    """A chart in the forms of the page."""

    wide: Markup | None
    panels: tuple[Markup, ...]
    series: tuple[Series, ...]


def pictures_of(chart: Chart) -> Pictures:
    """Return a chart in all forms that it has."""
    figure = chart.draw(panels.PAGE)
    return Pictures(wide_svg(chart), panel_svgs(chart.stem, figure, chart.panel), series_of(figure))


def panel_svgs(name: str, figure: Figure, panel: Panel) -> tuple[Markup, ...]:
    """Return each panel of a figure that is drawn for the page as a picture, which a wide page sets side by side."""
    parts = split_svg(figure, panels.bands(figure, panel), name=name)
    return tuple(Markup(part) for part in parts)  # noqa: S704  serialised by ElementTree, which escapes


def wide_svg(chart: Chart) -> Markup | None:
    """Return the form for a wide page, without the title and the stamp, which the page writes in HTML."""
    if chart.wide is None:
        return None
    untitled = replace(chart.wide, caption=replace(chart.wide.caption, title="", subtitle=""), stamp="")
    figure, name = untitled.draw(panels.FILE), f"{chart.stem}-whole"
    return Markup(inline_svg(figure, name=name, title=chart.caption.title, alt=chart.alt))  # noqa: S704  as above


def swatches(palette: style.Palette) -> dict[str, Markup]:
    """Return a line in each variant's colour, to tie tables to charts."""
    return {name: _swatch(palette[name]) for name in palette.names}


def _swatch(stroke: style.Stroke) -> Markup:
    dash = "" if isinstance(stroke.dash, str) else " ".join(f"{3 * part:g}" for part in stroke.dash[1])
    return Markup(
        '<svg class="chart swatch" viewBox="0 0 24 8" width="24" height="8" aria-hidden="true">'
        '<path d="M0 4H24" stroke-width="4" stroke="{}" stroke-dasharray="{}"/></svg>'
    ).format(stroke.colour, dash or "none")
