"""The rules are documented where a reader looks, in the words and limits of the code."""

from pathlib import Path

from loopbench.judge.stamp.stamp_rules import markdown_table

DOCS = Path(__file__).parents[2] / "docs" / "stamp.md"
BEGIN, END = "<!-- rules:", "<!-- end of rules -->"


def test_the_documented_table_is_the_code_s_own() -> None:
    text = DOCS.read_text(encoding="utf-8")
    between = text.partition(BEGIN)[2].partition("-->\n")[2].partition(f"\n{END}")[0]
    assert between == markdown_table()
