"""Published figures become claims about ratios, and are answered like any other claim."""

import pytest

from loopbench.judge.rounds.claims import Answer, answer_claims
from loopbench.judge.rounds.published import Published, published_claims, published_figures
from loopbench.judge.statistics.replicates import Replicates, RunFigure
from loopbench.scenario import Scenario
from loopbench.scenario.claims import Claim
from tests.made_scenario import changed, made_scenario

ARTICLE = {"def": 550.0, "blocking": 205.0, "thread": 540.0, "unpublished": None}
VARIANTS = [{"name": name, "published": {"rps": rps}} for name, rps in ARTICLE.items()]
SCENARIO = made_scenario(*VARIANTS, source="the article")
OWN = Claim(id="own", text="text", where="where", compare="goodput", a="blocking", b="def", expect="lower")
NOISE = (1.0, 0.99, 1.01, 1.0, 1.005)


def replicates(**rps: float) -> Replicates:
    """Five rounds in which each variant is a few per mille off its figure."""
    return Replicates(
        tuple(
            RunFigure(10 * number + index, number, name, value * noise ** (index + 1))
            for number, noise in enumerate(NOISE, 1)
            for index, (name, value) in enumerate(rps.items())
        )
    )


def published(figures: Replicates | None, scenario: Scenario = SCENARIO) -> Published:
    claims = (*scenario.claims, *published_claims(scenario))
    answers = answer_claims(claims, {} if figures is None else {"goodput": figures}, {})
    means = {} if figures is None else {name: figures.by_round(name)[1] for name in figures.variants}
    found = published_figures(scenario, answers, means.get)
    assert found is not None
    return found


def test_each_ratio_to_the_first_published_variant_is_a_claim() -> None:
    claims = published_claims(SCENARIO)
    assert [(each.id, each.a, each.b, each.expect) for each in claims] == [
        ("published-blocking", "blocking", "def", "about"),
        ("published-thread", "thread", "def", "about"),
    ]
    assert claims[0].ratio == pytest.approx(205 / 550)
    assert {each.where for each in claims} == {"the article"}


def test_a_pair_that_the_scenario_has_a_claim_about_gets_no_second_one() -> None:
    scenario = changed(SCENARIO, claims=[OWN.model_dump()])
    assert [each.a for each in published_claims(scenario)] == ["thread"]
    figures = published(replicates(**{"def": 1100.0, "blocking": 900.0, "thread": 1080.0}), scenario)
    answer = figures.claims[1].answer
    assert answer is not None
    assert (answer.claim.id, answer.answer) == ("own", Answer.REPRODUCED)


@pytest.mark.parametrize(
    ("blocking", "thread", "reproduced", "sentence"),
    [
        (410, 1080, [None, True, True], "2 of 2 published ratios to def REPRODUCED."),
        (
            1300,
            1080,
            [None, False, True],
            "1 of 2 published ratios to def REPRODUCED: blocking NOT REPRODUCED (1.18 instead of 0.37).",
        ),
        (1300, 400, [None, False, False], "0 of 2 published ratios to def REPRODUCED: blocking NOT REPRODUCED"),
    ],
)
def test_the_sentence(blocking: float, thread: float, reproduced: list[bool | None], sentence: str) -> None:
    found = published(replicates(**{"def": 1100.0, "blocking": blocking, "thread": thread}))
    assert [each.reproduced for each in found.claims] == reproduced
    assert found.sentence.startswith(sentence)


def test_without_rounds_nothing_is_decided() -> None:
    found = published(None)
    assert [each.reproduced for each in found.claims] == [None, None, None]
    assert found.sentence == ("0 of 2 published ratios to def REPRODUCED: blocking NOT DECIDED; thread NOT DECIDED.")


def test_ratios_are_to_the_first_published_variant() -> None:
    found = published(replicates(**{"def": 10.0, "blocking": 5.0, "thread": 20.0}))
    assert [each.variant for each in found.claims] == ["def", "blocking", "thread"]
    assert [each.published_ratio for each in found.claims] == pytest.approx([1.0, 205 / 550, 540 / 550])
    assert [each.measured_ratio for each in found.claims] == [1.0, 0.5, 2.0]


def test_a_single_published_figure_has_no_ratio() -> None:
    alone = made_scenario(*VARIANTS[2:])
    assert published_claims(alone) == ()
    assert published_figures(alone, (), lambda _name: None) is None
