"""Writes the claims of all scenarios as the block of tables in `docs/claims.md`.

    python -m loopbench.scenario.claims_table docs/claims.md scenarios

Run it after a scenario has changed. Existing answers are kept unless the claim's scenario or condition has changed.
"""

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from loopbench.scenario.claims import ABOUT, HIGHER, IN_MS, Claim
from loopbench.scenario.file import load
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
"""Title of each source, by the first part of a claim's id."""

CONTENTS: Final = {
    "000": "An article. One app writes a file in four ways, with 100 users: a plain `def` and a thread reach about 550 "
    "requests per second, aiofiles 470, and a blocking call in `async def` 205.",
    "001": "A course page on executors, background work, limits, locks, pools, cancellation and workers.",
    "002": "FastAPI's own page. Waiting profits from concurrency and computing from processes. A plain `def` runs in a "
    "thread, so a trivial endpoint should be `async def`.",
    "003": "A post with experiments: six requests at once, one of which blocks; two waits gathered; the GIL; messages.",
    "004": "A guide with one rule: await in `async def`, and put blocking work into a plain `def`. A blocking call in "
    "`async def` freezes every request; there are three fixes.",
}
"""What each source is about, for a reader who does not know it."""

WORDS: Final = ("REPRODUCED", "NOT REPRODUCED", "NOT DECIDED")


def claims_block(scenarios: Sequence[Scenario], answers: Mapping[str, str]) -> str:
    """Return the block of tables, with both markers."""
    lines = [BEGIN]
    for prefix, title in SOURCES.items():
        rows = list(_rows(scenarios, prefix, answers))
        header = ["", f"### {title}", "", CONTENTS[prefix], "", _counted(rows), ""]
        lines += (
            [*header, "| id | claim | where | measured in: holds if | answer |", "|" + "---|" * 5, *rows]
            if rows
            else []
        )
    return "\n".join([*lines, "", END])


def _rows(scenarios: Sequence[Scenario], prefix: str, answers: Mapping[str, str]) -> Iterator[str]:
    for scenario in scenarios:
        for claim in scenario.claims:
            if claim.id.startswith(prefix):
                answer = answers.get(claim.id, NOT_ANSWERED)
                where = claim.where.removeprefix(f"{prefix}, ")
                yield _line(claim.id, claim.text, where, _measured_in(scenario, claim), answer)


def _measured_in(scenario: Scenario, claim: Claim) -> str:
    return f"{scenario.file.stem}: {condition(claim)}"


def _counted(rows: Sequence[str]) -> str:
    """Return how many claims have each answer."""
    answers = [_cells(row)[-1].partition(":")[0] for row in rows]
    counts = ", ".join(f"{answers.count(word)} {word}" for word in WORDS)
    missing = answers.count(NOT_ANSWERED)
    return f"{len(rows)} claims: {counts}" + (
        f", {missing} not measured since the claim was changed." if missing else "."
    )


def _line(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _cells(line: str) -> list[str]:
    return [cell.replace("\\|", "|") for cell in line[2:-2].split(" | ")]


def condition(claim: Claim) -> str:
    """Return the condition under which the claim holds, such as `goodput: a > b`."""
    unit = " ms" if claim.compare in IN_MS else ""
    other = f"{claim.value:g}{unit}" if claim.b is None else claim.b
    if claim.expect == ABOUT:
        factor = "" if claim.ratio is None else f"{claim.ratio:g} times "
        slack = "" if claim.within is None else f", give or take {100 * claim.within:.0f} %"
        return f"{claim.compare}: {claim.a} = {factor}{other}{slack}"
    sign = ">" if claim.expect == HIGHER else "<"
    factor = f"{claim.ratio:g} times " if claim.ratio is not None and claim.within is not None else ""
    slack = f", give or take {100 * claim.within:.0f} %" if claim.within else ""
    return f"{claim.compare}: {claim.a} {sign} {factor}{other}{slack}"


def answers_in(page: str, scenarios: Sequence[Scenario]) -> dict[str, str]:
    """Return the answers in a page's last column to these scenarios' claims, by claim id.

    A dash is not an answer. An answer for another scenario or another condition is dropped.
    """
    asked = {(claim.id, _measured_in(each, claim)) for each in scenarios for claim in each.claims}
    rows = [_cells(line) for line in page.splitlines() if re.match(r"\| \d{3}-", line)]
    return {row[0]: row[-1] for row in rows if (row[0], row[-2]) in asked and row[-1] != NOT_ANSWERED}


def not_asked(page: str) -> tuple[tuple[str, str, str], ...]:
    """Return the claims that no scenario tests, from the page's table: source, claim and reason, as plain text."""
    rows = re.findall(r"^\| (\d{3}) \| (.+?) \| (.+) \|$", page.replace("`", ""), flags=re.MULTILINE)
    return tuple((source, what, why) for source, what, why in rows)


def rewritten(page: str, scenarios: Sequence[Scenario], answers: Mapping[str, str]) -> str:
    """Return the page with a new block and the rest unchanged. Raises ValueError if the page has no block."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page has no {BEGIN} ... {END}")
    return before + claims_block(scenarios, answers) + after


def shipped(folder: Path) -> tuple[Scenario, ...]:
    """Load all scenarios of a folder, sorted by file name."""
    return tuple(load(file) for file in sorted(folder.glob("*.toml")))


if __name__ == "__main__":
    page_file = Path(sys.argv[1])
    old, all_of_them = page_file.read_text(encoding="utf-8"), shipped(Path(sys.argv[2]))
    page_file.write_text(rewritten(old, all_of_them, answers_in(old, all_of_them)), encoding="utf-8")
