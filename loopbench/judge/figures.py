"""Figures as a person should read them: three digits that count, and a dash for what is not known. Never a zero."""

import math
from collections.abc import Sequence
from typing import Final

MISSING = "–"  # noqa: RUF001  a dash as wide as a digit
FARTHEST: Final = 10_000
"""A ratio beyond it is the end of an interval of very few runs."""


def rounded(value: float | None) -> str:
    """Three significant digits, thousands set apart; `MISSING` for None and for what is no number."""
    if value is None or not math.isfinite(value):
        return MISSING
    if value == 0:
        return "0"
    short = float(f"{value:.3g}")
    digits = max(0, 2 - math.floor(math.log10(abs(short))))
    return f"{short:,.{digits}f}"


def ratio(value: float | None) -> str:
    """How many times as much: two decimals, or two digits that count below 0.1; beyond a factor of 10,000 only that."""
    if value is None or not math.isfinite(value):
        return MISSING
    if value > FARTHEST or 0 < value < 1 / FARTHEST:
        return f"over {FARTHEST:,}" if value > 1 else f"under {1 / FARTHEST:.4f}"
    return f"{value:,.2f}" if value >= 0.1 or value == 0 else f"{value:.2g}"


def interval(ends: tuple[float, float] | None) -> str:
    """From where to where, as `ratio` writes each end; one end alone where the other says nothing."""
    if ends is None:
        return MISSING
    if math.isinf(ends[1]):
        return f"at least {ratio(ends[0])}" if ends[0] else MISSING
    return f"{ratio(ends[0])} to {ratio(ends[1])}" if ends[0] else f"at most {ratio(ends[1])}"


def percent(share: float | None, form: str = ".0f") -> str:
    """A share as `21 %`; `form` is the format of the number."""
    return MISSING if share is None else f"{100 * share:{form}} %"


def half_width(share: float) -> str:
    """`2.1 %`; what is wider than the figure itself is not worth a digit."""
    return "over 100 %" if share > 1 else f"{100 * share:.2g} %"


def finite(ends: tuple[float, float] | None) -> list[float | None] | None:
    """Both ends for JSON, which has no infinity: None is no end."""
    return None if ends is None else [end if math.isfinite(end) else None for end in ends]


def whole(value: float | None) -> str:
    """A count, thousands set apart."""
    return MISSING if value is None else f"{value:,.0f}"


def span(values: Sequence[float]) -> str:
    """From the least to the largest; one figure where they are the same."""
    low, high = min(values), max(values)
    return f"{low:,.6g}" if low == high else f"{low:,.6g} to {high:,.6g}"


def plural(count: int, noun: str) -> str:
    """`1 run`, `4 runs`."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def listed(names: list[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
