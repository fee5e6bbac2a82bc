"""Session folders from elsewhere: nothing outside them is read, nothing is written through them."""

import json
import math
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest

from loopbench import secrecy
from loopbench.console import MAX_DETAIL_CHARACTERS, MAX_ERROR_CHARACTERS, print_error
from loopbench.errors import DataError, ExitCode
from loopbench.judge.cross_check.locust_csv import read as read_history
from loopbench.judge.diagnosis.load_figures import load_figures
from loopbench.judge.rounds import between_runs
from loopbench.judge.run.dataframes import sample_frames
from loopbench.judge.run.run import open_run
from loopbench.judge.run.samples import DTYPE, MAX_TEXTS, Samples, read_head, read_samples
from loopbench.judge.session.session_report import judge_session
from loopbench.measure.remote_target import fresh_count
from loopbench.notebook import load as load_notebook
from loopbench.records import FORMAT_VERSION
from loopbench.records import samples as layout
from loopbench.records.failures import FAILURES_FILE, read_failures
from loopbench.records.files import MAX_DEPTH, MAX_FILE_BYTES, MAX_JSON_BYTES, read_file, write_file
from loopbench.records.frames import Frame, decode, encode
from loopbench.records.own_ceiling import CEILING_FILE, read_own_ceiling
from loopbench.records.probe_tail import ProbeTail
from loopbench.records.session import LOAD_FILE, SESSION_FILE, Phase, file_fact, read_session, session_folders
from loopbench.records.timeline import TIMELINE_FILE, read_timeline
from tests.faults.commands import Command
from tests.judge.made_run import made_run

EXAMPLE = Path(__file__).parents[2] / "results" / "example"
A_RUN: Final = "runs/0001-ramp-aiofiles"
READERS: Final[Mapping[str, Callable[[Path], object]]] = {
    FAILURES_FILE: read_failures,
    CEILING_FILE: read_own_ceiling,
    LOAD_FILE: lambda run: open_run(run, read_session(run.parents[1]).scenario.variants).spec,
    TIMELINE_FILE: read_timeline,
}


@pytest.fixture
def session(tmp_path: Path) -> Path:
    """A copy of the example."""
    return Path(shutil.copytree(EXAMPLE, tmp_path / "session"))


def test_a_link_out_of_the_folder_is_not_followed_and_nothing_is_written(
    command: Command, session: Path, tmp_path: Path
) -> None:
    """A link called `charts` would have had our files written wherever it points."""
    shutil.rmtree(session / "charts")
    (tmp_path / "elsewhere").mkdir()
    (session / "charts").symlink_to(tmp_path / "elsewhere")
    before = {path: path.stat().st_mtime_ns for path in session.rglob("*")}
    ended = command("report", session)
    assert ended.code == ExitCode.DATA
    assert "error[session-hostile]" in ended.stderr
    assert "nothing was read or written" in ended.stderr
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert {path: path.stat().st_mtime_ns for path in session.rglob("*")} == before


@pytest.mark.parametrize("place", ["session.json", "runs/0001-ramp-aiofiles/target.log", "runs/0001-ramp-aiofiles"])
def test_what_a_link_points_to_is_not_read(place: str, session: Path, tmp_path: Path) -> None:
    """Neither a file's text nor another folder gets into a page."""
    path = session / place
    path.rename(tmp_path / "moved")
    path.symlink_to(tmp_path / "moved")
    with pytest.raises(DataError, match="symbolic link"):
        judge_session(session)


def test_a_pipe_in_the_folder_is_refused_and_not_opened(session: Path) -> None:
    """Opening it would wait for ever."""
    os.mkfifo(session / "runs" / "0001-ramp-aiofiles" / "probe-1.jsonl")
    with pytest.raises(DataError, match="a device, a pipe or a socket"):
        judge_session(session)


def test_a_file_that_is_larger_than_any_of_ours_is_refused(session: Path) -> None:
    """A terabyte of nothing takes no room on the disk, but all memory when it is read."""
    with (session / "runs" / "0001-ramp-aiofiles" / "samples-0.bin").open("ab") as file:
        file.truncate(10**12)
    with pytest.raises(DataError, match="more than any session writes"):
        judge_session(session)


def test_a_huge_session_json_is_not_read_whole(session: Path) -> None:
    """It is looked at up to the most that we would write."""
    with (session / SESSION_FILE).open("ab") as file:
        file.truncate(MAX_JSON_BYTES * 10)
    with pytest.raises(DataError, match="no loopbench has written it"):
        judge_session(session)


@pytest.mark.parametrize("place", [FAILURES_FILE, CEILING_FILE, f"{A_RUN}/load.json", f"{A_RUN}/timeline.json"])
def test_no_json_file_is_read_whole_that_is_larger_than_any_of_ours(place: str, session: Path) -> None:
    """Text as an object takes many times its size of memory."""
    with (session / place).open("ab") as file:
        file.truncate(MAX_JSON_BYTES + 1)
    with pytest.raises(DataError, match="no loopbench has written it"):
        READERS[Path(place).name]((session / place).parent)


@pytest.mark.parametrize(
    "text", [b"[" * 100_000, b'{"format": ' + b"9" * 5_000 + b"}", b"", b"\xff\xfe", b"null", b'{"format": "2"}'],
    ids=["nested", "digits", "empty", "no text", "null", "text for a number"],
)  # fmt: skip
def test_a_session_json_that_is_none_is_damaged_data(text: bytes, session: Path) -> None:
    """One sentence, not a traceback."""
    (session / SESSION_FILE).write_bytes(text)
    with pytest.raises(DataError):
        judge_session(session)


def test_a_failed_variant_in_a_state_of_its_own_is_damaged_data(session: Path) -> None:
    """The state stands in sentences as it is."""
    failure = {"variant": "def", "state": "dead\n# VALID", "reason": "", "detail": ""}
    (session / FAILURES_FILE).write_text(json.dumps({"variants": [failure]}))
    with pytest.raises(DataError, match="state: Input should be"):
        judge_session(session)


@pytest.mark.parametrize(("version", "words"), [(99, "update loopbench"), (1, "older format 1")])
def test_another_format_says_what_to_do(command: Command, version: int, words: str, session: Path) -> None:
    """Newer and older need different steps."""
    record = json.loads((session / SESSION_FILE).read_text())
    (session / SESSION_FILE).write_text(json.dumps(record | {"format": version}))
    ended = command("report", session)
    assert ended.code == ExitCode.DATA
    assert words in ended.stderr


def linked_file(session: Path, elsewhere: Path) -> None:
    (session / "export").mkdir()
    (session / "export" / "samples.csv").symlink_to(elsewhere / "precious")


def linked_folder(session: Path, elsewhere: Path) -> None:
    (session / "export").symlink_to(elsewhere)


def linked_run(session: Path, elsewhere: Path) -> None:
    run = min((session / "runs").iterdir())
    run.rename(elsewhere / run.name)
    run.symlink_to(elsewhere / run.name)


def deep_folders(session: Path, _: Path) -> None:
    """A little deeper than a session; far deeper, Python could not follow."""
    session.joinpath(*["d"] * (MAX_DEPTH + 1)).mkdir(parents=True)


def piped_record(session: Path, _: Path) -> None:
    (session / SESSION_FILE).unlink()
    os.mkfifo(session / SESSION_FILE)


MAKE_HOSTILE = (linked_file, linked_folder, linked_run, deep_folders, piped_record)
HOSTILE = pytest.mark.parametrize("make_hostile", MAKE_HOSTILE)
UNREADABLE: Final = {"nan": b'{"format": 2, "seed": NaN}', "nested": b"[" * 100_000, "empty": b'{"format": 2}'}
"""Texts for `session.json`."""

RUN = ("run", EXAMPLE.parents[1] / "scenarios" / "file_write.toml", "--no-lock", "--resume")


@HOSTILE
@pytest.mark.parametrize(
    ("before", "behind"),
    [(("export", "--force"), ()), (("report",), ()), (("compare",), (EXAMPLE,)), (RUN, ())],
    ids=["export", "report", "compare", "run"],
)
def test_every_command_that_opens_a_session_refuses_what_no_session_holds(
    command: Command,
    make_hostile: Callable[[Path, Path], None],
    before: tuple[str, ...],
    behind: tuple[Path, ...],
    session: Path,
    tmp_path: Path,
) -> None:
    """Before it reads or writes: nothing outside is read, nothing outside is changed, nothing waits for ever."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "precious").write_text("mine")
    make_hostile(session, elsewhere)
    ended = command(*before, session, *behind)
    assert ended.code == ExitCode.DATA
    assert "error[session-hostile]" in ended.stderr
    assert (elsewhere / "precious").read_text() == "mine"
    assert not (elsewhere / "samples.csv").exists()


@HOSTILE
def test_a_notebook_refuses_it_too(make_hostile: Callable[[Path, Path], None], session: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    make_hostile(session, elsewhere)
    with pytest.raises(DataError, match=r"a session holds files and folders only|deeper than any folder of a session"):
        load_notebook(session)


def test_the_second_session_that_is_compared_is_looked_at_too(command: Command, session: Path, tmp_path: Path) -> None:
    linked_folder(session, tmp_path)
    ended = command("compare", EXAMPLE, session)
    assert ended.code == ExitCode.DATA
    assert "error[session-hostile]" in ended.stderr


def test_a_history_leaves_out_what_it_cannot_read_and_names_it(command: Command, session: Path, tmp_path: Path) -> None:
    """A search for sessions follows no link."""
    results, elsewhere = tmp_path / "results", tmp_path / "elsewhere"
    shutil.copytree(session, results / "good")
    session.rename(elsewhere)
    (results / "zz-newest").symlink_to(elsewhere)
    assert list(session_folders(results)) == [results / "good"]
    for make_hostile in MAKE_HOSTILE:
        (tmp_path / make_hostile.__name__).mkdir()
        make_hostile(Path(shutil.copytree(EXAMPLE, results / make_hostile.__name__)), tmp_path / make_hostile.__name__)
    for name, text in UNREADABLE.items():
        shutil.copytree(EXAMPLE, results / name)
        (results / name / SESSION_FILE).write_bytes(text)
    ended = command("history", results)
    assert ended.code == ExitCode.OK
    for name in (*(each.__name__ for each in MAKE_HOSTILE), *UNREADABLE):
        assert f"left out: {name}" in ended.stdout
    assert "left out: zz-newest: it is a link" in ended.stdout
    assert "left out: good" not in ended.stdout
    assert "1 session alike" in ended.stdout


@pytest.mark.parametrize(
    "judgement",
    [
        lambda session: between_runs.response_s(session, "aiofiles"),
        lambda session: between_runs.cycle_s(session, "aiofiles"),
        lambda session: between_runs.faults_of(min((session / "runs").iterdir()), session),
        between_runs.rounds_standing,
    ],
    ids=["response time", "cycle", "faults", "rounds"],
)
def test_records_that_do_not_fit_together_are_damaged_data_between_two_runs_too(
    judgement: Callable[[Path], object], session: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`run --resume` judges the runs of a folder that may come from a stranger."""

    def overflow(*_: object) -> None:
        raise OverflowError

    monkeypatch.setattr(between_runs, "open_run", overflow)
    monkeypatch.setattr(between_runs, "judge_rounds", overflow)
    with pytest.raises(DataError, match="do not fit together"):
        judgement(session)


@pytest.mark.parametrize("replaced", [Path.symlink_to, Path.hardlink_to], ids=["link", "second name"])
def test_a_file_is_replaced_and_never_written_into(replaced: Callable[[Path, Path], None], tmp_path: Path) -> None:
    precious, path = tmp_path / "precious", tmp_path / "summary.json"
    precious.write_text("mine")
    replaced(path, precious)
    write_file(path, "ours")
    assert (precious.read_text(), path.read_text()) == ("mine", "ours")


def test_a_file_that_becomes_a_link_between_the_check_and_the_reading_is_not_read(
    session: Path, tmp_path: Path
) -> None:
    """The folder was checked; its files are still opened without following a link."""
    record = session / SESSION_FILE
    record.rename(tmp_path / "moved")
    record.symlink_to(tmp_path / "moved")
    with pytest.raises(DataError, match="cannot be read"):
        read_file(record)


def run_with(**changes: Any) -> Callable[[Path], None]:
    def change(run: Path) -> None:
        record = json.loads((run / "run.json").read_text())
        (run / "run.json").write_text(json.dumps(record | changes))

    return change


def probe_with(line: bytes) -> Callable[[Path], None]:
    def add(run: Path) -> None:
        log = next(run.glob("probe-*.jsonl"))
        first, rest = log.read_bytes().split(b"\n", 1)
        log.write_bytes(b"\n".join([first, line, rest]))

    return add


def sample_at(start_s: float) -> Callable[[Path], None]:
    """A whole, well-formed file of samples, with the facts that `run.json` holds of it."""

    def write(run: Path) -> None:
        path, record = run / "samples-0.bin", json.loads((run / "run.json").read_text())
        with path.open("rb") as file:
            frames = [frame for frame in decode(file) if isinstance(frame, Frame) and frame.kind != layout.TRLR]
        row = layout.STRUCT.pack(start_s, 0.1, 0, 0, 0, 1, 1, 0, 0, 200, 0, 0)
        path.write_bytes(b"".join(encode(f.kind, f.payload) for f in frames) + encode(layout.SAMP, row))
        with path.open("rb") as file:
            fact = asdict(file_fact(path.name, file))
        facts = [fact if each["name"] == path.name else each for each in record["files"]]
        (run / "run.json").write_text(json.dumps(record | {"files": facts}))

    return write


def sparse_samples(run: Path) -> None:
    with (run / "samples-0.bin").open("r+b") as file:
        file.truncate(0)
        file.truncate(MAX_FILE_BYTES)


DAMAGE: Final[Mapping[str, Callable[[Path], None]]] = {
    "a phase of 30 years": run_with(phases=[{"name": "hold", "start_s": 0.0, "end_s": 1e9}]),
    "a hold of a week": run_with(phases=[{"name": "hold", "start_s": 0.0, "end_s": 604_000.0}]),
    "a ramp that began a week before": run_with(phases=[{"name": "ramp", "start_s": -604_000.0, "end_s": 0.0}]),
    "phases that overlap": run_with(phases=[{"name": "hold", "start_s": 1.0, "end_s": 50.0}] * 1_000),
    "a phase that ends before it begins": run_with(phases=[{"name": "hold", "start_s": 2.0, "end_s": 1.0}]),
    "more phases than any run has": run_with(phases=[{"name": "step-1", "start_s": 1.0, "end_s": 2.0}] * 20_001),
    "NaN": run_with(load_s=math.nan),
    "Infinity": run_with(load_s=math.inf),
    "an integer of 400 digits": run_with(number=10**400),
    "a float of 400 digits": run_with(wall_s=10**400),
    "a probe line with NaN": probe_with(b'{"record": "second", "t0_monotonic_s": NaN}'),
    "a probe line of no kind": probe_with(b'{"record": []}'),
    "a deep probe line": probe_with(b"[" * 100_000),
    "a sample that is no number": sample_at(math.nan),
    "a sample of another century": sample_at(1e10),
    "sparse samples": sparse_samples,
}


@pytest.mark.parametrize("first", [0, 1])
def test_a_record_that_no_run_leaves_costs_its_own_run(first: int, session: Path) -> None:
    """No array is made of its figures, and the other runs are judged."""
    every = sorted((session / "runs").iterdir())
    kinds = list(DAMAGE)[first::2]
    damaged = every[: len(kinds)]
    for damage, run in zip(kinds, damaged, strict=True):
        DAMAGE[damage](run)
    report = judge_session(session)
    assert [named.partition(": ")[0] for named in sorted(report.damaged)] == [run.name for run in damaged]
    assert len(report.records) == len(every) - len(damaged)


@pytest.mark.parametrize("head", [5, {"run": "n", "format": FORMAT_VERSION, "origin_monotonic_s": "x"}])
def test_a_head_of_samples_that_no_recorder_writes_is_refused(head: object, tmp_path: Path) -> None:
    (tmp_path / "samples-0.bin").write_bytes(encode(layout.HEAD, json.dumps(head).encode()))
    with pytest.raises(DataError):
        read_head(tmp_path)


def test_a_history_shows_a_year_that_utc_does_not_have_and_its_chart_replaces_a_link(
    command: Command, tmp_path: Path
) -> None:
    """`history --chart` writes beside the sessions, where no session's folder has been looked at."""
    results, every = tmp_path / "results", ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00")
    shutil.copytree(EXAMPLE, results / "good")
    for started in every:
        file = Path(shutil.copytree(EXAMPLE, results / started[:4])) / SESSION_FILE
        file.write_text(json.dumps(json.loads(file.read_text()) | {"started": started}))
    (tmp_path / "precious").write_text("mine")
    (results / "history.svg").symlink_to(tmp_path / "precious")
    ended = command("history", results, "--chart")
    assert ended.code == ExitCode.OK
    assert (tmp_path / "precious").read_text() == "mine"
    assert (results / "history.svg").read_text().startswith("<?xml")
    assert all(started[:16] in ended.stdout for started in every)


def test_an_error_about_ten_thousand_runs_is_cut(capsys: pytest.CaptureFixture[str]) -> None:
    print_error(DataError("; ".join(f"{number:04d}-ramp-x: foreign" for number in range(10_000))))
    assert len(capsys.readouterr().err) < 2 * MAX_ERROR_CHARACTERS


def test_a_long_quotation_in_an_error_is_cut_but_not_within_a_secret(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secrecy, "_remembered", {})
    secrecy.remember(["hunter2hunter2"])
    text = "x" * (MAX_DETAIL_CHARACTERS - 7) + "hunter2hunter2" + "\nx" * MAX_DETAIL_CHARACTERS
    print_error(DataError("foreign", detail=text))
    printed = capsys.readouterr().err
    assert len(printed) < 2 * MAX_DETAIL_CHARACTERS
    assert "hunter2" not in printed


@pytest.mark.parametrize("name", ["probe-1.jsonl", "probe-x.jsonl"])
def test_a_pipe_among_the_files_of_a_remote_probe_is_refused_and_not_opened(name: str, tmp_path: Path) -> None:
    """`run` waited for ever for somebody to write into it."""
    os.mkfifo(tmp_path / name)
    with pytest.raises(DataError, match="is not a regular file"):
        fresh_count(tmp_path)


@pytest.mark.parametrize(
    "figures", [{"utilization": "much"}, {"blocked": 7}, {"t1_monotonic_s": None}, {"blocked": [{"blocked_s": "x"}]}]
)
def test_a_foreign_record_of_a_probe_is_left_out_of_the_live_view(figures: dict[str, Any], tmp_path: Path) -> None:
    """The tab goes on with the next one: it froze, without a word."""
    tail, log = ProbeTail(tmp_path), tmp_path / "probe-7.jsonl"
    good = {"record": "second", "t0_monotonic_s": 1.0, "t1_monotonic_s": 2.0, "utilization": 0.5}
    log.write_text(json.dumps(good | figures) + "\n")
    assert tail.read() == []
    log.write_text(log.read_text() + json.dumps(good) + "\n")
    assert [second.utilization for second in tail.read()] == [0.5]


def test_a_history_of_a_million_million_users_is_refused(tmp_path: Path) -> None:
    """Each of them would get a place on the time axis."""
    rows = [
        f"{1_700_000_000 + second},{users},,Aggregated,{second},0" for second, users in enumerate([0, 1, 2, 10**12])
    ]
    path = tmp_path / "x_stats_history.csv"
    header = "Timestamp,User Count,Type,Name,Total Request Count,Total Failure Count"
    path.write_text("\n".join([header, *rows, ""]))
    with pytest.raises(DataError, match="more users came and went"):
        read_history(path)


def test_samples_with_more_events_than_a_run_has_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each takes twenty times the memory that it is long."""
    monkeypatch.setattr("loopbench.judge.run.samples.MAX_EVENTS", 3)
    with pytest.raises(DataError, match="more than 3 events"):
        read_samples(EXAMPLE / "runs" / "0001-ramp-aiofiles")


@pytest.mark.parametrize("table", ["names", "errors"])
def test_samples_with_more_texts_than_an_index_reaches_are_refused(table: str, tmp_path: Path) -> None:
    """Every name gets figures of its own."""
    tables = {"names": ["a"], "errors": [""], table: [""] * (MAX_TEXTS + 1)}
    (tmp_path / "samples-0.bin").write_bytes(encode(layout.NAME, json.dumps(tables).encode()))
    with pytest.raises(DataError, match="more than 65,536 names or errors"):
        read_samples(tmp_path)


def test_the_texts_of_two_files_are_refused_if_an_index_does_not_reach_all(tmp_path: Path) -> None:
    for number in (0, 1):
        names = [f"{number} {name}" for name in range(MAX_TEXTS // 2 + 1)]
        payload = json.dumps({"names": names, "errors": [""]}).encode()
        (tmp_path / f"samples-{number}.bin").write_bytes(encode(layout.NAME, payload))
    with pytest.raises(DataError, match="more than 65,536 names or errors"):
        read_samples(tmp_path)


def test_names_are_looked_up_and_not_searched_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A search for each among all the others took hours."""
    monkeypatch.setattr("loopbench.judge.run.samples.MAX_TEXTS", 10**6)
    names = [f"{name:x}" for name in range(200_000)]
    payload = json.dumps({"names": names, "errors": [""]}).encode()
    for number in (0, 1):
        (tmp_path / f"samples-{number}.bin").write_bytes(encode(layout.NAME, payload))
    samples = read_samples(tmp_path)
    assert samples.names == tuple(names)
    scenario = read_session(EXAMPLE).scenario
    run = open_run(EXAMPLE / A_RUN, scenario.variants)
    (frame,) = sample_frames(made_run(samples=samples, record=run.record, variant=run.variant), scenario)
    assert len(frame["request"].cat.categories) == len(names)


def test_a_name_that_no_request_has_gets_no_figures() -> None:
    rows = np.zeros(3, dtype=DTYPE)
    rows["name"] = [2, 7, 2]  # the table ends before 7
    samples = Samples(rows, ("a", "b", "c"), ("",), (), ())
    found = {name: places.tolist() for name, places in samples.of_each_name(samples.loaded)}
    assert found == {2: [0, 2]}
    load = load_figures(made_run(samples=samples), Phase("hold", 0.0, 1.0))
    assert [each.name for each in load.names] == ["c"]
