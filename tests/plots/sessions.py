"""The named sessions that the tests of charts and pages share.

Each is built, drawn and rendered at most once in a test process, and not before a test asks for it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Final

from matplotlib.figure import Figure

from loopbench.judge.session.session_report import SessionReport
from loopbench.judge.session.session_stamp import MergedOutcome, SessionStamp
from loopbench.plots import panels
from loopbench.plots.chart import Chart
from loopbench.plots.charts import charts_of
from loopbench.plots.inline_svg import Band
from loopbench.plots.page import render_page
from loopbench.plots.panels import Sheet
from tests.plots.causes import LOST, explained, opened, repeated, spoiled, stepped
from tests.plots.looking import out_of_sight, overlapping, texts
from tests.plots.reports import FOUR, NASTY, Made, nasty_session, session, twelve_variants

KNEES: Final = {"def": 40, "aiofiles": 6}
HOSTILE_NAMES: Final = (*NASTY[:5], f"{NASTY[6]} {NASTY[5]}".ljust(300, "x"))
HOSTILE_TITLE: Final = "<img src=x> \x1b[31mred " + " ".join(NASTY) + "y" * 150


def _lost(report: SessionReport) -> SessionReport:
    """The same session with the stamp INVALID by C1."""
    return replace(report, stamp=SessionStamp((MergedOutcome(LOST),)))


def _hostile() -> SessionReport:
    """Foreign text wherever it can be, with everything that can be known of a run, and half of the runs INVALID."""
    made = [Made(name, rps=300.0 + 9 * place, published_rps=100.0) for place, name in enumerate(HOSTILE_NAMES)]
    named = nasty_session(made, title=HOSTILE_TITLE)
    return spoiled(repeated(explained(named, exact=True), 2), *NASTY[:3])


SESSIONS: Final[Mapping[str, Callable[[], SessionReport]]] = {
    "four": session,
    "twelve": twelve_variants,
    "one": lambda: session([Made("only", published_rps=3)]),
    "nothing complete": lambda: session(missing=[made.name for made in FOUR]),
    "failures only": lambda: session([Made("broken", failed=True), Made("b")]),
    "no hold": lambda: session([Made("def", hold_s=0), Made("b", hold_s=0)]),
    "no neighbour": lambda: session(FOUR[:1], neighbours=()),
    "interrupted": lambda: session(missing=["aiofiles", "def"]),
    "everything": lambda: _lost(stepped(repeated(explained(session(), exact=True)), KNEES)),
    "open": lambda: _lost(opened(stepped(repeated(explained(session())), KNEES))),
    "one INVALID": lambda: spoiled(repeated(explained(session(), exact=True), invalid=["aiofiles"]), "aiofiles"),
    "hostile": _hostile,
}

PAGE_ONLY: Final = frozenset({"everything"})
"""Sessions whose charts need no check of their own: "open" and "one INVALID" have them all."""


@dataclass(frozen=True)
class Drawn:
    """What a chart shows on one sheet. The figure itself is not kept, because all of them would fill the memory."""

    texts: tuple[str, ...]
    out_of_sight: list[str]
    overlapping: list[tuple[str, str]]
    bands: tuple[Band, ...]
    height_in: float


@cache
def report(name: str) -> SessionReport:
    """Return the judged session of this name."""
    return SESSIONS[name]()


class DrawnOnce(Chart):
    """A chart that is drawn once for each sheet."""

    @cache  # noqa: B019  the few charts of these sessions are kept anyway
    def draw(self, sheet: Sheet) -> Figure:
        """Draw it, or return what was drawn before."""
        return super().draw(sheet)


@cache
def sections(name: str) -> dict[str, tuple[Chart, ...]]:
    """Return the charts of a session by their section, not drawn yet."""
    made = charts_of(report(name))
    return {section: tuple(DrawnOnce(**vars(each)) for each in charts) for section, charts in made.items()}


def charts(name: str) -> dict[str, Chart]:
    """Return the charts of a session by their stem, not drawn yet."""
    return {each.stem: each for section in sections(name).values() for each in section}


def checked(name: str) -> tuple[Chart, ...]:
    """Return the charts whose layout is checked here; `test_rps_users.py` and `test_profiles.py` check the others."""
    return () if name in PAGE_ONLY else tuple(filter(_is_checked, charts(name).values()))


@cache
def in_file(name: str, stem: str) -> Drawn:
    """Return what the file of a chart shows."""
    return _drawn(charts(name)[stem], panels.FILE)


def on_page(name: str, stem: str) -> Drawn:
    """Return what a checked chart shows when it is drawn for the page."""
    return _page(name)[1][stem]


def page(name: str) -> str:
    """Return the page of a session as HTML."""
    return _page(name)[0]


@cache
def _page(name: str) -> tuple[str, Mapping[str, Drawn]]:
    """Return the page, and what the checked charts show from whose figures it is made."""
    drawn = {each.stem: _drawn(each, panels.PAGE) for each in checked(name)}
    return render_page(report(name), sections(name)), drawn


def _is_checked(chart: Chart) -> bool:
    return chart.stem == "rps-users-each" or not chart.stem.startswith(("rps-users", "profiles"))


def _drawn(chart: Chart, sheet: Sheet) -> Drawn:
    figure = chart.draw(sheet)
    bands = panels.bands(figure, chart.panel) if sheet == panels.PAGE else ()
    seen = out_of_sight(figure), overlapping(figure)
    return Drawn(tuple(texts(figure)), *seen, bands, figure.get_figheight())
