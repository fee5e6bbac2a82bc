"""The phases of a run: the requested users, and that the hold begins only after they have come."""

from dataclasses import replace

import gevent
import pytest

from locustfiles.phases import Phases
from loopbench.records.expectation import Expectation
from loopbench.records.load_order import Level, LoadOrder, OrderedRequest


def order(kind: str, steps: tuple[int, ...] = ()) -> LoadOrder:
    """Return an order whose durations are all 0."""
    hello_ = OrderedRequest("hello", "GET", "/", {}, "", 1.0, 1, Expectation())
    return LoadOrder(
        run="n",
        url="http://127.0.0.1:1",
        kind=kind,
        client="llhttp",
        requests=(hello_,),
        users=9,
        spawn_rate=3,
        warmup_users=1,
        warmup_s=0,
        settle_s=0,
        hold_s=0,
        steps=tuple(Level(users, 0.0) for users in steps),
        mode="closed",
        rate_rps=(0.0, 0.0),
        arrivals="constant",
        explain=False,
        think_time_s=(0.0, 0.0),
        seed=1,
        samples_file="",
    )


@pytest.mark.parametrize(
    ("kind", "steps", "users", "marks"),
    [
        ("ramp", (), [(9, 3)], ["ramp", "hold", "drain"]),
        ("plateau", (), [(9, 9)], ["settle", "hold", "drain"]),
        ("steps", (5, 2), [(5, 9), (2, 9)], ["settle", "step-5", "settle", "step-2", "settle", "drain"]),
    ],
)
def test_each_kind_of_run_has_its_users_and_phases(
    kind: str, steps: tuple[int, ...], users: list[tuple[int, float]], marks: list[str]
) -> None:
    marked: list[str] = []
    phases = Phases(order(kind, steps), marked.append)
    phases.load_begins()
    wanted = []
    while (asked := phases.next_users()) is not None:
        wanted.append(asked)
        phases.all_users_came()
    assert wanted == users
    assert marked == marks


def test_the_hold_waits_for_users_that_are_still_coming() -> None:
    marked: list[str] = []
    phases = Phases(order("ramp"), marked.append)
    phases.load_begins()
    phases.next_users()
    asking = gevent.spawn(phases.next_users)  # type: ignore[no-untyped-call]
    gevent.idle()  # type: ignore[no-untyped-call]
    assert marked == ["ramp"]
    phases.all_users_came()
    asking.join()
    assert marked == ["ramp", "hold", "drain"]


def test_each_generator_has_its_own_seed() -> None:
    seeds = {replace(order("ramp"), generator=number).own_seed for number in range(64)}
    assert len(seeds) == 64
