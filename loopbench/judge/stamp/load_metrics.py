"""What a run's own samples say for the stamp: enough of them, good ones, steady, and users whose time adds up.

Measured in the windows that become figures: the hold of a ramp or a plateau, each level of a step load. A figure of
several windows is the worst of them, because the stamp is one for all.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations, pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from loopbench.judge.figures import percent
from loopbench.judge.run.little import occupations
from loopbench.judge.run.occupancy import moments
from loopbench.judge.run.open_loop import open_loop
from loopbench.judge.run.run import NO_GOOD_ANSWER, NO_WINDOW, Run
from loopbench.judge.run.samples import Samples
from loopbench.judge.run.slices import parts_of
from loopbench.judge.stamp.metrics import Measured, Metric, NotApplicable, NotObservable
from loopbench.judge.statistics.changepoints import ChangePoint, steadiness
from loopbench.records import samples as layout
from loopbench.records.session import KIND_RAMP, Phase

SLICE_S = 0.1  # of the goodput that is searched for steps; a shorter window has as many slices as the search needs
MIN_SLICES = 50
MIN_RISE_S = 1.0  # users who all come in less make no rise, and no points of one
MIN_OF_A_NAME = 100  # good answers of a request from which a growth of its answers is read
TENTHS = 10
MAX_FALLS = 6
"""Of the 45 pairs of tenths. Chance leaves so few once in 900 times (Kendall's test); a disturbed rise has some."""
MIN_OF_A_HALF = 0.05  # rise inside each half of the tenths: a single step leaves one of them level
MAX_MORE_USERS = 1.1  # in the second half of a window, of those in the first
MIN_OF_A_RISE = 200  # good answers of a request in a window, from which a rise of its response time is read
ALL_WAIT = 0.9
"""Share of the connections in flight from which a late request waits for the target, and not for the generator."""
OPEN = "in open mode users are connections that wait for what is due"


def load_metrics(run: Run) -> dict[str, Metric]:
    """Figures by name."""
    completions = list(_completions(run))
    everywhere: dict[str, Metric] = {
        "failure_share": _failure_share(run.samples),
        "wrong_bodies": _wrong_bodies(run),
        "window_s": _window_s(run),
        "completions": Measured(min(completions)) if completions else NotApplicable(NO_WINDOW),
        "unfinished_requests": Measured(float(np.count_nonzero(run.samples.loaded & ~run.samples.finished))),
        "answer_growth": _answer_growth(run.samples),
        "response_growth": _response_growth(run),
        "connections_per_user": _connections_per_user(run),
        "late_share": _late_share(run),
    }
    # Without a window, one fault is reported once: window_s.
    return everywhere | {
        name: figure(run) if run.windows else NotApplicable(NO_WINDOW) for name, figure in _OF_WINDOWS.items()
    }


def _answer_growth(samples: Samples) -> Metric:
    """How much larger the last fifth of a request's answers is than the first, if every fifth is larger than before."""
    worst: Metric = NotApplicable(f"no request has {MIN_OF_A_NAME} good answers")
    for index, places in samples.of_each_name(samples.loaded & samples.good):
        name, sizes = samples.names[index], samples.rows["size_bytes"][places]
        if len(sizes) < MIN_OF_A_NAME:
            continue
        fifths = [float(np.mean(part)) for part in np.array_split(sizes, 5)]
        grows = fifths[0] > 0 and all(later > earlier for earlier, later in pairwise(fifths))
        growth = fifths[-1] / fifths[0] - 1 if grows else 0.0
        if not isinstance(worst, Measured) or growth > worst.value:
            worst = Measured(growth, f"{name!r}: from {fifths[0]:,.0f} to {fifths[-1]:,.0f} bytes" if grows else "")
    return worst


def _response_growth(run: Run) -> Metric:
    """How much longer a request takes in the last tenth of a window than in the first, if it rises throughout.

    With the same users throughout a window no queue makes it rise: state that grows does. A queue that some users have
    not come through before the window is another matter.
    """
    if run.is_open:
        return NotApplicable("in open mode a queue may grow")
    if run.is_until_drained:
        return NotApplicable("its window begins with the queue of all users")
    worst: Metric = NotApplicable(f"no request has {MIN_OF_A_RISE} good answers of the same users in a window")
    samples = run.samples
    each_name = (named for window in run.windows for named in samples.of_each_name(run.good_within(window)))
    for index, places in each_name:
        name, answers = samples.names[index], samples.rows[places]
        if len(answers) < MIN_OF_A_RISE or _more_users(answers["user"]):
            continue
        tenths = [float(np.median(part)) for part in np.array_split(answers["latency_s"], TENTHS)]
        rises = tenths[0] > 0 and _rise_throughout(tenths)
        growth = tenths[-1] / tenths[0] - 1 if rises else 0.0
        if not isinstance(worst, Measured) or growth > worst.value:
            worst = Measured(
                growth, f"{name!r}: from {1e3 * tenths[0]:.3g} to {1e3 * tenths[-1]:.3g} ms" if rises else ""
            )
    return worst


def _more_users(users: npt.NDArray[np.void]) -> bool:
    """Whether more users are answered in the second half than in the first."""
    first, second = (len(np.unique(half)) for half in np.array_split(users, 2))
    return second > MAX_MORE_USERS * first


def _rise_throughout(tenths: Sequence[float]) -> bool:
    falls = sum(later <= earlier for earlier, later in combinations(tenths, 2))
    halves = tenths[: TENTHS // 2], tenths[TENTHS // 2 :]
    return falls <= MAX_FALLS and all(sum(half[-2:]) > (1 + MIN_OF_A_HALF) * sum(half[:2]) for half in halves)


def _window_s(run: Run) -> Metric:
    if run.spec.slices and run.windows:
        return NotApplicable("its slices are as long as the slowest variant's response time asks for")
    if run.died:
        return NotApplicable(run.died)
    lengths_s = [window.width_s for window in run.windows]
    return Measured(min(lengths_s)) if lengths_s else Measured(0.0, NO_WINDOW)


def _failure_share(samples: Samples) -> Metric:
    answers = samples.loaded & samples.finished
    total, failed = np.count_nonzero(answers), np.count_nonzero(answers & samples.failed)
    if not total:
        return NotApplicable("no request was answered")
    most = samples.errors_by_count()[:1]
    return Measured(failed / total, f"{failed:,} of {total:,}, mostly {most[0][0]}" if failed and most else "")


def _wrong_bodies(run: Run) -> Measured:
    """Not good although the status is the right one: the body is wrong, or a receipt in it is missing."""
    samples = run.samples
    wrong = samples.loaded & samples.failed
    expected = np.full(len(samples.names) or 1, -1)
    for request in run.spec.requests:
        if request.name in samples.names:
            expected[samples.names.index(request.name)] = request.expect.status
    wrong &= samples.rows["status"] == expected[samples.rows["name"]]
    count = int(np.count_nonzero(wrong))
    words = samples.errors[int(samples.rows["error"][wrong][0])] if count else ""
    return Measured(count, words)


def _above_ceiling(run: Run) -> Metric:
    """How far the good answers of a window exceed what its users could have been given.

    Every answer costs its user at least the shortest latency of its name and the think time, and there are N users. At
    each edge of a window's part one cycle may be half outside: it is added to the time there was, so that a correct
    count never exceeds it.
    """
    if run.is_open:
        return NotApplicable("in open mode the schedule, not the users, sets the rate")
    excess = [each for each in (_excess(run, window) for window in run.windows) if each is not None]
    return Measured(max(excess), "bound by the users") if excess else NotApplicable(NO_GOOD_ANSWER)


def _excess(run: Run, window: Phase) -> float | None:
    count, least_s, users = np.count_nonzero(run.good_within(window)), run.least_s(window), run.occupation[window].users
    if least_s is None:
        return None
    cycle_s = least_s + run.think_time_s
    time_s = window.width_s + len(parts_of(window)) * cycle_s
    return count * cycle_s / (users * time_s) - 1 if users else math.inf


def _response_times(run: Run) -> Measured:
    """Length of the shortest window or slice over the mean response time, L / X."""
    worst, worst_s = math.inf, 0.0
    for window in run.windows:
        mean_s = run.mean_response_s(window)
        if mean_s is None:
            return Measured(0.0, "nothing was answered")
        length_s = min(part.width_s for part in parts_of(window))
        if mean_s and length_s / mean_s < worst:
            worst, worst_s = length_s / mean_s, mean_s
    return Measured(worst, f"one takes {worst_s:.3g} s")


def _response_windows(run: Run) -> Measured:
    """Windows that one answer takes."""
    windows = _response_times(run)
    return Measured(1 / windows.value if windows.value else math.inf, windows.detail)


def _completions(run: Run) -> Iterator[float]:
    """Of each window; of a ramp's rise as a whole, because its points widen until they hold enough."""
    for phase in run.shown:
        if phase in run.windows or phase.width_s >= MIN_RISE_S:
            yield float(np.count_nonzero(run.within(phase)))


def _never_served(run: Run) -> Metric:
    (moment,) = moments(run.samples, np.array([run.windows[-1].end_s]))
    detail = f"of {moment.users:,}; {moment.in_flight:,} requests were in flight when the load ended"
    if moment.passed_over is None:
        return NotApplicable(f"{moment.answers:,} answers so far cannot serve {moment.users:,} users")
    return Measured(moment.passed_over, detail)


def _hidden_share(run: Run) -> Metric:
    if run.is_open:
        return NotApplicable(OPEN)
    if run.spec.load.locustfile is not None:
        return NotObservable("how long the users of a locustfile wait on purpose is not known")
    if run.died:
        return NotApplicable(run.died)
    if run.is_until_drained:
        return NotApplicable("its users end one by one, as they are answered")
    shares = [run.occupation[window].hidden_share for window in run.windows]
    worst = max(shares, key=abs)
    detail = "" if worst >= 0 else "more time waited and thought than there were users: the record contradicts itself"
    return Measured(abs(worst), detail)


def _connections_per_user(run: Run) -> Metric:
    if run.spec.load.locustfile is not None:
        return NotObservable("the users of a locustfile do not say when they open a connection")
    samples = run.samples
    flags = samples.rows["flags"][samples.loaded]
    opened = np.count_nonzero(flags & layout.FLAG_NEW_CONNECTION)
    opened -= min(opened, np.count_nonzero(flags & layout.FLAG_HUNG_UP))  # who hung up has to connect again
    users = len(samples.user_start_times_s)
    return Measured(opened / users if users else math.nan, f"{opened:,} for {users:,} users")


def _change_points(run: Run) -> Measured:
    changes = [change for window in run.windows for change in _changes(run, window)]
    return Measured(
        len(changes), ", ".join(f"{percent(change.size, '+.0f')} after {at_s:.1f} s" for at_s, change in changes)
    )


def _changes(run: Run, window: Phase) -> list[tuple[float, ChangePoint]]:
    length_s = window.width_s
    slices = max(MIN_SLICES, round(length_s / SLICE_S))
    ends_s = run.samples.end_s[run.good_within(window)]
    shares = [(part, max(1, round(slices * part.width_s / length_s))) for part in parts_of(window)]
    counts = [np.histogram(ends_s, bins=bins, range=(part.start_s, part.end_s))[0] for part, bins in shares]
    found = steadiness(np.concatenate(counts))
    return [(change.index * length_s / slices, change) for change in found.changes] if found else []


def _arrival_share(run: Run) -> Metric:
    if run.spec.kind != KIND_RAMP:
        return NotApplicable(f"no users arrive in the window of a {run.spec.kind} run")
    if run.is_open:
        return NotApplicable(OPEN)
    rps = run.goodput_rps(run.windows[0])
    if not rps:
        return NotApplicable(NO_GOOD_ANSWER)
    return Measured(run.spec.load.spawn_rate / rps, f"{run.spec.load.spawn_rate:.3g} users/s")


def _late_share(run: Run) -> Metric:
    if not run.is_open:
        return NotApplicable("in closed mode nothing is due")
    if not run.shown:
        return NotApplicable(NO_WINDOW)
    windows = [open_loop(run.samples, phase.start_s, phase.end_s) for phase in run.shown if not _all_wait(run, phase)]
    due = [window for window in windows if window.due]
    if windows and not due:
        return Measured(math.nan, "nothing was due")
    if not due:
        return NotApplicable("every connection waited for the target, which is its own doing")
    worst = max(due, key=lambda window: (window.late + window.unsent) / window.due)
    detail = f"{worst.late:,} late and {worst.unsent:,} never, of {worst.due:,}"
    return Measured((worst.late + worst.unsent) / worst.due, detail)


def _all_wait(run: Run, phase: Phase) -> bool:
    """Whether requests start late because the target has not answered the earlier ones."""
    edges_s = np.array([phase.start_s, phase.end_s])
    (there,) = occupations(run.samples, edges_s, run.think_time_s)
    return there.in_flight > ALL_WAIT * there.users


_OF_WINDOWS: Final[Mapping[str, Callable[[Run], Metric]]] = {
    "above_ceiling": _above_ceiling,
    "window_response_times": _response_times,
    "response_windows": _response_windows,
    "users_never_served": _never_served,
    "hidden_share": _hidden_share,
    "change_points": _change_points,
    "arrival_share": _arrival_share,
}
