"""The list of all claims of all scenarios, as the block of tables in `docs/claims.md`.

    python -m loopbench.scenario.claims_table docs/claims.md scenarios

writes it again after a scenario has changed. Answers that stand there already are kept, unless the claim asks for
something else by now.
"""

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from loopbench.records.claims import ABOUT, HIGHER
from loopbench.scenario.claims import Claim
from loopbench.scenario.load import load
from loopbench.scenario.model import Scenario

BEGIN: Final = "<!-- claims: begin -->"
END: Final = "<!-- claims: end -->"
NOT_ANSWERED: Final = "-"

SOURCES: Final = {
    "000": "000: Navigating the Async Waters (A. Vera)",
    "001": "001: Concurrency in FastAPI (a course page)",
    "002": "002: Concurrency and async / await (FastAPI's documentation)",
    "003": "003: Understanding python async with FastAPI (Ruairí)",
    "004": "004: Phase 6: Async & Concurrency (a guide)",
}
"""By the first part of a claim's id."""


def claims_block(scenarios: Sequence[Scenario], answers: Mapping[str, str]) -> str:
    """Everything between the two markers, and they themselves.

    Args:
        scenarios: whose claims are listed, in this order inside each source.
        answers: by claim id, one line each; a claim without one has a dash.
    """
    lines = [BEGIN]
    for prefix, title in SOURCES.items():
        rows = list(_rows(scenarios, prefix, answers))
        header = ["", f"### {title}", "", "| id | claim | where | scenario | holds if | answer |", "|" + "---|" * 6]
        lines += header + rows if rows else []
    return "\n".join([*lines, "", END])


def _rows(scenarios: Sequence[Scenario], prefix: str, answers: Mapping[str, str]) -> Iterator[str]:
    for scenario in scenarios:
        for claim in scenario.claims:
            if claim.id.startswith(prefix):
                where = claim.where.removeprefix(f"{prefix}, ")
                cells = (claim.id, claim.text, where, scenario.file.stem, condition(claim))
                answer = answers.get(claim.id, NOT_ANSWERED)
                yield _line(*cells, answer)


def _line(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _cells(line: str) -> list[str]:
    return [cell.replace("\\|", "|") for cell in line[2:-2].split(" | ")]


def condition(claim: Claim) -> str:
    """What must be measured for the claim to hold, as `goodput: a > b`."""
    other = f"{claim.value:g}" if claim.b is None else claim.b
    if claim.expect == ABOUT:
        factor = "" if claim.ratio is None else f"{claim.ratio:g} times "
        slack = "" if claim.within is None else f", give or take {claim.within:.0%}"
        return f"{claim.compare}: {claim.a} = {factor}{other}{slack}"
    sign = ">" if claim.expect == HIGHER else "<"
    factor = f"{claim.ratio:g} times " if claim.ratio is not None and claim.within is not None else ""
    slack = f", give or take {claim.within:.0%}" if claim.within else ""
    return f"{claim.compare}: {claim.a} {sign} {factor}{other}{slack}"


def answers_in(page: str, scenarios: Sequence[Scenario]) -> dict[str, str]:
    """What the last column of a page says of these scenarios' claims, by claim id.

    A dash is no answer, and neither is one to another question: in another scenario, or with another condition.
    """
    asked = {(claim.id, each.file.stem, condition(claim)) for each in scenarios for claim in each.claims}
    rows = [_cells(line) for line in page.splitlines() if re.match(r"\| \d{3}-", line)]
    return {row[0]: row[-1] for row in rows if (row[0], *row[-3:-1]) in asked and row[-1] != NOT_ANSWERED}


def not_asked(page: str) -> tuple[tuple[str, str, str], ...]:
    """What no scenario asks, by the page's table of three columns: source, what it says, why not; as plain text."""
    rows = re.findall(r"^\| (\d{3}) \| (.+?) \| (.+) \|$", page.replace("`", ""), flags=re.MULTILINE)
    return tuple((source, what, why) for source, what, why in rows)


def rewritten(page: str, scenarios: Sequence[Scenario], answers: Mapping[str, str]) -> str:
    """The page with a new block; what stands around it stays.

    Raises:
        ValueError: the page has no block.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page has no {BEGIN} ... {END}")
    return before + claims_block(scenarios, answers) + after


def shipped(folder: Path) -> tuple[Scenario, ...]:
    """All scenarios of a folder, by name."""
    return tuple(load(file) for file in sorted(folder.glob("*.toml")))


if __name__ == "__main__":
    page_file = Path(sys.argv[1])
    old, all_of_them = page_file.read_text(encoding="utf-8"), shipped(Path(sys.argv[2]))
    page_file.write_text(rewritten(old, all_of_them, answers_in(old, all_of_them)), encoding="utf-8")
