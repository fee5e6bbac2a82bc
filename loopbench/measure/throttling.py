"""The control groups of loopbench and its children: their CPU limits, and how often these were applied.

Both versions: in v2 one tree holds everything, in v1 the `cpu` controller has a tree of its own. A limit anywhere above
counts, so the way up to the root is read, as far as this process can see it (a container sees its own part).
"""

from dataclasses import dataclass
from pathlib import PurePosixPath

from loopbench.measure.kernel_files import KernelFiles, NotObservableError


@dataclass(frozen=True)
class ControlGroups:
    """The folders that count for our processes, innermost first; paths relative to the files' root."""

    files: KernelFiles
    folders: tuple[str, ...]
    version: int

    @classmethod
    def of_this_process(cls, files: KernelFiles) -> "ControlGroups":
        """Children stay in their parent's groups, so ours are target's and generator's too."""
        mounts = [line.split() for line in files.text("proc/self/mounts").splitlines()]
        for line in files.text("proc/self/cgroup").splitlines():
            _, controllers, path = line.split(":", 2)
            if "cpu" in controllers.split(","):
                point = _mount(mounts, "cgroup", "cpu")
                if point is not None:
                    return cls(files, _way_up(point, path), 1)
            elif not controllers and _has_cpu(files, point := _mount(mounts, "cgroup2"), path):
                return cls(files, _way_up(str(point), path), 2)
        raise NotObservableError("no control group of the CPU is visible in /proc/self/cgroup and /proc/self/mounts")

    def throttled(self) -> tuple[int, float]:
        """Returns in how many periods, and for how many seconds, since the groups were made; over all levels."""
        counts = [pairs for folder in self.folders if (pairs := self._pairs(f"{folder}/cpu.stat"))]
        known = [pairs for pairs in counts if "nr_throttled" in pairs]
        if not known:
            raise NotObservableError(f"/{self.folders[0]}/cpu.stat has no nr_throttled")
        unit, scale = ("throttled_time", 1e9) if self.version == 1 else ("throttled_usec", 1e6)
        return sum(pairs["nr_throttled"] for pairs in known), sum(pairs.get(unit, 0) for pairs in known) / scale

    def limit_cores(self) -> float | None:
        """The tightest CPU limit of all levels, in processors; None: none is set."""
        limits = [limit for folder in self.folders if (limit := self._limit(folder)) is not None]
        return min(limits, default=None)

    def _limit(self, folder: str) -> float | None:
        try:
            if self.version == 2:
                quota, period = self.files.text(f"{folder}/cpu.max").split()
            else:
                quota = self.files.text(f"{folder}/cpu.cfs_quota_us")
                period = self.files.text(f"{folder}/cpu.cfs_period_us")
        except NotObservableError:  # the root has no limit
            return None
        return None if quota in {"max", "-1"} else int(quota) / int(period)

    def _pairs(self, path: str) -> dict[str, int]:
        try:
            return self.files.pairs(path)
        except NotObservableError:
            return {}


def _mount(mounts: list[list[str]], kind: str, option: str = "") -> str | None:
    for _, point, found, options, *_ in mounts:
        if found == kind and (not option or option in options.split(",")):
            return point
    return None


def _has_cpu(files: KernelFiles, point: str | None, path: str) -> bool:
    """Whether the v2 tree has the CPU controller: beside v1 it may be mounted and hold nothing."""
    if point is None:
        return False
    try:
        return "cpu" in files.text(f"{point.lstrip('/')}/cgroup.controllers").split() or any(
            "nr_throttled" in files.pairs(f"{folder}/cpu.stat") for folder in _way_up(point, path)
        )
    except NotObservableError:
        return False


def _way_up(point: str, path: str) -> tuple[str, ...]:
    """Our folder and all above it up to the mount point, relative to the root."""
    inner = PurePosixPath(path.lstrip("/"))
    return tuple(str(PurePosixPath(point.lstrip("/")) / each) for each in [inner, *inner.parents])
