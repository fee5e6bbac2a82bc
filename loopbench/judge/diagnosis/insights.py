"""Why a run went as it did: everything that explains its figures, each from its own module, read once."""

from dataclasses import dataclass

from loopbench.judge.diagnosis.diagnosis import Diagnosis, diagnose_run
from loopbench.judge.diagnosis.loop_curve import LoopMoment, loop_curve
from loopbench.judge.diagnosis.run_ceilings import RunCeilings, run_ceilings
from loopbench.judge.diagnosis.time_spent import TimeSpent, time_spent
from loopbench.judge.run.open_loop import OpenLoop, RateCurve, open_loop, rate_curve
from loopbench.judge.run.run import Run
from loopbench.records.samples import PHASE_HOLD, PHASE_RAMP


@dataclass(frozen=True)
class OpenMode:
    """A run whose requests were due on a schedule."""

    climb: RateCurve
    hold: OpenLoop | None


@dataclass(frozen=True)
class Insights:
    """What stands behind the figures of one run. None where it could not be observed, or does not apply."""

    diagnosis: Diagnosis
    ceilings: RunCeilings | None
    time_spent: TimeSpent | None
    loop: tuple[LoopMoment, ...]  # every second of every worker
    open_mode: OpenMode | None  # None in closed mode


def insights(run: Run, cores: int) -> Insights:
    """Look into one complete run.

    Args:
        run: the run.
        cores: processors of the machine, for a target that is not pinned.

    Raises:
        DataError: a file of the run is damaged.
    """
    return Insights(
        diagnosis=diagnose_run(run),
        ceilings=run_ceilings(run, cores),
        time_spent=None if run.diagnosed is None else time_spent(run, run.diagnosed),
        loop=loop_curve(run),
        open_mode=_open_mode(run) if run.is_open else None,
    )


def _open_mode(run: Run) -> OpenMode:
    ramp, hold = run.phase(PHASE_RAMP), run.phase(PHASE_HOLD)
    climb = rate_curve(run.samples, ramp.start_s, ramp.end_s) if ramp.width_s > 0 else []
    return OpenMode(
        climb=RateCurve(run.variant.name, tuple(climb)),
        hold=open_loop(run.samples, hold.start_s, hold.end_s) if hold.width_s > 0 else None,
    )
