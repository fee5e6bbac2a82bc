"""How a session runs its plan: what is repeated, when there is enough, what is not measured twice.

The run itself is replaced (`measure_run`, `commit_run`): these tests are about the order of things, not about load.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from loopbench import session
from loopbench.errors import TargetError, UsageError
from loopbench.judge.rounds import between_runs
from loopbench.measure.events import Event, RoundFinished, RunRepeated, TimeIsUp
from loopbench.measure.resume import check_resumable, check_same_code
from loopbench.measure.stop import InterruptedRunError
from loopbench.measure.store import run_path, write_session
from loopbench.plan import make_plan
from loopbench.records.failures import FAILING, SLOW, VariantFailure, read_failures
from loopbench.records.session import PlannedRun
from loopbench.scenario import Scenario, load
from loopbench.session import SessionOptions, _SessionRunner, describe

FILE = Path(__file__).parents[2] / "scenarios" / "file_write.toml"
FOUR = 4


@dataclass
class FakeJudge:
    """Finds what a test has planted."""

    invalid: dict[str, int] = field(default_factory=dict)  # variant: how many of its attempts come out INVALID
    enough_after: int = 99
    rounds_asked: int = 0
    rule: str = "M2"
    cycles_s: Mapping[str, float] = field(default_factory=dict)  # from good answer to good answer, where it is not 1
    failing: str = ""  # the variant of which every second answer is wrong

    def install(self, patch: pytest.MonkeyPatch) -> None:
        patch.setattr(between_runs, "least_window_s", lambda _folder, _variant: 6.0)
        patch.setattr(between_runs, "cycle_s", self._cycle_s)
        patch.setattr(between_runs, "faults_of", self._faults)
        patch.setattr(between_runs, "rounds_standing", self._standing)

    def _cycle_s(self, _session_folder: Path, variant: str, *, good: bool = False) -> float:
        cycle_s = self.cycles_s.get(variant, 1.0)
        return cycle_s if good or variant != self.failing else cycle_s / 2

    def _faults(self, run_folder: Path, _session_folder: Path) -> tuple[str, ...]:
        variant = run_folder.name
        if self.invalid.get(variant, 0) <= 0:
            return ()
        self.invalid[variant] -= 1
        return (f"{self.rule}: planted",)

    def _standing(self, _session_folder: Path) -> tuple[bool, int | None, str]:
        self.rounds_asked += 1
        return self.rounds_asked >= self.enough_after, None, ""


@dataclass
class Stage:
    """What happened: attempts, and what was committed."""

    folder: Path
    attempts: list[PlannedRun] = field(default_factory=list)
    committed: list[PlannedRun] = field(default_factory=list)
    reported: list[str] = field(default_factory=list)
    failing: list[tuple[VariantFailure, TargetError]] = field(default_factory=list)
    together: list[tuple[str, ...]] = field(default_factory=list)  # variants of each generation

    def context(self, **repeat: Any) -> Any:
        stop = SimpleNamespace(check=lambda: None, pauses=0)
        question = scenario(**repeat)
        return SimpleNamespace(folder=self.folder, notify=self._notify, stop=stop, scenario=question)

    def _notify(self, event: Event) -> None:
        match event:
            case RunRepeated(run, _):
                self.reported.append(f"repeated {run.variant}")
            case RoundFinished(number):
                self.reported.append(f"round {number}")
            case TimeIsUp():
                self.reported.append("time is up")


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    made = Stage(tmp_path)

    def measure(_context: Any, run: PlannedRun, _min_window_s: float) -> Any:
        made.attempts.append(run)
        return SimpleNamespace(folder=Path(run.variant))

    def commit(_context: Any, run: PlannedRun, _measured: Any) -> None:
        run_path(made.folder, run.folder).mkdir(parents=True)
        made.committed.append(run)

    def measure_together(context: Any, runs: Sequence[PlannedRun], windows_s: Sequence[float]) -> Any:
        made.together.append(tuple(run.variant for run in runs))
        return tuple(measure(context, *each) for each in zip(runs, windows_s, strict=True))

    monkeypatch.setattr(session, "measure_run", measure)
    monkeypatch.setattr(session, "measure_generation", measure_together)
    monkeypatch.setattr(session, "commit_run", commit)
    monkeypatch.setattr(session, "_measure_ceiling", lambda _context: None)
    monkeypatch.setattr(session, "failing_variants", lambda _context: made.failing)
    return made


def run_plan(
    stage: Stage, judge: FakeJudge, *, rounds: int | None = None, context: Any = None, **options: Any
) -> _SessionRunner:
    made = _SessionRunner(make_plan(scenario(rounds), 1), SessionOptions(**options))
    with pytest.MonkeyPatch.context() as patch:
        judge.install(patch)
        made.run_all(context or stage.context())
    return made


def scenario(rounds: int | None = None, *, interleave: str = "false") -> Scenario:
    return load(FILE, (f"repeat.interleave={interleave}",), rounds=rounds)


def test_it_stops_after_the_fewest_rounds_when_the_intervals_are_narrow_enough(stage: Stage) -> None:
    run_plan(stage, FakeJudge(enough_after=1))
    assert max(run.round for run in stage.committed) == scenario().repeat.min_rounds


def test_it_goes_on_to_the_last_round_when_they_never_are(stage: Stage) -> None:
    assert run_plan(stage, FakeJudge()).finished == len(make_plan(scenario(), 1).runs)


def test_an_invalid_run_is_measured_again_inside_its_round(stage: Stage) -> None:
    run_plan(stage, FakeJudge(invalid={"aiofiles": 2}), rounds=1)
    attempts = Counter((run.round, run.variant) for run in stage.attempts)
    assert attempts[1, "aiofiles"] == 3
    assert [run.variant for run in stage.committed].count("aiofiles") == 2  # its ramp, and the third attempt
    assert stage.reported.count("repeated aiofiles") == 2


LIMITED = scenario().repeat.model_copy(update={"max_times_slower": 10.0})
SLOW_ONES = {"aiofiles": 12.0, "thread-offload": math.inf}  # def, the baseline: 1 s


def run_with_slow_ones(stage: Stage, cycles_s: Mapping[str, float], failing: str = "", **settings: Any) -> set[str]:
    """Run the plan, in which ramps show these cycles; return the variants that are in no round."""
    context = stage.context()
    context.scenario = context.scenario.model_copy(update=settings)
    run_plan(stage, FakeJudge(cycles_s=cycles_s, failing=failing), rounds=1, context=context)
    return {run.variant for run in stage.committed} - {run.variant for run in stage.committed if run.round}


def test_a_variant_too_slow_for_the_scenario_is_in_no_round(stage: Stage) -> None:
    assert run_with_slow_ones(stage, SLOW_ONES, repeat=LIMITED) == set(SLOW_ONES)
    left_out = {each.variant: (each.state, each.reason) for each in read_failures(stage.folder).variants}
    assert left_out == {
        "aiofiles": (SLOW, "in its ramp each user got a good answer in 12 s, def: in 1 s"),
        "thread offload": (SLOW, "in its ramp no user got a good answer, def: in 1 s"),
    }


def test_without_a_baseline_the_fastest_variant_sets_the_limit(stage: Stage) -> None:
    fast = {"aiofiles": 0.01, "def": 0.09}
    in_no_round = run_with_slow_ones(stage, fast, repeat=LIMITED, baseline=None)
    assert in_no_round == {"blocking-async-def", "thread-offload"}


def test_where_all_others_are_too_slow_there_is_no_round(stage: Stage) -> None:
    others = dict.fromkeys(("aiofiles", "thread-offload", "blocking-async-def"), 99.0)
    assert run_with_slow_ones(stage, others, repeat=LIMITED) == {"def", *others}


@pytest.mark.parametrize("cycle_s", [math.inf, 1.0], ids=["every answer fails", "every second fails"])
def test_beside_a_baseline_that_fails_none_is_too_slow(stage: Stage, cycle_s: float) -> None:
    assert run_with_slow_ones(stage, {"def": cycle_s, "aiofiles": 99.0}, "def", repeat=LIMITED) == set()


def test_a_variant_that_fails_is_no_model_for_the_others(stage: Stage) -> None:
    assert run_with_slow_ones(stage, {"aiofiles": 0.002}, "aiofiles", repeat=LIMITED, baseline=None) == set()


def test_a_resumed_session_measures_no_round_of_one_variant_that_is_left(stage: Stage) -> None:
    others = dict.fromkeys(("aiofiles", "thread-offload", "blocking-async-def"), 99.0)
    run_with_slow_ones(stage, others, repeat=LIMITED)
    assert run_with_slow_ones(stage, {}, repeat=LIMITED) == {"def", *others}


def test_a_slow_variant_stays_in_the_rounds_of_a_scenario_that_sets_no_limit(stage: Stage) -> None:
    assert run_with_slow_ones(stage, SLOW_ONES) == set()


def test_a_variant_that_is_invalid_every_time_is_not_repeated_in_later_rounds(stage: Stage) -> None:
    run_plan(stage, FakeJudge(invalid={"aiofiles": 99}), rounds=3)
    attempts = Counter(run.round for run in stage.attempts if run.variant == "aiofiles")
    assert attempts == {0: 1, 1: session.MAX_ATTEMPTS, 2: 1, 3: 1}


def failed(variant: str) -> tuple[VariantFailure, TargetError]:
    """What the verification of a failing variant yields."""
    return VariantFailure(variant, FAILING, f"{variant} is wrong", ""), TargetError(f"{variant} is wrong")


def test_a_variant_that_fails_first_is_left_out_of_everything_and_the_others_are_measured(stage: Stage) -> None:
    stage.failing = [failed("def")]
    runner = run_plan(stage, FakeJudge(enough_after=1))
    assert {run.variant for run in stage.committed} == {each.slug for each in scenario().variants} - {"def"}
    assert runner.finished == runner.needed_runs
    assert str(runner.failed) == "def is wrong"
    assert read_failures(stage.folder).names == {"def"}


def test_a_resumed_session_leaves_out_what_failed_before(stage: Stage) -> None:
    stage.failing = [failed("def")]
    run_plan(stage, FakeJudge(), rounds=0)
    stage.failing = []
    run_plan(stage, FakeJudge(), rounds=1)
    assert "def" not in {run.variant for run in stage.committed}


def test_if_every_variant_fails_the_first_error_ends_the_session(stage: Stage) -> None:
    stage.failing = [failed(each.name) for each in scenario().variants]
    with pytest.raises(TargetError, match=f"{scenario().variants[0].name} is wrong"):
        run_plan(stage, FakeJudge())
    assert not stage.attempts


def test_a_ramp_is_a_picture_and_never_repeated(stage: Stage) -> None:
    run_plan(stage, FakeJudge(invalid={"def": 99}), rounds=0)
    assert len(stage.attempts) == FOUR


@pytest.mark.parametrize(("rule", "attempts"), [("M2", FOUR + 1), ("G2", FOUR)])
def test_a_quick_picture_that_the_machine_disturbed_is_measured_once_more(
    stage: Stage, rule: str, attempts: int
) -> None:
    run_plan(stage, FakeJudge(invalid={"def": 99}, rule=rule), rounds=0, quick=True)
    assert len(stage.attempts) == attempts
    assert len(stage.committed) == FOUR


def test_no_round_is_begun_that_would_end_too_late(stage: Stage) -> None:
    run_plan(stage, FakeJudge(), rounds=0)  # the pictures are complete and take no time any more
    round_min = sum(run.expected_s for run in make_plan(scenario(), 1).rounds[0]) / 60
    run_plan(stage, FakeJudge(), max_minutes=round_min * 0.9)
    assert {run.round for run in stage.committed} == {0}
    assert stage.reported == ["time is up"]


def test_what_is_complete_is_not_measured_again(stage: Stage) -> None:
    first = run_plan(stage, FakeJudge(), rounds=1)
    attempts = len(stage.attempts)
    again = run_plan(stage, FakeJudge(), rounds=1)
    assert len(stage.attempts) == attempts
    assert again.finished == first.finished


def test_targets_that_take_turns_are_measured_together_in_every_round(stage: Stage) -> None:
    run_plan(stage, FakeJudge(enough_after=1), context=stage.context(interleave="true"))
    assert [len(set(variants)) for variants in stage.together] == [FOUR] * scenario().repeat.min_rounds


def test_a_run_that_is_invalid_is_repeated_with_those_that_ran_beside_it(stage: Stage) -> None:
    run_plan(stage, FakeJudge(invalid={"aiofiles": 2}), rounds=1, context=stage.context(interleave="true"))
    assert len(stage.together) == 3
    assert stage.reported.count("repeated aiofiles") == 2
    assert Counter(run.variant for run in stage.committed) == dict.fromkeys(stage.together[0], 2)  # ramp and third


def test_what_a_kill_left_of_a_generation_is_completed(stage: Stage) -> None:
    """The folders of a generation are renamed one after the other."""
    left = make_plan(scenario(), 1).rounds[0][1:]
    done = make_plan(scenario(), 1).rounds[0][0]
    run_path(stage.folder, done.folder).mkdir(parents=True)
    run_plan(stage, FakeJudge(), rounds=1, context=stage.context(interleave="true"))
    assert stage.together == [tuple(run.variant for run in left)]


def test_a_signal_between_runs_ends_the_session(stage: Stage) -> None:
    context = stage.context()

    def check() -> None:
        if len(stage.committed) == 2:
            raise InterruptedRunError

    context.stop = SimpleNamespace(check=check, pauses=0)
    with pytest.raises(InterruptedRunError):
        run_plan(stage, FakeJudge(), context=context)
    assert len(stage.committed) == 2


def test_a_session_goes_on_only_with_the_scenario_it_began_with(tmp_path: Path) -> None:
    begun = scenario()
    write_session(tmp_path, describe(begun, make_plan(begun, 7), quick=False, explain=False))
    assert check_resumable(tmp_path, scenario(), explain=False) == 7
    with pytest.raises(UsageError, match=r"load\.users was 100, is 50"):
        check_resumable(tmp_path, load(FILE, ("load.users=50",)), explain=False)
    with pytest.raises(UsageError, match="--explain was False, is True"):
        check_resumable(tmp_path, scenario(), explain=True)


def test_a_session_goes_on_when_only_words_were_corrected(tmp_path: Path) -> None:
    begun = scenario()
    write_session(tmp_path, describe(begun, make_plan(begun, 7), quick=False, explain=False))
    corrected = begun.model_copy(update={"title": "Writing, in other words"})
    assert check_resumable(tmp_path, corrected, explain=False) == 7


def test_a_session_does_not_go_on_with_another_program(tmp_path: Path) -> None:
    code, folder = tmp_path / "code", tmp_path / "session"
    code.mkdir()
    folder.mkdir()
    (code / "app.py").write_text("answer = 1\n")
    begun = load(FILE, (f'target.app_dir="{code}"',))
    write_session(folder, describe(begun, make_plan(begun, 7), quick=False, explain=False))
    (code / "notes.md").write_text("a change that is no program's\n")
    check_same_code(folder, begun)
    (code / "app.py").write_text("answer = 2\n")
    with pytest.raises(UsageError, match="are not what they were when this session began"):
        check_same_code(folder, begun)


def test_a_secret_that_changed_is_noticed_and_not_shown(tmp_path: Path) -> None:
    begun = load(FILE, ('target.env={TOKEN="canary-1"}',))
    write_session(tmp_path, describe(begun, make_plan(begun, 7), quick=False, explain=False))
    assert "canary-1" not in (tmp_path / "session.json").read_text()
    with pytest.raises(UsageError, match=r"target\.env\.TOKEN was \"\*\*\*") as caught:
        check_resumable(tmp_path, load(FILE, ('target.env={TOKEN="canary-2"}',)), explain=False)
    assert "canary" not in str(caught.value)
