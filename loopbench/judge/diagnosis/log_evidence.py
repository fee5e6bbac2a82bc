"""What the target's own log says about answers that fail: exceptions with their last own line, and refusals."""

from collections import Counter
from dataclasses import dataclass
from pathlib import PurePath
from typing import Final

from loopbench.records.tracebacks import OwnLine, raised

REFUSED: Final = "Exceeded concurrency limit"  # uvicorn's warning where `--limit-concurrency` refuses a request
MAX_TEXT: Final = 200


@dataclass(frozen=True, slots=True)
class Raised:
    """An exception that was logged, and how often."""

    text: str  # `TimeoutError: QueuePool limit of size 5 ...`
    place: str  # its last own line, `shop/main.py:27 in order`; empty without one
    count: int


@dataclass(frozen=True, slots=True)
class LogEvidence:
    """What a target's log says."""

    refusals: int
    most_frequent: Raised | None


def log_evidence(log: str) -> LogEvidence:
    """Read a target's log."""
    counts = Counter((each.text[:MAX_TEXT], _place(each.own)) for each in raised(log))
    (text, place), count = counts.most_common(1)[0] if counts else (("", ""), 0)
    return LogEvidence(log.count(REFUSED), Raised(text, place, count) if count else None)


def _place(own: tuple[OwnLine, ...]) -> str:
    """The innermost own line, with the end of its path; empty without one."""
    if not own:
        return ""
    end = "/".join(PurePath(own[-1].file.replace("\\", "/")).parts[-2:])
    return f"{end}:{own[-1].line} in {own[-1].function}"
