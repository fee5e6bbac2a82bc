"""The phases of a run: the requested users, and that the hold begins only after they have come."""

from pathlib import Path
from typing import Any

import gevent
import pytest

from loopbench.locustfiles.phases import Phases
from loopbench.records.load_spec import LoadSpec
from tests.made_scenario import made_spec

SHORTEST_S = 0.1


def spec(kind: str, steps: tuple[int, ...] = (), **load: Any) -> LoadSpec:
    """Return a load whose phases are as short as a scenario may have them."""
    of_load = {"users": 9, "spawn_rate": 3.0, "hold_s": SHORTEST_S, "step_s": SHORTEST_S, "steps": list(steps)}
    return made_spec(Path(), kind, load=of_load | load, repeat={"settle_s": 0.0, "window_s": SHORTEST_S})


@pytest.mark.parametrize(
    ("kind", "steps", "users", "marks"),
    [
        ("ramp", (), [(9, 3)], ["ramp", "hold", "drain"]),
        ("plateau", (), [(9, 9)], ["settle", "hold", "drain"]),
        ("steps", (5, 2), [(2, 9), (5, 9)], ["settle", "step-2", "settle", "step-5", "settle", "drain"]),
    ],
)
def test_each_kind_of_run_has_its_users_and_phases(
    kind: str, steps: tuple[int, ...], users: list[tuple[int, float]], marks: list[str]
) -> None:
    marked: list[str] = []
    phases = Phases(spec(kind, steps), marked.append)
    phases.load_begins()
    wanted = []
    for asked in phases.levels:
        wanted.append(asked)
        phases.all_users_came()
    assert wanted == users
    assert marked == marks


def test_the_hold_waits_for_users_that_are_still_coming() -> None:
    marked: list[str] = []
    phases = Phases(spec("ramp"), marked.append)
    phases.load_begins()
    next(phases.levels)
    asking = gevent.spawn(next, phases.levels, None)  # type: ignore[no-untyped-call]
    gevent.idle()  # type: ignore[no-untyped-call]
    assert marked == ["ramp"]
    phases.all_users_came()
    asking.join()
    assert marked == ["ramp", "hold", "drain"]


def test_each_generator_has_its_own_seed() -> None:
    seeds = {spec("ramp").model_copy(update={"generator": number}).own_seed for number in range(64)}
    assert len(seeds) == 64
