"""Lines of code on which a target's loop spent its time, added up over a window.

A line has an owner, which shows how sure the blame is: the user's own code was on the stack; or none was, and the
endpoint being served or a package that ran is the nearest thing to it; or there was only framework and library.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import PurePath
from typing import Any, Final

import pandas as pd

from loopbench.judge.run.probe_records import BLOCKED, PLACE_COLUMNS
from loopbench.records.source_lines import SourceLine

MAX_LINES: Final = 10
MIN_SHARE: Final = 0.1  # of the time of its kind: a line below it is not the reason
MIN_OVERALL_SHARE: Final = 0.01
MIN_CALL_SHARE: Final = 0.3  # of a line's time, from which a call counts as one of its calls
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
    waited: bool = False  # where tasks were suspended or threads at work, not the loop's thread
    is_async: bool | None = None  # whether `function` is a coroutine's; None: not known
    calls: tuple[str, ...] = ()  # the calls that took a good part of the time, outermost first

    @property
    def cpu_share(self) -> float | None:
        """How much of its time it computed (0 to 1); the rest it waited, on the loop."""
        return None if self.cpu_s is None or not self.seconds else min(1.0, self.cpu_s / self.seconds)

    @property
    def time_of(self) -> str:
        """What `share` is a part of."""
        return "waits" if self.waited else "blocked time" if self.blocked else "time in short steps"

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
    made = [line_of(row, float(row["seconds"]), float(totals[row["kind"]]), sources) for row in sums.to_dict("records")]
    return tuple(sorted(made, key=lambda line: (not line.blocked, -line.seconds)))


def by_own_line(lines: tuple[LoopLine, ...]) -> tuple[LoopLine, ...]:
    """One entry for each changeable line, its inner places added up; `inner_*` is the longest of them."""
    first: dict[tuple[Any, ...], list[LoopLine]] = {}
    for line in lines:
        first.setdefault((line.blocked, line.file, line.line, line.function), []).append(line)
    return tuple(
        sorted((_added(group) for group in first.values()), key=lambda line: (not line.blocked, -line.seconds))
    )


def ranked(lines: list[LoopLine]) -> tuple[LoopLine, ...]:
    """Lines that can be changed and that matter first, then the framework's and the rest; each longest first."""
    known_s = total_s([line for line in lines if not line.is_handover])

    def rank(line: LoopLine) -> tuple[bool, float]:
        small = line.seconds < MIN_SHARE * known_s or line.share < MIN_OVERALL_SHARE
        return line.owner is Owner.LIBRARY or line.is_handover or small, -line.seconds

    return tuple(sorted(lines, key=rank)[:MAX_LINES])


def total_s(lines: list[LoopLine]) -> float:
    """Seconds of all of them."""
    return sum(line.seconds for line in lines)


def _end_of(path: str) -> str:
    return "/".join(PurePath(path.replace("\\", "/")).parts[-2:])


def line_of(
    row: Mapping[Any, Any], seconds: float, total_s: float, sources: Mapping[tuple[str, int], SourceLine]
) -> LoopLine:
    """Return the line of a row with the columns of a place; `total_s` is the time of all lines of its kind."""
    inner = str(row["file"]), int(row["line"]), str(row["function"])
    owner, (file, line, function) = _owned(row, inner)
    cpu_s, longest_s = row.get("cpu_s"), row.get("longest_s")
    return LoopLine(
        owner,
        file,
        line,
        function,
        *inner,
        blocked=row.get("kind") == BLOCKED,
        waited="group" in row,
        seconds=seconds,
        share=seconds / total_s if total_s else 0.0,
        cpu_s=None if cpu_s is None or pd.isna(cpu_s) else float(cpu_s),
        source=sources.get((file, line)),
        longest_s=None if longest_s is None or pd.isna(longest_s) else float(longest_s),
        is_async=None if pd.isna(row["is_async"]) else bool(row["is_async"]),
        calls=tuple(str(row["calls"]).split("\n")) if row["calls"] else (),
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
    return replace(
        longest,
        seconds=total_s(group),
        share=sum(line.share for line in group),
        cpu_s=sum(computed) if computed else None,
        longest_s=max(stretches_s, default=None),
        calls=_calls_of(group, longest),
    )


def _calls_of(group: list[LoopLine], longest: LoopLine) -> tuple[str, ...]:
    """The calls of the longest, and those that took a good part of the time of all."""
    seconds: Counter[str] = Counter()
    for line in group:
        seconds.update(dict.fromkeys(line.calls, line.seconds))
    enough_s = MIN_CALL_SHARE * sum(line.seconds for line in group)
    others = (call for call, spent_s in seconds.items() if spent_s >= enough_s and call not in longest.calls)
    return (*longest.calls, *others)
