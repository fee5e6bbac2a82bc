"""The claims of a source as a session records them, complete enough to answer them later without the scenario file."""

from dataclasses import dataclass
from typing import Final

GOODPUT: Final = "goodput"
P50: Final = "p50"
P99: Final = "p99"
NEIGHBOUR_P50: Final = "neighbour_p50"
NEIGHBOUR_P99: Final = "neighbour_p99"
QUANTITIES: Final = (GOODPUT, P50, P99, NEIGHBOUR_P50, NEIGHBOUR_P99)
"""Compared quantities: good answers per second; milliseconds of the variant's own request or of its neighbours."""

RECEIPT_PREFIX: Final = "receipt:"
"""Prefix of a key of the receipt, the JSON object that the target returns after the load."""

HIGHER: Final = "higher"
LOWER: Final = "lower"
ABOUT: Final = "about"


@dataclass(frozen=True)
class RecordedClaim:
    """One claim of a source about two variants, or about one variant and a figure."""

    id: str  # unique in the scenario
    text: str  # in our own words
    where: str  # which document, which part of it
    compare: str  # one of QUANTITIES, or RECEIPT_PREFIX and a key
    a: str  # a variant's name
    b: str | None  # the variant it is compared with; None: it is compared with `value`
    value: float | None  # in the unit of `compare`; None exactly where there is a b
    expect: str  # HIGHER, LOWER or ABOUT: the claimed relation of a to b or to the value
    ratio: float | None  # a over b, as published; None: the source gives no figure
    within: float | None  # tolerance of the published figure (0.1: 10 % either way)

    @property
    def receipt_key(self) -> str | None:
        """The receipt's key that it is about; None if it is about a quantity of the load."""
        return self.compare.removeprefix(RECEIPT_PREFIX) if self.compare.startswith(RECEIPT_PREFIX) else None
