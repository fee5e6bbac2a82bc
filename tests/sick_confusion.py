"""The confusion table of the diagnosis: the class of each sick app against the class that its recording gets.

    python -m tests.sick_confusion

judges every recording and writes `docs/confusion.md`.
"""

import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from loopbench.judge.diagnosis.findings import Kind
from tests import sick_recordings
from tests.sick_labels import LABELS, Label, wrong

DOCUMENT: Final = Path(__file__).resolve().parents[1] / "docs" / "confusion.md"
HEAD: Final = """# Confusion table

Every recording of `tests/sick_apps/recorded`, judged by the present rules. Written by
`.venv/bin/python -m tests.sick_confusion`. The apps are described in `tests/sick_apps`, the reports behind some of them
in [The diagnosis](diagnosis.md#public-reports).
"""


class Judged(NamedTuple):
    """One recording."""

    label: Label
    kind: Kind
    also: tuple[Kind, ...]
    place: str
    problem: str


def judged() -> Iterator[Judged]:
    """Judge every recording."""
    for label in LABELS:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            found = sick_recordings.read(label, folder).diagnosis(folder, label)
            problem = wrong(label, found, sick_recordings.RECORDED_APPS)
        place = "" if found.guilty is None else found.guilty.short_place
        yield Judged(label, found.kind, tuple(each.kind for each in found.also), place, problem)


def classes(rows: list[Judged]) -> str:
    """Return a row for each class that an app has, with how often each class was diagnosed."""
    counts: dict[Kind, Counter[Kind]] = {}
    for row in rows:
        counts.setdefault(row.label.kind, Counter())[row.kind] += 1
    lines = [
        f"| {kind} | {sum(counts[kind].values())} | {', '.join(f'{n} {found}' for found, n in counts[kind].items())} |"
        for kind in Kind
        if kind in counts
    ]
    return "\n".join(["| class of the app | recordings | diagnosed |", "|---|---|---|", *lines])


def apps(rows: list[Judged]) -> str:
    """Return a row for each recording."""
    lines = [
        f"| {row.label.slug} | {row.label.kind} | {row.kind} | {row.place} | {', '.join(row.also)} | {row.problem} |"
        for row in rows
    ]
    head = "| app, path and loop | class | diagnosed | line | beside it | wrong |"
    return "\n".join([head, "|---|---|---|---|---|---|", *lines])


def main() -> int:
    """Write the document; returns 1 if a diagnosis is wrong."""
    rows = list(judged())
    DOCUMENT.write_text(f"{HEAD}\n{classes(rows)}\n\n{apps(rows)}\n", encoding="utf-8")
    return int(any(row.problem for row in rows))


if __name__ == "__main__":
    sys.exit(main())
