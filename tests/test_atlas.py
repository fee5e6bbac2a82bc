"""`loopbench atlas`: which scenarios it visits, what it keeps, what it says of those in trouble, where it writes.

Measuring is replaced: these tests are about the walk over scenarios. `tests/test_cli.py` measures for real.
"""

import json
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from loopbench.commands import ending, reporting, series
from loopbench.commands.atlas import atlas
from loopbench.errors import CannotTellError, LoopbenchError, ServiceError, UsageError
from loopbench.judge.rounds import between_runs
from loopbench.judge.rounds.claims import Answer, ClaimAnswer
from loopbench.measure import resume
from loopbench.measure.events import SessionEnded
from loopbench.measure.store import run_path, write_session
from loopbench.plan import make_plan
from loopbench.scenario import load
from loopbench.scenario.claims import Claim
from loopbench.session import describe
from tests.plots.reports import session

SCENARIO = """
title = "{name}"
question = "q"
[target]
app = "app:app"
[[variants]]
name = "a"
path = "/a"
[[variants]]
name = "b"
path = "/b"
[[claims]]
id = "000-{name}"
text = "a serves more than b"
where = "000, somewhere"
compare = "goodput"
a = "a"
b = "b"
expect = "higher"
"""
APP = typer.Typer()
APP.command()(atlas)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> "World":
    return World(tmp_path, monkeypatch)


class World:
    """A folder with two scenarios, and a harness that only pretends."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root, self.out = root, root / "atlas"
        self.began: list[str] = []
        self.resumed: list[Path] = []
        self.errors: dict[str, LoopbenchError] = {}
        self.interrupted = ""
        self.damaged: tuple[str, ...] = ()
        self.options: list[Any] = []
        self.repeats: dict[str, Any] = {}
        (root / "scenarios").mkdir()
        for name in ("one", "two"):
            (root / "scenarios" / f"{name}.toml").write_text(SCENARIO.format(name=name))
        (root / "claims.md").write_text(
            "| 000 | figures | another machine |\n<!-- claims: begin -->\n<!-- claims: end -->\n"
        )
        monkeypatch.setattr(series, "begin_session", self._begin)
        monkeypatch.setattr(series, "resume_session", self._resume)
        monkeypatch.setattr(reporting, "draw_files", self._judged)

    def run(self, *options: str) -> Result:
        where = ["--out", str(self.out), "--docs", str(self.root / "claims.md")]
        return CliRunner().invoke(
            APP, [str(self.root / "scenarios"), *where, *(() if "--rounds" in options else ("--rounds", "2")), *options]
        )

    def session_of(
        self, name: str, *, runs: int | None = None, rounds: int = 2, started: str = "2026-11-20T10-00-00Z"
    ) -> Path:
        """A session on disk with so many of its runs complete; all by default."""
        question = load(self.root / "scenarios" / f"{name}.toml", quick=True, rounds=rounds)
        plan, folder = make_plan(question, 1), self.out / name / started
        folder.mkdir(parents=True)
        write_session(folder, describe(question, plan, quick=True, explain=False))
        for run in plan.runs[:runs]:
            run_path(folder, run.folder).mkdir(parents=True)
        return folder

    def said(self) -> Any:
        return json.loads((self.out / "atlas.json").read_text())

    def _begin(self, question: Any, _seed: int, out: Path, options: Any, _notify: Any) -> SessionEnded:
        self.began.append(question.name)
        self.options.append(options)
        self.repeats[question.name] = question.repeat
        folder = out / question.name / "new"
        error = self.errors.get(question.name)
        by = signal.SIGINT if question.name == self.interrupted else None
        return SessionEnded(folder, 0 if error else 3 if by else 6, 6, by, error)

    def _resume(self, question: Any, folder: Path, _options: Any, _notify: Any) -> SessionEnded:
        self.resumed.append(folder)
        if question.name in self.errors:
            raise self.errors[question.name]
        return SessionEnded(folder, 6, 6, None, None)

    def _judged(self, folder: Path) -> Any:
        claim = Claim(
            id=f"000-{folder.parent.name}", text="t", where="w", compare="goodput", a="a", b="b", expect="higher"
        )
        return replace(
            session(),
            folder=folder,
            damaged=self.damaged,
            claims=(ClaimAnswer(claim, Answer.REPRODUCED, 2.0, None, "it is"),),
        )


def test_every_scenario_is_measured_and_every_claim_is_on_the_page(world: World) -> None:
    result = world.run()
    assert result.exit_code == 0, result.output
    assert world.began == ["one", "two"]
    assert world.said()["counts"] == {"REPRODUCED": 2, "NOT REPRODUCED": 0, "NOT DECIDED": 0}
    assert "another machine" in (world.out / "atlas.html").read_text()


def test_as_json_stdout_is_atlas_json_and_the_text_goes_to_stderr(world: World) -> None:
    result = world.run("--json", "--write-docs")
    assert result.exit_code == 0, result.output
    assert result.stdout == (world.out / "atlas.json").read_text()
    assert "2 claims in 2 scenarios" in result.stderr


def test_a_service_that_is_missing_is_named_with_its_command_and_the_others_go_on(world: World) -> None:
    world.errors["one"] = ServiceError("no database", slug="s", hints=("pip install it",))
    result = world.run()
    assert result.exit_code == 0, result.output
    assert "one: not measured: no database; try: pip install it" in result.output
    assert world.began == ["one", "two"]
    assert world.said()["counts"]["NOT DECIDED"] == 1


def test_a_scenario_that_is_wrong_is_named_and_the_others_go_on(world: World) -> None:
    (world.root / "scenarios" / "one.toml").write_text("title = 1\n")
    result = world.run()
    assert world.began == ["two"]
    assert world.said()["scenarios"][0]["not_measured"].startswith("not measured:")
    assert result.exit_code == 0


def test_a_run_that_cannot_be_read_is_told_beside_the_answers_of_the_others(world: World) -> None:
    world.damaged = ("003-ramp-a: samples.bin is torn",)
    result = world.run()
    assert "not every run of it can be read: 003-ramp-a: samples.bin is torn" in result.output
    assert world.said()["counts"]["REPRODUCED"] == 2


def test_what_is_complete_is_kept(world: World) -> None:
    folder = world.session_of("one")
    world.run()
    assert (world.began, world.resumed) == (["two"], [])
    assert world.said()["scenarios"][0]["session"] == folder.relative_to(world.out).as_posix()


def test_what_is_not_complete_goes_on_where_it_ended(world: World) -> None:
    folder = world.session_of("one", runs=3)
    world.run()
    assert (world.began, world.resumed) == (["two"], [folder])


@pytest.mark.parametrize(("enough", "kept"), [(True, True), (False, False)])
def test_the_fewest_rounds_are_complete_only_if_they_are_enough(
    world: World, monkeypatch: pytest.MonkeyPatch, enough: bool, kept: bool
) -> None:
    monkeypatch.setattr(between_runs, "rounds_standing", lambda _: (enough, None, ""))
    folder = world.session_of("one", rounds=7, runs=2 + 5 * 2)
    world.run("--rounds", "7")
    assert world.resumed == ([] if kept else [folder])


def test_a_session_with_other_settings_is_left_alone(world: World) -> None:
    world.session_of("one")
    world.run("--set", "load.users=7")
    assert world.began == ["one", "two"]


def test_only_some_can_be_asked_for_and_unknown_names_are_refused(world: World) -> None:
    world.session_of("one")
    world.run("--only", "two")
    assert world.began == ["two"]
    assert world.said()["counts"]["REPRODUCED"] == 2  # the page holds the other one's session all the same
    refused = world.run("--only", "three")
    assert isinstance(refused.exception, UsageError)
    assert refused.exception.allowed == "one, two"


def test_what_was_left_out_is_on_the_page_and_says_so(world: World) -> None:
    world.run("--only", "two")
    assert world.said()["scenarios"][0]["not_measured"].startswith("not measured: it was left out this time")
    assert world.said()["counts"] == {"REPRODUCED": 1, "NOT REPRODUCED": 0, "NOT DECIDED": 1}


def test_after_a_signal_the_rest_is_on_the_page_and_not_begun(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ending, "leave_if_ended_early", lambda _outcome: None)  # which would send us the signal
    world.interrupted = "one"
    world.run()
    assert world.began == ["one"]
    assert [each["not_measured"] for each in world.said()["scenarios"]] == [
        "not measured to the end: it was stopped by a signal; try: the same command again: what is complete is kept",
        "not measured: it was stopped by a signal; try: the same command again: what is complete is kept",
    ]


def test_what_was_measured_before_is_on_the_page_though_going_on_failed(world: World) -> None:
    folder = world.session_of("one", runs=3)
    world.errors["one"] = ServiceError("no database", slug="s")
    result = world.run()
    assert "one: not measured to the end: no database" in result.output
    assert world.said()["scenarios"][0]["session"] == folder.relative_to(world.out).as_posix()


def test_a_session_without_a_run_does_not_hide_an_older_one_that_has_some(world: World) -> None:
    folder = world.session_of("one", runs=3)
    world.session_of("one", runs=0, started="2026-11-21T10-00-00Z")
    world.run("--only", "two")
    assert world.said()["scenarios"][0]["session"] == folder.relative_to(world.out).as_posix()


def test_a_damaged_run_among_enough_rounds_ends_nothing(world: World) -> None:
    folder = world.session_of("one", rounds=7, runs=2 + 5 * 2)  # its run folders are empty
    world.run("--rounds", "7")
    assert (world.began, world.resumed) == (["two"], [])
    assert world.said()["scenarios"][0]["session"] == folder.relative_to(world.out).as_posix()


@pytest.mark.parametrize("page", ["no block\n", b"\xff"])
def test_a_list_that_cannot_be_written_is_named_and_the_page_is_there(world: World, page: str | bytes) -> None:
    (world.root / "claims.md").write_bytes(page if isinstance(page, bytes) else page.encode())
    result = world.run("--write-docs")
    assert result.exit_code == 0, result.output
    assert "not written: " in result.output
    assert (world.out / "atlas.html").exists()


def test_an_unfinished_session_of_another_program_is_left_raw(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.session_of("one", runs=3)
    monkeypatch.setattr(resume, "code_digest", lambda _: "of other code")
    result = world.run()
    assert world.began == ["one", "two"]
    assert "are not what they were when this session began" in result.output


def test_answers_of_another_load_are_not_written_into_the_list(world: World) -> None:
    refused = world.run("--write-docs", "--set", "load.users=7")
    assert isinstance(refused.exception, UsageError)
    assert world.began == []


def test_the_time_is_for_all_of_them(world: World) -> None:
    world.run("--max-minutes", "3")
    assert all(each.quick and 0 < each.max_minutes <= 3 for each in world.options)


def test_when_the_time_is_up_nothing_more_is_begun_but_what_is_complete_counts(world: World) -> None:
    world.session_of("two")
    result = world.run("--max-minutes", "0")
    assert world.began == []
    assert "one: not measured: the time given was up" in result.output
    assert world.said()["counts"] == {"REPRODUCED": 1, "NOT REPRODUCED": 0, "NOT DECIDED": 1}


def test_the_list_of_claims_is_written_only_when_asked(world: World) -> None:
    docs = world.root / "claims.md"
    world.run()
    assert "REPRODUCED" not in docs.read_text()
    world.run("--write-docs")
    assert "| REPRODUCED: ratio 2.00 |" in docs.read_text()


def test_rounds_are_measured_of_the_variants_that_claims_compare(world: World) -> None:
    file = world.root / "scenarios" / "one.toml"
    file.write_text(file.read_text() + '[[variants]]\nname = "in no claim"\npath = "/c"\n')
    world.run()
    assert world.repeats["one"].variants == ["a", "b"]
    assert world.repeats["two"].variants is None


def test_claims_of_receipts_take_no_rounds(world: World) -> None:
    file = world.root / "scenarios" / "one.toml"
    file.write_text(file.read_text().replace('"goodput"', '"receipt:lost"'))
    world.run()
    assert [world.repeats[name].max_rounds for name in ("one", "two")] == [0, 2]


def test_if_nothing_at_all_was_measured_nothing_can_be_told(world: World) -> None:
    world.errors = {name: ServiceError("no", slug="s") for name in ("one", "two")}
    assert isinstance(world.run().exception, CannotTellError)
