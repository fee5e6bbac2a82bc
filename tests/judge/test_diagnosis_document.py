"""`docs/diagnosis.md` says what the code does: its tables are those of the code."""

from pathlib import Path

import pytest

from loopbench.judge.diagnosis.findings import LIMITS, Kind

DOCUMENT = Path(__file__).parents[2] / "docs" / "diagnosis.md"


def classes() -> str:
    """The classes in the order of the rules."""
    rows = [f"| **{kind}** | {kind.meaning} |" for kind in Kind]
    return "\n".join(["| class | when |", "|---|---|", *rows])


def limits() -> str:
    """Every number that is compared with."""
    rows = [f"| {limit.figure} | {limit.meaning} | {limit.sense} {limit.value:g} |" for limit in LIMITS.values()]
    return "\n".join(["| figure | what it is (shares are of wall time) | limit |", "|---|---|---|", *rows])


@pytest.mark.parametrize(("name", "table"), [("classes", classes()), ("limits", limits())])
def test_the_document_has_the_table_of_the_code(name: str, table: str) -> None:
    """On failure: put the table that the assertion shows between the marks."""
    text = DOCUMENT.read_text(encoding="utf-8")
    between = text.partition(f"<!-- {name}: checked by tests/judge/{Path(__file__).name} -->")[2].partition(
        "<!-- end -->"
    )[0]
    assert between.strip() == table
