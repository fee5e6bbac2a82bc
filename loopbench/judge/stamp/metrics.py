"""The figures that the stamp is made of: what was measured, what does not exist here, what could not be seen.

A figure that was not filled in is None, and None makes a run INVALID ("not measured").
To omit a figure deliberately, return `NotApplicable` or `NotObservable` with the reason.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Measured:
    """A figure; NaN is no figure. `detail` adds which second, or which setting."""

    value: float
    detail: str = ""


@dataclass(frozen=True, slots=True)
class NotApplicable:
    """There is no such figure in a run like this one."""

    reason: str


@dataclass(frozen=True, slots=True)
class NotObservable:
    """There is one, but it cannot be seen from here."""

    reason: str


Metric = Measured | NotApplicable | NotObservable | None


@dataclass(frozen=True, slots=True)
class RunMetrics:
    """One run's figures; shares run from 0 to 1. The rule each belongs to, and its limits, stand in `stamp_rules`."""

    wrong_process_count: Metric = None
    worker_count_mismatch: Metric = None
    settings_mismatches: Metric = None
    count_difference: Metric = None
    failure_share: Metric = None
    wrong_bodies: Metric = None
    above_ceiling: Metric = None
    window_s: Metric = None
    window_response_times: Metric = None
    completions: Metric = None
    users_never_served: Metric = None
    unfinished_requests: Metric = None
    generator_cpu_share: Metric = None
    hidden_share: Metric = None
    generator_lag_share: Metric = None
    own_ceiling_share: Metric = None
    steal_share: Metric = None
    canary_deviation: Metric = None
    foreign_cpu_share: Metric = None
    throttled_periods: Metric = None
    run_queue_share: Metric = None
    listen_drops: Metric = None
    connections_per_user: Metric = None
    dirty_share: Metric = None
    change_points: Metric = None
    arrival_share: Metric = None
    late_share: Metric = None


@dataclass(frozen=True, slots=True)
class SessionMetrics:
    """What only all runs together can show."""

    rounds: Metric = None
    half_width: Metric = None
    repeat_share: Metric = None
    canary_scatter: Metric = None
