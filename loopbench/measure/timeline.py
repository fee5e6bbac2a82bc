"""One timeline run: a fresh target at the explain level, verified, asked a few requests at once, recorded."""

import time
from pathlib import Path
from typing import Final

from loopbench.measure import store, target
from loopbench.measure.before import prepare
from loopbench.measure.burst import ask_at_once
from loopbench.measure.counts import Recorded
from loopbench.measure.run import Loaded, MeasuredRun, RunContext, make_record, new_attempt
from loopbench.measure.verify import verify
from loopbench.records.session import Counts, PlannedRun
from loopbench.records.timeline import TimedRequest, write_timeline
from loopbench.scenario import Request, Scenario
from loopbench.secrecy import hide_in_query

NO_GENERATOR: Final = "not started: the harness asks a timeline itself"


def measure_timeline(context: RunContext, run: PlannedRun) -> MeasuredRun:
    """Measure one timeline of the plan. Its folder is complete afterwards, under the name of an attempt."""
    began, started = time.monotonic(), store.now_iso()
    timeline = context.scenario.timeline(run.variant)
    with new_attempt(context, run, timeline.name) as folder:
        loaded, timed = _ask(context, timeline.requests, folder)
    write_timeline(folder, timeline.name, timed)
    recorded = Recorded(phases=(), users_started=0, counts=_counts(loaded, timed))
    record = make_record(context, run, folder, loaded, recorded, started, began)
    store.finish_run(folder, record)
    return MeasuredRun(folder, record)


def _ask(context: RunContext, labels: list[str], folder: Path) -> tuple[Loaded, tuple[TimedRequest, ...]]:
    """Verifying sends each request once, which also warms it: the first use of a thread pool blocks the loop long."""
    requests = [_request(context.scenario, label) for label in labels]
    with target.started(context.launch(folder)) as running:
        prepared = prepare(running, context.scenario, context.values, context.stop)
        verify(running, map(prepared.filled, {each.name: each for each in requests}.values()), context.stop)
        began = time.monotonic()
        timed = ask_at_once(running, [prepared.filled(each) for each in requests], context.stop)
        load_s = time.monotonic() - began
    return Loaded(running, (), load_s, NO_GENERATOR, None), timed


def _request(scenario: Scenario, label: str) -> Request:
    """One of the scenario's requests by its name, or a path."""
    named = next((each for each in [*scenario.requests, *scenario.variants] if each.name == label), None)
    return (named or Request(name="path", path=label)).model_copy(update={"name": hide_in_query(label)})


def _counts(loaded: Loaded, timed: tuple[TimedRequest, ...]) -> Counts:
    answered = sum(1 for each in timed if each.received_s is not None)
    return Counts(
        server=loaded.target.requests_counted(),
        samples=answered,
        locust=None,
        unfinished=len(timed) - answered,
        server_says=loaded.target.server_says,
        locust_says=False,
    )
