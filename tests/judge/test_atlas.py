"""The atlas counts answers, groups claims by their source, and says what was not measured."""

import json

import pytest

from loopbench.judge.atlas import Atlas, AtlasClaim, AtlasEntry, NotAsked, atlas_values, unanswered
from loopbench.judge.rounds.claims import Answer, ClaimAnswer
from loopbench.judge.statistics.intervals import Interval
from loopbench.scenario.claims import Claim

SOURCES = {"000": "000: an article", "003": "003: a post"}


def claim(claim_id: str, compare: str = "goodput", ratio: float | None = None) -> Claim:
    return Claim(
        id=claim_id, text="b halves a", where="part 2", compare=compare, a="a", b="b", expect="higher", ratio=ratio
    )


def answered(claim_id: str, word: Answer, compare: str = "goodput") -> AtlasClaim:
    return AtlasClaim(
        ClaimAnswer(claim(claim_id, compare, 2.0), word, 2.1, Interval(1.9, 2.3), "it is above 1"),
        "a: event loop blocked",
    )


def entry(*claims: AtlasClaim, session: str = "s/1", trouble: str = "", remedy: str = "") -> AtlasEntry:
    measured, stamp = ("2026-11-20T16:00:00+00:00", "VALID") if session else ("", "")
    return AtlasEntry("s", "A scenario", session, measured, stamp, claims, trouble, remedy)


def atlas(*entries: AtlasEntry) -> Atlas:
    return Atlas("2026-11-20T17:00:00+00:00", entries, (NotAsked("003", "the lock", "a fact, no system"),), SOURCES)


MADE = atlas(
    entry(answered("000-a", Answer.REPRODUCED), answered("003-b", Answer.NOT_REPRODUCED)),
    entry(*unanswered([claim("000-c")], "no database"), session="", trouble="no database", remedy="make db"),
)


def test_every_answer_is_counted_and_every_word_is_there() -> None:
    assert MADE.counts == {"REPRODUCED": 1, "NOT REPRODUCED": 1, "NOT DECIDED": 1}
    assert MADE.sentence.startswith("3 claims in 2 scenarios, 1 of them measured: 1 REPRODUCED, 1 NOT REPRODUCED")


def test_claims_stand_under_their_source_with_what_nobody_asks() -> None:
    titles = {group.title: [each.answer.claim.id for _, each in group.rows] for group in MADE.groups}
    assert titles == {"000: an article": ["000-a", "000-c"], "003: a post": ["003-b"]}
    assert [each.what for each in MADE.groups[1].not_asked] == ["the lock"]


def test_a_claim_of_no_known_source_is_not_lost() -> None:
    groups = atlas(entry(answered("mine", Answer.REPRODUCED))).groups
    assert [(group.title, len(group.rows)) for group in groups][-1] == ("other sources", 1)


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (entry(), ""),
        (entry(session="", trouble="no database", remedy="make db"), "not measured: no database; try: make db"),
        (entry(trouble="the time given was up"), "not measured to the end: the time given was up"),
    ],
)
def test_what_was_not_measured_says_why_and_what_helps(made: AtlasEntry, said: str) -> None:
    assert made.not_measured == said


def test_a_cell_holds_the_word_and_the_figures() -> None:
    assert MADE.cells == {
        "000-a": "REPRODUCED: ratio 2.10, 1.90 to 2.30",
        "003-b": "NOT REPRODUCED: ratio 2.10, 1.90 to 2.30",
    }
    undecided = AtlasEntry("s", "t", "s/1", "", "", (answered("000-a", Answer.NOT_DECIDED),), "", "")
    assert atlas(undecided).cells == {"000-a": "NOT DECIDED: ratio 2.10, 1.90 to 2.30; it is above 1"}
    counted = answered("001-x", Answer.REPRODUCED, "receipt:lost")
    assert atlas(entry(counted)).cells == {"001-x": "REPRODUCED: it is above 1"}


def test_what_was_not_measured_to_its_end_has_no_cell() -> None:
    assert atlas(entry(answered("000-a", Answer.REPRODUCED), trouble="the time given was up")).cells == {}


def test_as_json_it_holds_every_answer_and_no_nan() -> None:
    values = json.loads(json.dumps(atlas_values(MADE), allow_nan=False))
    first, second = values["scenarios"]
    assert (
        first["claims"][0] | {"answer": "REPRODUCED", "interval": [1.9, 2.3], "because": "a: event loop blocked"}
        == (first["claims"][0])
    )
    assert (second["session"], second["claims"][0]["answer"]) == (None, "NOT DECIDED")
