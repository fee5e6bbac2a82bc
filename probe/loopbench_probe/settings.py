"""The probe's settings, read from environment variables and checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX = "LOOPBENCH_PROBE_"
WATCH, EXPLAIN = "watch", "explain"
LEVELS = (WATCH, EXPLAIN)


@dataclass(frozen=True)
class Moves:
    """Whose calls run in another concurrency style, and in which; an empty style leaves them as written."""

    route: str  # method and path, as in `GET /items/{item}`
    run_in: str
    run_dependencies_in: str


@dataclass(frozen=True)
class Settings:
    """The settings of one process. Times are in seconds."""

    directory: str
    nonce: str = ""
    level: str = WATCH
    poll_s: float = 0.005  # between two looks of the watching thread
    tick_s: float = 0.010  # between two heartbeats on the loop
    overdue_s: float = 0.010  # a longer time without a return to the loop counts as blocked
    thread_tokens: int | None = None  # size to give anyio's default limiter
    executor_threads: int | None = None  # size of the loop's default executor
    gc_freeze: bool = False  # freeze what exists once the app is loaded, so that no collection looks at it again
    moves: Moves | None = None
    signal_sampler: bool = False  # interrupt the loop thread by ITIMER_REAL while it is overdue

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Settings | None:
        """Return the settings in `environ`, or None if it names no directory.

        Raises:
            ValueError: a variable has a value that is not allowed. The text names variable, value and allowed values.
        """
        directory = environ.get(PREFIX + "DIR", "")
        if not directory:
            return None
        return cls(
            directory=directory,
            nonce=environ.get(PREFIX + "NONCE", ""),
            level=_choice(environ, "LEVEL", LEVELS),
            poll_s=_milliseconds(environ, "POLL_MS", cls.poll_s),
            tick_s=_milliseconds(environ, "TICK_MS", cls.tick_s),
            overdue_s=_milliseconds(environ, "OVERDUE_MS", cls.overdue_s),
            thread_tokens=_count(environ, "THREAD_TOKENS"),
            executor_threads=_count(environ, "EXECUTOR_THREADS"),
            gc_freeze=_choice(environ, "GC_FREEZE", ("0", "1")) == "1",
            moves=_moves(environ),
            signal_sampler=_choice(environ, "SIGNAL_SAMPLER", ("0", "1")) == "1",
        )


def _moves(environ: Mapping[str, str]) -> Moves | None:
    route, styles = environ.get(PREFIX + "ROUTE", ""), ("", "threadpool", "event_loop")
    chosen = [_choice(environ, name, styles) for name in ("RUN_IN", "RUN_DEPENDENCIES_IN")]
    return Moves(route, *chosen) if route else None


def _choice(environ: Mapping[str, str], name: str, allowed: tuple[str, ...]) -> str:
    value = environ.get(PREFIX + name, "") or allowed[0]
    if value not in allowed:
        raise ValueError(f"{PREFIX}{name}={value!r}: allowed are {', '.join(allowed)}")
    return value


def _milliseconds(environ: Mapping[str, str], name: str, default_s: float) -> float:
    text = environ.get(PREFIX + name, "")
    if not text:
        return default_s
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.5 <= value <= 1000.0:
        raise ValueError(f"{PREFIX}{name}={text!r}: allowed are milliseconds from 0.5 to 1000")
    return value / 1000.0


def _count(environ: Mapping[str, str], name: str) -> int | None:
    text = environ.get(PREFIX + name, "")
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise ValueError(f"{PREFIX}{name}={text!r}: allowed are whole numbers from 1")
    return int(text)
