"""`atlas.html`: every claim of every source with its answer, on one page beside the sessions it links to."""

from urllib.parse import quote

from loopbench.judge.atlas import Atlas, AtlasEntry
from loopbench.plots.document import environment, style_sheet
from loopbench.records.session import REPORT_FILE


def render_atlas_page(atlas: Atlas) -> str:
    """The page as HTML."""
    made = environment()
    made.filters["report_link"] = report_link
    css, csp = style_sheet(made)
    troubled = [entry for entry in atlas.entries if entry.trouble]
    return made.get_template("atlas.html.j2").render(css=css, csp=csp, atlas=atlas, troubled=troubled)


def report_link(entry: AtlasEntry) -> str:
    """Its session's page, relative to this one; always a path, whatever a folder is called."""
    return f"./{quote(entry.session)}/{REPORT_FILE}"
