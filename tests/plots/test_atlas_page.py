"""The atlas page: every claim with its answer, links to sessions, and foreign text that stays text."""

from dataclasses import replace

from loopbench.judge.atlas import Atlas, AtlasClaim, AtlasEntry, NotAsked, unanswered
from loopbench.judge.rounds.claims import Answer, ClaimAnswer
from loopbench.judge.statistics.intervals import Interval
from loopbench.plots.atlas_page import render_atlas_page
from loopbench.scenario.claims import Claim
from tests.plots.reports import NASTY
from tests.plots.test_page import Outline

CLAIM = Claim(id="000-a", text="b halves a", where="part 2", compare="goodput", a="a", b="b", expect="lower", ratio=0.5)
COUNT = Claim(
    id="003-lost", text="nothing is lost", where="part 3", compare="receipt:lost", a="a", value=0.0, expect="about"
)
CLAIMS = (
    AtlasClaim(
        ClaimAnswer(CLAIM, Answer.REPRODUCED, 0.42, Interval(0.4, 0.44), "it is below 1"), "a: event loop blocked"
    ),
    AtlasClaim(ClaimAnswer(COUNT, Answer.NOT_REPRODUCED, 8871.0, None, "lost was 8,871 in 5 runs of a"), ""),
)
STARTED = "2026-11-20T10:22:05+00:00"
MEASURED = AtlasEntry("file_write", "Four ways", "file-write/2026-11-20T10-22-05Z", STARTED, "VALID", CLAIMS, "", "")
MISSING = AtlasEntry(
    "postgres", "A database", "", "", "", unanswered([CLAIM], "no driver"), "no driver", "pip install x"
)


def page(*entries: AtlasEntry, not_asked: tuple[NotAsked, ...] = ()) -> str:
    sources = {"000": "000: an article", "003": "003: a post"}
    return render_atlas_page(Atlas("2026-11-20T17:00:00+00:00", entries, not_asked, sources))


def test_every_claim_has_its_answer_figures_reason_and_session() -> None:
    text = " ".join(Outline(page(MEASURED)).text.split())
    for shown in ("b halves a", "REPRODUCED", "0.42", "0.40 to 0.44", "0.50", "it is below 1", "a: event loop blocked"):
        assert shown in text
    assert 'href="./file-write/2026-11-20T10-22-05Z/report.html"' in page(MEASURED)


def test_a_link_leads_to_its_folder_whatever_that_is_called() -> None:
    assert 'href="./a%23b%3Fc/report.html"' in page(replace(MEASURED, session="a#b?c"))


def test_a_count_is_no_ratio() -> None:
    assert "a count: 8,870" in page(MEASURED)


def test_a_scenario_that_was_not_measured_says_what_would_bring_it() -> None:
    text = Outline(page(MISSING)).text
    assert "not measured: no driver; try: pip install x" in text
    assert "NOT DECIDED" in text


def test_what_nobody_can_measure_stands_under_its_source() -> None:
    assert "the lock: a fact" in Outline(page(MEASURED, not_asked=(NotAsked("003", "the lock", "a fact"),))).text


def test_every_element_is_closed_and_nothing_is_loaded_or_run() -> None:
    outline = Outline(page(MEASURED, MISSING))
    assert outline.open == []
    assert not {"script", "img", "link", "iframe"} & set(outline.tags)
    assert not [key for _, key, _ in outline.attributes if key.startswith("on") or key == "style"]
    assert "default-src 'none'; style-src 'sha256-" in page(MEASURED).replace("&#39;", "'")


def test_foreign_text_stays_text_wherever_it_stands() -> None:
    clean = Outline(page(MEASURED)).tags
    for nasty in NASTY:
        answer = replace(
            CLAIMS[0].answer, claim=CLAIM.model_copy(update={"text": nasty, "where": nasty, "a": nasty}), reason=nasty
        )
        claims = (AtlasClaim(answer, nasty), CLAIMS[1])
        made = page(replace(MEASURED, scenario=nasty, title=nasty, session=nasty, stamp=nasty, claims=claims))
        assert Outline(made).tags == clean
        assert "\u202e" not in made
        assert 'href="./' in made
