"""What a source claims, as a session records it: enough to answer it a year later without the scenario file."""

from dataclasses import dataclass
from typing import Final

GOODPUT: Final = "goodput"
P50: Final = "p50"
P99: Final = "p99"
NEIGHBOUR_P50: Final = "neighbour_p50"
NEIGHBOUR_P99: Final = "neighbour_p99"
QUANTITIES: Final = (GOODPUT, P50, P99, NEIGHBOUR_P50, NEIGHBOUR_P99)
"""What runs are compared in: good answers a second; milliseconds of the variant's own request; of its neighbours."""

RECEIPT_PREFIX: Final = "receipt:"
"""Before a key of the JSON object that the target hands over after the load."""

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
    b: str | None  # the variant it is held against; None: `value` is
    value: float | None  # in the unit of `compare`; None exactly where there is a b
    expect: str  # HIGHER, LOWER or ABOUT: what the source says of a over b, or of a over the value
    ratio: float | None  # a over b, as published; None: the source gives no figure
    within: float | None  # how far from the published figure still counts (0.1: 10 % either way)

    @property
    def receipt_key(self) -> str | None:
        """The receipt's key it is about; None if it is about a quantity of the load."""
        return self.compare.removeprefix(RECEIPT_PREFIX) if self.compare.startswith(RECEIPT_PREFIX) else None
