"""The health of a run's target: what became of every request, and the state that follows from it.

Validity asks whether the measurement can be believed; health is a result of it. The limits are the stamp's
(`stamp_rules`); what no limit expresses is here: a target that died, and one that answers nothing.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from loopbench.judge.figures import plural
from loopbench.judge.run.occupancy import moments, stuck
from loopbench.judge.run.run import Run
from loopbench.judge.run.slices import is_inside
from loopbench.judge.stamp.stamp import Stamp
from loopbench.judge.stamp.stamp_checks import State
from loopbench.records import samples as layout
from loopbench.records.session import HUNG, STOPPED

LOADED = (layout.PHASE_RAMP, layout.PHASE_SETTLE, layout.PHASE_HOLD)


@dataclass(frozen=True)
class Health:
    """Every request of the users, by what became of it: `sent` is the sum of the six."""

    state: State  # the worst that holds
    good: int  # answered as expected
    wrong: int  # answered with a wrong status or body
    given_up: int  # without an answer within the client's timeout
    refused: int  # not connected, or cut off by the server
    hung_up: int  # disconnected by the client as the scenario orders
    cut: int  # still waiting when the drain ended
    users: int  # alive when the load ended
    never_served: int  # of them, without an answer so far
    in_flight: int  # requests that waited at that moment
    answers: int  # good ones in the windows
    window_s: float  # length of the windows together
    watched_s: float  # time under load up to the end of the last window; of a run in turns, its own slices
    first_error: str = ""  # the most frequent kind of failure; empty if there is none
    target_exit: str = STOPPED  # how the target ended, as a verb

    @property
    def sent(self) -> int:
        """Requests of users."""
        return self.good + self.wrong + self.given_up + self.refused + self.hung_up + self.cut

    @property
    def failed(self) -> int:
        """Without a good answer, those aside that were cut or hung up on purpose."""
        return self.wrong + self.given_up + self.refused

    @property
    def failure_share(self) -> float:
        """Failed ones of those that had an end (0 to 1)."""
        ended = self.good + self.failed
        return self.failed / ended if ended else 0.0

    def trouble(self, show: Callable[[str], str] = str) -> str:
        """What is not well, for the end of a sentence; empty if it is healthy. `show` writes foreign text."""
        users = plural(self.users, "user")
        return {
            State.DEAD: f"its process {show(self.target_exit)}",
            State.HUNG: f"it hung with {plural(self.in_flight, 'request')} waiting",
            State.FAILING: f"{100 * self.failure_share:.3g} % of its requests failed",
            State.STARVING: f"{self.never_served} of {users} without any answer in {self.watched_s:.3g} s",
            State.STALLED: "answers take longer than they were watched",
            State.HEALTHY: "",
        }[self.state]

    @property
    def accounting(self) -> str:
        """Every request, in one line."""
        parts = (
            *((self.good, "good"), (self.wrong, "answered wrongly"), (self.given_up, "given up by the client")),
            *((self.refused, "refused or cut off"), (self.hung_up, "hung up on purpose"), (self.cut, "cut at the end")),
        )
        most = f"; mostly {self.first_error}" if self.failed and self.first_error else ""
        return f"{self.sent:,} sent = " + " + ".join(f"{count:,} {what}" for count, what in parts if count) + most


def health_of(run: Run, stamp: Stamp) -> Health:
    """The health of the target under one run. Raises DataError if one of its files is damaged."""
    samples, rows = run.samples, run.samples.rows
    silent = samples.loaded & samples.failed & (rows["status"] == 0)
    timed_out = silent & np.isin(rows["error"], _timeouts(samples.errors))
    end_s = run.windows[-1].end_s if run.windows else max((each.end_s for each in run.shown), default=0.0)
    (moment,) = moments(samples, np.array([end_s]))
    hung_up = samples.loaded & (rows["flags"] & layout.FLAG_HUNG_UP != 0)
    cut = _count(samples.loaded & ~samples.finished)
    watched = (*LOADED, layout.PHASE_DRAIN) if run.is_until_drained else LOADED
    most = samples.errors_by_count()
    return Health(
        state=_state(run, stamp),
        good=_count(samples.loaded & samples.good),
        wrong=_count(samples.loaded & samples.failed) - _count(silent),
        given_up=_count(timed_out),
        refused=_count(silent) - _count(timed_out),
        hung_up=_count(hung_up),
        cut=cut,
        users=moment.users,
        never_served=moment.never_served,
        in_flight=cut if run.is_until_drained else moment.in_flight,  # the drain's end cuts what is in flight
        answers=sum(_count(run.good_within(window)) for window in run.windows),
        window_s=sum(window.width_s for window in run.windows),
        watched_s=sum(each.width_s for each in run.record.phases if each.name in watched and each.end_s <= end_s),
        first_error=most[0][0] if most and most[0][0] != layout.HUNG_UP else "",
        target_exit=run.record.target_exit,
    )


def worst(healths: Sequence[Health]) -> Health | None:
    """The one in the worst state, the first of them; None of none."""
    order = list(State)
    return min(healths, key=lambda each: order.index(each.state), default=None)


def trouble_of(healths: Sequence[Health], show: Callable[[str], str] = str) -> str:
    """What is not well in these runs of one variant, for the end of a sentence; empty if all are healthy.

    It is the trouble of the worst run, with foreign text as `show` writes it. "No good answer" is about all of them.
    """
    shown = worst(healths)
    if shown is None or shown.state is State.HEALTHY:
        return ""
    none = "" if any(each.good for each in healths) else "no good answer: "
    alike = sum(each.state is shown.state for each in healths)
    part = shown.state in (State.DEAD, State.HUNG) and alike < len(healths)
    return f"{none}{shown.trouble(show)}" + (f" in {alike} of {plural(len(healths), 'run')}" if part else "")


def _state(run: Run, stamp: Stamp) -> State:
    if run.died:
        return State.DEAD
    if run.record.target_exit == HUNG or _answers_nothing(run):
        return State.HUNG
    return next((finding.health for finding in stamp.about_health if finding.health), State.HEALTHY)


def _answers_nothing(run: Run) -> bool:
    """Requests of the variant waited, and got no answer in all of the last window, or from a moment in it on."""
    if not run.windows:
        return False
    window, rows, samples = run.windows[-1], run.samples.rows, run.samples
    own = samples.named(run.variant.name) & samples.loaded
    answered = own & samples.finished & (rows["status"] != 0)
    waiting = own & (rows["start_s"] < window.end_s) & (samples.end_s > window.start_s)
    silent = bool(waiting.any()) and not (answered & is_inside(samples.end_s, window)).any()
    return silent or stuck(samples, np.flatnonzero(own), window).requests > 1


def _timeouts(errors: Sequence[str]) -> list[int]:
    return [index for index, error in enumerate(errors) if "Timeout" in error]


def _count(mask: np.ndarray) -> int:
    return int(np.count_nonzero(mask))
