"""What the machine spends and counts: differences between two looks, and reasons for what cannot be seen."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from loopbench.measure.kernel_files import PAGE_BYTES
from loopbench.measure.machine_use import STEAL_UNREPORTED, Attributed, MachineMeter
from tests.measure.fake_kernel import FakeKernel, whole_kernel

NOBODY = Attributed(0.0, None, frozenset())


def test_processor_time_is_told_apart(tmp_path: Path) -> None:
    kernel = whole_kernel(tmp_path)
    for pid, cpu_s in ((os.getpid(), 1.0), (50, 2.0), (60, 3.0)):
        kernel.process(pid, cpu_s)
    meter = MachineMeter(kernel)
    for pid, cpu_s in ((os.getpid(), 1.01), (50, 2.5), (60, 3.25), (70, 0.125)):
        kernel.process(pid, cpu_s)
    kernel.processors(idle_s=100.5, steal_s=1.25)
    use = meter.read(1.0, Attributed(0.5, None, frozenset({50})), kernel.pids())
    assert use.cpu_total_s == pytest.approx(2.0)
    assert use.cpu_busy_s == pytest.approx(2.0 - 0.5 - 0.25)
    assert use.steal_s == pytest.approx(0.25)
    assert use.harness_cpu_s == pytest.approx(0.01)
    assert use.foreign_cpu_s == pytest.approx(0.25 + 0.125)  # 70 is new: all it used is of this second
    assert use.unattributed_cpu_s == pytest.approx(1.25 - 0.5 - 0.375 - 0.01)


@pytest.mark.parametrize(
    ("happens", "column", "value"),
    [
        (lambda kernel: kernel.network(overflows=3), "listen_overflows", 3),
        (lambda kernel: kernel.network(drops=4), "listen_drops", 4),
        (lambda kernel: kernel.network(retransmits=5), "retransmits", 5),
        (lambda kernel: kernel.throttled(2, 0.5), "throttled_periods", 2),
        (lambda kernel: kernel.throttled(2, 0.5), "throttled_s", 0.5),
        (lambda kernel: kernel.pressure(0.5), "psi_cpu_some_share", 0.25),
        (lambda kernel: kernel.dirty(7, 70), "dirty_bytes", 7 * PAGE_BYTES),
        (lambda kernel: kernel.dirty(7, 70), "dirty_background_threshold_bytes", 70 * PAGE_BYTES),
        (lambda kernel: kernel.processors(idle_s=100.0, steal_s=1.5), "steal_s", 0.5),
    ],
)
def test_what_happens_is_counted(
    tmp_path: Path, happens: Callable[[FakeKernel], None], column: str, value: float
) -> None:
    kernel = whole_kernel(tmp_path)
    meter = MachineMeter(kernel)
    happens(kernel)
    assert getattr(meter.read(2.0, NOBODY, kernel.pids()), column) == pytest.approx(value)
    calm = getattr(meter.read(2.0, NOBODY, kernel.pids()), column)
    assert calm == (value if "dirty" in column else 0)  # a level stays, a counter's growth does not


@pytest.mark.parametrize(
    ("absent", "columns"),
    [
        ("proc/pressure/cpu", {"psi_cpu_some_share"}),
        ("proc/vmstat", {"dirty_bytes", "dirty_background_threshold_bytes"}),
        ("proc/net/netstat", {"listen_overflows", "listen_drops", "retransmits"}),
        ("proc/self/cgroup", {"throttled_periods", "throttled_s"}),
        ("proc/stat", {"cpu_total_s", "cpu_busy_s", "unattributed_cpu_s", "steal_s"}),
    ],
)
def test_what_cannot_be_seen_is_none_with_its_reason(tmp_path: Path, absent: str, columns: set[str]) -> None:
    kernel = whole_kernel(tmp_path)
    (tmp_path / absent).unlink()
    meter = MachineMeter(kernel)
    use = meter.read(1.0, NOBODY, kernel.pids())
    assert {name for name in columns if getattr(use, name) is None} == columns
    assert set(meter.unobservable) == columns
    assert all(absent in reason for reason in meter.unobservable.values())


@pytest.mark.parametrize(("virtual", "steal_s", "seen"), [(True, 0.0, None), (True, 1.0, 0.0), (False, 0.0, 0.0)])
def test_a_host_that_never_reported_steal_is_not_believed(
    tmp_path: Path, virtual: bool, steal_s: float, seen: float | None
) -> None:
    kernel = whole_kernel(tmp_path)
    kernel.processors(idle_s=100.0, steal_s=steal_s)
    if virtual:
        kernel.virtual()
    meter = MachineMeter(kernel)
    assert meter.read(1.0, NOBODY, kernel.pids()).steal_s == seen
    assert (meter.unobservable.get("steal_s") == STEAL_UNREPORTED) is (seen is None)


def test_a_later_process_with_the_same_number_is_another_one(tmp_path: Path) -> None:
    kernel = whole_kernel(tmp_path)
    kernel.process(50, 9.0)
    meter = MachineMeter(kernel)
    kernel.process(50, 0.25)
    assert meter.read(1.0, NOBODY, kernel.pids()).foreign_cpu_s == pytest.approx(0.25)
