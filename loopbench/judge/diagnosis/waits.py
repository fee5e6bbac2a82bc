"""What the target's pool threads and suspended tasks waited for, and how full its thread pools were."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import pandas as pd

from loopbench.judge.diagnosis.loop_lines import LoopLine, Owner, by_own_line, line_of
from loopbench.judge.run.probe_records import PLACE_COLUMNS
from loopbench.judge.run.run import Run
from loopbench.records.session import Phase

REQUEST, GIVEN_UP = "request", "given_up"
BACKGROUND: Final = ("after_answer", "part", "other")
TASK_GROUPS: Final = (REQUEST, GIVEN_UP, *BACKGROUND)
DEFAULT_EXECUTORS: Final = frozenset({"asyncio", "uvloop"})  # names of the default executor's threads, by loop
ANYIO: Final = "anyio"
MAX_LINES: Final = 5  # of one finding


@dataclass(frozen=True, slots=True)
class Turn:
    """Something of the app that is handed from one request to the next."""

    name: str  # as a reader should see it
    frames: str  # pattern of the calls that wait for it, outermost first
    text: str = r"(?!)"  # pattern of a source line that waits for it in C, without a frame of its own
    advice: tuple[str, ...] = ()  # what to do if it is too narrow


TURNS: Final = (
    Turn(
        "a connection of the database pool",
        r"sqlalchemy/pool/impl\.py:\w+\nsqlalchemy/util/\w*queue"
        r"|asyncpg/pool\.py:\w+\n(asyncpg/compat\.py:\w+\n)?asyncio/"
        r"|psycopg_pool/\w+\.py:\w+\n(threading\.py|asyncio/|psycopg_pool/_acompat)"
        r"|redis/(asyncio/)?connection\.py:\w+\n(queue\.py|threading\.py|asyncio/)",
        advice=(
            "give the connection back earlier: use and close it before anything else is awaited or computed",
            "a larger pool, if the database allows more connections; more threads or workers do not widen it",
        ),
    ),
    Turn(
        "a connection of the HTTP client's pool",
        r"httpcore/_a?sync/connection(_pool)?\.py:\w+\nhttpcore/_synchronization\.py|aiohttp/connector\.py:\w+$"
        r"|urllib3/connectionpool\.py:\w+\nqueue\.py",
        advice=(
            "raise the client's limits (httpx.Limits(max_connections=...), aiohttp.TCPConnector(limit=...))",
            "close or read every response, so that its connection goes back",
        ),
    ),
    Turn(
        "a lock, semaphore or limiter",
        r"asyncio/locks\.py:(acquire|__aenter__)$|threading\.py:(acquire|__enter__|wait_for)$"
        r"|anyio/_core/_synchronization\.py:\w+$|anyio/_backends/_asyncio\.py:(acquire\w*|__aenter__)$"
        r"|anyio/_backends/_asyncio\.py:(run_sync_in_worker_thread|acquire\w*|__aenter__)\nasyncio/locks\.py:wait$",
        r"(?i:\bwith\b.*(?:\b|_|r)(lock|sem\w*|limiter)\b)|\.acquire\s*\(",
        (
            "hold it for a shorter time: only around the state that it protects, not over I/O",
            "widen it, or use one per key instead of one for all",
        ),
    ),
    Turn(
        "an item of a queue",
        r"(asyncio/queues|queue)\.py:(get|put)$|queue\.py:(get|put)\nthreading\.py:wait$",
        advice=("if it is a pool: give the item back earlier, or make more of them",),
    ),
)
"""In the order in which they are tried."""

FOR_A_THREAD: Final = r"anyio/_backends/_asyncio\.py:run_sync_in_worker_thread\nasyncio/locks\.py:wait$"
"""A call that waits for a thread of a limiter of anyio, the default one or another."""
IN_EXECUTOR_QUEUE: Final = r"asyncio/base_events\.py:(getaddrinfo|getnameinfo)"
"""A call that the default executor serves, whichever calls have filled it."""

TO_EXECUTOR: Final = r"\brun_in_executor\s*\(|\bto_process\."
"""A source line that hands work to an executor, whatever its workers are."""
RECEIVES: Final = r"uvicorn/protocols/http/\w+\.py:receive"
"""A call that waits for the next part of a request's body, or for its client to disconnect."""
NO_WAIT: Final = "__sleep0"
"""The function of asyncio in which a task stands after `await asyncio.sleep(0)`."""
HOP: Final = r"anyio/to_thread\.py|asyncio/threads\.py|starlette/concurrency\.py|aiofiles/"
"""A call that hands work to a thread."""


@dataclass(frozen=True, slots=True)
class Wait:
    """A line at which members of a group are, and how many of them on average."""

    group: str  # one of TASK_GROUPS, a thread pool, or `thread NAME`
    line: LoopLine  # the innermost own line, with the calls below it
    mean: float  # members there

    @property
    def turn(self) -> Turn | None:
        """Return what it waits for, if that is handed from request to request."""
        return turn_of(self.line)

    @property
    def is_for_an_executor(self) -> bool:
        """Return whether it awaits the result of an executor's job at the line itself."""
        return self.line.source is not None and bool(re.search(TO_EXECUTOR, self.line.source.itself))

    @property
    def caller(self) -> str:
        """Return the last two functions of the app that lead there; equal for waits that belong together."""
        return "\n".join([call for call in self.line.calls if "/" in call][-3:])

    def is_for(self, pattern: str) -> bool:
        """Return whether a call below the line matches."""
        return bool(re.search(pattern, "\n".join(_calls_below(self.line))))


def turn_of(line: LoopLine) -> Turn | None:
    """Return what a line waits for, if that is handed from request to request."""
    below = "\n".join([*_calls_below(line), *_innermost(line)])
    text = line.source.itself if line.source is not None and line.is_innermost else ""
    return next((turn for turn in TURNS if re.search(turn.frames, below) or re.search(turn.text, text)), None)


def _calls_below(line: LoopLine) -> tuple[str, ...]:
    """Return the calls below the user's own line."""
    own = "/".join(line.file.replace("\\", "/").split("/")[-2:]) + ":"
    last = max((index for index, call in enumerate(line.calls) if call.startswith(own)), default=-1)
    return line.calls[last + 1 :]


def _innermost(line: LoopLine) -> tuple[str, ...]:
    """Return the innermost function where it is not the call that entered its file."""
    if line.is_innermost or not line.calls:
        return ()
    innermost = f"{line.calls[-1].rpartition(':')[0]}:{line.inner_function}"
    return () if innermost == line.calls[-1] else (innermost,)


@dataclass(frozen=True, slots=True)
class ThreadPool:
    """A pool of threads, means over the window."""

    name: str
    size: float
    at_work: float
    waiting: float

    @property
    def is_full(self) -> bool:
        """Return whether jobs wait while nearly all threads are at work."""
        return self.waiting >= 1.0 and self.at_work >= 0.9 * self.size


@dataclass(frozen=True, slots=True)
class TaskCounts:
    """Mean number of tasks by what they serve."""

    request: float
    given_up: float
    after_answer: float
    other: float
    pipelined: float


def wait_figures(run: Run, window: Phase) -> dict[str, Any]:
    """The fields of `LoopFigures` that the sampled threads and tasks give."""
    return {
        "waits": _waits(run, window),
        "pools": _pools(run.seconds_within(run.probe.pools, window)),
        "tasks": _tasks(run.seconds_within(run.probe.tasks, window)),
    }


def _waits(run: Run, window: Phase) -> tuple[Wait, ...]:
    rows = run.seconds_within(run.probe.waits, window)
    if rows.empty:
        return ()
    sampled = {False: _sampled_s(run, window, run.probe.tasks), True: _sampled_s(run, window, run.probe.seconds)}
    lengths_s = (rows["t1_monotonic_s"] - rows["t0_monotonic_s"]).astype(float)
    sums = rows.assign(member_s=rows["mean"].astype(float) * lengths_s)
    sums = sums.groupby(["group", *PLACE_COLUMNS], dropna=False)["member_s"].sum().reset_index()
    total_s = float(sums["member_s"].sum())
    made = [
        Wait(row["group"], line_of(row, row["member_s"], total_s, run.source_lines), row["member_s"] / seen_s)
        for row in sums.to_dict("records")
        if (seen_s := sampled[row["group"] not in TASK_GROUPS])
    ]
    return tuple(sorted(made, key=lambda wait: -wait.mean))


def _sampled_s(run: Run, window: Phase, table: pd.DataFrame) -> float:
    """Return the time that a table's rows cover, each second once whatever the number of workers."""
    rows = run.seconds_within(table, window)
    return float((rows["t1_monotonic_s"] - rows["t0_monotonic_s"]).sum()) / max(1, rows["pid"].nunique())


def _pools(rows: pd.DataFrame) -> tuple[ThreadPool, ...]:
    means = rows.groupby("pool")[["size", "threads", "at_work", "queue"]].mean()
    return tuple(
        ThreadPool(str(name), float(row["size"]) or float(row["threads"]), float(row["at_work"]), float(row["queue"]))
        for name, row in means.iterrows()
    )


def _tasks(rows: pd.DataFrame) -> TaskCounts | None:
    if rows.empty:
        return None
    means = rows[list(TaskCounts.__dataclass_fields__)].mean()
    return TaskCounts(**{str(name): float(value) for name, value in means.items()})


def lines_of(waits: Iterable[Wait]) -> tuple[LoopLine, ...]:
    """The lines at which most of them are, those that can be changed first."""
    lines = by_own_line(tuple(wait.line for wait in waits))
    return tuple(sorted(lines, key=lambda line: (line.owner is not Owner.USER, -line.seconds))[:MAX_LINES])


def at_line(lines: tuple[LoopLine, ...], before: str = "") -> str:
    """` at FILE:LINE in FUNCTION`, of the first line that can be changed; empty without one."""
    own = next((line for line in lines if line.owner is not Owner.LIBRARY), None)
    return "" if own is None else f"{before} at {own.short_place}"


def where(waits: list[Wait]) -> str:
    """One sentence with the line at which most of them are; empty without one that can be changed."""
    lines = lines_of(waits)
    own = next((line for line in lines if line.owner is not Owner.LIBRARY), None)
    if own is None:
        return ""
    call = "" if own.is_innermost else f" ({own.inner_short_place})"
    return f" Most are at {own.short_place}{call}."
