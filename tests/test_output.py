"""What goes where: results to stdout; words and progress to stderr, under --quiet nowhere; errors always to stderr."""

import io
import json
import re
import shlex
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import typer

from loopbench import cli
from loopbench.bundled import SCENARIOS
from loopbench.closing import _verdicts, details, next_commands, verdict_lines
from loopbench.commands import reporting
from loopbench.console import Speech, print_error, table_lines
from loopbench.errors import ExitCode, UsageError
from loopbench.judge.session.gates import GateAnswer, Outcome
from loopbench.judge.session.session_report import SessionReport
from loopbench.judge.session.session_stamp import MergedOutcome, SessionStamp
from loopbench.judge.stamp.stamp import CheckOutcome
from loopbench.judge.stamp.stamp_checks import Level
from loopbench.judge.statistics.verdict import Word
from loopbench.judge.summary.answer import headline
from loopbench.judge.summary.summary import to_json, write_summary
from loopbench.measure.events import (
    RoundFinished,
    RunProgressed,
    RunRepeated,
    RunStarted,
    SessionEnded,
    SessionStarted,
    TimeIsUp,
    VariantFailed,
)
from loopbench.plan import make_plan
from loopbench.progress import load_now, minutes, progress_on, time_note
from loopbench.records.failures import FailedState, VariantFailure
from loopbench.records.session import PlannedRun
from loopbench.records.tail import LiveView
from loopbench.scenario import load
from loopbench.scenario.gates import Gate
from tests.faults.shared_sessions import healthy_session
from tests.first_scenario.calling import Called, call
from tests.made_scenario import changed
from tests.plots.causes import explained, repeated
from tests.plots.reports import FOUR, NASTY, Made, session

ROOT = Path(__file__).parents[1]
CSV = ROOT / "tests" / "judge" / "locust_csv_samples" / "locust-2.47-full"
SCENARIO = """
title = "Two routes"
question = "q"
[target]
app = "main:app"
[[variants]]
name = "a"
path = "/a"
params = { n = 1 }
[[variants]]
name = "b"
path = "/b"
method = "POST"
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with a scenario in it."""
    (tmp_path / "scenario.toml").write_text(SCENARIO)
    return tmp_path


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> SessionReport:
    """A session whose charts and page are not drawn."""
    judged = session()

    def draw_files(folder: Path, *_: object, **__: object) -> SessionReport:
        write_summary(judged, folder)
        return judged

    monkeypatch.setattr(reporting, "draw_files", draw_files)
    monkeypatch.setattr("loopbench.records.session.read_session", lambda _: judged.record)
    return judged


def test_plan_as_json_is_the_plan_and_nothing_else(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    done = call(capsys, project, "plan", "--json", "--seed", "7", "--rounds", "1")
    planned = make_plan(load(project / "scenario.toml", rounds=1), seed=7)
    made = json.loads(done.out)
    assert (made["seed"], len(made["runs"]), made["longest_s"]) == (7, 4, planned.longest_s)
    assert made["runs"][0]["variant"] == planned.runs[0].variant
    assert done.err == ""


def test_plan_names_the_calls_that_run_elsewhere_than_written(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    moved = 'run_in = "threadpool"\nrun_dependencies_in = "event_loop"\n'
    (project / "scenario.toml").write_text(SCENARIO + moved)
    lines = call(capsys, project, "plan").out.splitlines()
    assert "b: run_in threadpool, run_dependencies_in event_loop" in lines
    assert not any(line.startswith("a: ") for line in lines)


def test_list_as_json_names_every_variant_and_its_request(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "broken.toml").write_text("title = 1")
    done = call(capsys, project, "list", ".", "--json")
    (listed,) = json.loads(done.out)
    assert (listed["file"], listed["title"]) == ("scenario.toml", "Two routes")
    assert [(each["name"], each["method"], each["path"]) for each in listed["variants"]] == [
        ("a", "GET", "/a?n=1"),
        ("b", "POST", "/b"),
    ]
    assert "broken.toml" in done.err


def test_report_as_json_is_the_summary_and_the_words_go_to_stderr(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], drawn: SessionReport
) -> None:
    done = call(capsys, tmp_path, "report", str(tmp_path), "--json")
    assert done.out == to_json(drawn)
    assert done.err.endswith(f"\n{headline(drawn)}\nVALID\n")


def test_stdout_holds_the_verdicts_alone_and_stderr_the_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], drawn: SessionReport
) -> None:
    done = call(capsys, tmp_path, "report", str(tmp_path))
    assert done.out.splitlines() == list(verdict_lines(drawn))
    assert "\nramp, held at " in done.err
    assert "\npage: file://" in done.err


def test_quiet_prints_the_same_verdicts_and_nothing_on_stderr(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], drawn: SessionReport
) -> None:
    done = call(capsys, tmp_path, "report", str(tmp_path), "--quiet")
    assert done == Called(ExitCode.OK, "\n".join(verdict_lines(drawn)) + "\n", "")
    assert (tmp_path / "summary.json").exists()


def test_the_verdict_table_has_a_line_for_each_pair_gate_and_claim() -> None:
    gates = (GateAnswer(Gate(figure="failures", at_most=0), "def", Outcome.MET, "failures of def"),)
    report = replace(repeated(explained(session()), 6), gates=gates)
    rows = list(verdict_lines(report))
    assert rows[0] == "goodput at 100 users"
    assert re.fullmatch(r"def +FASTER +blocking async def +\S+ +\S+ to \S+", rows[1])
    assert rows[-4:] == ["gate MET: failures of def, wanted at most 0", "", headline(report), "VALID"]


@pytest.mark.parametrize(
    ("words", "lines"), [([], []), ([Word.INVALID], ["goodput", "1 pair INVALID: b: INVALID by M5"])]
)
def test_a_quantity_without_a_valid_pair_has_no_empty_line(words: list[Word], lines: list[str]) -> None:
    verdicts = [SimpleNamespace(word=word, reason="b: INVALID by M5") for word in words]
    judged: Any = SimpleNamespace(quantity=SimpleNamespace(name="goodput"), verdicts=verdicts)
    assert list(_verdicts(judged, None)) == lines


def test_quiet_with_json_is_the_json_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], drawn: SessionReport
) -> None:
    assert call(capsys, tmp_path, "report", str(tmp_path), "-q", "--json") == Called(0, to_json(drawn), "")


def test_plot_as_json_holds_the_figures_and_the_charts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    done = call(capsys, tmp_path, "plot", str(CSV), "--json")
    made = json.loads(done.out)
    assert all((tmp_path / chart).exists() for chart in made["charts"])
    (curve,) = made["curves"]
    assert curve["hold_goodput_rps"] > 0
    assert curve["label"] in done.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", "nowhere.toml", "--json"),
        ("run", "nowhere.toml", "--quiet"),
        ("plan", "nowhere.toml", "--json"),
        ("list", "nowhere"),
        ("report", "nowhere", "--quiet"),
        ("plot", "nowhere", "--json"),
        ("init", "--app", "a b"),
        ("run", "--no-such-option"),
    ],
)
def test_errors_go_to_stderr_and_leave_stdout_empty(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    done = call(capsys, tmp_path, *arguments)
    assert done.code != ExitCode.OK
    assert done.out == ""
    assert "rror" in done.err


@pytest.mark.real
def test_a_real_run_as_json_gives_the_summary_on_stdout_and_its_progress_on_stderr(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    done = healthy_session(tmp_path_factory)
    made = json.loads(done.stdout)
    assert [each["name"] for each in made["variants"]] == ["before", "faulty"]
    assert made["counts_agree"]
    assert "ramp, before: started" in done.stderr
    assert "\npage: file://" in done.stderr


def test_no_line_of_a_table_is_wider_than_the_terminal_whatever_the_names() -> None:
    long = [replace(made, name=f"{made.name} {'with a very long name ' * 4}") for made in FOUR]
    table = list(details(session(long), width=80))[2:12]
    assert table[0].split()[0] == "variant"
    assert max(map(len, table)) <= 80


def test_elsewhere_every_variant_has_its_figures_on_one_line() -> None:
    table = list(details(session()))[2:7]
    assert [line.split("  ")[0] for line in table] == ["variant", *(made.name for made in FOUR)]


def test_names_cannot_change_the_terminal_or_the_table() -> None:
    lines = list(details(session([Made(name) for name in NASTY])))
    assert all(line.isprintable() for line in lines)
    assert any(line.startswith("[/red] [link=https://example.invalid]here[/link]") for line in lines)


def test_of_a_session_without_a_run_no_count_is_printed() -> None:
    empty = session(missing=[made.name for made in FOUR])
    printed = "\n".join([*details(empty), *verdict_lines(empty)])
    assert "counted" not in printed
    assert "picture" not in printed
    assert "no run is complete" in printed


def test_the_answer_comes_last_below_the_page_and_two_commands(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], drawn: SessionReport
) -> None:
    done = call(capsys, tmp_path, "report", str(tmp_path))
    *_, page, first, second = done.err.splitlines()
    assert page.startswith("page: file:///")
    assert first.startswith("next: loopbench run ")
    assert second.startswith("next: loopbench ")
    assert done.out.endswith(f"{headline(drawn)}\nVALID\n")


@pytest.mark.parametrize(
    ("level", "validity"),
    [(Level.DEGRADED, "VALID (DEGRADED): M6: shared (+1 more)"), (Level.INVALID, "INVALID: M6: shared (+1 more)")],
)
def test_the_worst_finding_stands_in_the_line_on_validity(level: Level, validity: str) -> None:
    worst, other = (
        CheckOutcome("M6", "canary_scatter", level, "shared", None, ""),
        CheckOutcome("X1", "rounds", level, "few", None, ""),
    )
    stamp = SessionStamp((MergedOutcome(worst), MergedOutcome(other)))
    assert list(verdict_lines(replace(session(), stamp=stamp)))[-1] == validity


@pytest.mark.parametrize(("rule", "is_advised"), [("D4", True), ("M3", False)])
def test_a_fault_of_the_scenario_comes_with_its_advice(rule: str, is_advised: bool) -> None:
    """A busy machine's is on the page."""
    fault = CheckOutcome(rule, "figure", Level.DEGRADED, "it grows", None, "", "begin with equal data")
    printed = list(details(replace(session(), stamp=SessionStamp((MergedOutcome(fault),)))))
    at = printed.index(f"  {rule}: it grows")
    assert (printed[at + 1 :] == ["      begin with equal data"]) == is_advised


QUICK = ("loopbench", "run", "s.toml", "--quick", "--set", "load.users=9", "--max-minutes", "3")


@pytest.mark.parametrize(
    ("command", "quick", "is_complete", "expected"),
    [
        (QUICK, True, True, ("run", "s.toml", "--set", "load.users=9")),
        (QUICK, True, False, ("run", "s.toml", "--quick", "--set", "load.users=9", "--resume", "FOLDER")),
        (("x", "run", "s.toml", "--rounds=0"), False, True, ("run", "s.toml", "--rounds", "5")),
        (("x", "run", "s.toml", "--resume", "DIR"), False, False, ("run", "s.toml", "--resume", "FOLDER")),
        (("x", "atlas"), False, True, ("run", "scenarios/file_write.toml", "--rounds", "5")),
    ],
)
def test_the_next_command_never_repeats_what_was_done(
    tmp_path: Path, command: tuple[str, ...], quick: bool, is_complete: bool, expected: tuple[str, ...]
) -> None:
    report = session()
    planned = PlannedRun(1, "ramp", 0, "def", 1, 1.0)
    record = replace(report.record, command=command, plan=(planned,), quick=quick)
    if is_complete:
        (tmp_path / "runs" / planned.folder).mkdir(parents=True)
    first, _ = next_commands(replace(report, folder=tmp_path, record=record))
    assert first == tuple(str(tmp_path) if each == "FOLDER" else each for each in expected)


def test_the_next_command_names_a_bundled_scenario_as_the_user_does() -> None:
    report = session()
    record = replace(report.record, command=("x", "demo"), file=str(SCENARIOS / "file_write.toml"))
    first, _ = next_commands(replace(report, record=record))
    assert first[:2] == ("run", "file_write")


@pytest.mark.parametrize(("baseline", "second"), [(None, "advise"), ("only", "plan")])
def test_a_route_that_blocks_and_is_compared_with_nothing_leads_to_advice(baseline: str | None, second: str) -> None:
    report = explained(session([Made("only")]))
    scenario = changed(report.record.scenario, baseline=baseline)
    commands = next_commands(replace(report, record=replace(report.record, scenario=scenario)))
    assert commands[1] == (second, report.record.file)


@pytest.mark.parametrize(
    ("state", "expected"),
    [({"dirty": False}, ("compare", "FILE", "--rev", "HEAD", "--rev", ".")), ({}, ("plan", "FILE"))],
)
def test_a_complete_session_leads_to_a_comparison_where_git_knows_the_app(
    state: dict[str, bool], expected: tuple[str, ...]
) -> None:
    report = session()
    record = replace(report.record, provenance={"git": {"app": state}}, plan=())
    rounds: Any = SimpleNamespace(count=5)
    first, second = next_commands(replace(report, record=record, rounds=rounds))
    file = record.file
    assert first == tuple(file if each == "FILE" else each for each in expected)
    assert second == ("history", file)


class Terminal(io.StringIO):
    """A stream that says it is one."""

    def isatty(self) -> bool:
        return True


def test_a_figure_that_is_only_bounded_ends_where_the_others_of_its_column_end() -> None:
    lines = list(table_lines(("variant", "p99 ms"), [("a", "over 30.1"), ("b", "168"), ("c", "-")]))
    assert {len(line) for line in lines} == {len("variant  over 30.1")}


def test_long_lines_end_between_words_on_a_terminal_and_stay_whole_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "50")
    line = "  a sentence that is too long for the terminal /and/then/a/path/that/must/not/be/cut/anywhere.py:12 in it"
    for stream, lines in ((Terminal(), 3), (io.StringIO(), 1)):
        monkeypatch.setattr("sys.stdout", stream)
        Speech().answer(line)
        said = stream.getvalue().splitlines()
        assert len(said) == lines
        assert " ".join(" ".join(said).split()) == " ".join(line.split())
    assert said == [line]


def test_a_long_error_ends_its_lines_between_words_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "50")
    monkeypatch.setenv("NO_COLOR", "1")
    printed = Terminal()
    monkeypatch.setattr("sys.stderr", printed)
    print_error(UsageError("a sentence that is longer than one line of the terminal", slug="usage"))
    assert printed.getvalue() == "error[usage]: a sentence that is longer than one\n    line of the terminal\n"


@pytest.mark.parametrize(
    ("options", "environment", "coloured"),
    [
        ((), {}, False),
        ((), {"FORCE_COLOR": "1"}, True),
        ((), {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        (("--color", "always"), {"NO_COLOR": "1"}, True),
        (("--color", "never"), {"FORCE_COLOR": "1"}, False),
    ],
)
@pytest.mark.usefixtures("drawn")
def test_a_pipe_gets_colour_only_where_it_is_asked_for(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    options: tuple[str, ...],
    environment: dict[str, str],
    coloured: bool,
) -> None:
    for name in ("FORCE_COLOR", "NO_COLOR"):
        monkeypatch.setenv(name, environment.get(name, ""))
    done = call(capsys, tmp_path, *options, "report", str(tmp_path))
    assert ("\x1b[32mVALID\x1b[39m" in done.out) is coloured
    assert ("\x1b" in done.out) is coloured


def test_a_word_that_denies_is_not_painted_like_the_word_it_denies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("NO_COLOR", "")
    printed = io.StringIO()
    monkeypatch.setattr("sys.stdout", printed)
    Speech().answer("NOT REPRODUCED, INVALID")
    assert printed.getvalue() == "\x1b[31mNOT REPRODUCED\x1b[39m, \x1b[31mINVALID\x1b[39m\n"


@pytest.mark.parametrize(("variable", "coloured"), [("", True), ("1", False)])
def test_the_live_display_has_no_colour_where_none_is_wanted(
    project: Path, monkeypatch: pytest.MonkeyPatch, variable: str, coloured: bool
) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("NO_COLOR", variable)
    terminal, scenario = Terminal(), load(project / "scenario.toml")
    planned = make_plan(scenario, seed=1)
    show = progress_on(terminal)
    show(SessionStarted(scenario, planned, project))
    show(RunStarted(planned.runs[0], "a"))
    show(RunProgressed(LiveView(0, 0, 1, "ramp", 0.0, 0.0)))
    show(TimeIsUp(60))
    show(SessionEnded(project, 1, 2, None, None))
    assert ("\x1b[38;" in terminal.getvalue()) is coloured
    assert "no time is left" in terminal.getvalue()


def test_the_live_display_keeps_what_the_rounds_have_shown_so_far(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    terminal, scenario = Terminal(), load(project / "scenario.toml", rounds=5)
    planned = make_plan(scenario, seed=1)
    show = progress_on(terminal)
    show(SessionStarted(scenario, planned, project))
    show(RoundFinished(1, enough=False, rounds_needed=3, sentence="a 1.42 times b [1.28, 1.58]"))
    show(RunStarted(planned.rounds[1][0], "a"))
    show(SessionEnded(project, 1, 2, None, None))
    shown = terminal.getvalue().partition("after round 1: ")[2]
    assert "so far: a 1.42 times b [1.28, 1.58]" in shown


LOADED = LiveView(
    users=10_000, phase="hold", rps=123_456, rps_half_width=0.021, neighbour_p99_ms=12_345.6, blocked=0.97
)


@pytest.mark.parametrize("width", [60, 80, 100])
def test_the_live_display_shows_the_load_now_and_the_standing_verdict_and_no_line_wraps(
    project: Path, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", str(width))
    terminal, scenario = Terminal(), load(project / "scenario.toml", rounds=5)
    planned, show = make_plan(scenario, seed=1), progress_on(terminal)
    show(SessionStarted(scenario, planned, project))
    standing = "not resolved yet, about 2 more rounds; " + "a " * 99
    show(RoundFinished(1, enough=False, rounds_needed=3, sentence=standing))
    begun = len(terminal.getvalue())
    show(RunStarted(planned.rounds[1][0], "a"))
    show(RunProgressed(LOADED))
    show(SessionEnded(project, 1, 2, None, None))
    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", terminal.getvalue()[begun:])
    lines = re.split(r"[\r\n]+", shown)
    assert max(map(len, lines)) <= width
    text = "\n".join(lines)
    assert "round 2, a" in text
    assert re.search(r"about \d+:\d\d left", text)
    assert "so far: not resolved yet, about 2 more rounds" in text
    figures = "hold   10000 users  123,456 RPS ±2.1 %  neighbour p99 12,300 ms  blocked 97 %"
    assert len(figures) <= 80
    assert figures[: width - 1] in text


def test_what_is_not_known_is_left_out_of_the_load_now() -> None:
    assert load_now(LiveView(users=5, phase="ramp", rps=12)) == "ramp      5 users       12 RPS"


def test_the_live_display_shows_the_controls_of_foreign_texts(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`loopbench watch` reads them from a folder that may come from a stranger."""
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("NO_COLOR", "1")
    terminal, scenario = Terminal(), load(project / "scenario.toml")
    planned, title = make_plan(scenario, seed=1), "\x1b]0;title\x07"
    run = replace(planned.runs[0], kind=title)
    show = progress_on(terminal)
    show(SessionStarted(scenario, planned, project / title))
    show(VariantFailed(VariantFailure("a", cast("FailedState", title), "", "")))
    show(RunStarted(run, "a"))
    show(RunProgressed(LiveView(phase=title)))
    show(RunRepeated(replace(run, number=99, variant=title), ()))
    show(SessionEnded(project, 1, 2, None, None))
    assert r"\x1b]0;title\x07" in terminal.getvalue()
    assert title not in terminal.getvalue()


def test_the_time_left_counts_every_round_that_is_measured_in_any_case(project: Path) -> None:
    scenario = load(project / "scenario.toml", rounds=5)
    planned, said = make_plan(scenario, seed=1), io.StringIO()
    show = progress_on(said)
    show(SessionStarted(scenario, planned, project))
    show(RoundFinished(1, enough=True, rounds_needed=None, sentence="nothing to compare"))
    show(RunStarted(planned.rounds[1][0], "a"))
    to_come_s = sum(run.expected_s for runs in planned.rounds[1 : planned.fewest_rounds] for run in runs)
    assert said.getvalue().endswith(f"started, about {minutes(to_come_s)} left\n")


def test_the_time_left_begins_anew_with_each_session_of_one_display(project: Path) -> None:
    scenario = load(project / "scenario.toml", rounds=5)
    planned, said = make_plan(scenario, seed=1), io.StringIO()
    show = progress_on(said)
    for _ in range(2):
        show(SessionStarted(scenario, planned, project))
        show(RunStarted(planned.runs[0], "a"))
        show(RunRepeated(planned.runs[0], ("planted",)))
    started = [line for line in said.getvalue().splitlines() if "started" in line]
    assert all(line.endswith(f"about {minutes(planned.shortest_s)} left") for line in started), started


@pytest.mark.parametrize("rounds", [3, 100])
def test_a_long_session_prints_about_as_many_lines_as_a_short_one_each_with_its_time(
    project: Path, monkeypatch: pytest.MonkeyPatch, rounds: int
) -> None:
    scenario = load(project / "scenario.toml", ("repeat.window_s=60",), rounds=rounds)
    planned, printed, now_s = make_plan(scenario, seed=1), io.StringIO(), [0.0]
    monkeypatch.setattr("loopbench.progress.time.monotonic", lambda: now_s[0])
    show = progress_on(printed)
    show(SessionStarted(scenario, planned, project))
    for run in planned.runs:
        show(RunStarted(run, run.variant))
        for _ in range(int(run.expected_s)):
            now_s[0] += 1.0
            show(RunProgressed(LiveView(0, 0, 1, "ramp", 0.0, 0.0)))
        show(RunRepeated(run, ("M1: stolen",)))
        show(RoundFinished(run.round, enough=False, rounds_needed=None, sentence="not decided"))
    lines = printed.getvalue().splitlines()
    assert 10 < len(lines) < 100
    assert all(re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ  \S", line) for line in lines)


def test_plan_notes_what_will_degrade_the_session_on_any_machine(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    isolated = ("--set", "repeat.interleave=false", "--set", "repeat.window_s=3")
    notes = call(capsys, project, "plan", "--rounds", "3", *isolated).out
    assert "note: repeat.window_s = 3 is below 5 s" in notes
    assert "note: 3 rounds are fewer than 5" in notes
    assert "note: " not in call(capsys, project, "plan").out


def test_what_fits_into_the_time_given_is_said_at_the_start(project: Path) -> None:
    planned = make_plan(load(project / "scenario.toml", rounds=4), seed=1)
    pictures, rounds = len(planned.pictures), planned.fewest_rounds
    half = f"for about {pictures} of {pictures} runs and {rounds - 1} of {rounds} rounds"
    assert time_note(planned, (planned.shortest_s - 0.1) / 60).endswith(half)
    assert time_note(planned, 0.01).endswith(
        f"0.01 min, is enough for about 0 of {pictures} runs and 0 of {rounds} rounds"
    )
    assert time_note(planned, (planned.shortest_s + 0.1) / 60) == ""


def test_help_has_no_colour_and_fits_a_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    done = call(capsys, tmp_path, "run", "--help")
    assert "\x1b" not in done.out
    assert max(map(len, done.out.splitlines())) <= 80


@pytest.mark.parametrize(("columns", "used"), [("120", 120), ("200", 120)])
def test_help_uses_a_wider_terminal_up_to_a_limit(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, columns: str, used: int
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    assert 100 < max(map(len, call(capsys, tmp_path, "run", "--help").out.splitlines())) <= used


def test_stdout_on_a_full_disk_is_an_error(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        monkeypatch.setattr("sys.stdout", full)
        done = call(capsys, project, "plan")
    assert done.code == ExitCode.ENVIRONMENT
    assert "error[stdout]: stdout cannot be written: No space left on device" in done.err


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("run", "--hlp"), "no such option: --hlp (Possible options: --help)\n  try: loopbench run --help\n"),
        (("compare",), "missing argument 'A B | SCENARIO'\n  try: loopbench compare --help\n"),
        (("nope",), "no such command 'nope'\n  try: loopbench --help\n"),
        (
            ("run", "--seed", "x"),
            "invalid value for '--seed': it must be a whole number\n  try: loopbench run --help\n",
        ),
    ],
)
def test_a_wrong_command_line_is_an_error_in_the_usual_shape(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], error: str
) -> None:
    assert call(capsys, tmp_path, *arguments) == Called(ExitCode.USAGE, "", f"error[usage]: {error}")


@pytest.mark.parametrize(("short", "long"), [("-h", "--help"), ("-V", "--version")])
def test_the_usual_short_options_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], short: str, long: str
) -> None:
    assert call(capsys, tmp_path, short) == call(capsys, tmp_path, long)


def test_another_system_than_linux_is_refused_in_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    done = call(capsys, tmp_path, "list")
    assert done.code == ExitCode.ENVIRONMENT
    assert done.err.splitlines()[0] == "error[platform]: loopbench needs Linux; this is darwin"


COMMANDS: dict[str, Any] = cast("Any", typer.main.get_command(cli.app)).commands


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_each_command_ends_with_two_examples_that_its_parser_accepts(name: str) -> None:
    examples = str(COMMANDS[name].epilog).partition("Examples:\n")[2].splitlines()
    assert len(examples) == 2
    for example in examples:
        program, command, *arguments = shlex.split(example)
        assert (program, command) == ("loopbench", name)
        assert len(example) < 80
        with COMMANDS[name].make_context(name, arguments):
            pass


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("loopbench plan ", ["mine.toml", "other/deep.toml", "scenarios/shared.toml"]),
        ("loopbench plan oth", ["other/deep.toml"]),
        ("loopbench plan file_w", ["file_write"]),
        ("loopbench report res", ["results/case/2026-02-01", "results/case/2026-01-01"]),
        ("loopbench plan --set load.us", ["load.users=", "load.user_classes="]),
    ],
)
def test_a_shell_completes_scenarios_sessions_from_the_newest_and_keys(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    words: str,
    offered: list[str],
) -> None:
    for name in ("mine.toml", "pyproject.toml", "scenarios/shared.toml", "other/deep.toml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    for started in ("2026-01-01", "2026-02-01"):
        session_file = tmp_path / "results" / "case" / started / "session.json"
        session_file.parent.mkdir(parents=True)
        session_file.touch()
    monkeypatch.setenv("_LOOPBENCH_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", str(words.count(" ")))
    assert call(capsys, tmp_path, "").out.split() == offered


def test_no_command_s_summary_is_cut(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    summaries = call(capsys, tmp_path, "--help").out.partition("Commands:")[2]
    assert "export" in summaries
    assert "..." not in summaries


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_completion_script_is_there_for_the_usual_shells(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, shell: str
) -> None:
    monkeypatch.setenv("_LOOPBENCH_COMPLETE", f"source_{shell}")
    assert "loopbench" in call(capsys, tmp_path).out
