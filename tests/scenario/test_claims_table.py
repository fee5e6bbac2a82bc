"""`docs/claims.md` lists every claim of every scenario, in the words of the scenarios."""

import re
from collections import Counter
from pathlib import Path

import pytest

from loopbench.judge.rounds.claims import MEANING, Answer
from loopbench.scenario.claims import Claim
from loopbench.scenario.claims_table import answers_in, claims_block, condition, not_asked, rewritten, shipped

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "claims.md"


def test_the_page_matches_the_scenarios() -> None:
    """If it fails, run: python -m loopbench.scenario.claims_table docs/claims.md scenarios."""
    page, scenarios = PAGE.read_text(encoding="utf-8"), shipped(ROOT / "scenarios")
    assert rewritten(page, scenarios, answers_in(page, scenarios)) == page


def test_every_claim_of_every_scenario_is_listed_once() -> None:
    scenarios = shipped(ROOT / "scenarios")
    listed = re.findall(r"^\| (\d{3}-\S+) \|", claims_block(scenarios, {}), flags=re.MULTILINE)
    assert sorted(listed) == sorted(claim.id for scenario in scenarios for claim in scenario.claims)


def test_every_claim_names_a_place_in_its_own_document_and_the_page_says_which() -> None:
    """The section's title names the document, so the column leaves it out."""
    scenarios = shipped(ROOT / "scenarios")
    where = {claim.id: claim.where.removeprefix(f"{claim.id[:3]}, ") for each in scenarios for claim in each.claims}
    assert not [claim.id for each in scenarios for claim in each.claims if claim.where == where[claim.id]]
    listed = re.findall(r"^\| (\d{3}-\S+) \| .+? \| (.+?) \|", claims_block(scenarios, {}), flags=re.MULTILINE)
    assert dict(listed) == where


def test_answers_survive_a_rewriting() -> None:
    scenarios = shipped(ROOT / "scenarios")
    answers = {"002-trivial-async": "REPRODUCED: 2.5 | so it is"}
    page = rewritten(PAGE.read_text(encoding="utf-8"), scenarios, answers)
    assert answers_in(page, scenarios) == answers
    assert rewritten(page, scenarios, answers_in(page, scenarios)) == page


@pytest.mark.parametrize("change", [("trivial:", "trivial_two:"), ("async def > def", "async def < def")])
def test_an_answer_to_another_condition_is_dropped(change: tuple[str, str]) -> None:
    scenarios = shipped(ROOT / "scenarios")
    page = rewritten(PAGE.read_text(encoding="utf-8"), scenarios, {"002-trivial-async": "REPRODUCED: 2.5"})
    lines = [line.replace(*change) if line.startswith("| 002-trivial-async") else line for line in page.splitlines()]
    assert answers_in("\n".join(lines), scenarios) == {}


def test_claims_without_a_scenario_are_read_as_plain_text() -> None:
    rows = not_asked(PAGE.read_text(encoding="utf-8"))
    assert ("003", "reference counts need the lock", "a fact of the interpreter, no system") in rows
    assert not [row for row in rows if "`" in "".join(row)]


@pytest.mark.parametrize("word", list(MEANING))
def test_the_page_defines_each_answer_as_the_report_does(word: Answer) -> None:
    assert f"**{word}**: {MEANING[word]}." in " ".join(PAGE.read_text(encoding="utf-8").split())


def test_no_document_takes_more_than_two_screens() -> None:
    """A screen has fifty lines; in a table of five columns an average claim takes three."""
    scenarios = shipped(ROOT / "scenarios")
    counts = Counter(claim.id[:3] for scenario in scenarios for claim in scenario.claims)
    assert max(counts.values()) <= 33


def test_a_page_without_a_block_is_refused() -> None:
    with pytest.raises(ValueError, match="the page has no"):
        rewritten("# Claims\n", (), {})


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"b": "b", "expect": "higher"}, "goodput: a > b"),
        ({"b": "b", "expect": "lower", "ratio": 0.37}, "goodput: a < b"),
        ({"b": "b", "expect": "higher", "ratio": 2.0, "within": 0.0}, "goodput: a > 2 times b"),
        ({"b": "b", "expect": "higher", "ratio": 2.0, "within": 0.3}, "goodput: a > 2 times b, give or take 30 %"),
        ({"b": "b", "expect": "about", "ratio": 2.5, "within": 0.1}, "goodput: a = 2.5 times b, give or take 10 %"),
        ({"value": 0.0, "expect": "higher"}, "goodput: a > 0"),
        ({"value": 1000.0, "expect": "lower", "compare": "p99"}, "p99: a < 1000 ms"),
    ],
)
def test_the_condition_is_one_line(keys: dict[str, object], words: str) -> None:
    common = {"id": "c", "text": "t", "where": "w", "compare": "goodput", "a": "a"}
    assert condition(Claim.model_validate(common | keys)) == words
