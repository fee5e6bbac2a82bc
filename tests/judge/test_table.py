"""The table of figures: every variant has a row, every dash a reason."""

import pytest

from loopbench.judge.figures import MISSING
from loopbench.judge.summary.table import Table, figures_table
from tests.plots.reports import Made, session


def cells(table: Table, variant: str) -> dict[str, str]:
    (row,) = [row for row in table.rows if row.variant == variant]
    columns = [f"{column.of} {column.name}".strip() for column in table.columns]
    return dict(zip(columns, [cell.text for cell in row.cells], strict=True))


def test_a_row_holds_what_a_reader_compares() -> None:
    assert cells(figures_table(session()), "blocking async def") == {
        "goodput": "200",
        "spread": "200 to 200",
        "p50": "300",
        "p95": "540",
        "p99": "960",
        "hello p50": "60.0",
        "hello p99": "192",
        "never served": "31",
        "in flight": "60",
        "failed": "0",
        "knee": "22",
    }


@pytest.mark.parametrize(
    ("made", "column", "why"),
    [
        (Made("x", hold_s=0), "goodput", "the run did not hold its load long enough"),
        (Made("x", hold_s=0), "p99", "the run did not hold its load long enough"),
        (Made("x", failed=True), "p50", "no good answer in the hold"),
        (Made("x", failed=True), "knee", "no knee: the points do not show one bend clearly"),
    ],
)
def test_what_is_missing_is_a_dash_with_a_reason(made: Made, column: str, why: str) -> None:
    table = figures_table(session([made]))
    assert cells(table, "x")[column] == MISSING
    assert why in table.reasons


def test_a_variant_that_was_not_measured_has_a_row_of_dashes() -> None:
    table = figures_table(session(missing=["aiofiles"]))
    assert set(cells(table, "aiofiles").values()) == {MISSING}
    assert table.reasons == ("no complete run of this variant",)


def test_columns_are_grouped_for_every_neighbour() -> None:
    table = figures_table(session(neighbours=("a", "b")))
    assert [(of, size) for _, of, size in table.groups] == [("", 2), ("", 3), ("a", 2), ("b", 2), ("", 2), ("", 2)]
    assert sorted(table.group_starts) == [0, 2, 5, 7, 9, 11]
