"""For GitHub Actions: annotations of lines that blocked the loop, and the summary on the job's page.

The command's format and its escapes: "Workflow commands for GitHub Actions", GitHub's documentation; the escapes are
those of `@actions/core` (`toolkit/packages/core/src/command.ts`).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from loopbench.ci.located import TITLE, Located
from loopbench.judge.session.session_report import SessionReport
from loopbench.judge.summary.markdown import markdown
from loopbench.showable import showable

MAX_ANNOTATIONS: Final = 10  # GitHub shows no more warnings of one step
MAX_SUMMARY_BYTES: Final = 1024 * 1024  # GitHub drops a larger summary of one step whole
CUT: Final = "\n\nCut here: GitHub takes 1 MiB a step. The whole text is `summary.md` in the session's folder.\n"


def annotations(found: Sequence[Located]) -> tuple[str, ...]:
    """Returns a workflow command for each finding, at most `MAX_ANNOTATIONS`."""
    return tuple(_warning(each) for each in found[:MAX_ANNOTATIONS])


def append_summary(report: SessionReport, path: Path) -> None:
    """Append the summary, cut at the end of a line where it would be too large together with what is there."""
    taken = path.stat().st_size if path.exists() else 0
    with path.open("ab") as file:
        file.write(fitted(markdown(report), MAX_SUMMARY_BYTES - taken))


def fitted(text: str, room_bytes: int) -> bytes:
    """Returns as much of a text as fits, with a note on the cut; empty where not even the note fits."""
    data, cut = text.encode(), CUT.encode()
    if len(data) <= room_bytes:
        return data
    kept = data[: max(0, room_bytes - len(cut))].rpartition(b"\n")[0]
    return kept + cut if kept else b""


def _warning(found: Located) -> str:
    properties = {"file": found.file, "line": str(found.line), "title": f"loopbench: {TITLE}"}
    joined = ",".join(f"{key}={_property(value)}" for key, value in properties.items())
    return f"::warning {joined}::{_data(found.message)}"


def _data(text: str) -> str:
    return showable(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
