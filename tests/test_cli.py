"""The command line against real processes: one whole session and one that fails; the rest is in `tests/faults/`."""

import json
import shutil
from pathlib import Path

import pytest

from loopbench.errors import ExitCode
from loopbench.events import EVENTS_FILE
from loopbench.records.own_ceiling import read_own_ceiling
from loopbench.records.session import REPORT_FILE, SESSION_FILE, read_run, run_folders
from tests.faults.commands import in_process
from tests.faults.faults import Ended, check_end
from tests.faults.shared_sessions import HOSTILE, failed_session, healthy_session

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Ended:
    """A session of two variants in a hostile environment."""
    return healthy_session(tmp_path_factory)


def test_a_small_session_ends_with_a_page_charts_and_equal_counts(healthy: Ended) -> None:
    session = healthy.session
    for name in (REPORT_FILE, "summary.json", "summary.csv", "summary.md"):
        assert (session / name).stat().st_size > 0
    assert list((session / "charts").glob("*.svg"))
    assert [path.name for path in (session / "charts").glob("*.png")] == ["rps-users.png"]
    runs = [read_run(folder) for folder in run_folders(session)]
    assert sorted(run.variant for run in runs) == ["before", "faulty"]
    for run in runs:
        assert run.counts.agree
        assert run.counts.samples
        assert run.users_started == 3
        assert len(run.target_pids) == 1
        assert [phase.name for phase in run.phases] == ["warmup", "ramp", "hold", "drain"]
    assert set(HOSTILE) <= set(json.loads((session / SESSION_FILE).read_text())["environment_ignored"])
    assert read_own_ceiling(session) is not None
    last = json.loads((session / EVENTS_FILE).read_text().splitlines()[-1])
    assert (last["event"], last["finished_runs"]) == ("session_ended", 2)
    check_end(healthy, 0)


def test_report_draws_the_newest_session_again_from_its_files(
    healthy: Ended, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    session = shutil.copytree(healthy.session, tmp_path / "results" / "case" / healthy.session.name)
    (session / REPORT_FILE).unlink()
    assert in_process(capsys, monkeypatch, tmp_path, "report").code == healthy.code
    assert (session / REPORT_FILE).stat().st_size > 0


def test_a_variant_that_fails_its_verification_is_a_result_and_the_others_are_measured(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """`tests/probe/test_in_a_run.py` looks at the run that was measured."""
    failed = failed_session(tmp_path_factory)
    check_end(failed, ExitCode.TARGET, "  kept: 1 of 1 runs are complete")
    assert "faulty: failing, left out" in failed.stdout
    assert "status 500, expected 200" in failed.stderr
    assert [read_run(folder).variant for folder in run_folders(failed.session)] == ["before"]
    assert (failed.session / REPORT_FILE).exists()
    assert "account for the same" in failed.stderr
