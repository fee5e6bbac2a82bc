"""The load of one run, as the harness gives it to the generator: the scenario's own settings and a few run-time facts.

`load.json` is the same with secrets hidden.
"""

import json
import os
import random
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, NamedTuple, TypeVar

from pydantic import Field

from loopbench.records.codec import from_json
from loopbench.records.session import KIND_PLATEAU, KIND_STEPS, MAX_PHASES, PlannedRun, samples_file
from loopbench.scenario.data import NO_VALUES, Draw, Values
from loopbench.scenario.load_settings import Load, Repeat
from loopbench.scenario.model import Scenario
from loopbench.scenario.requests import Before, Request
from loopbench.scenario.secrets import secret_values
from loopbench.scenario.values import CLEAR, Seconds, Strict, recorded_as

PATH_VARIABLE = "LOOPBENCH_LOAD_SPEC"
"""Environment variable with the path of the locustfile's load. A worker without it gets the load from its master."""


KIND_JOURNEY = "journey"
"""No run: one user of each class of a locustfile does each of its tasks once, and the generator ends."""
JOURNEY_S = 60.0  # how long that may take

AWAITED_VARIABLE = "LOOPBENCH_LOAD_AWAITED"
"""Environment variable with the path of a pipe whose other end is closed when the load can be read."""

CAPTURED_VARIABLE = "LOOPBENCH_CAPTURED"
"""Environment variable with the path of a file in memory for captured secrets. The harness hides them in all logs."""


class Level(NamedTuple):
    """One level of a step load."""

    users: int
    hold_s: float


class SliceTimes(NamedTuple):
    """How an interleaved run is loaded: in slices, between which its target is stopped."""

    number: Annotated[int, Field(ge=1, le=MAX_PHASES // 2)]
    arrive_s: Seconds  # over which users begin, evenly: one cycle of a user, so that they do not answer in step
    settle_s: Seconds  # in each slice, between the first requests and the window
    hold_s: Seconds  # the window's part of a slice

    @property
    def until_drained(self) -> bool:
        """Whether the window is from the first request of a slice to the last answer.

        A slice that is shorter than a user's cycle says nothing by itself: of requests that begin together, all may be
        answered after its end.
        """
        return self.settle_s == 0


class ForGenerator(Strict):
    """A model that a process of Locust reads once."""

    def clear_json(self) -> str:
        """Return it with its secrets, for the generator only."""
        return self.model_dump_json(context=CLEAR)


class LoadSpec(ForGenerator):
    """The load of one run."""

    run: str  # nonce of the run
    url: str  # scheme, host and port of the target
    kind: str  # kind of the run: one of the KIND_ constants of `session`
    load: Load
    repeat: Repeat
    requests: list[Request]  # every user sends all of them
    before: list[Before] = Field(default=[])  # every user sends these first
    values: Annotated[Values, recorded_as(lambda _: {})] = NO_VALUES
    secrets: Annotated[list[str], recorded_as(lambda _: [])] = Field(default=[])
    """With a locustfile: what its names and errors may hold of the scenario's secrets, as answers of the app do."""
    explain: bool  # whether to ask the probe for requests' stamps
    seed: int
    samples_file: str  # the first generator's; the others' are in the same folder
    min_window_s: Seconds = 0.0  # minimum length of a steady window with all users
    slices: SliceTimes | None = None  # of an interleaved run; None: one window
    generator: int = 0  # index of the process that reads this; set by its master

    @property
    def loads(self) -> "list[LoadSpec]":
        """The loads of one generator process: this one."""
        return [self]

    @property
    def own_seed(self) -> int:
        """Seed of one generator. With one seed for all, their users would think in step."""
        return self.seed + 1_000_003 * self.generator

    @property
    def draw(self) -> Draw:
        """This generator's share of the values of placeholders, from their beginning."""
        return Draw(self.values, self.generator, self.load.processes)

    @property
    def hold_s(self) -> float:
        """Seconds with all users present, in a ramp or plateau run; of all slices together."""
        if self.slices:
            return self.slices.number * self.slices.hold_s
        return max(self.repeat.window_s if self.kind == KIND_PLATEAU else self.load.hold_s, self.min_window_s)

    @property
    def levels(self) -> tuple[Level, ...]:
        """The levels of a step run, in an order drawn from the seed: upwards, a drift would bend the curve.

        A level needs its share of the minimum window: half the users are answered in half the time.
        """
        if self.kind != KIND_STEPS:
            return ()
        share_s, step_s = self.min_window_s / self.load.users, self.load.step_s
        levels = [Level(users, max(step_s, share_s * users)) for users in self.load.steps]
        random.Random(self.seed).shuffle(levels)  # noqa: S311  reproducible on purpose
        return tuple(levels)

    @property
    def phases_s(self) -> float:
        """Seconds that the phases take together, without the drain; the drains between slices included."""
        if self.kind == KIND_JOURNEY:
            return JOURNEY_S
        if self.slices:
            slices_s = self.slices.number * (self.slices.settle_s + self.load.drain_s)
            return self.load.warmup_s + self.hold_s + slices_s
        windows_s = [level.hold_s for level in self.levels] or [self.hold_s]
        return self.load.warmup_s + self.load.ramp_s + len(windows_s) * self.repeat.settle_s + sum(windows_s)


class TurnsSpec(ForGenerator):
    """The loads of several runs whose targets one generator loads in turns."""

    loads: list[LoadSpec]
    minders: list[int]  # for each load, the process below which its target runs
    turns: list[int]  # indexes of the loads, in the order of their slices

    @property
    def phases_s(self) -> float:
        """See `LoadSpec.phases_s`."""
        return sum(each.phases_s for each in self.loads)


class UiSpec(ForGenerator):
    """The loads that the web UI offers, one per variant of a scenario, and the token for access to it."""

    title: str
    loads: dict[str, LoadSpec]  # by the name that the start form shows
    url: str  # the target's; loads go nowhere else
    token: str
    probe_folder: str | None  # where the target's probe writes; None: not readable from here


Spec = TypeVar("Spec", LoadSpec, TurnsSpec, UiSpec)


def read_spec(kind: type[Spec]) -> Spec:
    """Return the load that this process was started for, as soon as it is there."""
    path = Path(os.environ[PATH_VARIABLE])
    if awaited := os.environ.get(AWAITED_VARIABLE):
        Path(awaited).read_bytes()  # returns at the end of the pipe
    return from_json(kind, path.read_bytes(), str(path))


def note_captured(values: Iterable[Any]) -> None:
    """Report captured values to the harness, if it runs on this machine."""
    if path := os.environ.get(CAPTURED_VARIABLE):
        with open(path, "ab", buffering=0) as file:  # noqa: PTH123  one write, whole lines
            file.write(json.dumps([str(value) for value in values]).encode() + b"\n")


def load_spec(  # noqa: PLR0913  where scenario and run meet
    scenario: Scenario,
    run: PlannedRun,
    *,
    nonce: str,
    url: str,
    folder: Path,
    explain: bool = False,
    values: Values = NO_VALUES,
    min_window_s: float = 0.0,
    slices: SliceTimes | None = None,
) -> LoadSpec:
    """Return one run's load: the neighbours and the variant's own request, all of them sent by every user."""
    variant, load = scenario.variant(run.variant), scenario.load
    if load.locustfile:
        file = str((scenario.file.parent / load.locustfile).resolve())
        classes = variant.user_classes or load.user_classes
        load = load.model_copy(update={"locustfile": file, "user_classes": classes})
    return LoadSpec(
        run=nonce,
        url=url,
        kind=run.kind,
        load=load,
        repeat=scenario.repeat,
        requests=[] if load.locustfile else [*scenario.requests, variant],
        before=[each for each in scenario.before if each.per == "user"],
        values=values,
        secrets=list(secret_values(scenario, {})) if load.locustfile else [],
        explain=explain,
        seed=run.seed,
        samples_file=str((folder / samples_file(0)).resolve()),
        min_window_s=min_window_s,
        slices=slices,
    )
