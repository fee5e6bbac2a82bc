"""The kernel's files are read whole and taken apart right."""

import os
import sys
import time
from pathlib import Path

import pytest

from loopbench.measure.kernel_files import KernelFiles, NotObservableError
from tests.measure.fake_kernel import FakeKernel


def test_a_tree_is_a_process_and_everything_below_it(tmp_path: Path) -> None:
    kernel = FakeKernel(tmp_path)
    kernel.process(1, 0.0, children=(2, 9))
    kernel.process(2, 0.0, children=(3,))
    kernel.process(3, 0.0)
    kernel.process(4, 0.0)
    assert kernel.tree(1) == [1, 2, 3]  # 9 has ended since its parent was read
    assert kernel.tree(77) == []


def test_a_chain_of_processes_may_be_longer_than_python_recurses(monkeypatch: pytest.MonkeyPatch) -> None:
    length = 10 * sys.getrecursionlimit()
    monkeypatch.setattr(KernelFiles, "names", lambda *_: ["1"])
    monkeypatch.setattr(KernelFiles, "_children", lambda _self, pid, _thread: [pid + 1] if pid < length else [])
    assert KernelFiles().tree(1) == list(range(1, length + 1))


def test_a_file_longer_than_a_page_is_read_to_its_end(tmp_path: Path) -> None:
    kernel = FakeKernel(tmp_path)
    kernel.write("proc/long", "x" * 200_000 + "\nlast 7\n")
    assert kernel.value("proc/long", "last") == 7


def test_a_value_is_found_by_its_whole_name(tmp_path: Path) -> None:
    kernel = FakeKernel(tmp_path)
    kernel.dirty(3, 1000)
    assert kernel.value("proc/vmstat", "nr_dirty") == 3
    assert kernel.value("proc/vmstat", "nr_dirty_background_threshold") == 1000
    with pytest.raises(NotObservableError, match="has no nr_clean"):
        kernel.value("proc/vmstat", "nr_clean")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotObservableError, match="/proc/absent: No such file"):
        KernelFiles(tmp_path).read("proc/absent")


def test_a_process_s_clock_is_the_kernel_s() -> None:
    """Asked by number, this process's clock stands between two readings of `time.process_time`."""
    before = time.process_time()
    used = KernelFiles().cpu_s(os.getpid())
    assert used is not None
    assert before <= used <= time.process_time()


def test_a_process_that_is_gone_has_no_clock() -> None:
    child = os.posix_spawn("/bin/true", ["true"], {})
    os.waitpid(child, 0)
    assert KernelFiles().cpu_s(child) is None
