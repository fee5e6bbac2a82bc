"""A timeline, asked of a real target: six requests at once, as in 003, at a twentieth of its seconds."""

from pathlib import Path

import pytest

from loopbench.errors import TargetError
from loopbench.judge.rounds.claims import Answer
from loopbench.judge.run.timeline import TimelineReport, judge_timeline
from loopbench.judge.session.session_report import judge_session
from loopbench.measure.machine import Cores
from loopbench.measure.run import RunContext, commit_run
from loopbench.measure.services import RunningServices
from loopbench.measure.stop import StopWish
from loopbench.measure.store import write_session
from loopbench.measure.timeline import measure_timeline
from loopbench.plan import make_plan
from loopbench.records.session import read_run
from loopbench.records.timeline import read_timeline
from loopbench.scenario import load
from loopbench.session import describe

pytestmark = pytest.mark.real

SCENARIO = """
title = "t"
question = "q"
[target]
app = "target_app.only:wait"
app_dir = "{root}"
[[requests]]
name = "hello"
path = "/hello"
[[variants]]
name = "wait"
path = "/wait/async"
[[timelines]]
name = "blocking first"
requests = ["/slow?seconds=0.2", "/slow?seconds=0.2", "/?seconds=0.2", "/?seconds=0.2", "/?seconds=0.2", "hello"]
[[timelines]]
name = "in threads first"
requests = ["/sync-slow?seconds=0.2", "/sync-slow?seconds=0.2", "/?seconds=0.2", "/?seconds=0.2", "/fast", "hello"]
[[timelines]]
name = "not there"
requests = ["/nowhere"]
[[claims]]
id = "nobody-waits"
text = "nobody waits for a thread"
where = "003"
compare = "receipt:kept_waiting"
a = "in threads first"
value = 0
expect = "about"
"""


@pytest.fixture
def context(tmp_path: Path) -> RunContext:
    file = tmp_path / "scenario.toml"
    file.write_text(SCENARIO.format(root=Path(__file__).parents[2]))
    folder = tmp_path / "session"
    (folder / "runs").mkdir(parents=True)
    return RunContext(
        scenario=load(file),
        folder=folder,
        cores=Cores((), ()),
        stop=StopWish(),
        notify=lambda _event: None,
        explain=False,
        services=RunningServices({}, ()),
    )


def measured(context: RunContext, name: str) -> tuple[Path, TimelineReport]:
    scenario = context.scenario
    slugs = {each.name: each.slug for each in scenario.timelines}
    run = next(run for run in make_plan(scenario, 1).runs if run.variant == slugs[name] and run.kind == "timeline")
    commit_run(context, run, measure_timeline(context, run))
    folder = context.folder / "runs" / run.folder
    return folder, judge_timeline(folder)


def test_requests_that_block_are_found_out_and_who_waited_for_them(context: RunContext) -> None:
    folder, report = measured(context, "blocking first")
    assert [bar.label for bar in report.bars][4:] == ["/?seconds=0.2", "hello"]
    assert [bar.held_the_loop for bar in report.bars] == [True, True, False, False, False, False]
    assert [bar.waited_for for bar in report.bars] == [(), (1,), (1, 2), (1, 2), (1, 2), (1, 2)]
    assert "/slow?seconds=0.2 (1) and /slow?seconds=0.2 (2) held the event loop" in report.sentence
    assert all(each.status == 200 and not each.problem for each in read_timeline(folder).requests)


def test_nobody_waits_for_what_sleeps_in_a_thread(context: RunContext) -> None:
    _, report = measured(context, "in threads first")
    assert report.kept_waiting == ()
    assert report.receipt["kept_waiting"] == 0


def test_server_and_harness_count_the_same_requests(context: RunContext) -> None:
    folder, _ = measured(context, "in threads first")
    counts = read_run(folder).counts
    assert (counts.server, counts.samples, counts.locust, counts.agree) == (6, 6, None, True)


def test_a_session_is_judged_with_its_timelines_and_answers_claims_about_them(context: RunContext) -> None:
    plan = make_plan(context.scenario, 1)
    write_session(context.folder, describe(context.scenario, plan, quick=True, explain=False))
    measured(context, "in threads first")
    judged = judge_session(context.folder)
    assert [timeline.name for timeline in judged.timelines] == ["in threads first"]
    assert [(each.claim.id, each.answer) for each in judged.claims] == [("nobody-waits", Answer.REPRODUCED)]
    assert judged.damaged == ()


def test_a_route_that_answers_wrong_is_refused_before_anything_is_timed(context: RunContext) -> None:
    with pytest.raises(TargetError, match="status 404"):
        measured(context, "not there")
