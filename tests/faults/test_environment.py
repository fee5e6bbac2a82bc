"""Variables of the shell and files of the current folder that would change a measurement silently."""

from pathlib import Path

import pytest

from loopbench.records.session import read_run, read_session, run_folders
from tests.faults.faults import LOOPBENCH, Ended, Measuring, check_end, write_scenario
from tests.faults.shared_sessions import HOSTILE

pytestmark = pytest.mark.real


def test_a_hostile_environment_changes_nothing_and_is_recorded(healthy: Ended) -> None:
    for folder in run_folders(healthy.session):
        run = read_run(folder)
        assert run.users_started == 3
        assert len(run.target_pids) == 1
        assert run.counts.agree
    assert set(HOSTILE) <= set(read_session(healthy.session).environment_ignored)


@pytest.mark.nightly
def test_64_descriptors_are_enough_for_a_small_session(tmp_path: Path) -> None:
    file = write_scenario(tmp_path)
    few = ["/bin/sh", "-c", 'ulimit -n 64; exec "$@"', "sh", *LOOPBENCH]
    with Measuring(tmp_path, file, "--seed", "0", command=few) as measuring:
        check_end(measuring.end(), 0)
