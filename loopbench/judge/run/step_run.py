"""A step load: throughput at each level of users, in whatever order the levels were walked."""

from collections.abc import Sequence

import numpy as np

from loopbench.judge.run.run_files import RunFiles
from loopbench.judge.statistics.fits import RunCurve
from loopbench.records.samples import STEP_PREFIX


def step_curve(files: RunFiles) -> RunCurve:
    """Good answers per second at each level, by users; a level that was not reached is absent."""
    samples = files.samples
    ends_s = np.sort(samples.end_s[samples.loaded & samples.good])
    levels = sorted(
        (int(phase.name.removeprefix(STEP_PREFIX)), _rate(ends_s, phase.start_s, phase.end_s))
        for phase in files.record.phases
        if phase.name.startswith(STEP_PREFIX)
    )
    return RunCurve(tuple(float(users) for users, _ in levels), tuple(rps for _, rps in levels))


def mean_curve(curves: Sequence[RunCurve]) -> RunCurve:
    """Over runs of the same levels, for the eye; the shape is fitted to each run alone."""
    users = curves[0].users
    assert all(curve.users == users for curve in curves), "step runs of one variant have the same levels"
    return RunCurve(users, tuple(float(np.mean(rates)) for rates in zip(*(curve.rps for curve in curves), strict=True)))


def _rate(ends_s: np.ndarray, start_s: float, end_s: float) -> float:
    counted = int(np.searchsorted(ends_s, end_s) - np.searchsorted(ends_s, start_s))
    return counted / (end_s - start_s)
