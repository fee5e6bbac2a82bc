"""For GitHub Actions: annotations of lines that blocked the loop, and the summary on the job's page.

The command's format and its escapes: "Workflow commands for GitHub Actions", GitHub's documentation; the escapes are
those of `@actions/core` (`toolkit/packages/core/src/command.ts`).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Final

from loopbench.judge.diagnosis.loop_lines import LoopLine, Owner
from loopbench.judge.session.gates import Outcome
from loopbench.judge.session.session_report import SessionReport
from loopbench.judge.summary.markdown import markdown
from loopbench.showable import showable

MAX_ANNOTATIONS: Final = 10
"""GitHub shows no more warnings of one step."""
MAX_SUMMARY_BYTES: Final = 1024 * 1024
"""GitHub drops a larger summary of one step whole."""
CUT: Final = "\n\nCut here: GitHub takes 1 MiB a step. The whole text is `summary.md` in the session's folder.\n"
TITLE: Final = "loopbench: the event loop was blocked here"


@dataclass(frozen=True)
class _Blamed:
    """A line of the app's own code, and the variant under which it blocked."""

    line: LoopLine
    variant: str
    broke_a_gate: bool


def annotations(report: SessionReport, roots: tuple[PurePath, ...]) -> tuple[str, ...]:
    """Returns a workflow command for each line of code, gates first, then the longest; at most `MAX_ANNOTATIONS`.

    Args:
        report: of the session; lines of INVALID runs are left out.
        roots: folders that GitHub's paths may be relative to; the first that holds a file is used.
    """
    places: dict[tuple[str, int], list[_Blamed]] = {}
    for each in sorted(_blamed(report), key=lambda each: (not each.broke_a_gate, -each.line.seconds)):
        places.setdefault((each.line.file, each.line.line), []).append(each)
    return tuple(_warning(blamed, roots) for blamed in list(places.values())[:MAX_ANNOTATIONS])


def roots_of(environment: Mapping[str, str], here: PurePath) -> tuple[PurePath, ...]:
    """Returns the job's workspace, if there is one, and the working folder."""
    workspace = environment.get("GITHUB_WORKSPACE", "")
    return (PurePath(workspace), here) if workspace else (here,)


def append_summary(report: SessionReport, path: Path) -> None:
    """Append the summary, cut at the end of a line where it would be too large together with what is there.

    Raises:
        OSError: the file cannot be written.
    """
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


def _blamed(report: SessionReport) -> Iterator[_Blamed]:
    for gate in report.gates:
        if gate.outcome is Outcome.NOT_MET and gate.line is not None:
            yield _Blamed(gate.line, gate.variant, broke_a_gate=True)
    for run in report.runs:
        for line in run.insights.diagnosis.lines if run.is_valid else ():
            if line.owner is Owner.USER and line.blocked:
                yield _Blamed(line, run.variant.name, broke_a_gate=False)


def _warning(blamed: list[_Blamed], roots: tuple[PurePath, ...]) -> str:
    line = blamed[0].line
    properties = {"file": _relative(line.file, roots), "line": str(line.line), "title": TITLE}
    joined = ",".join(f"{key}={_property(value)}" for key, value in properties.items())
    return f"::warning {joined}::{_data(_message(blamed))}"


def _message(blamed: list[_Blamed]) -> str:
    line = blamed[0].line
    once = "" if line.longest_s is None else f", up to {1000 * line.longest_s:.3g} ms at a time"
    variants = ", ".join(dict.fromkeys(each.variant for each in blamed))
    return f"{line.function} held the loop for {line.share:.0%} of its blocked time{once} (variant: {variants})"


def _relative(file: str, roots: tuple[PurePath, ...]) -> str:
    path = PurePath(file)
    return next((path.relative_to(root).as_posix() for root in roots if path.is_relative_to(root)), file)


def _data(text: str) -> str:
    return showable(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
