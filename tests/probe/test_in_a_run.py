"""The probe in a whole run of the harness: its counts and stamps agree with the generator's record."""

import numpy as np
import pytest

from loopbench.judge.diagnosis.time_spent import AFTER_APP, BEFORE_APP, ON_LOOP, time_spent
from loopbench.judge.run.probe_log import read_probe_logs
from loopbench.judge.run.run import Run
from loopbench.judge.run.samples import read_samples
from loopbench.records.session import Phase, read_run, run_folders
from tests.faults.shared_sessions import failed_session
from tests.made_scenario import made_scenario

pytestmark = pytest.mark.real

MIN_IN_APP_S = 0.015
"""Of `/slow`, which sleeps 20 ms; timers of a loop count whole milliseconds and may come early."""


def test_two_workers_at_the_explain_level_count_and_stamp_what_the_generator_recorded(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """One file a worker, requests by worker, and one answer in four with the app's stamps."""
    (folder,) = run_folders(failed_session(tmp_path_factory).session)
    record, logs, samples = read_run(folder), read_probe_logs(folder), read_samples(folder)
    assert record.counts.agree
    assert sorted(process.start.pid for process in logs.processes) == sorted(record.target_pids)
    assert len(logs.processes) == 2
    by_worker = [process.requests_total or 0 for process in logs.processes]  # 0 where the kernel gave it no connection
    assert sum(by_worker) == logs.requests_total
    assert logs.routes["requests"].sum() == logs.requests_total

    stamped = ~np.isnan(samples.rows["in_app_s"])
    assert 0.1 < np.mean(stamped) < 0.45
    assert (samples.rows["in_app_s"][stamped] >= MIN_IN_APP_S).all()
    assert (samples.rows["before_app_s"][stamped] + MIN_IN_APP_S < samples.rows["latency_s"][stamped]).all()

    assert samples.head is not None
    run = Run(folder, record, made_scenario("before").variants[0])
    spent = time_spent(run, Phase("", 0.0, record.phases[-1].end_s))
    assert spent is not None
    (request,) = spent.requests
    assert request.route == "GET /slow"
    assert None not in [request.mean_s(part) for part in (BEFORE_APP, ON_LOOP, AFTER_APP)]
