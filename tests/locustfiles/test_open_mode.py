"""Open mode with real Locust, our users and a real server: every due request is sent or counted as unsent."""

import subprocess
import sys
from collections.abc import Iterator
from itertools import islice, pairwise
from pathlib import Path

import numpy as np
import pytest

from loopbench.judge.run.open_loop import due_times_s, open_loop
from loopbench.judge.run.samples import read_samples
from loopbench.locustfiles.schedule import schedule_of
from loopbench.measure.load import loaded
from loopbench.records import samples as layout
from loopbench.records.load_spec import LoadSpec
from loopbench.records.session import KIND_PLATEAU, KIND_RAMP
from tests.made_scenario import made_spec

pytestmark = pytest.mark.real
LISTENING = "listening on "


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with subprocess.Popen(
        [sys.executable, "-m", "loopbench.bundled.target_app.noop_server"], stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        yield server.stdout.readline().strip().removeprefix(LISTENING)
        server.terminate()


def spec(url: str, folder: Path, kind: str) -> LoadSpec:
    load = {"users": 20, "spawn_rate": 19.0, "warmup_s": 0.1, "hold_s": 1.0, "drain_s": 5.0}  # a ramp of one second
    open_mode = {"mode": "open", "rate": (20.0, 200.0)}
    return made_spec(folder, kind, url=url, load=load | open_mode, repeat={"settle_s": 0.2, "window_s": 1.0}, seed=3)


@pytest.mark.parametrize("kind", [KIND_PLATEAU, KIND_RAMP])
def test_every_due_request_is_sent_or_counted_as_unsent(url: str, tmp_path: Path, kind: str) -> None:
    asked = spec(url, tmp_path, kind)
    with loaded(asked, tmp_path, cpus=()) as load:
        load.watch(lambda _: None)
    samples = read_samples(tmp_path)
    rows = samples.rows[samples.loaded]
    due_s = np.sort(due_times_s(samples)[samples.loaded])
    counted = {kind: int(value) for _, kind, value in samples.events if kind == layout.EVENT_LOAD_ENDED}
    unsent = sum(int(value) for _, kind, value in samples.events if kind == layout.EVENT_DUE_UNSENT)
    assert len(rows) > 100
    assert len(rows) + unsent == counted[layout.EVENT_LOAD_ENDED]
    assert (rows["late_s"] >= 0).all()
    scheduled_s = np.array(list(islice(schedule_of(asked), len(due_s))))
    assert np.diff(due_s) == pytest.approx(np.diff(scheduled_s), abs=1e-5), "the gaps are the schedule's"
    phases = {str(value): at_s for at_s, kind, value in samples.events if kind == layout.EVENT_PHASE}
    held = open_loop(samples, phases[layout.PHASE_HOLD], phases[layout.PHASE_DRAIN])
    assert held.offered_rps == pytest.approx(200, rel=0.4)
    marks = [str(value) for _, kind, value in samples.events if kind == layout.EVENT_PHASE]
    assert [later for _, later in pairwise(marks)][-3:] == ["hold", "drain", "end"]
