"""The sensors beside real processes: the use of each process; processes that start or end do not disturb them."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from loopbench.errors import EnvironmentRefusedError
from loopbench.measure.sensors import Sensors
from loopbench.records.sensors import UNOBSERVABLE_FILE, SensorRow, read_sensors, read_unobservable
from tests.measure.fake_kernel import whole_kernel

BURNS = "import time\nend = time.monotonic() + 60\nwhile time.monotonic() < end: pass"
SLEEPS = "import time; time.sleep(60)"
DAY_S = 86_400.0


@contextmanager
def child(code: str) -> Iterator[int]:
    """A Python process, for as long as the block. It has started: that takes CPU, which belongs to no test."""
    process = subprocess.Popen([sys.executable, "-c", f"print(flush=True)\n{code}"], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        yield process.pid
    finally:
        process.kill()
        process.communicate()


def burnt(pid: int, cpu_s: float) -> None:
    """Return when a process has used so much more CPU: an event, not a time."""
    deadline = time.monotonic() + 30
    clock = (~pid << 3) | 2
    until_s = time.clock_gettime(clock) + cpu_s
    while time.clock_gettime(clock) < until_s:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def looked(path: Path, *, target: int = 0, generator: int = 0, until: Callable[[], None]) -> SensorRow:
    """The one row of a run that lasts until something has happened."""
    with Sensors(
        path / "sensors.csv",
        target_pids=lambda: (target,) if target else (),
        generator_pids=lambda: (generator,) if generator else (),
        interval_s=DAY_S,
    ):
        until()
    (row,) = read_sensors(path / "sensors.csv")
    return row


@pytest.mark.real
def test_a_burner_that_is_nobody_s_is_foreign(tmp_path: Path) -> None:
    with child(SLEEPS) as target, child(BURNS) as burner:
        row = looked(tmp_path, target=target, until=lambda: burnt(burner, 0.25))
    assert row.machine.foreign_cpu_s is not None
    assert row.machine.foreign_cpu_s > 0.24
    assert row.target.cpu_s is not None
    assert row.target.cpu_s < 0.2


@pytest.mark.real
def test_the_same_burner_as_the_target_is_the_target(tmp_path: Path) -> None:
    with child(BURNS) as burner:
        began = time.process_time()
        row = looked(tmp_path, target=burner, until=lambda: burnt(burner, 0.25))
    assert row.target.cpu_s is not None
    assert row.target.cpu_s > 0.24
    assert row.target.loop_cpu_s == pytest.approx(row.target.cpu_s, abs=0.05)  # it has one thread
    assert row.target.processes == 1
    assert row.machine.harness_cpu_s is not None
    assert 0 < row.machine.harness_cpu_s <= time.process_time() - began + 0.05


@pytest.mark.real
def test_a_generator_that_ends_leaves_the_sensors_running(tmp_path: Path) -> None:
    with child(SLEEPS) as target:
        with child(SLEEPS) as generator:
            pass
        row = looked(tmp_path, target=target, generator=generator, until=lambda: None)
    assert row.generator.cpu_s is None
    assert row.target.rss_bytes is not None
    assert "no process of this side" in read_unobservable(tmp_path / UNOBSERVABLE_FILE)["generator_cpu_s"]


@pytest.mark.real
def test_rows_follow_each_other_without_a_gap(tmp_path: Path) -> None:
    path = tmp_path / "sensors.csv"
    with Sensors(path, target_pids=tuple, generator_pids=tuple, interval_s=0.01):
        while not path.exists() or path.read_text().count("\n") < 5:
            time.sleep(0.01)
    rows = read_sensors(path)
    for earlier, later in pairwise(rows):
        assert later.t_s - later.wall_s == pytest.approx(earlier.t_s, abs=1e-5)


def test_every_reason_belongs_to_a_column(tmp_path: Path) -> None:
    """On a machine that shows nothing at all, the file is still one that can be read."""
    (tmp_path / "blind").mkdir()
    path = tmp_path / "sensors.csv"
    with Sensors(path, target_pids=tuple, generator_pids=tuple, files=whole_kernel(tmp_path / "blind")):
        pass
    (row,) = read_sensors(path)
    reasons = read_unobservable(tmp_path / UNOBSERVABLE_FILE)
    assert row.machine.listen_drops == 0
    assert {"target_cpu_s", "generator_threads", "machine_services_cpu_s"} <= set(reasons)


def test_a_service_of_ours_is_not_foreign(tmp_path: Path) -> None:
    kernel = whole_kernel(tmp_path)
    kernel.process(os.getpid(), 0.0)
    kernel.process(5, 1.0)
    sensors = Sensors(tmp_path / "x", target_pids=tuple, generator_pids=tuple, service_pids=lambda: (5,), files=kernel)
    kernel.process(5, 1.5)
    machine = sensors.read().machine
    assert machine.services_cpu_s == pytest.approx(0.5)
    assert machine.foreign_cpu_s == pytest.approx(0.0)


def test_a_disk_that_takes_no_rows_ends_the_run_with_an_error(tmp_path: Path) -> None:
    with (
        pytest.raises(EnvironmentRefusedError, match="No such file"),
        Sensors(tmp_path / "no folder" / "sensors.csv", target_pids=tuple, generator_pids=tuple),
    ):
        pass


def test_another_error_is_not_hidden_by_the_sensors_own(tmp_path: Path) -> None:
    with (
        pytest.raises(KeyError),
        Sensors(tmp_path / "no folder" / "sensors.csv", target_pids=tuple, generator_pids=tuple),
    ):
        raise KeyError
