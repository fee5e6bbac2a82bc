"""The page in a real browser: at three widths, in both themes, on paper, by keyboard, and where styles are stripped."""

import base64
import json
import re
from collections.abc import Iterator
from contextlib import closing
from importlib.resources import files

import pytest

from loopbench.judge.summary.answer import headline
from tests.chromium import Chromium, Tab, installed
from tests.plots.sessions import page, report

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(installed() is None, reason="there is no Chromium on this machine"),
]

WIDTHS_PX = (390, 820, 1280)
JENKINS = {"Content-Security-Policy": "sandbox; default-src 'none'; img-src 'self'; style-src 'self'"}
"""What Jenkins sends with every artefact: no script, no inline style, no data image."""

NAMES = ("one INVALID", "hostile", "nothing complete", "interrupted", "open")
FULL = "one INVALID"
"""The page on which each thing is looked at that any page has."""

OUT_OF_PLACE = """
[...document.querySelectorAll('body *')].filter(each => {
    const box = each.getBoundingClientRect();
    if (!box.width || each.closest('svg, .scroll, .source, .skip, .stack thead')) return false;
    return box.right > document.documentElement.clientWidth + 1 || box.left < -1;
}).map(each => each.outerHTML.slice(0, 120))
"""
CUT_LETTERS = """
[...document.querySelectorAll('svg.chart text')].filter(each => {
    const box = each.getBoundingClientRect(), room = each.ownerSVGElement.getBoundingClientRect();
    if (!box.width || !each.textContent.trim()) return false;
    const slack = 3;
    return box.left < room.left - slack || box.right > room.right + slack
        || box.top < room.top - slack || box.bottom > room.bottom + slack;
}).map(each => each.textContent)
"""
VIOLATIONS = """
axe.run({resultTypes: ['violations'], selectors: false, %s})
    .then(r => r.violations.map(v => [v.id, v.nodes.map(n => n.html.slice(0, 99))]))
"""
EVERY_RULE, COLOURS = "", "runOnly: ['cat.color']"
OVERLAPPING = """
[...document.querySelectorAll('svg.chart')].flatMap(picture => {
    const texts = [...picture.querySelectorAll('text')].filter(each => each.getBoundingClientRect().width);
    const found = [];
    texts.forEach((one, index) => texts.slice(index + 1).forEach(other => {
        const a = one.getBoundingClientRect(), b = other.getBoundingClientRect();
        const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
        const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
        if (wide > 2 && high > 0.45 * Math.min(a.height, b.height)) found.push([one.textContent, other.textContent]);
    }));
    return found;
})
"""


@pytest.fixture(scope="module")
def tab(browser: Chromium) -> Iterator[Tab]:
    """A tab for the tests of this module, which show one page after another."""
    with closing(browser.tab()) as opened:
        yield opened


@pytest.fixture(scope="module", params=NAMES)
def shown(tab: Tab, request: pytest.FixtureRequest) -> Tab:
    """The tab with one of the pages, for all tests that only look at it."""
    tab.show(page(request.param))
    return tab


def test_nothing_runs_over_an_edge_at_any_width(shown: Tab) -> None:
    for width_px in WIDTHS_PX:
        shown.view(width_px)
        assert shown.evaluate("document.documentElement.scrollWidth") == width_px
        assert shown.evaluate(OUT_OF_PLACE) == []
        assert shown.evaluate(CUT_LETTERS) == []


@pytest.mark.parametrize("shown", ["one INVALID", "open", "hostile"], indirect=True)
def test_no_letters_of_a_picture_lie_on_each_other(shown: Tab) -> None:
    for width_px in (390, 1280):
        shown.view(width_px)
        assert shown.evaluate(OVERLAPPING) == []


def test_axe_finds_no_fault(shown: Tab) -> None:
    faults(shown, EVERY_RULE, dark=False)


@pytest.mark.parametrize(
    "shown",
    [pytest.param(name, marks=pytest.mark.nightly if name == "hostile" else ()) for name in NAMES],
    indirect=True,
)
def test_axe_finds_no_fault_of_colour_in_the_dark(shown: Tab) -> None:
    """The dark theme changes colours only. What the hostile page has in colour, other pages have too."""
    faults(shown, COLOURS, dark=True)


def faults(shown: Tab, rules: str, *, dark: bool) -> None:
    """Assert that axe finds none by these rules, on a telephone and on a desk."""
    shown.evaluate(files("axe_core_python").joinpath("axe.min.js").read_text(encoding="utf-8") + "; 0")
    for width_px in (390, 1280):
        shown.view(width_px, dark=dark)
        assert shown.evaluate(VIOLATIONS % rules) == []


def test_letters_in_pictures_can_be_read_in_both_themes(tab: Tab) -> None:
    """Contrast of at least 4.5 to 1 (WCAG 2.1 AA), which axe does not look at inside SVG."""
    tab.show(page(FULL))
    for dark in (False, True):
        tab.view(1280, dark=dark)
        shown = tab.evaluate("""
            (() => {
                const light = c => { const p = c.match(/[\\d.]+/g).slice(0, 3).map(v => v / 255).map(
                    v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
                    return 0.2126 * p[0] + 0.7152 * p[1] + 0.0722 * p[2]; };
                const paper = light(getComputedStyle(document.body).backgroundColor);
                return [...document.querySelectorAll('svg.chart text')].map(each => {
                    const ink = light(getComputedStyle(each).fill);
                    return [(Math.max(ink, paper) + .05) / (Math.min(ink, paper) + .05), each.textContent]; });
            })()
        """)
        assert len(shown) > 100
        assert [each for each in shown if each[0] < 4.5] == []


def test_keys_lead_through_the_page_in_its_order_beginning_with_the_way_to_the_answer(tab: Tab) -> None:
    tab.show(page(FULL))
    tab.view(1280)
    wanted = tab.evaluate(
        "[...document.querySelectorAll('a[href], summary, input:checked, [tabindex=\"0\"]')].filter("
        "e => e.checkVisibility()).map(e => e.outerHTML.slice(0, 99))"
    )
    seen = []
    for _ in wanted:
        tab.press("Tab", 9)
        seen.append(tab.evaluate("document.activeElement.outerHTML.slice(0, 99)"))
    assert 'href="#answer"' in seen[0]
    assert seen == wanted
    assert tab.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_it_can_be_read_where_a_server_strips_styles_and_scripts(tab: Tab) -> None:
    """As Jenkins shows it: pictures keep their colours and size, nothing is there twice, everything is there."""
    tab.show(page(FULL), JENKINS)
    tab.view(1280)
    assert tab.evaluate("getComputedStyle(document.body).maxWidth") == "none", (
        "the style sheet should have been refused"
    )
    assert tab.evaluate("document.querySelectorAll('.narrow').length") > 0
    assert tab.evaluate("[...document.querySelectorAll('.narrow')].filter(e => e.checkVisibility()).length") == 0
    sizes = json.loads(
        tab.evaluate(
            "JSON.stringify([...document.querySelectorAll('svg.chart')].filter(e => e.checkVisibility())"
            ".map(e => e.getBoundingClientRect().width))"
        )
    )
    assert len(sizes) > 10
    assert max(sizes) < 700
    assert min(sizes) > 20
    stroke = "getComputedStyle(document.querySelector('#picture path[stroke=\"#0072b2\"]')).stroke"
    assert tab.evaluate(stroke) == "rgb(0, 114, 178)"


def test_on_paper_the_pictures_stand_whole_and_tables_are_tables(tab: Tab) -> None:
    tab.show(page(FULL))
    tab.view(700, dark=True, media="print")
    assert tab.evaluate("getComputedStyle(document.querySelector('.glance tr')).display") == "table-row"
    assert tab.evaluate("getComputedStyle(document.querySelector('#picture .wide')).display") == "block"
    assert tab.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert tab.evaluate(OUT_OF_PLACE) == []


def test_four_variants_print_on_at_most_six_pages(tab: Tab) -> None:
    tab.show(page(FULL))
    printed = base64.b64decode(tab.ask("Page.printToPDF", paperWidth=8.27, paperHeight=11.69)["data"])
    assert 2 <= len(re.findall(rb"/Type\s*/Page\b", printed)) <= 6


def test_lines_of_code_wrap_and_each_heading_has_a_link_to_itself(shown: Tab) -> None:
    shown.view(390)
    assert shown.evaluate("[...document.querySelectorAll('.source')].every(e => e.scrollWidth <= e.clientWidth)")
    links = "[...document.querySelectorAll('h2')].map(e => e.querySelector('a').getAttribute('href'))"
    sections = "[...document.querySelectorAll('h2')].map(e => '#' + e.closest('section').id)"
    assert shown.evaluate(links) == shown.evaluate(sections) != []


def test_a_pointer_on_a_curve_is_shown_its_values(tab: Tab) -> None:
    tab.show(page(FULL))
    tab.view(1280)
    title = tab.evaluate("""
        (() => {
            const picture = document.querySelector('#profiles svg');
            picture.scrollIntoView({block: 'center'});
            const box = picture.getBoundingClientRect();
            const under = document.elementFromPoint(box.left + box.width * .6, box.top + box.height * .3);
            return under.closest('.tip').querySelector('title').textContent;
        })()
    """)
    assert title.startswith("def at ")
    assert "good answers/s" in title


def test_nothing_on_it_runs_or_is_fetched(tab: Tab) -> None:
    """Foreign text that is a script stays text, and its own policy refuses any other."""
    tab.show(page("hostile"))
    tab.evaluate(
        "const s = document.createElement('script'); s.textContent = 'window.ran = 1'; document.body.append(s)"
    )
    assert tab.evaluate("typeof window.ran") == "undefined"
    assert tab.evaluate("document.querySelectorAll('body img, iframe, object').length") == 0


def test_the_data_block_is_read_without_breaking_the_policy_which_refuses_a_script(tab: Tab) -> None:
    collects = "refused = []; addEventListener('securitypolicyviolation', e => refused.push(e.effectiveDirective))"
    added = tab.ask("Page.addScriptToEvaluateOnNewDocument", source=collects)["identifier"]
    with_script = page("hostile").replace("</body>", "<script>ran = 1</script></body>")
    refused = []
    for text in (page("hostile"), with_script):
        tab.show(text)
        answer = "JSON.parse(document.getElementById('summary').textContent).answer"
        assert tab.evaluate(answer) == headline(report("hostile"))
        refused.append(tab.evaluate("refused"))
    tab.ask("Page.removeScriptToEvaluateOnNewDocument", identifier=added)
    assert refused == [[], ["script-src-elem"]]


SHOWN_COLOURS = """
['body', '.answer', '#picture svg text', '#picture svg path[stroke="#0072b2"]', '#picture svg defs path']
    .map(each => getComputedStyle(document.querySelector(each)))
    .flatMap(each => [each.backgroundColor, each.color, each.fill, each.stroke])
"""


def choose(tab: Tab, name: str) -> None:
    """Choose a theme as a reader does."""
    tab.evaluate(f"document.querySelector('.theme label:has({name}) input').click()")


def test_a_choice_of_colours_overrides_the_systems_and_the_charts_follow(tab: Tab) -> None:
    tab.show(page(FULL))
    systems = []
    for dark in (False, True):
        tab.view(1280, dark=dark)
        systems.append(tab.evaluate(SHOWN_COLOURS))
    light, dark_ones = systems
    assert [a for a, b in zip(light, dark_ones, strict=True) if a != b]
    for system_is_dark in (False, True):
        tab.view(1280, dark=system_is_dark)
        for name, wanted in (
            ("#theme-dark", dark_ones),
            ("#theme-light", light),
            ("#theme-system", systems[system_is_dark]),
        ):
            choose(tab, name)
            assert tab.evaluate(SHOWN_COLOURS) == wanted, (name, system_is_dark)


def test_with_a_chosen_theme_axe_finds_no_fault_and_print_stays_light(tab: Tab) -> None:
    tab.show(page(FULL))
    tab.view(1280)
    light = tab.evaluate(SHOWN_COLOURS)
    choose(tab, "#theme-dark")
    faults(tab, EVERY_RULE, dark=False)
    tab.view(1280, dark=True, media="print")
    assert tab.evaluate(SHOWN_COLOURS) == light
    assert tab.evaluate("getComputedStyle(document.querySelector('.theme')).display") == "none"


def test_where_styles_are_stripped_there_is_no_choice_of_colours(tab: Tab) -> None:
    tab.show(page(FULL), JENKINS)
    assert not tab.evaluate("document.querySelector('.theme').checkVisibility()")


def test_keys_open_the_figures_under_a_chart_and_move_through_them(tab: Tab) -> None:
    tab.show(page(FULL))
    tab.view(390)
    assert tab.evaluate("document.querySelectorAll('figure').length") > 0
    assert tab.evaluate("[...document.querySelectorAll('figure')].every(e => e.querySelector('details table'))")
    tab.evaluate("document.querySelector('#profiles figure summary').focus()")
    assert not tab.evaluate("document.querySelector('#profiles table').checkVisibility()")
    tab.press("Enter", 13, "\r")
    assert tab.evaluate("document.querySelector('#profiles table').checkVisibility()")
    tab.press("Tab", 9)
    assert tab.evaluate("document.activeElement.closest('#profiles figure') !== null")
    tab.evaluate("scrolled = new Promise(done => document.activeElement.addEventListener('scroll', done)); 0")
    tab.press("ArrowRight", 39)
    tab.evaluate("scrolled.then(() => 0)")
    assert tab.evaluate("document.activeElement.scrollLeft") > 0
