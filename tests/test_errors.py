"""Exit codes are documented where a user looks, in the words of the code."""

from pathlib import Path

from loopbench.errors import ExitCode

DOCS = Path(__file__).parents[1] / "docs" / "exit-codes.md"


def test_the_documented_table_is_the_code_s_own() -> None:
    rows = [
        line for line in DOCS.read_text(encoding="utf-8").splitlines() if line.startswith("| ") and line[2].isdigit()
    ]
    assert rows[:-1] == [f"| {code.value} | {code.meaning} |" for code in ExitCode]
