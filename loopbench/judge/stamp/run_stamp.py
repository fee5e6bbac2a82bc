"""From a run to its stamp: collects every figure that the rules ask for."""

from loopbench.judge.run.run import Run
from loopbench.judge.stamp.generator_metrics import generator_metrics
from loopbench.judge.stamp.load_metrics import load_metrics
from loopbench.judge.stamp.machine_metrics import machine_metrics
from loopbench.judge.stamp.metrics import RunMetrics
from loopbench.judge.stamp.open_session import OpenSession
from loopbench.judge.stamp.stamp import Stamp, evaluate
from loopbench.judge.stamp.target_metrics import target_metrics


def stamp_run(run: Run, session: OpenSession) -> Stamp:
    """The stamp of one run.

    Args:
        run: a complete run of the session, or an attempt that does not count yet.
        session: what it belongs to.

    Raises:
        DataError: a file of the run is damaged.
    """
    return evaluate(run_metrics(run, session))


def run_metrics(run: Run, session: OpenSession) -> RunMetrics:
    """Every figure of one run that the rules ask for. Arguments and errors as for `stamp_run`."""
    return RunMetrics(
        **target_metrics(run, session.reference),
        **load_metrics(run),
        **generator_metrics(run, session.ceiling),
        **machine_metrics(run, session.canaries, remote=bool(session.record.scenario.remote_workers)),
    )
