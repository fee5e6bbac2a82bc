"""The named sessions that the tests of charts and pages share.

Each is built, drawn and rendered at most once in a test process, and not before a test asks for it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from functools import cache
from typing import Any, Final

from loopbench.judge.session.session_report import SessionReport
from loopbench.judge.session.session_stamp import MergedFinding, SessionStamp
from plots import panels
from plots.chart import Chart
from plots.inline_svg import Band
from plots.page import render_page
from plots.panels import Sheet
from plots.session_charts import Charts, charts_of
from tests.plots.causes import LOST, explained, opened, repeated, spoiled, stepped
from tests.plots.looking import out_of_sight, overlapping, texts
from tests.plots.reports import FOUR, NASTY, Made, nasty_session, session, twelve_variants

KNEES: Final = {"def": 40, "aiofiles": 6}
HOSTILE_NAMES: Final = (*NASTY[:5], "x" * 300)
HOSTILE_TITLE: Final = " ".join(NASTY) + "y" * 200


def _lost(report: SessionReport) -> SessionReport:
    """The same session with the stamp INVALID by C1."""
    return replace(report, stamp=SessionStamp((MergedFinding(LOST),)))


def _hostile() -> SessionReport:
    """Foreign text wherever it can be, with everything that can be known of a run, and half of the runs INVALID."""
    made = [Made(name, rps=300.0 + 9 * place, published_rps=100.0) for place, name in enumerate(HOSTILE_NAMES)]
    named = nasty_session(made, title=HOSTILE_TITLE)
    return spoiled(repeated(explained(named, exact=True), 2), *NASTY[:3])


SESSIONS: Final[Mapping[str, Callable[[], SessionReport]]] = {
    "four": session,
    "nasty": nasty_session,
    "twelve": twelve_variants,
    "one": lambda: session([Made("only", published_rps=3)]),
    "nothing complete": lambda: session(missing=[made.name for made in FOUR]),
    "failures only": lambda: session([Made("broken", failed=True), Made("b")]),
    "no hold": lambda: session([Made("def", hold_s=0), Made("b", hold_s=0)]),
    "no neighbour": lambda: session(neighbours=()),
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


@cache
def charts(name: str) -> Charts:
    """Return the charts of a session, not drawn yet."""
    return charts_of(report(name))


def checked(name: str) -> tuple[Chart, ...]:
    """Return the charts whose layout is checked here; `test_rps_users.py` and `test_profiles.py` check the others."""
    return () if name in PAGE_ONLY else tuple(each for each in charts(name).all if _is_checked(each))


@cache
def in_file(name: str, stem: str) -> Drawn:
    """Return what the file of a chart shows."""
    chart = next(each for each in charts(name).all if each.stem == stem)
    return _drawn(chart, replace(panels.FILE, stamp=chart.stamp))


def on_page(name: str, stem: str) -> Drawn:
    """Return what a checked chart shows when it is drawn for the page."""
    return _page(name)[1][stem]


def page(name: str) -> str:
    """Return the page of a session as HTML."""
    return _page(name)[0]


@cache
def _page(name: str) -> tuple[str, Mapping[str, Drawn]]:
    """Return the page, and what the checked charts show from whose figures it is made."""
    once, stems = _drawn_once(charts(name)), {each.stem for each in checked(name)}
    drawn = {each.stem: _drawn(each, panels.PAGE) for each in once.all if each.stem in stems}
    return render_page(report(name), once), drawn


def _is_checked(chart: Chart) -> bool:
    return chart.stem not in {"rps-users", "profiles"} and not chart.stem.startswith("rps-users-v")


def _drawn_once(given: Charts) -> Charts:
    """The same charts; each is drawn once for each sheet."""
    parts: dict[str, Any] = {field.name: _cached(getattr(given, field.name)) for field in fields(given)}
    return replace(given, **parts)


def _cached(part: Chart | tuple[Chart, ...] | None) -> Chart | tuple[Chart, ...] | None:
    if isinstance(part, Chart):
        return replace(part, draw=cache(part.draw))
    return None if part is None else tuple(replace(each, draw=cache(each.draw)) for each in part)


def _drawn(chart: Chart, sheet: Sheet) -> Drawn:
    figure = chart.draw(sheet)
    bands = panels.bands(figure, chart.panel) if sheet == panels.PAGE else ()
    seen = out_of_sight(figure), overlapping(figure)
    return Drawn(tuple(texts(figure)), *seen, bands, figure.get_figheight())
