"""The probe in a whole run of the harness: its counts and stamps against what the generator wrote."""

from pathlib import Path

import numpy as np
import pytest

from loopbench.errors import ExitCode
from loopbench.judge.diagnosis.time_spent import AFTER_APP, BEFORE_APP, ON_LOOP, time_spent
from loopbench.judge.run.probe_log import read_probe_logs
from loopbench.judge.run.run import Run
from loopbench.judge.run.samples import read_samples
from loopbench.records.session import Phase, RecordedVariant, read_run, run_folders
from tests.judge.recorded_run import blank
from tests.test_cli import loopbench, scenario, session_of

pytestmark = pytest.mark.real

LEAST_IN_APP_S = 0.015
"""Of `/slow`, which sleeps 20 ms; timers of a loop count whole milliseconds and may come early."""


def test_two_workers_at_the_explain_level_count_and_stamp_what_the_generator_recorded(tmp_path: Path) -> None:
    """One file a worker, requests by worker, and one answer in four with the app's stamps."""
    question = scenario(tmp_path, "/slow", target="workers = 2\n")
    done = loopbench("run", question, "--explain", "--seed", "1", cwd=tmp_path)
    assert done.returncode in {ExitCode.OK, ExitCode.CANNOT_TELL}, done.stderr  # a busy machine is no fault here
    (folder,) = run_folders(session_of(tmp_path))
    record, logs, samples = read_run(folder), read_probe_logs(folder), read_samples(folder)
    assert record.counts.agree
    assert sorted(process.start.pid for process in logs.processes) == sorted(record.target_pids)
    assert len(logs.processes) == 2
    by_worker = [process.requests_total or 0 for process in logs.processes]
    assert sum(by_worker) == logs.requests_total
    assert min(by_worker) >= 1
    assert logs.routes["requests"].sum() == logs.requests_total

    stamped = ~np.isnan(samples.rows["in_app_s"])
    assert 0.1 < np.mean(stamped) < 0.45
    assert (samples.rows["in_app_s"][stamped] >= LEAST_IN_APP_S).all()
    assert (samples.rows["before_app_s"][stamped] + LEAST_IN_APP_S < samples.rows["latency_s"][stamped]).all()

    assert samples.head is not None
    told = time_spent(Run(folder, record, blank(RecordedVariant, name="slow")), Phase("", 0.0, record.phases[-1].end_s))
    assert told is not None
    (request,) = told.requests
    assert request.route == "GET /slow"
    assert None not in [request.mean_s(part) for part in (BEFORE_APP, ON_LOOP, AFTER_APP)]
