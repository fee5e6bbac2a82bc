"""What one side spends: differences between two looks at a tree of processes."""

from pathlib import Path

import pytest

from loopbench.measure.process_use import NO_LOOP, NOT_RUNNING, NOTHING, ProcessMeter
from tests.measure.fake_kernel import FakeKernel


@pytest.fixture
def kernel(tmp_path: Path) -> FakeKernel:
    """A minder (1), a server with two threads (2, 20), and a worker of a process pool (3)."""
    kernel = FakeKernel(tmp_path)
    kernel.process(1, 0.0, children=(2,))
    kernel.process(2, 5.0, threads={2: (4.0, 0.5), 20: (1.0, 0.0)}, children=(3,), switches=(10, 1), rss_bytes=8192)
    kernel.process(3, 9.0, threads={3: (9.0, 2.0)}, switches=(0, 7), rss_bytes=4096)
    return kernel


def test_what_was_spent_before_the_first_look_is_in_no_row(kernel: FakeKernel) -> None:
    use = ProcessMeter(kernel, lambda: (1,)).read(kernel.pids())
    assert (use.cpu_s, use.run_queue_delay_s, use.involuntary_switches) == (0.0, 0.0, 0)


def test_what_was_spent_between_two_looks(kernel: FakeKernel) -> None:
    meter = ProcessMeter(kernel, lambda: (1,), lambda: (2,))
    kernel.process(2, 5.9, threads={2: (4.6, 0.6), 20: (1.3, 0.0)}, children=(3,), switches=(15, 3), rss_bytes=8192)
    kernel.process(3, 9.8, threads={3: (9.8, 2.9)}, switches=(0, 9), rss_bytes=4096)
    use = meter.read(kernel.pids())
    assert use.cpu_s == pytest.approx(0.9 + 0.8)
    assert use.busiest_thread_cpu_s == pytest.approx(0.8)  # the pool's: any thread may be the busiest
    assert use.loop_cpu_s == pytest.approx(0.6)  # the server's alone runs a loop
    assert use.run_queue_delay_s == pytest.approx(0.1)
    assert (use.voluntary_switches, use.involuntary_switches) == (5, 2)
    assert (use.rss_bytes, use.threads, use.processes) == (12288, 4, 3)
    assert meter.unobservable == {}


def test_of_several_loops_the_one_that_waited_longest_counts(kernel: FakeKernel) -> None:
    meter = ProcessMeter(kernel, lambda: (1,), lambda: (2, 3))
    kernel.process(3, 9.8, threads={3: (9.8, 2.9)}, switches=(0, 9))
    assert meter.read(kernel.pids()).run_queue_delay_s == pytest.approx(0.9)


def test_a_process_that_came_in_between_counts_from_its_start(kernel: FakeKernel) -> None:
    kernel.process(1, 0.0)
    kernel.end(2)
    meter = ProcessMeter(kernel, lambda: (1,))
    kernel.process(1, 0.0, children=(2,))
    kernel.process(2, 0.25)
    assert meter.read(kernel.pids()).cpu_s == pytest.approx(0.25)


def test_a_process_that_went_is_out_of_the_sum(kernel: FakeKernel) -> None:
    meter = ProcessMeter(kernel, lambda: (1,))
    kernel.end(3)
    kernel.process(2, 5.5, children=(3,))
    use = meter.read(kernel.pids())
    assert use.cpu_s == pytest.approx(0.5)
    assert use.processes == 2


def test_a_process_that_came_and_went_between_two_looks_counts_if_its_parent_waited_for_it(kernel: FakeKernel) -> None:
    """As RQ's worker does, which forks for every job."""
    meter = ProcessMeter(kernel, lambda: (1,))
    kernel.process(2, 5.5, children=(3,), reaped_s=0.25)
    assert meter.read(kernel.pids()).cpu_s == pytest.approx(0.75)


def test_what_an_ended_process_had_used_before_counts_once(kernel: FakeKernel) -> None:
    meter = ProcessMeter(kernel, lambda: (1,))
    kernel.end(3)
    kernel.process(2, 5.0, reaped_s=9.5)
    assert meter.read(kernel.pids()).cpu_s == pytest.approx(0.5)


def test_a_later_process_with_the_same_number_is_another_one(kernel: FakeKernel) -> None:
    meter = ProcessMeter(kernel, lambda: (3,))
    kernel.process(3, 0.125)
    assert meter.read(kernel.pids()).cpu_s == pytest.approx(0.125)


def test_nothing_is_known_of_a_side_that_is_not_there(kernel: FakeKernel) -> None:
    kernel.end(3)
    meter = ProcessMeter(kernel, lambda: (3,))
    assert meter.read(kernel.pids()) == NOTHING
    assert set(meter.unobservable.values()) == {NOT_RUNNING}


def test_without_a_known_loop_its_columns_are_empty_and_the_reason_is_said(kernel: FakeKernel) -> None:
    meter = ProcessMeter(kernel, lambda: (1,), lambda: ())
    use = meter.read(kernel.pids())
    assert use.cpu_s is not None
    assert use.loop_cpu_s is None
    assert meter.unobservable["run_queue_delay_s"] == NO_LOOP


def test_a_kernel_without_schedstat_is_said_to_be_one(kernel: FakeKernel) -> None:
    for path in kernel.root.rglob("schedstat"):
        path.unlink()
    meter = ProcessMeter(kernel, lambda: (1,))
    use = meter.read(kernel.pids())
    assert use.run_queue_delay_s is None
    assert use.voluntary_switches is not None
    assert "schedstat: No such file" in meter.unobservable["run_queue_delay_s"]


def test_a_thread_that_ends_while_one_looks_does_not_hide_the_others(kernel: FakeKernel) -> None:
    (kernel.root / "proc/2/task/20/schedstat").unlink()
    meter = ProcessMeter(kernel, lambda: (2,), lambda: (2,))
    kernel.process(2, 6.0, threads={2: (5.0, 0.5)})
    assert meter.read(kernel.pids()).loop_cpu_s == pytest.approx(1.0)
    assert meter.unobservable == {}


def test_a_child_that_comes_later_is_found(kernel: FakeKernel) -> None:
    """The tree is remembered only while no process starts or ends."""
    meter = ProcessMeter(kernel, lambda: (3,))
    assert meter.read(kernel.pids()).processes == 1
    kernel.process(3, 9.0, children=(4,))
    kernel.process(4, 0.5)
    assert meter.read(kernel.pids()).processes == 2


def test_a_root_that_comes_later_is_found(kernel: FakeKernel) -> None:
    roots: list[int] = []
    meter = ProcessMeter(kernel, lambda: roots)
    assert meter.read(kernel.pids()).processes is None
    roots.append(3)
    assert meter.read(kernel.pids()).processes == 1


def test_each_look_begins_where_the_last_one_ended(kernel: FakeKernel) -> None:
    meter = ProcessMeter(kernel, lambda: (3,))
    kernel.process(3, 9.5)
    meter.read(kernel.pids())
    kernel.process(3, 9.75)
    assert meter.read(kernel.pids()).cpu_s == pytest.approx(0.25)
