"""`history.html`: a scenario's earlier sessions on one page beside them, with an address for every row."""

from urllib.parse import quote

from markupsafe import Markup

from loopbench.judge.compare.history import History
from loopbench.plots import panels
from loopbench.plots.document import environment, style_sheet
from loopbench.plots.history import MAX_VARIANTS, PANEL, caption, draw_history
from loopbench.plots.pictures import panel_svgs
from loopbench.records.session import REPORT_FILE
from loopbench.scenario.model import slugs


def render_history_page(history: History) -> str:
    """Return the page as HTML."""
    made = environment()
    made.filters["part_of_address"] = lambda name: quote(name, safe="")
    css, csp = style_sheet(made)
    names = slugs(history.variants)
    pictures = _pictures(history)
    return made.get_template("history.html.j2").render(
        css=css,
        csp=csp,
        history=history,
        caption=caption(history),
        report_file=REPORT_FILE,
        sections=[
            (f"variant-{slug}", variant, pictures.get(variant, ()), list(history.row(variant)))
            for slug, variant in zip(names, history.variants, strict=True)
        ],
    )


def _pictures(history: History) -> dict[str, tuple[Markup, ...]]:
    """Return the panels of each variant that is drawn."""
    drawn = panel_svgs("history", draw_history(history, panels.PAGE), PANEL)
    each = 1 if history.neighbour is None else 2
    variants = history.variants[:MAX_VARIANTS]
    return {name: drawn[each * place : each * (place + 1)] for place, name in enumerate(variants)}
