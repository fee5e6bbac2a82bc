"""The judge the runner is handed: reads the session's folder between runs, and never while one is under way."""

from pathlib import Path

from loopbench.measure.judging import Standing
from loopbench.records.session import PlannedRun


class SessionJudge:
    """See `loopbench.measure.judging.Judge`. pandas and scipy are imported when it is asked for the first time."""

    def least_window_s(self, session_folder: Path, run: PlannedRun) -> float:
        """How long the steady window of a plateau or a step run must last at least, with all users there."""
        from loopbench.judge.rounds.between_runs import least_window_s

        return least_window_s(session_folder, run.variant)

    def faults(self, run_folder: Path, session_folder: Path) -> tuple[str, ...]:
        """Why a run is INVALID and should be measured again; nothing when it may stand."""
        from loopbench.judge.rounds.between_runs import faults_of

        return faults_of(run_folder, session_folder)

    def standing(self, session_folder: Path) -> Standing:
        """Whether every declared comparison is narrow enough."""
        from loopbench.judge.rounds.between_runs import rounds_standing

        return Standing(*rounds_standing(session_folder))
