"""Published figures beside what was measured here, and the claims that follow from them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from loopbench.judge.rounds.claims import Answer, ClaimAnswer, region_of
from loopbench.judge.statistics.decision import Region
from loopbench.scenario import Scenario
from loopbench.scenario.claims import GOODPUT, Claim


@dataclass(frozen=True, slots=True)
class PublishedFigure:
    """One variant's published plateau and ours."""

    variant: str  # its name
    published_rps: float  # good answers per second, as published
    measured_rps: float | None  # as measured here; None: not measured
    published_ratio: float  # to the reference variant's
    measured_ratio: float | None  # to the reference variant's; None: not measured
    answer: ClaimAnswer | None  # of the claim about the ratio; None of the reference itself

    @property
    def reproduced(self) -> bool | None:
        """The answer; None where it is not decided, and of the reference."""
        known = {Answer.REPRODUCED: True, Answer.NOT_REPRODUCED: False}
        return None if self.answer is None else known.get(self.answer.answer)

    @property
    def region(self) -> Region | None:
        """The ratios in which the claim holds; None of the reference."""
        return None if self.answer is None else region_of(self.answer.claim)


@dataclass(frozen=True, slots=True)
class Published:
    """All published figures of a scenario, the reference first."""

    source: str
    claims: tuple[PublishedFigure, ...]

    @property
    def sentence(self) -> str:
        """How many published ratios this machine reproduces, and what became of the others."""
        reference, *others = self.claims
        answers = [each.answer for each in others if each.answer is not None]
        parts = [
            f"{each.claim.a} {each.answer}"
            + (
                f" ({figure.measured_ratio:.2f} instead of {figure.published_ratio:.2f})"
                if figure.measured_ratio
                else ""
            )
            for figure, each in zip(others, answers, strict=True)
            if each.answer is not Answer.REPRODUCED
        ]
        reproduced = len(answers) - len(parts)
        beginning = f"{reproduced} of {len(answers)} published ratios to {reference.variant} REPRODUCED"
        return f"{beginning}: {'; '.join(parts)}." if parts else f"{beginning}."


def published_claims(scenario: Scenario) -> tuple[Claim, ...]:
    """A claim for each published ratio, except where the scenario has one of its own about that pair's goodput."""
    own = {(each.a, each.b) for each in scenario.claims if each.compare == GOODPUT}
    return tuple(each for each in _claims(scenario) if (each.a, each.b) not in own)


def _claims(scenario: Scenario) -> Iterator[Claim]:
    named = [(each.slug, each.name, each.published.rps) for each in scenario.variants if each.published.rps]
    for slug, name, rps in named[1:]:
        _, reference, reference_rps = named[0]
        yield Claim(
            id=f"published-{slug}",
            text=f"{name} reaches {rps:g} requests a second where {reference} reaches {reference_rps:g}.",
            where=scenario.source or "the published figures",
            compare=GOODPUT,
            a=name,
            b=reference,
            expect="about",
            ratio=rps / reference_rps,
        )


def published_figures(
    scenario: Scenario,
    answers: Sequence[ClaimAnswer],
    measured_rps: Callable[[str], float | None],
    paired: Callable[[str, str], float | None] | None = None,
) -> Published | None:
    """Published figures beside measured ones.

    Args:
        scenario: with the published figures.
        answers: to all claims, those of `published_claims` included.
        measured_rps: of a variant, by name.
        paired: the ratio of two variants, by name, compared inside rounds; None: that of their figures.

    Returns:
        None when fewer than two variants have a published figure: there is no ratio to compare.
    """
    named = [(each.name, each.published.rps) for each in scenario.variants if each.published.rps]
    if len(named) < 2:
        return None
    reference, reference_rps = named[0]

    def ratio(a: str, b: str) -> float | None:
        above, below = measured_rps(a), measured_rps(b)
        return above / below if above and below else None

    return Published(
        scenario.source,
        tuple(
            PublishedFigure(
                variant=name,
                published_rps=rps,
                measured_rps=measured_rps(name),
                published_ratio=rps / reference_rps,
                measured_ratio=(paired or ratio)(name, reference),
                answer=_answer(answers, name, reference),
            )
            for name, rps in named
        ),
    )


def _answer(answers: Sequence[ClaimAnswer], a: str, b: str) -> ClaimAnswer | None:
    """The first about this pair's goodput."""
    return next((each for each in answers if (each.claim.compare, each.claim.a, each.claim.b) == (GOODPUT, a, b)), None)
