"""The page: complete, self-contained, and deaf to what foreign text would have it do."""

import base64
import hashlib
import html
import json
import re
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser
from itertools import pairwise

import pytest

from loopbench.judge.rounds.claims import Answer, ClaimAnswer
from loopbench.judge.session.session_report import SessionReport
from loopbench.judge.summary.summary import to_json
from loopbench.plots import provenance
from loopbench.plots.page import render_page
from loopbench.plots.pictures import wide_svg
from loopbench.records.session import Counts, ServiceFact
from loopbench.scenario.claims import Claim
from tests.plots.causes import explained, lines, repeated
from tests.plots.reports import FOUR, NASTY, session
from tests.plots.sessions import SESSIONS, charts, page
from tests.plots.sessions import report as judged

VOID = {"meta", "link", "br", "hr", "img", "input"}
MAX_PAGE_BYTES = 400_000


class Outline(HTMLParser):
    """Elements, attributes and text, and whether every element is closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """HTMLParser calls this."""
        self.tags.append(tag)
        self.attributes += [(tag, key, value or "") for key, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """HTMLParser calls this."""
        self.tags.append(tag)
        self.attributes += [(tag, key, value or "") for key, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        """HTMLParser calls this."""
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """HTMLParser calls this. A reader does not see the data block."""
        self.text += "" if self.open[-1:] == ["script"] else data

    def values(self, key: str) -> list[str]:
        """All values of an attribute."""
        return [value for _, name, value in self.attributes if name == key]


@cache
def outline(name: str) -> Outline:
    """The outline of a session's page."""
    return Outline(page(name))


def without_charts(report: SessionReport) -> str:
    """The page of a session, without its pictures: for tests of its words."""
    return render_page(report, {})


@pytest.mark.parametrize("name", SESSIONS)
def test_every_element_is_closed_and_every_id_is_there_once(name: str) -> None:
    of_page = outline(name)
    assert of_page.open == []
    ids = of_page.values("id")
    assert len(ids) == len(set(ids))
    targets = [value[1:] for value in of_page.values("href") if value.startswith("#")]
    targets += [part for value in of_page.values("aria-labelledby") for part in value.split()]
    targets += re.findall(r"url\(#([^)]+)\)", page(name))
    assert set(targets) <= set(ids)


@pytest.mark.parametrize("name", SESSIONS)
def test_nothing_is_fetched_and_nothing_runs(name: str) -> None:
    of_page = outline(name)
    assert not {"img", "link", "iframe", "object", "form"} & set(of_page.tags)
    assert of_page.tags.count("script") == 1
    assert ("script", "type", "application/json") in of_page.attributes  # which no browser runs
    assert not [key for _, key, _ in of_page.attributes if key.startswith("on") or key in {"src", "style"}]
    assert all(value.startswith("#") for value in of_page.values("href"))
    assert "@import" not in page(name)


def test_the_policy_knows_the_one_style_sheet_by_its_hash() -> None:
    text = page("four")
    (css,) = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    policy = next(v for tag, key, v in outline("four").attributes if tag == "meta" and v.startswith("default-src"))
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


def test_foreign_text_is_shown_as_text() -> None:
    text = outline("hostile").text
    for shown in (
        "<script>alert(1)</script>",
        "$x$ costs $5",
        "[/red] [link=",
        r"two\nlines",
        r"\u202egnp.exe",
        "<i>hello</i>",
    ):
        assert shown in text, shown
    assert not {"\u202e", "\x1b", "\x07"} & set(page("hostile"))


@pytest.mark.parametrize("name", ["everything", "hostile"])
def test_the_page_holds_its_summary_as_data_whatever_the_names_are(name: str) -> None:
    (block,) = re.findall(r'<script type="application/json" id="summary">(.*?)</script>', page(name), re.DOTALL)
    assert json.loads(block) == json.loads(to_json(judged(name)))
    assert not {"<", ">", "&"} & set(block)


def test_the_answer_stands_before_the_charts() -> None:
    text = page("four")
    assert text.index("At 100 users def and thread offload gave 480 to 500") < text.index("<svg")
    assert text.index("One run each, so no interval") < text.index("<svg")
    assert text.index("31 of 100 under blocking async def") < text.index("<svg")


def test_a_missing_figure_is_a_dash_with_its_reason() -> None:
    text = outline("no hold").text
    assert "the run did not hold its load long enough" in text
    assert "No run held 100 users" in text


def test_a_variant_that_was_not_measured_is_named() -> None:
    text = outline("interrupted").text
    assert "Not measured: aiofiles, def." in " ".join(text.split())


def test_counts_that_differ_are_said_and_unknown_ones_are_no_zero() -> None:
    report = session(FOUR[:1])
    counts = Counts(server=None, samples=1000, locust=999, unfinished=1)
    run = replace(report.runs[0], record=replace(report.runs[0].record, counts=counts))
    text = Outline(without_charts(replace(report, runs=(run,)))).text
    assert "do NOT agree" in text
    assert "999" in text


def test_the_health_of_each_target_accounts_for_every_request() -> None:
    text = " ".join(outline("failures only").text.split())
    assert "The health of the targets #" in text
    assert "broken failing: no good answer: 100 % of its requests failed. 1,203 sent = 1,203 answered wrongly" in text
    assert "b healthy. " in text


def test_errors_of_the_target_are_listed_by_how_often_they_came() -> None:
    text = " ".join(outline("failures only").text.split())
    assert "1,200 \u00d7 HTTP 500 3 \u00d7 body: <b>not json</b>" in text


def test_the_settings_of_a_variant_say_where_its_calls_run() -> None:
    report = session()
    first, *others = report.runs
    moved = first.variant.model_copy(update={"run_in": "threadpool"})
    text = without_charts(replace(report, runs=(replace(first, variant=moved), *others)))
    assert text.count("40 thread tokens, run_in threadpool</td>") == 1


def test_every_picture_has_a_text_that_says_what_it_shows() -> None:
    of_page = outline("four")
    labels = [value for tag, key, value in of_page.attributes if tag == "div" and key == "aria-label"]
    assert any("p99 960 ms; never served: 31 of 100 users" in label for label in labels)
    assert of_page.tags.count("desc") == 1


def test_the_wide_overlay_leaves_its_headline_and_its_stamp_to_the_page() -> None:
    chart = charts("open")["rps-users"]
    picture = wide_svg(chart)
    assert picture
    assert chart.wide
    shown = [html.unescape(text) for text in re.findall(r"<text[^>]*>([^<]+)</text>", picture)]
    assert {"def", *chart.wide.caption.notes} <= set(shown)
    assert not {chart.caption.title, chart.caption.subtitle, chart.stamp} & set(shown)


@pytest.mark.parametrize("name", ["four", "everything"])
def test_a_page_of_four_variants_weighs_at_most_400_kb(name: str) -> None:
    assert len(page(name).encode()) <= MAX_PAGE_BYTES


def test_sections_stand_in_the_order_a_reader_wants_them() -> None:
    text = page("everything")
    wanted = ("answer", "picture", "steps", "verdicts", "profiles", "neighbours", "time", "why", "published", "figures",
              "rounds", "occupancy", "counts", "findings", "details")  # fmt: skip
    places = [text.index(f'<section id="{section}"') for section in wanted]
    assert places == sorted(places)


def test_the_guilty_line_is_marked_in_its_own_text() -> None:
    text = page("everything")
    assert "<mark>    file.write(data)</mark>" in text
    assert '<li value="40"><code>    # &lt;b&gt;no threads&lt;/b&gt;</code></li>' in text
    assert "app/main.py:41 in def" in outline("everything").text
    assert 'title="/srv/app/main.py:41 in def"' in text
    assert "aiofiles, if there are few and large operations" in outline("everything").text


def test_a_tab_in_the_source_is_room_and_not_an_escape() -> None:
    report = explained(session(FOUR[:1]))
    run, (guilty, *_) = report.runs[0], lines("def")
    assert guilty.source
    tabbed = replace(guilty, source=replace(guilty.source, text=("def f():", "\tif x:", "\t\tsleep(1)\x07", "")))
    diagnosis = replace(run.diagnosis, lines=(tabbed,))
    changed = replace(run, diagnosis=diagnosis)
    assert r"<mark>        sleep(1)\x07</mark>" in without_charts(replace(report, runs=(changed,)))


def test_what_an_invalid_run_measured_is_struck_out() -> None:
    text = page("one INVALID")
    (row,) = [each for each in text.split("<tr") if each.startswith(' class="struck"')]
    assert row.count("<s>") == row.count("<td")
    assert "INVALID: C1" in row
    assert text.count("<s>") == row.count("<s>")


@pytest.mark.parametrize("name", ["everything", "open"])
def test_every_picture_carries_the_stamp(name: str) -> None:
    text = page(name)
    assert text.count('<p class="mark invalid">INVALID: C1</p>') == text.count("<figure>")


def test_receipts_of_all_runs_are_summed_up_by_variant() -> None:
    report = repeated(session(FOUR[:2]), 2)
    assert report.rounds
    reported = [
        replace(run, record=replace(run.record, receipt={"<i>sent</i>": 5 + n, "done": True, "note": NASTY[3]}))
        for n, run in enumerate(report.rounds.runs)
    ]
    receipts = provenance.receipts(replace(report, rounds=replace(report.rounds, runs=tuple(reported))))
    assert receipts == provenance.Receipts(
        ("def", "blocking async def"),
        (2, 2),
        (("<i>sent</i>", ("5 to 7", "6 to 8")), ("done", ("yes", "yes")), ("note", (NASTY[3], NASTY[3]))),
    )
    text = without_charts(replace(report, rounds=replace(report.rounds, runs=tuple(reported))))
    assert "&lt;i&gt;sent&lt;/i&gt;" in text
    assert r"two\nlines" in text
    assert provenance.receipts(report) is None


def test_a_claim_is_answered_with_its_word_and_its_reason() -> None:
    claim = Claim(
        id="c-1",
        text="threads <b>win</b>",
        where="page 3",
        compare="goodput",
        a="def",
        b="aiofiles",
        expect="higher",
        ratio=1.2,
    )
    answer = ClaimAnswer(claim, Answer.NOT_DECIDED, None, None, "no rounds were measured")
    text = Outline(without_charts(replace(session(), claims=(answer,)))).text
    assert "NOT DECIDED threads <b>win</b> c-1, page 3" in text
    assert "no rounds were measured." in text


def test_nested_facts_are_told_on_rows_of_their_own_and_shared_settings_once() -> None:
    report = session(FOUR[:2])
    server = {"loop": "uvloop", "access_log": False}
    record = replace(
        report.record,
        machine={"memory_bytes": 2**33, "governor": {"cpu0": None, "cpu_1": ["a", "<b>"]}},
        provenance={
            "git": {"/srv/app": {"commit": "abc", "dirty": True}},
            "servers": {"def": server, "blocking-async-def": server},
        },
    )
    changed = replace(report, record=record)
    assert provenance.machine_rows(changed) == (
        ("memory", "8 GiB"), ("governor · cpu0", "none"), ("governor · cpu 1", "a, <b>"),
    )  # fmt: skip
    assert provenance.provenance_groups(changed) == (
        provenance.Group("git", (("/srv/app · commit", "abc"), ("/srv/app · dirty", "yes"))),
        provenance.Group("server settings of every variant", (("loop", "uvloop"), ("access log", "no"))),
    )
    assert "a, &lt;b&gt;" in without_charts(changed)


def test_services_are_told_once_with_where_they_came_from() -> None:
    report = session(FOUR[:2])
    fact = ServiceFact("redis <7>", "7.2", "embedded", "")
    runs = tuple(replace(run, record=replace(run.record, services=(fact,))) for run in report.runs)
    changed = replace(report, runs=runs)
    assert provenance.services(changed) == (fact,)
    assert "redis <7> 7.2 embedded in the target's process" in " ".join(
        Outline(without_charts(changed).replace("</td>", " </td>").replace("</th>", " </th>")).text.split()
    )


def test_headings_go_down_one_step_at_a_time() -> None:
    levels = [int(tag[1]) for tag in outline("four").tags if re.fullmatch(r"h\d", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
