"""What a source claims beside what was measured here: ratios to the first claimed variant, and a plain sentence."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

NEAR = 1.25
"""Two ratios within this factor tell the same story. With one run each, identical runs on a shared 2-core machine
differ by 4 to 14 %, so the ratio of two can be off by a fifth without meaning anything."""


ONE_RUN_EACH = "one run each, so no interval"
IN_ROUNDS = "paired inside rounds, the verdicts give the intervals"


@dataclass(frozen=True, slots=True)
class Claim:
    """One variant's published plateau and ours."""

    variant: str
    published_rps: float
    measured_rps: float | None
    published_ratio: float  # to the reference variant
    measured_ratio: float | None

    @property
    def reproduced(self) -> bool | None:
        """Whether both ratios tell the same story, roughly (`claims` decides); None: there is nothing to compare."""
        if self.measured_ratio is None or self.measured_ratio <= 0:
            return None
        return abs(math.log(self.measured_ratio / self.published_ratio)) <= math.log(NEAR)


@dataclass(frozen=True, slots=True)
class Published:
    """All claims of a scenario, the reference first."""

    source: str
    claims: tuple[Claim, ...]
    basis: str  # what the measured ratios rest on

    @property
    def sentence(self) -> str:
        """Whether this machine reproduces the source, in one sentence."""
        reference, *others = self.claims
        known = [claim for claim in others if claim.reproduced is not None]
        if not known:
            alone = f"no other variant was measured beside {reference.variant}"
            why = f"{reference.variant} has no measured plateau" if reference.measured_rps is None else alone
            return f"Nothing can be said about the published figures: {why}."
        missed = [claim for claim in known if not claim.reproduced]
        roughly = f"within a factor of {NEAR} ({self.basis})"
        if not missed and len(known) == len(others):
            return f"This machine reproduces every published ratio to {reference.variant} {roughly}."
        parts = ", ".join(
            f"{claim.variant} {claim.measured_ratio:.2f} times {reference.variant}"
            f" instead of {claim.published_ratio:.2f} times"
            for claim in missed
        )
        unknown = ", ".join(claim.variant for claim in others if claim.reproduced is None)
        details = [f"measured {parts}"] * bool(missed) + [f"not known of {unknown}"] * bool(unknown)
        how_many = f"{len(known) - len(missed) or 'none'} of {len(others)} published ratios"
        return f"This machine reproduces {how_many} {roughly}: {'; '.join(details)}."


def compare_with_published(
    source: str,
    figures: Sequence[tuple[str, float | None, float | None]],
    paired: Callable[[str, str], float | None] | None = None,
) -> Published | None:
    """Claims against measurements.

    Args:
        source: what to cite.
        figures: (variant, published requests per second, measured requests per second), in the scenario's order.
        paired: the measured ratio of two variants, compared inside rounds; without it, that of their figures.

    Returns:
        None when fewer than two variants have a published figure: there is no ratio to compare.
    """
    claimed = [(name, published, measured) for name, published, measured in figures if published is not None]
    if len(claimed) < 2:
        return None
    reference, published_reference, measured_reference = claimed[0]

    def measured_ratio(name: str, measured: float | None) -> float | None:
        if paired is not None:
            return paired(name, reference)
        return measured / measured_reference if measured and measured_reference else None

    return Published(
        source,
        tuple(
            Claim(
                variant=name,
                published_rps=published,
                measured_rps=measured,
                published_ratio=published / published_reference,
                measured_ratio=measured_ratio(name, measured),
            )
            for name, published, measured in claimed
        ),
        ONE_RUN_EACH if paired is None else IN_ROUNDS,
    )
