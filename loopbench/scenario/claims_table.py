"""The list of all claims of all scenarios, as the block of tables in `docs/claims.md`.

    python -m loopbench.scenario.claims_table docs/claims.md scenarios

writes it again after a scenario has changed; answers that stand there already are kept.
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
                yield "| " + " | ".join(cell.replace("|", "\\|") for cell in (*cells, answer)) + " |"


def condition(claim: Claim) -> str:
    """What must be measured for the claim to hold, as `goodput: a > b`."""
    other = f"{claim.value:g}" if claim.b is None else claim.b
    if claim.expect == ABOUT:
        factor = "" if claim.ratio is None else f"{claim.ratio:g} times "
        slack = "" if claim.within is None else f", give or take {claim.within:.0%}"
        return f"{claim.compare}: {claim.a} = {factor}{other}{slack}"
    sign = ">" if claim.expect == HIGHER else "<"
    factor = f"{claim.ratio:g} times " if claim.ratio is not None and claim.within is not None else ""
    return f"{claim.compare}: {claim.a} {sign} {factor}{other}"


def answers_in(page: str) -> dict[str, str]:
    """What the last column of a page says, by claim id; dashes are no answers."""
    rows = re.findall(r"^\| (\d{3}-\S+) \|.*\| (.*?) \|$", page, flags=re.MULTILINE)
    return {claim_id: answer for claim_id, answer in rows if answer != NOT_ANSWERED}


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
    old = page_file.read_text(encoding="utf-8")
    page_file.write_text(rewritten(old, shipped(Path(sys.argv[2])), answers_in(old)), encoding="utf-8")
