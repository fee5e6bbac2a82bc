"""The chart of the Markdown summary: bars of block characters."""

import re

from loopbench.judge.figures import MISSING
from loopbench.judge.summary.bars import WIDTH, goodput_bars
from loopbench.judge.summary.markdown import markdown
from tests.plots.causes import repeated, spoiled
from tests.plots.reports import Made, session

MADE = [Made("fast", rps=1600), Made("half", rps=800), Made("slow", rps=5)]


def test_bars_are_as_long_as_the_figures_of_the_rounds() -> None:
    heading, *lines = goodput_bars(repeated(session(MADE), 4, spread=0.0))
    assert heading == "Good answers per second at 100 users (geometric mean of the rounds):"
    assert lines == [
        f"{'█' * WIDTH} 1,600  fast",
        f"{'█' * (WIDTH // 2):{WIDTH}}   800  half",
        f"{'▏':{WIDTH}}  5.00  slow",
    ]


def test_without_rounds_the_ramps_are_drawn_and_what_is_not_known_has_no_bar() -> None:
    heading, first, second, third, fourth = goodput_bars(
        spoiled(session([*MADE, Made("never")], missing=["never"]), "fast")
    )
    assert heading.endswith("(the ramp runs):")
    assert first.split() == [MISSING, "fast"]
    assert second.split() == ["█" * WIDTH, "800", "half"]
    assert third.split()[1:] == ["5.00", "slow"]
    assert fourth.split() == [MISSING, "never"]


def test_without_any_figure_there_is_no_chart() -> None:
    report = session(MADE, missing=[made.name for made in MADE])
    assert list(goodput_bars(report)) == []
    assert "```" not in markdown(report)


def test_no_name_ends_the_block_of_code() -> None:
    text = markdown(session([Made("```"), Made("~~~\n```\n# VALID"), Made("`" * 9)]))
    (block,) = re.findall(r"(?ms)^ {0,3}```text$(.*?)^ {0,3}```+ *$", text)
    assert len(block.split("\n")) == 3 + 2
    assert "# VALID" not in text.splitlines()
