"""For GitHub Actions: annotations of lines that blocked the loop, and the summary on the job's page.

The command's format and its escapes: "Workflow commands for GitHub Actions", GitHub's documentation; the escapes are
those of `@actions/core` (`toolkit/packages/core/src/command.ts`).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from loopbench.ci.located import TITLE, Located
from loopbench.judge.session.session_report import SessionReport
from loopbench.judge.summary.markdown import Section, sections
from loopbench.showable import showable

MAX_ANNOTATIONS: Final = 10  # GitHub shows no more warnings of one step
MAX_SUMMARY_BYTES: Final = 900 * 1024  # GitHub drops the whole summary of a step above 1 MiB


def annotations(found: Sequence[Located]) -> tuple[str, ...]:
    """Returns a workflow command for each finding, at most `MAX_ANNOTATIONS`."""
    return tuple(_warning(each) for each in found[:MAX_ANNOTATIONS])


def append_summary(report: SessionReport, path: Path) -> None:
    """Append the summary, or as many of its sections as fit beside what is there."""
    taken = path.stat().st_size if path.exists() else 0
    with path.open("ab") as file:
        file.write(fitted(sections(report), MAX_SUMMARY_BYTES - taken))


def fitted(parts: Sequence[Section], room_bytes: int) -> bytes:
    """Returns the sections that fit, and a note on the others; the longest is left out first.

    Empty where not even the note fits.
    """
    kept, left_out = list(parts), list[str]()
    while True:
        data = ("".join(part.text for part in kept) + _note(left_out)).encode()
        if len(data) <= room_bytes or not kept:
            return data if len(data) <= room_bytes else b""
        longest = max(kept[1:] or kept, key=lambda part: len(part.text.encode()))
        kept.remove(longest)
        left_out.append(longest.name)


def _note(left_out: Sequence[str]) -> str:
    if not left_out:
        return ""
    names = ", ".join(left_out)
    return f"\nLeft out, because GitHub takes 1 MiB a step: {names}. `summary.md` in the session's folder has all.\n"


def _warning(found: Located) -> str:
    properties = {"file": found.file, "line": str(found.line), "title": f"loopbench: {TITLE}"}
    joined = ",".join(f"{key}={_property(value)}" for key, value in properties.items())
    return f"::warning {joined}::{_data(found.message)}"


def _data(text: str) -> str:
    return showable(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
