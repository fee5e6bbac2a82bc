"""Output for CI: exit codes, annotations, JUnit and the step summary. Foreign text is never a command to a runner."""

import io
import json
import re
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path, PurePath
from xml.etree import ElementTree as ET

import pytest

from loopbench import cli
from loopbench.ci.github import MAX_ANNOTATIONS, MAX_SUMMARY_BYTES, annotations, append_summary, fitted
from loopbench.ci.gitlab import code_quality
from loopbench.ci.junit import TRUSTED, junit_xml
from loopbench.ci.located import located_findings, roots_of
from loopbench.ci.sarif import sarif
from loopbench.commands import reporting
from loopbench.commands.ending import check_valid
from loopbench.commands.gating import Gating
from loopbench.console import Speech, say
from loopbench.errors import CannotTellError, DataError, ExitCode, LoopbenchError, UsageError
from loopbench.judge.diagnosis.findings import Kind
from loopbench.judge.diagnosis.loop_lines import LoopLine, Owner
from loopbench.judge.session.gates import GateAnswer, Outcome
from loopbench.judge.session.session_report import SessionReport
from loopbench.judge.session.session_stamp import MergedOutcome, SessionStamp
from loopbench.judge.stamp.stamp_checks import Level
from loopbench.judge.summary.markdown import Section, markdown, sections
from loopbench.judge.summary.summary import to_json, write_summary
from loopbench.plots.charts import charts_of
from loopbench.plots.page import render_page
from loopbench.records.baselines import read_baselines
from loopbench.records.failures import Failures, VariantFailure
from loopbench.records.session import SESSION_FILE
from loopbench.scenario import load
from loopbench.scenario.gates import Gate
from loopbench.showable import without_commands
from tests.judge.figures import line as code_line
from tests.plots.causes import LOST, explained, repeated, spoiled
from tests.plots.reports import FOUR, Made, session

EXAMPLE = Path(__file__).parents[1] / "results" / "example"
HOSTILE = (
    "<script>alert(1)</script>",
    "::error::boo",
    "two\n::warning::lines",
    "\x1b[31m\x00\ufffe",
    "a]]>b",
    "5%,x:y|`z",
)
GATE = Gate(figure="goodput", at_least=1.0)


def answered(outcome: Outcome, variant: str = "def", line: LoopLine | None = None) -> GateAnswer:
    return GateAnswer(GATE, variant, outcome, f"goodput of {variant}", line=line, reason=f"because of {variant}")


def judged(*gates: GateAnswer, report: SessionReport | None = None) -> SessionReport:
    return replace(report or session([Made("def")]), gates=gates)


def blamed(report: SessionReport, lines: Sequence[LoopLine], kind: Kind = Kind.LOOP_CPU_BOUND) -> SessionReport:
    """The same session, these lines diagnosed in each of its runs."""
    runs = []
    for run in report.runs:
        diagnosis = replace(run.diagnosis, kind=kind, lines=tuple(lines))
        runs.append(replace(run, diagnosis=diagnosis))
    return replace(report, runs=tuple(runs))


@pytest.mark.parametrize(
    ("outcomes", "code"),
    [
        ((), ExitCode.OK),
        ((Outcome.MET,), ExitCode.OK),
        ((Outcome.MET, Outcome.NOT_MET), ExitCode.REGRESSION),
        ((Outcome.NOT_MET, Outcome.CANNOT_TELL), ExitCode.CANNOT_TELL),
    ],
)
def test_what_cannot_be_told_wins_over_what_is_not_met(outcomes: Sequence[Outcome], code: ExitCode) -> None:
    assert exit_code(judged(*map(answered, outcomes))) is code


def test_what_makes_a_session_invalid_wins_over_its_gates() -> None:
    invalid = SessionStamp((MergedOutcome(LOST),))
    report = judged(answered(Outcome.NOT_MET), report=replace(session([Made("def")]), stamp=invalid))
    with pytest.raises(CannotTellError, match="INVALID"):
        check_valid(report)
    with pytest.raises(DataError):
        check_valid(replace(report, damaged=("run 1: torn",)))


def test_a_session_without_a_run_tells_nothing() -> None:
    with pytest.raises(CannotTellError, match="no run is complete"):
        check_valid(session(missing=[made.name for made in FOUR]))


def test_the_error_says_both_what_is_broken_and_what_is_open() -> None:
    with pytest.raises(CannotTellError) as caught:
        check_valid(judged(answered(Outcome.CANNOT_TELL, "a"), answered(Outcome.NOT_MET, "b")))
    assert caught.value.what == (
        "NOT MET: goodput of b, wanted at least 1/s; because of b; "
        "CANNOT TELL: goodput of a, wanted at least 1/s; because of a"
    )


def exit_code(report: SessionReport) -> ExitCode:
    try:
        check_valid(report)
    except LoopbenchError as error:
        return error.exit_code
    return ExitCode.OK


def annotated(report: SessionReport, roots: tuple[PurePath, ...]) -> tuple[str, ...]:
    return annotations(located_findings(report, roots))


def test_the_own_blocking_lines_are_annotated_the_one_that_broke_a_gate_first() -> None:
    lines = [
        code_line(file="/w/app/a.py", line=3, longest_s=0.0254),
        code_line(file="/w/app/b.py", line=9, seconds=2.0, share=0.2, function="other"),
        code_line(file="/w/lib.py", owner=Owner.LIBRARY),
        code_line(file="/w/near.py", owner=Owner.NEAR),
        code_line(file="/w/short.py", blocked=False),
    ]
    report = blamed(judged(answered(Outcome.NOT_MET, line=lines[1])), lines)
    title = "title=loopbench%3A the event loop was blocked here"
    assert [each.split("::") for each in annotated(report, (PurePath("/w"),))] == [
        [
            "",
            f"warning file=app/b.py,line=9,{title}",
            "other held the loop for 20 %25 of its blocked time (variant: def)",
        ],
        [
            "",
            f"warning file=app/a.py,line=3,{title}",
            "slow held the loop for 100 %25 of its blocked time, up to 25.4 ms at a time (variant: def)",
        ],
    ]


def test_a_line_that_blocks_in_short_steps_is_annotated_too() -> None:
    line = code_line(file="/w/app/a.py", blocked=False, share=0.9)
    (made,) = annotated(blamed(session([Made("def")]), [line], Kind.LOOP_BLOCKED), (PurePath("/w"),))
    assert "held the loop for 90 %25 of its time in short steps" in made


def test_an_invalid_run_blames_no_line() -> None:
    assert annotated(spoiled(blamed(session([Made("def")]), [code_line()]), "def"), ()) == ()


def test_one_line_is_annotated_once_and_ten_are_enough() -> None:
    report = blamed(session([Made("a"), Made("b")]), [code_line(line=number) for number in range(1, 20)])
    made = annotated(report, ())
    assert len(made) == MAX_ANNOTATIONS
    assert all("(variant: a, b)" in each for each in made)


def test_files_are_told_as_the_repository_has_them() -> None:
    here = PurePath("/elsewhere")
    report = blamed(session([Made("def")]), [code_line(file="/ci/shop/shop/app.py")])
    (inside,) = annotated(report, roots_of({"GITHUB_WORKSPACE": "/ci/shop/shop"}, here))
    (outside,) = annotated(report, roots_of({}, here))
    (on_gitlab,) = annotated(report, roots_of({"CI_PROJECT_DIR": "/ci/shop"}, here))
    assert "file=app.py," in inside
    assert "file=shop/app.py," in on_gitlab
    assert "file=/ci/shop/shop/app.py," in outside


@pytest.mark.parametrize("text", [*HOSTILE, "\ud800"])
def test_an_annotation_is_one_command_whatever_the_file_is_called(text: str) -> None:
    report = blamed(session([Made("def" if text == "\ud800" else text)]), [code_line(file=f"/w/{text}", function=text)])
    (made,) = annotated(report, ())
    assert re.fullmatch(r"::warning file=[^,:\r\n]+,line=7,title=[^,:\r\n]+::[^\r\n]*", made)
    assert made.isprintable()


def two_lines() -> SessionReport:
    """The second line broke a gate; the first lies outside of the checkout."""
    lines = [code_line(file="/elsewhere/a.py", line=3), code_line(file="/w/my app/b:9.py", line=9, function="other")]
    return blamed(judged(answered(Outcome.NOT_MET, line=lines[1])), lines)


def test_sarif_has_a_result_for_each_line_with_a_reference_and_a_level() -> None:
    document = json.loads(sarif(located_findings(two_lines(), (PurePath("/w"),))))
    (run,) = document["runs"]
    places = [each["locations"][0]["physicalLocation"] for each in run["results"]]
    assert document["version"] == "2.1.0"
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["event-loop-blocked"]
    assert {(each["ruleId"], each["ruleIndex"]) for each in run["results"]} == {("event-loop-blocked", 0)}
    assert [each["level"] for each in run["results"]] == ["error", "warning"]
    assert all(each["message"]["text"] for each in run["results"])
    assert len({each["partialFingerprints"]["primaryLocationLineHash"] for each in run["results"]}) == 2
    assert [place["artifactLocation"]["uri"] for place in places] == ["my%20app/b%3A9.py", "file:///elsewhere/a.py"]
    assert [place["region"] for place in places] == [{"startLine": 9}, {"startLine": 3}]


def test_gitlab_s_report_has_the_required_fields_and_a_fingerprint_that_outlives_a_move() -> None:
    first, second = json.loads(code_quality(located_findings(two_lines(), (PurePath("/w"),))))
    assert set(first) == {"description", "check_name", "fingerprint", "severity", "location"}
    assert first["location"] == {"path": "my app/b:9.py", "lines": {"begin": 9}}
    assert (first["severity"], second["severity"]) == ("critical", "major")
    lines = [code_line("sleep()", line=number) for number in (7, 8)]
    moved = [code_line("sleep()", line=number) for number in (17, 18)]
    before, after = (
        [each["fingerprint"] for each in json.loads(code_quality(located_findings(blamed(judged(), some), ())))]
        for some in (lines, moved)
    )
    assert before == after
    assert len(set(before)) == 2


@pytest.mark.parametrize("text", [*HOSTILE, "\ud800"])
def test_a_file_of_any_name_can_be_a_finding(text: str) -> None:
    found = located_findings(blamed(session([Made("def")]), [code_line(file=text, function=text)]), ())
    for written in (sarif, code_quality):
        written(found).encode()
        assert json.loads(written(found))


def test_without_findings_the_files_are_written_and_empty(tmp_path: Path) -> None:
    files = tmp_path / "loopbench.sarif", tmp_path / "quality.json"
    Gating(sarif=files[0], code_quality=files[1]).write_ci(judged(), {})
    assert json.loads(files[0].read_text())["runs"][0]["results"] == []
    assert json.loads(files[1].read_text()) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("::error::boo", r"\u003a:error::boo"),
        ("  \t::add-mask::x", "  \t\\u003a:add-mask::x"),
        ("a\n::error::boo", "a\n\\u003a:error::boo"),
        ("a\r::error::boo", "a\r\\u003a:error::boo"),
        ("x ##[error]boo", r"x \u0023#[error]boo"),
        ("x ##vso[task.setvariable]boo", r"x \u0023#vso[task.setvariable]boo"),
        ("## a heading, std::string and [a] ::", "## a heading, std::string and [a] ::"),
        (":::", r"\u003a::"),
    ],
)
def test_no_runner_finds_a_command_in_what_is_said(text: str, said: str) -> None:
    assert without_commands(text) == said
    stream = io.StringIO()
    say(text, stream)
    assert without_commands(stream.getvalue()) == stream.getvalue()


def test_what_is_said_has_no_control_characters_but_line_ends() -> None:
    stream = io.StringIO()
    say("a\x1b[2J\u202eb\nc", stream)
    assert stream.getvalue() == "a\\x1b[2J\\u202eb\nc\n"


def hostile() -> SessionReport:
    report = repeated(explained(session([Made(name) for name in HOSTILE])), 2, invalid=HOSTILE[:1])
    return judged(*(answered(outcome, name) for name in HOSTILE for outcome in Outcome), report=report)


def test_junit_is_xml_that_holds_every_gate_and_every_invalid_verdict() -> None:
    report = hostile()
    root = ET.fromstring(junit_xml(report, HOSTILE))  # noqa: S314  our own text
    cases = root.findall("./testsuite/testcase")
    pairs = len(HOSTILE) - 1
    assert {key: root.get(key) for key in ("tests", "failures", "errors")} == {
        "tests": str(len(cases)),
        "failures": str(len(HOSTILE)),
        "errors": str(1 + pairs + len(HOSTILE)),
    }
    assert len(cases) == 1 + len(HOSTILE) + pairs + 3 * len(HOSTILE)
    told = [case.get("name", "") for case in cases]
    assert told[0] == TRUSTED
    assert "goodput of <script>alert(1)</script>: at least 1/s" in told
    assert r"goodput of two\n::warning::lines: at least 1/s" in told
    assert all("\n" not in name and "\x1b" not in name for name in told)


def test_a_session_without_gates_has_a_test_that_passed_for_itself_and_for_each_variant_s_stamp() -> None:
    assert junit_cases(session([Made("def"), Made("b")])) == {TRUSTED: "", "stamp of def": "", "stamp of b": ""}


def test_a_variant_whose_stamp_is_invalid_or_that_was_not_measured_is_an_error_with_the_reason() -> None:
    report = spoiled(session([Made("def"), Made("b"), Made("c"), Made("d")], missing=["c", "d"]), "b")
    failed = Failures((VariantFailure("d", "dead", "it died", ""),))
    cases = junit_cases(replace(report, failures=failed))
    assert cases["stamp of def"] == ""
    assert cases["stamp of b"] == "error INVALID: INVALID: C1: the three counts differ by: 7 (limit <= 0)"
    assert cases["stamp of c"] == "error not measured: no ramp run of it is complete"
    assert cases["stamp of d"] == "error not measured: it died"


def junit_cases(report: SessionReport) -> dict[str, str]:
    """Each test case with its tag, type and message; empty where it passed."""
    root = ET.fromstring(junit_xml(report, ()))  # noqa: S314  our own text
    return {
        case.get("name", ""): "".join(f"{each.tag} {each.get('type')}: {each.get('message')}" for each in case)
        for case in root.iter("testcase")
    }


JENKINS = {
    "testsuites": ("", "name time tests failures errors", "testsuite"),
    "testsuite": (
        "name tests failures errors",
        "group time skipped timestamp hostname id package file log url",
        "testsuite properties testcase system-out system-err",
    ),
    "testcase": (
        "name",
        "time classname group",
        "skipped error failure rerunFailure rerunError flakyFailure flakyError system-out system-err",
    ),
    "failure": ("", "type message", ""),
    "error": ("", "type message", ""),
}
"""Attributes that must be and that may be there, and elements inside, by `junit-10.xsd` of Jenkins' xUnit plugin."""


@pytest.mark.parametrize("made", [hostile, session, lambda: session(missing=[each.name for each in FOUR])])
def test_junit_has_only_what_the_schema_of_jenkins_allows(made: Callable[[], SessionReport]) -> None:
    root = ET.fromstring(junit_xml(made(), HOSTILE))  # noqa: S314  our own text
    assert root.tag == "testsuites"
    for element in root.iter():
        needed, further, inside = (set(names.split()) for names in JENKINS[element.tag])
        assert needed <= set(element.keys()) <= needed | further
        assert {child.tag for child in element} <= inside


@pytest.mark.parametrize(
    ("outcome", "tag"), [(Outcome.MET, None), (Outcome.NOT_MET, "failure"), (Outcome.CANNOT_TELL, "error")]
)
def test_what_is_not_known_is_never_a_passed_test(outcome: Outcome, tag: str | None) -> None:
    root = ET.fromstring(junit_xml(judged(answered(outcome)), ()))  # noqa: S314  our own text
    *_, case = root.findall("./testsuite/testcase")
    assert next((child.tag for child in case), None) == tag


def test_gates_stand_on_page_and_in_markdown_and_do_nothing_there() -> None:
    report = judged(*(answered(outcome, name) for name in HOSTILE for outcome in Outcome))
    page, text = render_page(report, charts_of(report)), markdown(report)
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert page.count("<b>CANNOT TELL</b>") == len(HOSTILE)
    table = [line for line in text.splitlines() if "**NOT MET**" in line]
    assert len(table) == len(HOSTILE)
    outside = re.sub(r"(?<!`)(`+)(?!`)(.*?)(?<!`)\1(?!`)", "", "\n".join(table))
    assert "script" not in outside
    assert {line.count("|") for line in outside.splitlines()} == {4}


def test_the_summary_is_appended_to_the_jobs_page(tmp_path: Path) -> None:
    page = tmp_path / "step.md"
    page.write_text("before\n")
    append_summary(judged(answered(Outcome.MET)), page)
    assert page.read_text().startswith("before\n<!-- loopbench: file-write -->\n## `Writing a file")
    assert "**MET**" in page.read_text()


def test_a_summary_that_is_too_large_loses_its_longest_sections_first_and_never_its_answer() -> None:
    sizes = {"the answer": 200, "the gates": 50, "the figures": 300, "the notes": 400}
    parts = [Section(name, "é" * (size // 2)) for name, size in sizes.items()]
    assert fitted(parts, 950) == "".join(part.text for part in parts).encode()
    for room, left_out in ((949, ["the notes"]), (500, ["the notes", "the figures"])):
        kept = fitted(parts, room).decode()
        assert len(kept.encode()) <= room
        assert kept.startswith(parts[0].text)
        assert kept.count("é") == sum(size for name, size in sizes.items() if name not in left_out) // 2
        assert f"Left out, because GitHub takes 1 MiB a step: {', '.join(left_out)}. " in kept
    assert fitted(parts, 10) == b""


def test_the_jobs_page_holds_at_most_900_kib_with_what_other_steps_wrote(tmp_path: Path) -> None:
    page = tmp_path / "step.md"
    page.write_text("x" * (MAX_SUMMARY_BYTES - 1000))
    append_summary(judged(answered(Outcome.MET)), page)
    assert "Left out" in page.read_text()
    assert page.stat().st_size <= 900 * 1024


def test_the_summary_has_verdict_stamp_table_chart_and_findings_folded_away() -> None:
    report = replace(hostile(), stamp=SessionStamp((MergedOutcome(replace(LOST, level=Level.DEGRADED)),)))
    parts = {part.name: part.text for part in sections(report)}
    assert "**VALID (DEGRADED).**" in parts["the answer"]
    assert "\n<details><summary>1 finding" in f"\n{parts['the findings']}"
    assert "█" in parts["the chart"]
    assert "verdict" in parts["the verdicts"]
    assert parts["the figures"].startswith("| variant |")
    assert "<svg" not in markdown(report)


def printed(tmp_path: Path, environment: dict[str, str], capsys: pytest.CaptureFixture[str]) -> tuple[str, str]:
    """Return what goes to stdout and to stderr."""
    report = blamed(judged(answered(Outcome.NOT_MET)), [code_line()])
    Gating(junit=tmp_path / "junit.xml").write_ci(report, environment)
    return capsys.readouterr()


def test_outside_github_nothing_is_said_and_the_xml_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert printed(tmp_path, {}, capsys) == ("", "")
    assert (tmp_path / "junit.xml").read_text().startswith("<?xml")


def test_on_github_lines_are_annotated_on_stderr(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, err = printed(tmp_path, {"GITHUB_ACTIONS": "true"}, capsys)
    assert (out, err[:15]) == ("", "::warning file=")


@pytest.mark.parametrize("invalid", [False, True])
def test_a_valid_session_is_saved_as_a_baseline_and_an_invalid_one_is_not(
    invalid: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = replace(judged(answered(Outcome.NOT_MET)), folder=tmp_path / "session")
    if invalid:
        report = replace(report, stamp=SessionStamp((MergedOutcome(LOST),)))
    Gating(save_baseline="main").save(report, Speech())
    assert read_baselines(tmp_path) == ({} if invalid else {"main": "session"})
    assert ("not saved" in capsys.readouterr().err) == invalid


def test_a_jobs_page_that_cannot_be_written_changes_no_result(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Gating().write_ci(judged(), {"GITHUB_STEP_SUMMARY": str(tmp_path)})
    assert "cannot be written" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (Gating(baseline=Path("nowhere")), DataError),
        (Gating(junit=Path("nowhere/junit.xml")), UsageError),
        (Gating(save_baseline="../x"), UsageError),
        (Gating(sarif=Path("nowhere/a.sarif")), UsageError),
    ],
)
def test_what_would_fail_after_a_long_measurement_fails_before_it(options: Gating, error: type[LoopbenchError]) -> None:
    with pytest.raises(error):
        options.check()


@pytest.mark.parametrize("option", ["junit", "sarif", "code_quality"])
def test_a_file_for_ci_that_is_a_link_is_refused_and_its_target_not_written(option: str, tmp_path: Path) -> None:
    """A pull request can put a link where the job writes."""
    link = tmp_path / "report"
    link.symlink_to(tmp_path / "elsewhere")
    gating = Gating(**{option: link})  # type: ignore[arg-type]  # each takes a path
    with pytest.raises(UsageError, match="is a link"):
        gating.check()
    gating.write_ci(judged(), {})
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        (Outcome.MET, ExitCode.OK),
        (Outcome.NOT_MET, ExitCode.REGRESSION),
        (Outcome.CANNOT_TELL, ExitCode.CANNOT_TELL),
    ],
)
def test_report_leaves_with_what_the_gates_say(
    outcome: Outcome,
    code: ExitCode,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def drawn(folder: Path, _gating: Gating, **_: bool) -> SessionReport:
        report = replace(judged(answered(outcome)), folder=folder)
        write_summary(report, folder)
        return report

    monkeypatch.setattr(reporting, "draw_files", drawn)
    monkeypatch.setattr("loopbench.records.session.read_session", lambda _: judged().record)
    monkeypatch.setattr(sys, "argv", ["loopbench", "report", str(tmp_path), "--junit", str(tmp_path / "junit.xml")])
    with pytest.raises(SystemExit) as left:
        cli.main()
    assert (left.value.code or 0) == code
    heard = capsys.readouterr()
    assert f"gate {outcome}: goodput of def" in heard.out
    assert ("error[gate" in heard.err) == (code != ExitCode.OK)
    assert TRUSTED in (tmp_path / "junit.xml").read_text()


def test_gates_are_judged_from_what_a_session_recorded(tmp_path: Path) -> None:
    """The example session, asked of itself; what the report writes is what `loopbench report` reads."""
    folder = tmp_path / "session"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("charts", "report.html"))
    record = json.loads((folder / SESSION_FILE).read_text())
    of_def = GATE.model_dump() | {"variant": "def"}
    record["scenario"]["expect"] = [of_def | {"of": "baseline", "at_least": 0.5}, of_def]
    (folder / SESSION_FILE).write_text(json.dumps(record))
    report = Gating(baseline=EXAMPLE).judge(folder)
    assert [gate.outcome for gate in report.gates] == [Outcome.MET, Outcome.MET]
    assert [gate.value for gate in report.gates] == [pytest.approx(1.0), pytest.approx(150, rel=0.01)]
    assert [gate.outcome for gate in Gating().judge(folder).gates] == [Outcome.CANNOT_TELL, Outcome.MET]
    told = json.loads(to_json(report))["gates"]
    assert [(gate["outcome"], gate["of"], gate["confidence"]) for gate in told] == [
        ("MET", "baseline", 0.95),
        ("MET", None, 0.95),
    ]


def documented(language: str) -> str:
    """The one block of that language in docs/ci.md."""
    text = (Path(__file__).parents[1] / "docs" / "ci.md").read_text(encoding="utf-8")
    (block,) = re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)
    return str(block)


def test_the_documented_gates_load(tmp_path: Path) -> None:
    file = tmp_path / "s.toml"
    file.write_text(
        'title = "t"\nquestion = "q"\n[target]\napp = "main:app"\n[[requests]]\nname = "hello"\npath = "/"\n'
        f'[[variants]]\nname = "def"\npath = "/a"\n{documented("toml")}'
    )
    assert [gate.figure for gate in load(file).expect] == [
        "goodput",
        "neighbour_p99_ms",
        "loop_blocked_share",
        "line_ms",
    ]


def test_the_documented_workflow_pins_by_using_no_action_and_its_commands_are_shell() -> None:
    workflow = documented("yaml")
    assert "uses:" not in workflow
    blocks = re.findall(r"run: \|\n((?: {10}.*\n)+)", workflow) + re.findall(r"run: ([^|\n].*)\n", workflow)
    assert len(blocks) == 4
    for block in blocks:
        done = subprocess.run(
            ["/bin/bash", "-n"], input=textwrap.dedent(block), capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, "")
