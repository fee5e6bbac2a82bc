"""Exit codes are documented where a user looks, in the words of the code."""

from pathlib import Path

from loopbench.errors import STOPPED, ExitCode
from tests import error_reference

DOCS = Path(__file__).parents[1] / "docs" / "exit-codes.md"


def test_the_documented_table_is_the_code_s_own() -> None:
    rows = [
        line for line in DOCS.read_text(encoding="utf-8").splitlines() if line.startswith("| ") and line[2].isdigit()
    ]
    assert rows == [f"| {code.value} | {code.meaning} |" for code in ExitCode] + ["| {} | {} |".format(*STOPPED)]


def test_the_page_of_errors_lists_every_error_of_the_code_with_its_exit_code() -> None:
    """`make generate` writes it."""
    written, made = error_reference.PAGE.read_text(encoding="utf-8"), error_reference.page()
    assert slugs_and_codes(written) == slugs_and_codes(made)


def slugs_and_codes(page: str) -> list[list[str]]:
    return [line.split(" | ")[:2] for line in page.splitlines() if line.startswith("| ")]
