"""Session and run records are read back as written, or refused with a reason."""

from pathlib import Path

import pytest

from loopbench.errors import DataError
from loopbench.records import FORMAT_VERSION
from loopbench.records.codec import from_json, to_json
from loopbench.records.session import Counts, Phase, PlannedRun, read_run, read_session, run_folders


def test_a_record_comes_back_equal() -> None:
    run = PlannedRun(number=3, kind="ramp", round=0, variant="def", seed=1, expected_s=2.5)
    assert from_json(PlannedRun, to_json(run), "here") == run
    assert run.folder == "0003-ramp-def"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "null",
        '{"name": "ramp", "start_s": "0", "end_s": 1.0}',
        '{"name": "ramp", "start_s": true, "end_s": 1.0}',
    ],
)
def test_a_damaged_record_is_refused_with_its_source(text: str) -> None:
    with pytest.raises(DataError, match=r"phase\.json"):
        from_json(Phase, text, "phase.json")


@pytest.mark.parametrize(
    ("counts", "agree"),
    [
        (Counts(server=5, samples=5, locust=5, unfinished=0), True),
        (Counts(server=5, samples=4, locust=5, unfinished=0), False),
        (Counts(server=None, samples=5, locust=5, unfinished=0), False),
        (Counts(server=None, samples=None, locust=None, unfinished=0), False),
    ],
)
def test_counts_agree_only_when_all_three_are_known_and_equal(counts: Counts, agree: bool) -> None:
    assert counts.agree == agree


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (f'{{"format": {FORMAT_VERSION + 1}}}', "update loopbench"),
        ('{"format": 0}', "older format"),
        (f'{{"format": {FORMAT_VERSION}}}', "missing"),
        ("{", "session.json"),
    ],
)
def test_other_formats_and_damage_are_refused_with_what_to_do(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "session.json").write_text(text)
    with pytest.raises(DataError, match=reason):
        read_session(tmp_path)


def test_a_folder_without_records_is_no_session_and_no_run(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no loopbench folder"):
        read_session(tmp_path)
    with pytest.raises(DataError, match="unfinished"):
        read_run(tmp_path)


def test_attempts_never_count_as_runs(tmp_path: Path) -> None:
    for name in ("0001-ramp-a", ".0002-ramp-b.attempt-1"):
        (tmp_path / "runs" / name).mkdir(parents=True)
    assert [path.name for path in run_folders(tmp_path)] == ["0001-ramp-a"]
