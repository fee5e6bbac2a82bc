"""What a run's own samples say for the stamp: enough of them, good ones, steady, and users whose time adds up.

Measured in the windows that become figures: the hold of a ramp or a plateau, each level of a step load. A figure of
several windows is the worst of them, because the stamp is one for all.
"""

import math
from collections.abc import Iterator

import numpy as np

from loopbench.judge.run.occupancy import moments
from loopbench.judge.run.open_loop import open_loop
from loopbench.judge.run.run import NO_WINDOW, Run
from loopbench.judge.run.samples import Samples
from loopbench.judge.stamp.metrics import Measured, Metric, NotApplicable, NotObservable
from loopbench.judge.statistics.changepoints import ChangePoint, steadiness
from loopbench.records import samples as layout
from loopbench.records.load_order import CLIENT_LLHTTP
from loopbench.records.session import KIND_RAMP, Phase

SLICE_S = 0.1
"""Of the goodput that is searched for steps; a shorter window has as many slices as the search needs."""
MIN_SLICES = 50
MIN_RISE_S = 1.0
"""Users who all come in less make no rise, and no points of one."""
OF_WINDOWS = (
    *("above_ceiling", "window_response_times", "users_never_served"),
    *("hidden_share", "change_points", "arrival_share"),
)
OPEN = "in open mode users are connections that wait for what is due"


def load_metrics(run: Run) -> dict[str, Metric]:
    """Figures of `RunMetrics` by name."""
    lengths_s = [window.width_s for window in run.windows]
    completions = list(_completions(run))
    everywhere: dict[str, Metric] = {
        "failure_share": _failure_share(run.samples),
        "wrong_bodies": _wrong_bodies(run),
        "window_s": Measured(min(lengths_s)) if lengths_s else Measured(0.0, NO_WINDOW),
        "completions": Measured(min(completions)) if completions else NotApplicable(NO_WINDOW),
        "unfinished_requests": Measured(float(np.count_nonzero(run.samples.loaded & ~run.samples.finished))),
        "connections_per_user": _connections_per_user(run),
        "late_share": _late_share(run),
    }
    if not run.windows:  # one fault, reported once: window_s
        return everywhere | dict.fromkeys(OF_WINDOWS, NotApplicable(NO_WINDOW))
    return everywhere | {
        "above_ceiling": _above_ceiling(run),
        "window_response_times": _response_times(run),
        "users_never_served": _never_served(run),
        "hidden_share": _hidden_share(run),
        "change_points": _change_points(run),
        "arrival_share": _arrival_share(run),
    }


def _failure_share(samples: Samples) -> Measured:
    answers = samples.loaded & samples.finished
    total, failed = np.count_nonzero(answers), np.count_nonzero(answers & samples.failed)
    if not total:
        return Measured(math.nan, "no request was answered")
    most = samples.errors_by_count()[:1]
    return Measured(failed / total, f"{failed:,} of {total:,}, mostly {most[0][0]}" if failed and most else "")


def _wrong_bodies(run: Run) -> Measured:
    """Not good although the status is the right one: the body is wrong, or a receipt in it is missing.

    A request without a whole answer has status 0, so nothing that broke on the way is among them.
    """
    samples = run.samples
    wrong = samples.loaded & samples.failed
    expected = np.full(len(samples.names) or 1, -1)
    for request in run.load.requests:
        if request.name in samples.names:
            expected[samples.names.index(request.name)] = request.expect.status
    wrong &= samples.rows["status"] == expected[samples.rows["name"]]
    count = int(np.count_nonzero(wrong))
    words = samples.errors[int(samples.rows["error"][wrong][0])] if count else ""
    return Measured(count, words)


def _above_ceiling(run: Run) -> Metric:
    """How far the good answers of a window exceed what its users could have been given.

    Every answer costs its user at least the shortest latency of its name and the think time, and there are N users. At
    each edge of the window one cycle may be half outside: it is added to the time there was, so that a correct count
    never exceeds it.
    """
    if run.is_open:
        return NotApplicable("in open mode the schedule, not the users, sets the rate")
    excess = [each for each in (_excess(run, window) for window in run.windows) if each is not None]
    return Measured(max(excess), "bound by the users") if excess else Measured(math.nan, "no good answer")


def _excess(run: Run, window: Phase) -> float | None:
    count, least_s, users = np.count_nonzero(run.good_within(window)), run.least_s(window), run.occupation[window].users
    if least_s is None:
        return None
    cycle_s = least_s + run.think_time_s
    return count * cycle_s / (users * (window.width_s + cycle_s)) - 1 if users else math.inf


def _response_times(run: Run) -> Measured:
    """Window length over the mean response time, L / X: requests that got no answer make it longer, as they should."""
    worst, worst_s = math.inf, 0.0
    for window in run.windows:
        mean_s = run.mean_response_s(window)
        if mean_s is None:
            return Measured(0.0, "nothing was answered")
        if mean_s and window.width_s / mean_s < worst:
            worst, worst_s = window.width_s / mean_s, mean_s
    return Measured(worst, f"one takes {worst_s:.3g} s")


def _completions(run: Run) -> Iterator[float]:
    """Of each window; of a ramp's rise as a whole, because its points widen until they hold enough."""
    for phase in run.shown:
        if phase in run.windows or phase.width_s >= MIN_RISE_S:
            yield float(np.count_nonzero(run.within(phase)))


def _never_served(run: Run) -> Measured:
    (moment,) = moments(run.samples, np.array([run.windows[-1].end_s]))
    detail = f"of {moment.users:,}; {moment.in_flight:,} requests were in flight when the load ended"
    return Measured(moment.never_served, detail)


def _hidden_share(run: Run) -> Metric:
    if run.is_open:
        return NotApplicable(OPEN)
    shares = [run.occupation[window].hidden_share for window in run.windows]
    worst = max(shares, key=abs)
    detail = "" if worst >= 0 else "more time waited and thought than there were users: the record contradicts itself"
    return Measured(abs(worst), detail)


def _connections_per_user(run: Run) -> Metric:
    if run.load.client != CLIENT_LLHTTP:
        return NotObservable(f"the client {run.load.client!r} does not say when it opens a connection")
    samples = run.samples
    flags = samples.rows["flags"][samples.loaded]
    opened = np.count_nonzero(flags & layout.FLAG_NEW_CONNECTION)
    opened -= min(opened, np.count_nonzero(flags & layout.FLAG_HUNG_UP))  # who hung up has to connect again
    users = len(samples.user_start_times_s)
    return Measured(opened / users if users else math.nan, f"{opened:,} for {users:,} users")


def _change_points(run: Run) -> Measured:
    changes = [change for window in run.windows for change in _changes(run, window)]
    return Measured(len(changes), ", ".join(f"{change.size:+.0%} after {at_s:.1f} s" for at_s, change in changes))


def _changes(run: Run, window: Phase) -> list[tuple[float, ChangePoint]]:
    length_s = window.width_s
    slices = max(MIN_SLICES, round(length_s / SLICE_S))
    ends_s = run.samples.end_s[run.good_within(window)]
    counts, _ = np.histogram(ends_s, bins=slices, range=(window.start_s, window.end_s))
    found = steadiness(counts)
    return [(change.index * length_s / slices, change) for change in found.changes] if found else []


def _arrival_share(run: Run) -> Metric:
    if run.load.kind != KIND_RAMP:
        return NotApplicable(f"no users arrive in the window of a {run.load.kind} run")
    if run.is_open:
        return NotApplicable(OPEN)
    rps = run.goodput_rps(run.windows[0])
    return Measured(run.load.spawn_rate / rps if rps else math.inf, f"{run.load.spawn_rate:.3g} users/s")


def _late_share(run: Run) -> Metric:
    if not run.is_open:
        return NotApplicable("in closed mode nothing is due")
    if not run.shown:
        return NotApplicable(NO_WINDOW)
    windows = [open_loop(run.samples, phase.start_s, phase.end_s) for phase in run.shown]
    due = [window for window in windows if window.due]
    if not due:
        return Measured(math.nan, "nothing was due")
    worst = max(due, key=lambda window: (window.late + window.unsent) / window.due)
    detail = f"{worst.late:,} late and {worst.unsent:,} never, of {worst.due:,}"
    return Measured((worst.late + worst.unsent) / worst.due, detail)
