"""What a run's own samples say for the stamp: enough of them, good ones, steady, and users whose time adds up.

Measured in the windows that become figures: the hold of a ramp or a plateau, each level of a step load. A figure of
several windows is the worst of them, because the stamp is one for all.
"""

import math
from collections.abc import Iterator, Sequence

import numpy as np

from loopbench.judge.run.ceilings import Resource
from loopbench.judge.run.load_view import NO_WINDOW, LoadView
from loopbench.judge.run.occupancy import moments
from loopbench.judge.run.open_loop import open_loop
from loopbench.judge.run.samples import Samples
from loopbench.judge.stamp.metrics import Measured, Metric, NotApplicable, NotObservable
from loopbench.judge.statistics.changepoints import ChangePoint, steadiness
from loopbench.records import samples as layout
from loopbench.records.load_order import CLIENT_LLHTTP
from loopbench.records.session import KIND_RAMP, Phase

SLICE_S = 0.1
"""Of the goodput that is searched for steps; a shorter window has as many slices as the search needs."""
FEWEST_SLICES = 50
SHORTEST_RISE_S = 1.0
"""Users who all come in less make no rise, and no points of one."""
OF_WINDOWS = (
    *("above_ceiling", "window_response_times", "users_never_served"),
    *("hidden_share", "change_points", "arrival_share"),
)
OPEN = "in open mode users are connections that wait for what is due"


def load_metrics(view: LoadView, known: Sequence[Resource] = ()) -> dict[str, Metric]:
    """Figures of `RunMetrics` by name.

    Args:
        view: the run's load.
        known: what a request is known beforehand to hold, and for how long; never taken from this run.
    """
    lengths_s = [window.end_s - window.start_s for window in view.windows]
    completions = list(_completions(view))
    everywhere: dict[str, Metric] = {
        "failure_share": _failure_share(view.samples),
        "wrong_bodies": _wrong_bodies(view),
        "window_s": Measured(min(lengths_s)) if lengths_s else Measured(0.0, NO_WINDOW),
        "completions": Measured(min(completions)) if completions else NotApplicable(NO_WINDOW),
        "unfinished_requests": Measured(float(np.count_nonzero(view.samples.loaded & ~view.samples.finished))),
        "connections_per_user": _connections_per_user(view),
        "late_share": _late_share(view),
    }
    if not view.windows:  # one fault, told once: window_s
        return everywhere | dict.fromkeys(OF_WINDOWS, NotApplicable(NO_WINDOW))
    return everywhere | {
        "above_ceiling": _above_ceiling(view, known),
        "window_response_times": _response_times(view),
        "users_never_served": _never_served(view),
        "hidden_share": _hidden_share(view),
        "change_points": _change_points(view),
        "arrival_share": _arrival_share(view),
    }


def _failure_share(samples: Samples) -> Measured:
    answers = samples.loaded & samples.finished
    total, failed = np.count_nonzero(answers), np.count_nonzero(answers & samples.failed)
    if not total:
        return Measured(math.nan, "no request was answered")
    most = samples.errors_by_count()[:1]
    return Measured(failed / total, f"{failed:,} of {total:,}, mostly {most[0][0]}" if failed and most else "")


def _wrong_bodies(view: LoadView) -> Measured:
    """Not good although the status is the right one: the body is wrong, or a receipt in it is missing.

    A request without a whole answer has status 0, so nothing that broke on the way is among them.
    """
    samples = view.samples
    wrong = samples.loaded & samples.failed
    expected = np.full(len(samples.names) or 1, -1)
    for request in view.order.requests:
        if request.name in samples.names:
            expected[samples.names.index(request.name)] = request.expect.status
    wrong &= samples.rows["status"] == expected[samples.rows["name"]]
    count = int(np.count_nonzero(wrong))
    words = samples.errors[int(samples.rows["error"][wrong][0])] if count else ""
    return Measured(count, words)


def _above_ceiling(view: LoadView, known: Sequence[Resource]) -> Metric:
    """How far the good answers of a window exceed what is possible, whatever this run's own means say.

    Every answer costs its user at least the shortest latency of its name and the think time, and there are N users;
    every answer holds a resource as long as it is known to. At each edge of the window one cycle may be half outside:
    it is added to the time there was, so that a correct count never exceeds it.
    """
    if view.is_open and not known:
        return NotApplicable("in open mode the schedule, not the users, sets the rate, and no work is known beforehand")
    excess = [each for window in view.windows for each in _excesses(view, window, known)]
    if not excess:
        return Measured(math.nan, "no good answer")
    value, name = max(excess)
    return Measured(value, f"bound by {name}")


def _excesses(view: LoadView, window: Phase, known: Sequence[Resource]) -> Iterator[tuple[float, str]]:
    length_s = window.end_s - window.start_s
    answers = view.completed(window, view.samples.good)
    count = np.count_nonzero(answers)
    if not count:
        return
    for resource in known:
        if resource.held_s:
            yield count * resource.held_s / (resource.size * (length_s + resource.held_s)) - 1, resource.name
    if not view.is_open:
        cycle_s = view.shortest_s(answers) + view.think_time_s
        users = view.occupation[window].users
        yield count * cycle_s / (users * (length_s + cycle_s)) - 1 if users else math.inf, "the users"


def _response_times(view: LoadView) -> Measured:
    """Window length over the mean response time, L / X: requests that got no answer make it longer, as they should."""
    worst, mean_s = math.inf, 0.0
    for window in view.windows:
        length_s, completed = window.end_s - window.start_s, np.count_nonzero(view.completed(window))
        if not completed:
            return Measured(0.0, "nothing was answered")
        window_mean_s = view.occupation[window].in_flight * length_s / completed
        if window_mean_s and length_s / window_mean_s < worst:
            worst, mean_s = length_s / window_mean_s, window_mean_s
    return Measured(worst, f"one takes {mean_s:.3g} s")


def _completions(view: LoadView) -> Iterator[float]:
    """Of each window; of a ramp's rise as a whole, because its points widen until they hold enough."""
    for phase in view.shown:
        if phase in view.windows or phase.end_s - phase.start_s >= SHORTEST_RISE_S:
            yield float(np.count_nonzero(view.completed(phase)))


def _never_served(view: LoadView) -> Measured:
    (moment,) = moments(view.samples, np.array([view.windows[-1].end_s]))
    detail = f"of {moment.users:,}; {moment.in_flight:,} requests were in flight when the load ended"
    return Measured(moment.never_served, detail)


def _hidden_share(view: LoadView) -> Metric:
    if view.is_open:
        return NotApplicable(OPEN)
    shares = [view.occupation[window].hidden_share for window in view.windows]
    worst = max(shares, key=abs)
    detail = "" if worst >= 0 else "more time waited and thought than there were users: the record contradicts itself"
    return Measured(abs(worst), detail)


def _connections_per_user(view: LoadView) -> Metric:
    if view.order.client != CLIENT_LLHTTP:
        return NotObservable(f"the client {view.order.client!r} does not say when it opens a connection")
    samples = view.samples
    flags = samples.rows["flags"][samples.loaded]
    opened = np.count_nonzero(flags & layout.FLAG_NEW_CONNECTION)
    opened -= min(opened, np.count_nonzero(flags & layout.FLAG_HUNG_UP))  # who hung up has to connect again
    users = len(samples.user_start_times_s)
    return Measured(opened / users if users else math.nan, f"{opened:,} for {users:,} users")


def _change_points(view: LoadView) -> Measured:
    changes = [change for window in view.windows for change in _changes(view, window)]
    return Measured(len(changes), ", ".join(f"{change.size:+.0%} after {at_s:.1f} s" for at_s, change in changes))


def _changes(view: LoadView, window: Phase) -> list[tuple[float, ChangePoint]]:
    length_s = window.end_s - window.start_s
    slices = max(FEWEST_SLICES, round(length_s / SLICE_S))
    ends_s = view.samples.end_s[view.completed(window, view.samples.good)]
    counts, _ = np.histogram(ends_s, bins=slices, range=(window.start_s, window.end_s))
    found = steadiness(counts)
    return [(change.index * length_s / slices, change) for change in found.changes] if found else []


def _arrival_share(view: LoadView) -> Metric:
    if view.order.kind != KIND_RAMP:
        return NotApplicable(f"no users arrive in the window of a {view.order.kind} run")
    if view.is_open:
        return NotApplicable(OPEN)
    rps = view.goodput_rps(view.windows[0])
    return Measured(view.order.spawn_rate / rps if rps else math.inf, f"{view.order.spawn_rate:.3g} users/s")


def _late_share(view: LoadView) -> Metric:
    if not view.is_open:
        return NotApplicable("in closed mode nothing is due")
    if not view.shown:
        return NotApplicable(NO_WINDOW)
    windows = [open_loop(view.samples, phase.start_s, phase.end_s) for phase in view.shown]
    due = [window for window in windows if window.due]
    if not due:
        return Measured(math.nan, "nothing was due")
    worst = max(due, key=lambda window: (window.late + window.unsent) / window.due)
    detail = f"{worst.late:,} late and {worst.unsent:,} never, of {worst.due:,}"
    return Measured((worst.late + worst.unsent) / worst.due, detail)
