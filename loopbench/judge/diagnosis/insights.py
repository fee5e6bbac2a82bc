"""Why a run went as it did: everything that explains its figures, each from its own module, read once."""

from dataclasses import dataclass

from loopbench.judge.diagnosis.diagnosis import Diagnosis, diagnose_run
from loopbench.judge.diagnosis.loop_curve import LoopMoment, loop_curve
from loopbench.judge.diagnosis.run_ceilings import RunCeilings, run_ceilings
from loopbench.judge.diagnosis.time_spent import TimeSpent, time_spent
from loopbench.judge.run.load_figures import window_of
from loopbench.judge.run.open_loop import OpenLoop, RateCurve, open_loop, rate_curve
from loopbench.judge.run.probe_log import ProbeLogs, read_probe_logs
from loopbench.judge.run.run_files import RunFiles
from loopbench.records.codec import from_json
from loopbench.records.load_order import MODE_OPEN, LoadOrder
from loopbench.records.samples import PHASE_HOLD, PHASE_RAMP
from loopbench.records.session import LOAD_ORDER_FILE, SessionRecord


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


def insights(files: RunFiles, session: SessionRecord) -> Insights:
    """Look into one complete run.

    Raises:
        DataError: a file of the run is damaged.
    """
    logs = read_probe_logs(files.folder)
    head = files.samples.head
    return Insights(
        diagnosis=diagnose_run(files.folder, files.record, files.samples),
        ceilings=run_ceilings(files, int(session.machine.get("cores", 1))),
        time_spent=_time_spent(files, logs),
        loop=loop_curve(logs, files.samples, head.origin_monotonic_s) if head and logs.processes else (),
        open_mode=_open_mode(files) if session.scenario.mode == MODE_OPEN else None,
    )


def _time_spent(files: RunFiles, logs: ProbeLogs) -> TimeSpent | None:
    window, head = window_of(files.record.phases), files.samples.head
    if window is None or head is None or not logs.processes:
        return None
    path = files.folder / LOAD_ORDER_FILE
    order = from_json(LoadOrder, path.read_bytes(), str(path))
    own_first = sorted(order.requests, key=lambda request: request.name != files.variant.name)
    asked = {request.name: (request.method, request.target) for request in own_first}
    return time_spent(files.samples, logs, window, head.origin_monotonic_s, asked)


def _open_mode(files: RunFiles) -> OpenMode:
    ramp, hold = files.phase(PHASE_RAMP), files.phase(PHASE_HOLD)
    climb = rate_curve(files.samples, ramp.start_s, ramp.end_s) if ramp.end_s > ramp.start_s else []
    return OpenMode(
        climb=RateCurve(files.variant.name, tuple(climb)),
        hold=open_loop(files.samples, hold.start_s, hold.end_s) if hold.end_s > hold.start_s else None,
    )
