"""Session and run records are read back as written, or refused with a reason."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from loopbench.errors import DataError
from loopbench.records import FORMAT_VERSION
from loopbench.records.codec import from_json, to_json
from loopbench.records.session import SESSION_FILE, Counts, Phase, PlannedRun, read_run, read_session, run_folders

EXAMPLE = Path(__file__).parents[2] / "results" / "example"


def test_a_record_comes_back_equal() -> None:
    run = PlannedRun(number=3, kind="ramp", round=0, variant="def", seed=1, expected_s=2.5)
    assert from_json(PlannedRun, to_json(run), "here") == run
    assert run.folder == "0003-ramp-def"


def test_time_outside_the_load_is_all_but_the_phases_of_a_run() -> None:
    record = read_run(next(run_folders(EXAMPLE)))
    phases = (Phase("warmup", 1.0, 2.0), Phase("hold", 2.0, 9.0))
    assert replace(record, wall_s=10.5, load_s=9.0, phases=phases).outside_load_s == 2.5
    assert replace(record, wall_s=10.5, load_s=9.0, phases=()).outside_load_s == 1.5


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


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        (("load", "users"), -1, r"scenario\.load\.users"),
        (("load", "users"), "30", r"scenario\.load\.users"),
        (("load", "unheard_of"), 1, r"scenario\.load\.unheard_of"),
        (("load", "rate"), [5.0], r"scenario\.load\.rate"),
        (("baseline",), "no variant", "one of the variants"),
        (("variants",), [], r"scenario\.variants"),
        (("variants",), [{"name": "\ud800", "path": "/"}], "Invalid JSON"),
        (("target",), None, r"scenario\.target"),
        (("expect",), [{"figure": "goodput"}], "a gate takes"),
    ],
)
def test_a_damaged_scenario_is_refused_with_the_place(
    tmp_path: Path, path: tuple[str, ...], value: object, reason: str
) -> None:
    record = json.loads((EXAMPLE / SESSION_FILE).read_text())
    table = record["scenario"]
    for key in path[:-1]:
        table = table[key]
    table[path[-1]] = value
    (tmp_path / SESSION_FILE).write_text(json.dumps(record))
    with pytest.raises(DataError, match=reason):
        read_session(tmp_path)


@pytest.mark.parametrize(("key", "value"), [("kind", "a/../../../out/x"), ("variant", "../x")])
def test_a_plan_names_no_folder_outside_the_session(tmp_path: Path, key: str, value: str) -> None:
    record = json.loads((EXAMPLE / SESSION_FILE).read_text())
    record["plan"][0][key] = value
    (tmp_path / SESSION_FILE).write_text(json.dumps(record))
    with pytest.raises(DataError, match=rf"plan\.0\.{key}"):
        read_session(tmp_path)


def test_a_key_that_was_added_later_has_its_default(tmp_path: Path) -> None:
    record = json.loads((EXAMPLE / SESSION_FILE).read_text())
    del record["scenario"]["load"]["arrivals"]
    (tmp_path / SESSION_FILE).write_text(json.dumps(record))
    assert read_session(tmp_path).scenario.load.arrivals == "exponential"
