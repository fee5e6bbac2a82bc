"""Both versions of control groups, at any depth."""

from pathlib import Path

import pytest

from loopbench.measure.kernel_files import KernelFiles, NotObservableError
from loopbench.measure.throttling import ControlGroups
from tests.measure.fake_kernel import V1_MOUNTS, V2_MOUNTS, FakeKernel

FS = "sys/fs/cgroup"
LAYOUTS = {
    "version 2, at the top of a container": (
        {
            "proc/self/cgroup": "0::/\n",
            "proc/self/mounts": V2_MOUNTS,
            f"{FS}/cpu.stat": "usage_usec 9\nnr_periods 5\nnr_throttled 2\nthrottled_usec 300000\n",
            f"{FS}/cgroup.controllers": "cpuset cpu io memory\n",
            f"{FS}/cpu.max": "150000 100000\n",
        },
        (2, 0.3),
        1.5,
    ),
    "version 2, limited above": (
        {
            "proc/self/cgroup": "0::/user.slice/app.scope\n",
            "proc/self/mounts": V2_MOUNTS,
            f"{FS}/cgroup.controllers": "cpu\n",
            f"{FS}/cpu.stat": "usage_usec 9\n",
            f"{FS}/user.slice/cpu.stat": "nr_throttled 4\nthrottled_usec 1000000\n",
            f"{FS}/user.slice/cpu.max": "50000 100000\n",
            f"{FS}/user.slice/app.scope/cpu.stat": "nr_throttled 1\nthrottled_usec 500000\n",
            f"{FS}/user.slice/app.scope/cpu.max": "max 100000\n",
        },
        (5, 1.5),
        0.5,
    ),
    "version 1 beside an empty version 2": (
        {
            "proc/self/cgroup": "3:cpuacct,cpu:/docker/abc\n0::/\n",
            "proc/self/mounts": "cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n" + V1_MOUNTS,
            f"{FS}/unified/cgroup.controllers": "\n",
            f"{FS}/cpu/cpu.stat": "nr_periods 0\nnr_throttled 0\nthrottled_time 0\n",
            f"{FS}/cpu/docker/abc/cpu.stat": "nr_periods 9\nnr_throttled 3\nthrottled_time 2500000000\n",
            f"{FS}/cpu/docker/abc/cpu.cfs_quota_us": "200000\n",
            f"{FS}/cpu/docker/abc/cpu.cfs_period_us": "100000\n",
        },
        (3, 2.5),
        2.0,
    ),
    "version 1 without a limit": (
        {
            "proc/self/cgroup": "0::/\n2:cpuacct:/\n1:cpu:/\n",
            "proc/self/mounts": V1_MOUNTS,
            f"{FS}/cpu/cpu.stat": "nr_periods 0\nnr_throttled 0\nthrottled_time 0\n",
            f"{FS}/cpu/cpu.cfs_quota_us": "-1\n",
            f"{FS}/cpu/cpu.cfs_period_us": "100000\n",
        },
        (0, 0.0),
        None,
    ),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_throttling_and_limit_are_found(tmp_path: Path, layout: str) -> None:
    files, throttled, limit_cores = LAYOUTS[layout]
    kernel = FakeKernel(tmp_path)
    for path, text in files.items():
        kernel.write(path, text)
    groups = ControlGroups.of_this_process(kernel)
    assert groups.throttled() == throttled
    assert groups.limit_cores() == limit_cores


@pytest.mark.parametrize(
    ("cgroup", "mounts"), [("0::/\n", ""), ("4:memory:/\n", V1_MOUNTS), ("1:cpu:/\n", V2_MOUNTS), ("", V2_MOUNTS)]
)
def test_without_the_cpu_controller_it_says_so(tmp_path: Path, cgroup: str, mounts: str) -> None:
    kernel = FakeKernel(tmp_path)
    kernel.write("proc/self/cgroup", cgroup)
    kernel.write("proc/self/mounts", mounts)
    with pytest.raises(NotObservableError, match="no control group"):
        ControlGroups.of_this_process(kernel)


def test_a_system_that_has_none_says_so(tmp_path: Path) -> None:
    with pytest.raises(NotObservableError, match="proc/self/mounts"):
        ControlGroups.of_this_process(KernelFiles(tmp_path))
