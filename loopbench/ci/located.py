"""The lines of the app's own code that blocked the event loop: what GitHub, SARIF and GitLab show on a diff."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Final

from loopbench.judge.diagnosis.diagnosis import Diagnosis
from loopbench.judge.diagnosis.findings import Kind
from loopbench.judge.diagnosis.loop_lines import MIN_SHARE, LoopLine, Owner
from loopbench.judge.figures import percent
from loopbench.judge.session.gates import Outcome
from loopbench.judge.session.session_report import SessionReport
from loopbench.showable import showable

RULE: Final = "event-loop-blocked"
TITLE: Final = "the event loop was blocked here"
WORKSPACES: Final = ("GITHUB_WORKSPACE", "CI_PROJECT_DIR")
"""The variables in which GitHub and GitLab name the folder of a job's checkout."""


@dataclass(frozen=True)
class Located:
    """A line of the app's own code, and what it did there."""

    file: str  # as recorded; relative where it lies below a root
    line: int
    message: str
    broke_a_gate: bool
    fingerprint: str  # the same for a line that has moved, and for no two findings


@dataclass(frozen=True)
class _Blamed:
    """A line, and the variant under which it blocked."""

    line: LoopLine
    variant: str
    broke_a_gate: bool


def located_findings(report: SessionReport, roots: tuple[PurePath, ...]) -> tuple[Located, ...]:
    """Returns every line that blocked the loop once, those that broke a gate first, then the longest.

    Args:
        report: of the session; lines of INVALID runs are left out.
        roots: folders that the paths may be relative to; the first that holds a file is used.
    """
    places: dict[tuple[str, int], list[_Blamed]] = {}
    for each in sorted(_blamed(report), key=lambda each: (not each.broke_a_gate, -each.line.seconds)):
        places.setdefault((each.line.file, each.line.line), []).append(each)
    lines = [blamed[0].line for blamed in places.values()]
    return tuple(
        Located(
            file=_relative(line.file, roots),
            line=line.line,
            message=_message(blamed),
            broke_a_gate=blamed[0].broke_a_gate,
            fingerprint=_fingerprint(line, lines, roots),
        )
        for line, blamed in zip(lines, places.values(), strict=True)
    )


def roots_of(environment: Mapping[str, str], here: PurePath) -> tuple[PurePath, ...]:
    """Returns the job's checkout, if there is one, and the working folder."""
    return (*(PurePath(environment[name]) for name in WORKSPACES if environment.get(name)), here)


def _blamed(report: SessionReport) -> Iterator[_Blamed]:
    for gate in report.gates:
        if gate.outcome is Outcome.NOT_MET and gate.line is not None:
            yield _Blamed(gate.line, gate.variant, broke_a_gate=True)
    for run in report.runs:
        diagnosis = run.diagnosis
        for line in diagnosis.lines if run.is_valid else ():
            if line.owner is Owner.USER and (line.blocked or _blocks_in_short_steps(line, diagnosis)):
                yield _Blamed(line, run.variant.name, broke_a_gate=False)


def _blocks_in_short_steps(line: LoopLine, diagnosis: Diagnosis) -> bool:
    """Whether a line blocks the loop in many short steps, such as `time.sleep(0.01)`."""
    return diagnosis.kind is Kind.LOOP_BLOCKED and line.share >= MIN_SHARE


def _message(blamed: list[_Blamed]) -> str:
    line = blamed[0].line
    once = "" if line.longest_s is None else f", up to {1000 * line.longest_s:.3g} ms at a time"
    variants = ", ".join(dict.fromkeys(each.variant for each in blamed))
    return showable(
        f"{line.function} held the loop for {percent(line.share)} of its {line.time_of}{once} (variant: {variants})"
    )


def _fingerprint(line: LoopLine, lines: Sequence[LoopLine], roots: tuple[PurePath, ...]) -> str:
    """Returns a hash of a line's file and text, and of its place among equal lines of the file."""
    alike = sorted(each.line for each in lines if (each.file, _text(each)) == (line.file, _text(line)))
    key = json.dumps([RULE, _relative(line.file, roots), _text(line), alike.index(line.line)])
    return hashlib.sha256(key.encode()).hexdigest()


def _text(line: LoopLine) -> str:
    """Returns the line's text, or the function's name where it was not kept."""
    return (line.source.itself.strip() if line.source else "") or line.function


def _relative(file: str, roots: tuple[PurePath, ...]) -> str:
    path = PurePath(file)
    return next((path.relative_to(root).as_posix() for root in roots if path.is_relative_to(root)), file)
