"""A generation: one run of every variant at the same time, on fresh targets that one generator loads in turns."""

import dataclasses
import math
import random
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Final

from loopbench.measure import store, target
from loopbench.measure.before import prepare
from loopbench.measure.canary import measure_canary
from loopbench.measure.load import Load
from loopbench.measure.run import Loaded, MeasuredRun, RunContext, finish_run, new_attempt, receipt_of, sensors, watcher
from loopbench.measure.running_target import RunningTarget
from loopbench.measure.verify import verify
from loopbench.records.load_spec import SliceTimes, TurnsSpec
from loopbench.records.samples import PHASE_WARMUP
from loopbench.records.session import PlannedRun
from loopbench.records.tail import LiveView

SLICES: Final = "slices"  # displayed instead of a phase
WINDOW_PART: Final = 2 / 3
"""Of `repeat.window_s`, for the slices of a run together: paired this closely, they need less time."""
MIN_SLICE_S: Final = 0.4
MAX_SLICE_S: Final = 60.0
MAX_SLICE_WINDOWS: Final = 20.0
"""A target that needs a longer slice than either gets one that is too short, counted until it is drained."""
TOO_SLOW: Final = math.inf  # in place of its cycle
MIN_SETTLE_S: Final = 0.1
CYCLES: Final = 6.0
"""Of a user, in the window of a slice: one more than rule D2 asks for, because no two runs are alike."""
SETTLE_CYCLES: Final = 1.5  # the first for the users to come, and half of one more because no estimate is exact
MAX_STOPPED_S: Final = 60.0
"""A target that is stopped for longer would find its idle connections too old (`target.KEEP_ALIVE_S`)."""


def measure_generation(
    context: RunContext, runs: Sequence[PlannedRun], cycles_s: Sequence[float]
) -> tuple[MeasuredRun, ...]:
    """Measure runs of different variants together. Their folders are complete afterwards, under names of attempts."""
    began, started = time.monotonic(), store.now_iso()
    think_s = sum(context.scenario.load.think_time_s) / 2
    slices = slice_times(WINDOW_PART * context.scenario.repeat.window_s, [max(think_s, each) for each in cycles_s])
    with ExitStack() as attempts:
        names = [context.scenario.variant(run.variant).name for run in runs]
        folders = [attempts.enter_context(new_attempt(context, *each)) for each in zip(runs, names, strict=True)]
        canary_before_s = measure_canary(context.cores.both)
        loaded = _load(context, runs, folders, slices)
    canaries = canary_before_s, measure_canary(context.cores.both)
    return tuple(
        finish_run(context, *each, started, began, canaries) for each in zip(runs, folders, loaded, strict=True)
    )


def slice_times(window_s: float, cycles_s: Sequence[float]) -> list[SliceTimes]:
    """Returns how often and how long each target is loaded.

    Slices are as short as the slowest target allows, because that pairs them closest. Where they would be so long that
    targets are stopped for too long, there is one for each. A target that is too slow has one, because its drain may
    take all the time that a drain is given.

    Args:
        window_s: length of a target's slices together, or more where one needs more.
        cycles_s: for each target, how long a user takes from one request to the next; 0: unknown.
    """
    longest_s = min(MAX_SLICE_S, MAX_SLICE_WINDOWS * window_s)
    fitting_s = [each if CYCLES * each <= longest_s else TOO_SLOW for each in cycles_s]
    slowest_s = max((each for each in fitting_s if each != TOO_SLOW), default=0.0)
    number = max(1, math.ceil(window_s / max(MIN_SLICE_S, CYCLES * slowest_s)))
    slices = _in_passes(number, window_s, fitting_s)
    longest_stop_s = 2 * sum(each.settle_s + each.hold_s for each in slices)  # first of a pass, last of the next
    return slices if longest_stop_s <= MAX_STOPPED_S else _in_passes(1, window_s, fitting_s)


def _in_passes(number: int, window_s: float, cycles_s: Sequence[float]) -> list[SliceTimes]:
    return [
        SliceTimes(1, arrive_s=MIN_SETTLE_S, settle_s=0.0, hold_s=max(MIN_SLICE_S, window_s))
        if each == TOO_SLOW
        else SliceTimes(
            number,
            arrive_s=each or MIN_SETTLE_S,
            settle_s=max(MIN_SETTLE_S, SETTLE_CYCLES * each),
            hold_s=max(MIN_SLICE_S, window_s / number, CYCLES * each),
        )
        for each in cycles_s
    ]


def turns(slices: Sequence[int], seed: int) -> Iterator[int]:
    """Yield whose turn it is, from the number of each target's slices.

    Every pass has each target once that still has a slice, in an order drawn anew.
    """
    draw = random.Random(seed)  # noqa: S311  reproducible on purpose
    for done in range(max(slices)):
        left = [target for target, number in enumerate(slices) if number > done]
        yield from draw.sample(left, len(left))


def _load(
    context: RunContext, runs: Sequence[PlannedRun], folders: Sequence[Path], slices: Sequence[SliceTimes]
) -> list[Loaded]:
    """Start and verify every target, load them in turns, and stop all."""
    with ExitStack() as stack:
        load = stack.enter_context(Load(context.scenario.load, folders[0], cpus=context.cores.generator, in_turns=True))
        targets = [_started(context, stack, *each) for each in zip(runs, folders, strict=True)]
        prepared = [prepare(running, context.scenario, context.values, context.stop) for running in targets]
        spec = TurnsSpec(
            loads=[
                context.load_spec(run, folder, running, each.values, slices=times)
                for run, folder, running, times, each in zip(runs, folders, targets, slices, prepared, strict=True)
            ],
            minders=[running.process.pid for running in targets],
            turns=list(turns([each.number for each in slices], runs[0].seed)),
        )
        for running, each, values in zip(targets, spec.loads, prepared, strict=True):
            verify(running, map(values.filled, each.requests), context.stop)
        began = time.monotonic()
        with closing(load):
            load.begin(spec)
            ended = _take_turns(context, runs[0], load, folders, targets)
        load_s = time.monotonic() - began
        receipts = [receipt_of(context, *each) for each in zip(runs, targets, strict=True)]
    loaded = zip(targets, receipts, strict=True)
    return [Loaded(running, load.command, load_s, ended, receipt) for running, receipt in loaded]


def _started(context: RunContext, stack: ExitStack, run: PlannedRun, folder: Path) -> RunningTarget:
    """Start the target of one run; it ends with the stack."""
    running = stack.enter_context(target.started(context.launch(folder, context.scenario.variant(run.variant))))
    assert isinstance(running, RunningTarget), "targets that run elsewhere are measured one by one"
    return running


def _take_turns(
    context: RunContext, first: PlannedRun, load: Load, folders: Sequence[Path], targets: Sequence[RunningTarget]
) -> str:
    """Watch the load to its end; returns how the generator ended."""
    with ExitStack() as watched:
        for folder, running in zip(folders, targets, strict=True):
            others = [each for each in targets if each is not running]
            watched.enter_context(sensors(context, folder, running, load, others))
        report = watcher(context, first, lambda: None)
        return load.watch(lambda view: report(_as_one(view, len(targets))))


def _as_one(view: LiveView, targets: int) -> LiveView:
    """Returns what is displayed: each target has all users, and the phases of one of them say nothing of the others."""
    phase = view.phase if view.phase in ("", PHASE_WARMUP) else SLICES
    return dataclasses.replace(view, users=view.users // targets, phase=phase, rps_half_width=None)
