"""Gates whose limits are ratios to an earlier session: judged again with that session at hand."""

from dataclasses import replace

from loopbench.judge.compare.comparison import compare_sessions
from loopbench.judge.session.session_gates import Baseline, session_gates
from loopbench.judge.session.session_report import SessionReport


def with_baseline(report: SessionReport, before: SessionReport, *, anyway: bool = False) -> SessionReport:
    """The same session with its gates held against an earlier one.

    Args:
        report: the session that is judged.
        before: the baseline session.
        anyway: compare although they differ in more than the code; otherwise such gates cannot be told.
    """
    found = compare_sessions(before, report)
    unlike = () if anyway else tuple(each.sentence for each in found.unlike)
    baseline = Baseline(before.rounds, found.drift, unlike)
    return replace(report, gates=session_gates(report.record.scenario, report.runs, report.rounds, baseline))
