"""The job's page on GitHub: `summary.md` appended to the file that `GITHUB_STEP_SUMMARY` names."""

from pathlib import Path
from typing import Final

from loopbench.judge.session.session_report import SessionReport
from loopbench.judge.summary.markdown import markdown

MOST_BYTES: Final = 1024 * 1024
"""Of one step; GitHub drops a larger summary whole."""
CUT: Final = "\n\nCut here: GitHub takes 1 MiB a step. The whole text is `summary.md` in the session's folder.\n"


def append_summary(report: SessionReport, path: Path) -> None:
    """Append the summary, cut at the end of a line where it would be too large together with what is there.

    Raises:
        OSError: the file cannot be written.
    """
    taken = path.stat().st_size if path.exists() else 0
    with path.open("ab") as file:
        file.write(fitted(markdown(report), MOST_BYTES - taken))


def fitted(text: str, room_bytes: int) -> bytes:
    """As much of a text as there is room for; nothing where there is not even room to say so."""
    data, cut = text.encode(), CUT.encode()
    if len(data) <= room_bytes:
        return data
    kept = data[: max(0, room_bytes - len(cut))].rpartition(b"\n")[0]
    return kept + cut if kept else b""
