"""A generation: its schedule, and one with real targets, of which never more than one runs."""

import contextlib
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import psutil
import pytest

from loopbench.judge.run.samples import read_samples
from loopbench.measure import services
from loopbench.measure.events import Event, Notify, RunProgressed
from loopbench.measure.generation import MAX_STOPPED_S, measure_generation, slice_times, turns
from loopbench.measure.run import MeasuredRun
from loopbench.measure.stop import StopWish
from loopbench.measure.supervise import MINDER
from loopbench.plan import make_plan
from loopbench.records.codec import from_json
from loopbench.records.load_spec import LoadSpec, SliceTimes
from loopbench.records.samples import PHASE_DRAIN, PHASE_HOLD, PHASE_SETTLE, PHASE_STOPPED, PHASE_WARMUP
from loopbench.records.session import LOAD_FILE, STOPPED, Phase
from loopbench.scenario import load
from loopbench.session import SessionOptions, _context, new_session

APPS = Path(__file__).parents[1] / "apps"
SLICE = [PHASE_SETTLE, PHASE_HOLD, PHASE_DRAIN, PHASE_STOPPED]
USERS = 3


def test_slices_are_as_short_as_the_slowest_target_allows() -> None:
    fast, slow = slice_times(3.0, [0.01, 0.15])
    assert (fast.number, slow.number) == (4, 4)
    assert slow.hold_s == pytest.approx(6 * 0.15)
    assert fast.hold_s == 0.75, "a fast target needs no more than its share of the window"


def test_users_come_over_one_cycle_and_are_there_when_the_window_begins() -> None:
    """Users who begin at once are answered in step: how many waves fall into a window is then chance."""
    for each in slice_times(3.0, [0.02, 0.15, 1.0]):
        assert each.arrive_s in (0.02, 0.15, 1.0)
        assert each.settle_s >= 1.5 * each.arrive_s


def test_slices_are_not_shorter_than_switching_is_worth() -> None:
    assert slice_times(3.0, [0.0, 0.0]) == [SliceTimes(8, 0.1, 0.1, 0.4)] * 2


def test_a_target_that_is_too_slow_to_be_measured_is_not_waited_for() -> None:
    """It has one slice, because it may take all the time of its drain."""
    hopeless, fast = slice_times(3.0, [20.0, 0.02])
    assert (hopeless.number, hopeless.hold_s, hopeless.until_drained) == (1, 3.0, True)
    assert (fast.number, fast.hold_s, fast.until_drained) == (8, 0.4, False)
    order = list(turns([1, 8], seed=1))
    assert (order.count(0), order.count(1)) == (1, 8)
    assert 0 in order[:2]


def test_short_windows_wait_less_for_a_slow_target() -> None:
    assert slice_times(4.0, [5.0, 0.02])[0].hold_s == pytest.approx(30.0)
    assert slice_times(0.5, [5.0, 0.02])[0].hold_s <= 0.5


def test_no_target_is_stopped_until_its_connections_are_too_old() -> None:
    assert {each.number for each in slice_times(3.0, [0.4] * 12)} == {1}
    few = slice_times(3.0, [0.3] * 4)
    assert few[0].number == 2
    assert 2 * sum(each.settle_s + each.hold_s for each in few) <= MAX_STOPPED_S


def test_every_pass_holds_each_target_once_in_an_order_of_its_own() -> None:
    order = list(turns([50] * 4, seed=1))
    passes = [order[first : first + 4] for first in range(0, len(order), 4)]
    assert all(sorted(each) == [0, 1, 2, 3] for each in passes)
    firsts = Counter(each[0] for each in passes)
    assert min(firsts.values()) > 5, "no target is first or last by habit"
    assert order == list(turns([50] * 4, seed=1))


def measured(
    folder: Path, window_s: float, notify: Notify, *, second: str = "/ok", load_keys: str = "warmup_s = 0.2"
) -> Sequence[MeasuredRun]:
    """One generation of `/ok` and of a second path."""
    file = folder / "case.toml"
    file.write_text(
        f'title = "t"\nquestion = "q"\n[target]\napp = "healthy:app"\napp_dir = "{APPS}"\n'
        f"[load]\nusers = {USERS}\nthink_time_s = [0.01, 0.02]\n{load_keys}\n[repeat]\nwindow_s = {window_s}\n"
        f'[[variants]]\nname = "a"\npath = "/ok"\n[[variants]]\nname = "b"\npath = "{second}"\n'
    )
    return generation(file, notify)


def generation(file: Path, notify: Notify = lambda _event: None) -> Sequence[MeasuredRun]:
    """Measure one generation of a scenario's variants."""
    scenario, options, stop = load(file), SessionOptions(), StopWish()
    plan = make_plan(scenario, 1)
    session = new_session(scenario, plan, file.parent, options)
    with services.started(scenario.services, session, stop) as running:
        context = _context(scenario, session, stop, notify, options, running)
        return measure_generation(context, plan.rounds[0], [0.0, 0.0])


def active(run: MeasuredRun) -> Iterator[tuple[float, float]]:
    """When the target was loaded, on the clock of the host."""
    head = read_samples(run.folder).head
    assert head is not None
    for settle, drain in _slices(run.record.phases):
        yield head.origin_monotonic_s + settle.start_s, head.origin_monotonic_s + drain.end_s


def _slices(phases: Sequence[Phase]) -> Iterator[tuple[Phase, Phase]]:
    named = [[phase for phase in phases if phase.name == name] for name in (PHASE_SETTLE, PHASE_DRAIN)]
    yield from zip(*named, strict=True)


@pytest.mark.real
def test_targets_take_turns_and_every_count_agrees(tmp_path: Path) -> None:
    """One generation, since it takes seconds: counts, phases, slices apart from each other, users and their load."""
    runs = measured(tmp_path, 1.2, lambda _event: None)
    for run in runs:
        assert run.record.counts.agree
        assert run.record.target_exit == STOPPED
        assert run.record.users_started == USERS
        assert [phase.name for phase in run.record.phases] == [PHASE_WARMUP, PHASE_STOPPED, *SLICE, *SLICE]
        spec = from_json(LoadSpec, (run.folder / LOAD_FILE).read_text(), "load.json")
        assert spec.slices == SliceTimes(2, 0.015, 0.1, 0.4)
        assert spec.hold_s == pytest.approx(0.8)
    loaded = sorted(stretch for run in runs for stretch in active(run))
    assert all(first[1] <= second[0] for first, second in pairwise(loaded))
    samples = [read_samples(run.folder) for run in runs]
    assert all(each.finished.all() and each.good.all() for each in samples)
    for run, each in zip(runs, samples, strict=True):
        (watch,) = each.watch
        rows = [(row.at_s, row.span_s) for row in watch]
        for hold in (phase for phase in run.record.phases if phase.name == PHASE_HOLD):
            assert pytest.approx((hold.end_s, hold.width_s), abs=0.05) in rows, "it watches each slice by itself"


def is_server(process: psutil.Process) -> bool:
    """Whether it is a target's own process, and has not ended meanwhile."""
    with contextlib.suppress(psutil.Error):
        line = process.cmdline()
        return "uvicorn" in line and MINDER.name not in str(line)
    return False


class KillsTheFirst:
    """Kills one target when the first requests are recorded."""

    def __init__(self) -> None:
        self.pid = 0

    def __call__(self, event: Event) -> None:
        if isinstance(event, RunProgressed) and event.view.samples and not self.pid:
            below = psutil.Process().children(recursive=True)
            targets = [each for each in below if is_server(each)]
            self.pid = targets[0].pid
            targets[0].kill()


@pytest.mark.real
def test_a_target_that_dies_is_a_result_and_the_others_go_on(tmp_path: Path) -> None:
    kills = KillsTheFirst()
    dead, alive = sorted(measured(tmp_path, 6.0, kills), key=lambda run: run.record.target_exit)
    assert dead.record.target_exit.startswith("died")
    assert dead.record.target_pids == (kills.pid,)
    assert alive.record.target_exit == STOPPED
    assert alive.record.counts.agree
    assert sum(phase.name == PHASE_HOLD for phase in alive.record.phases) == slice_times(4.0, [0.0, 0.0])[0].number


@pytest.mark.real
def test_a_target_that_answers_no_user_in_a_drain_gets_no_further_slice(tmp_path: Path) -> None:
    """Each further slice would wait for the whole drain again, and add nothing to a count of zero."""
    runs = measured(tmp_path, 1.2, lambda _event: None, second="/sticks", load_keys="warmup_s = 0\ndrain_s = 1")
    hung, healthy = sorted(runs, key=lambda run: run.record.counts.samples or 0)
    holds = [sum(phase.name == PHASE_HOLD for phase in run.record.phases) for run in (healthy, hung)]
    assert holds == [2, 1]
    assert not read_samples(hung.folder).finished.all()
