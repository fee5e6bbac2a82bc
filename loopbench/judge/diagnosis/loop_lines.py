"""Lines of code on which a target's loop spent its time, added up over a window.

A line has an owner, which shows how sure the blame is: the user's own code was on the stack; or none was, and the
endpoint being served or a package that ran is the nearest thing to it; or there was only framework and library.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePath
from typing import Any, Final

import pandas as pd

from loopbench.judge.run.probe_log import BLOCKED, PLACE_COLUMNS
from loopbench.records.source_lines import SourceLine

HANDOVERS: Final = frozenset({"asyncio/selector_events.py", "asyncio/sslproto.py"})


class Owner(StrEnum):
    """Whose a line is."""

    USER = "own code"
    NEAR = "nearest to it"  # an endpoint whose answer was being made, or an installed package
    LIBRARY = "library"


@dataclass(frozen=True, slots=True)
class LoopLine:
    """Where the loop's thread was, and for how long.

    `file`, `line` and `function` are what can be changed; `inner_*` is what really ran there.
    """

    owner: Owner
    file: str
    line: int
    function: str
    inner_file: str
    inner_line: int
    inner_function: str
    blocked: bool  # in steps over the limit; else in short ones
    seconds: float
    share: float  # of all time of the same kind (blocked or short steps) in the window
    cpu_s: float | None  # of `seconds`, computing; None: not measured
    source: SourceLine | None = None  # its text, where it was kept
    longest_s: float | None = None  # the most of it in one blocked step; None: none, or a probe that did not say

    @property
    def cpu_share(self) -> float | None:
        """How much of its time it computed (0 to 1); the rest it waited, on the loop."""
        return None if self.cpu_s is None or not self.seconds else min(1.0, self.cpu_s / self.seconds)

    @property
    def place(self) -> str:
        """`file:line in function`."""
        return f"{self.file}:{self.line} in {self.function}"

    @property
    def short_place(self) -> str:
        """The same for sentences and pictures: the end of a path names the file, its beginning the machine."""
        return f"{_end_of(self.file)}:{self.line} in {self.function}"

    @property
    def inner_short_place(self) -> str:
        """What really ran there, as short."""
        return f"{_end_of(self.inner_file)}:{self.inner_line} in {self.inner_function}"

    @property
    def is_handover(self) -> bool:
        """Found where asyncio gives up the GIL, with none of the app's own code on the stack.

        A step shorter than the interpreter's switch interval (5 ms) keeps the watching thread waiting until its answer
        is sent, and is seen there: the time is the step's, not the socket's.
        """
        return self.owner is Owner.NEAR and _end_of(self.inner_file) in HANDOVERS

    @property
    def is_innermost(self) -> bool:
        """Nothing written in Python ran below it."""
        return (self.file, self.line) == (self.inner_file, self.inner_line)


def loop_lines(lines: pd.DataFrame, sources: Mapping[tuple[str, int], SourceLine]) -> tuple[LoopLine, ...]:
    """The lines of `ProbeLogs.lines`, added up; blocked ones first, each kind with the longest first."""
    if lines.empty:
        return ()
    places = lines.groupby(["kind", *PLACE_COLUMNS], dropna=False)
    sums = places[["seconds", "cpu_s"]].sum(min_count=1).assign(longest_s=places["longest_s"].max()).reset_index()
    totals = sums.groupby("kind")["seconds"].sum().to_dict()
    made = [_line(row, float(totals[row["kind"]]), sources) for row in sums.to_dict("records")]
    return tuple(sorted(made, key=lambda line: (not line.blocked, -line.seconds)))


def by_own_line(lines: tuple[LoopLine, ...]) -> tuple[LoopLine, ...]:
    """One entry for each changeable line, its inner places added up; `inner_*` is the longest of them."""
    first: dict[tuple[Any, ...], list[LoopLine]] = {}
    for line in lines:
        first.setdefault((line.blocked, line.file, line.line, line.function), []).append(line)
    return tuple(
        sorted((_added(group) for group in first.values()), key=lambda line: (not line.blocked, -line.seconds))
    )


def _end_of(path: str) -> str:
    return "/".join(PurePath(path.replace("\\", "/")).parts[-2:])


def _line(row: Mapping[Any, Any], total_s: float, sources: Mapping[tuple[str, int], SourceLine]) -> LoopLine:
    inner = str(row["file"]), int(row["line"]), str(row["function"])
    owner, (file, line, function) = _owned(row, inner)
    seconds = float(row["seconds"])
    return LoopLine(
        owner,
        file,
        line,
        function,
        *inner,
        blocked=row["kind"] == BLOCKED,
        seconds=seconds,
        share=seconds / total_s if total_s else 0.0,
        cpu_s=None if pd.isna(row["cpu_s"]) else float(row["cpu_s"]),
        source=sources.get((file, line)),
        longest_s=None if pd.isna(row["longest_s"]) else float(row["longest_s"]),
    )


def _owned(row: Mapping[Any, Any], inner: tuple[str, int, str]) -> tuple[Owner, tuple[str, int, str]]:
    for owner, prefix in ((Owner.USER, "user"), (Owner.NEAR, "near")):
        if not pd.isna(row[f"{prefix}_file"]):
            place = (str(row[f"{prefix}_file"]), int(row[f"{prefix}_line"]), str(row[f"{prefix}_function"]))
            return owner, place
    return Owner.LIBRARY, inner


def _added(group: list[LoopLine]) -> LoopLine:
    longest = max(group, key=lambda line: line.seconds)
    computed = [line.cpu_s for line in group if line.cpu_s is not None]
    stretches_s = [line.longest_s for line in group if line.longest_s is not None]
    return LoopLine(
        longest.owner,
        longest.file,
        longest.line,
        longest.function,
        longest.inner_file,
        longest.inner_line,
        longest.inner_function,
        blocked=longest.blocked,
        seconds=sum(line.seconds for line in group),
        share=sum(line.share for line in group),
        cpu_s=sum(computed) if computed else None,
        source=longest.source,
        longest_s=max(stretches_s, default=None),
    )
