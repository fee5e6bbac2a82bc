"""Several generators as one: real Locust processes, a real target, counts that agree, and workers that are lost."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from loopbench.errors import GeneratorError
from loopbench.judge.run.samples import read_samples
from loopbench.measure import generators
from loopbench.measure.counts import Recorded, read_recorded
from loopbench.measure.generators import command, worker_options
from loopbench.measure.load import loaded
from loopbench.measure.running_target import RunningTarget
from loopbench.measure.stop import StopWish
from loopbench.measure.target import AnyTarget, Launch, free_port, started
from loopbench.records import samples as layout
from loopbench.records.generators import EXIT_REFUSED, read_generators
from loopbench.records.load_spec import LoadSpec
from loopbench.records.session import KIND_PLATEAU, KIND_RAMP, samples_file
from loopbench.records.tail import LiveView
from loopbench.scenario import load as load_scenario
from tests.made_scenario import made_spec

APPS = Path(__file__).parents[1] / "apps"
USERS = 7
ENDLESS_S = 600
PATIENCE_S = 300
TWO: dict[str, Any] = {"generators": 2}

pytestmark = pytest.mark.real


@contextmanager
def served(folder: Path) -> Iterator[AnyTarget]:
    """Serve a healthy app with the probe attached, whose log goes into the folder."""
    file = folder / "case.toml"
    variant = '[[variants]]\nname = "ok"\npath = "/ok"\n'
    file.write_text(f'title = "t"\nquestion = "q"\n[target]\napp = "healthy:app"\napp_dir = "{APPS}"\n{variant}')
    scenario = load_scenario(file)
    with started(Launch(scenario, scenario.target, folder, (), StopWish(), nonce="n")) as running:
        yield running


@pytest.fixture
def own_target(tmp_path: Path) -> Iterator[AnyTarget]:
    """One that is stopped before its count is read."""
    with served(tmp_path) as running:
        yield running


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AnyTarget]:
    """One whose requests no test counts."""
    with served(tmp_path_factory.mktemp("target")) as running:
        yield running


def spec(folder: Path, url: str, kind: str = KIND_PLATEAU, hold_s: float = 1.0, **more: Any) -> LoadSpec:
    """A small load."""
    load = {"users": USERS, "spawn_rate": USERS, "warmup_s": 0.2, "hold_s": hold_s, "think_time_s": (0.1, 0.2)}
    request, repeat = {"name": "ok", "path": "/ok"}, {"settle_s": 0.2, "window_s": hold_s}
    return made_spec(folder, kind, url=url, request=request, load=load | more, repeat=repeat)


def events_of_each(folder: Path) -> Iterator[tuple[layout.Event, ...]]:
    """The events of each of two workers, on its own clock."""
    for index in range(2):
        alone = folder / f"only-{index}"
        alone.mkdir(exist_ok=True)
        (alone / samples_file(0)).write_bytes((folder / samples_file(index)).read_bytes())
        yield read_samples(alone).events


def nothing(_view: LiveView) -> None:
    """Do nothing between two looks at the load."""


def measured(target: AnyTarget, folder: Path, kind: str = KIND_RAMP, **load: Any) -> Recorded:
    """Run one load to its end, and stop the target so that it writes its count."""
    with loaded(spec(folder, target.url, kind, **load), folder, cpus=()) as running:
        running.watch(nothing)
    if isinstance(target, RunningTarget):
        target.process.stop(5)
    return read_recorded(folder, target)


def test_two_workers_share_the_users_and_every_count_agrees(own_target: AnyTarget, tmp_path: Path) -> None:
    """One run, since each takes seconds: server, samples, workers' and master's statistics; users; phases."""
    recorded, samples, known = (
        measured(own_target, tmp_path, **TWO),
        read_samples(tmp_path, "n"),
        read_generators(tmp_path),
    )
    assert known is not None
    assert recorded.counts.agree
    assert recorded.counts.samples == len(samples.rows) == known.locust_requests
    assert len(samples.rows) > USERS
    assert samples.notes == ()

    assert recorded.users_started == USERS
    each = [sum(1 for event in events if event[1] == layout.EVENT_USER_STARTED) for events in events_of_each(tmp_path)]
    assert sorted(each) == [3, 4]
    hold = next(phase for phase in recorded.phases if phase.name == layout.PHASE_HOLD)
    in_hold = samples.rows[(samples.end_s > hold.start_s) & (samples.end_s < hold.end_s)]
    assert set(in_hold["users"]) == {USERS}
    assert set(in_hold["user"]) == set(range(USERS))

    for events in events_of_each(tmp_path):
        names = [value for _, kind, value in events if kind == layout.EVENT_PHASE]
        assert names == ["warmup", "ramp", "hold", "drain", "end"]


def test_a_worker_from_elsewhere_serves_one_run_after_the_other(target: AnyTarget, tmp_path: Path) -> None:
    port = free_port()
    elsewhere: dict[str, Any] = {"remote_workers": 1, "master_bind": "127.0.0.1", "master_port": port}
    call = f"from loopbench.measure.worker import serve_as_worker as w; w('127.0.0.1', {port}, print, runs=2)"
    with subprocess.Popen([sys.executable, "-c", call], stdout=subprocess.PIPE, text=True) as worker:
        for name in ("first", "second"):
            folder = tmp_path / name
            folder.mkdir()
            with loaded(spec(folder, target.url, **elsewhere), folder, cpus=()) as load:
                load.watch(nothing)
            counts = read_recorded(folder, target).counts
            assert counts.samples == counts.locust
            assert counts.samples
        output, _ = worker.communicate(timeout=PATIENCE_S)
    assert worker.returncode == 0
    assert "run 2 is over" in output


def test_a_worker_of_another_version_is_refused_and_ends_the_run(target: AnyTarget, tmp_path: Path) -> None:
    port = free_port()
    elsewhere: dict[str, Any] = {"remote_workers": 1, "master_bind": "127.0.0.1", "master_port": port}
    line = ["locust", *command(3)[4:], *worker_options("127.0.0.1", port)]
    setup = f"import sys, loopbench; loopbench.__version__ = '9.9'; sys.argv = {line!r}"
    call = f"{setup}; from locust.main import main; main()"
    with (
        subprocess.Popen([sys.executable, "-P", "-c", call], stderr=subprocess.PIPE, text=True, cwd=tmp_path) as worker,
        pytest.raises(GeneratorError, match=r"the worker is loopbench 9\.9, the master .*same version") as caught,
        loaded(spec(tmp_path, target.url, drain_s=3, **elsewhere), tmp_path, cpus=()) as load,
    ):
        load.watch(nothing)
    assert caught.value.slug == "generator-worker-refused"
    assert worker.wait(PATIENCE_S) == EXIT_REFUSED


@pytest.mark.parametrize(
    ("number", "words"),
    [
        pytest.param(signal.SIGKILL, "was lost|has ended", id="killed"),
        pytest.param(signal.SIGSTOP, "does not answer any more", id="frozen"),
    ],
)
def test_a_worker_that_is_lost_ends_the_run_as_invalid(
    target: AnyTarget, tmp_path: Path, number: signal.Signals, words: str
) -> None:
    """Not at the end of its hold, which does not come."""
    lost: list[int] = []

    def lose(view: LiveView) -> None:
        known = read_generators(tmp_path)
        if view.phase == layout.PHASE_HOLD and not lost and known:
            lost.append(known.workers[1].pid)
            os.kill(lost[0], number)

    with (
        pytest.raises(GeneratorError, match=f"INVALID.*({words})|({words}).*INVALID") as caught,
        loaded(spec(tmp_path, target.url, hold_s=ENDLESS_S, drain_s=3, **TWO), tmp_path, cpus=()) as load,
    ):
        load.watch(lose)
    assert caught.value.slug == "generator-lost-worker"


def test_workers_that_do_not_come_are_missed_with_the_command_that_brings_them(
    target: AnyTarget, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generators, "REMOTE_CONNECT_S", 1)
    elsewhere: dict[str, Any] = {"remote_workers": 2, "master_bind": "127.0.0.1"}
    with (
        pytest.raises(GeneratorError, match="0 of 2 workers came within 1 s") as caught,
        loaded(spec(tmp_path, target.url, drain_s=3, **elsewhere), tmp_path, cpus=()) as load,
    ):
        load.watch(nothing)
    assert caught.value.slug == "generator-worker-late"
    assert "loopbench worker --master 127.0.0.1" in caught.value.hints[0]
