"""From a scenario's requests to the order that travels to the generator."""

import base64
import dataclasses
import json
import random
from pathlib import Path

from loopbench.records.expectation import Expectation
from loopbench.records.load_order import Level, LoadOrder, OrderedRequest
from loopbench.records.session import KIND_PLATEAU, KIND_STEPS, PlannedRun, samples_file
from loopbench.scenario import Request, Scenario
from loopbench.secrecy import HIDDEN_VALUE, public_target


def make_order(  # noqa: PLR0913  where the two halves meet
    scenario: Scenario, run: PlannedRun, *, nonce: str, url: str, folder: Path, explain: bool
) -> LoadOrder:
    """One run's load: the neighbours and the variant's own request, all of them asked by every user."""
    load, repeat = scenario.load, scenario.repeat
    return LoadOrder(
        run=nonce,
        url=url,
        kind=run.kind,
        client=load.user,
        requests=tuple(ordered(request) for request in [*scenario.requests, scenario.variant(run.variant)]),
        users=load.users,
        spawn_rate=load.spawn_rate,
        warmup_users=min(load.users, 10),
        warmup_s=load.warmup_s,
        settle_s=repeat.settle_s,
        hold_s=repeat.window_s if run.kind == KIND_PLATEAU else load.hold_s,
        steps=_steps(load.steps, load.step_s, run) if run.kind == KIND_STEPS else (),
        mode=load.mode,
        rate_rps=load.rate or (0.0, 0.0),
        arrivals=load.arrivals,
        explain=explain,
        think_time_s=load.think_time_s,
        seed=run.seed,
        samples_file=str((folder / samples_file(0)).resolve()),
    )


def with_least_window(order: LoadOrder, least_s: float) -> LoadOrder:
    """The same load with steady windows no shorter than this.

    That is for all users. A level of a step load needs its share of it: half the users are answered in half the time.
    """

    def grown(level: Level) -> Level:
        return dataclasses.replace(level, hold_s=max(level.hold_s, least_s * level.users / order.users))

    return dataclasses.replace(
        order, hold_s=max(order.hold_s, least_s), steps=tuple(grown(level) for level in order.steps)
    )


def for_the_record(order: LoadOrder) -> LoadOrder:
    """The same load without header values, bodies, and parameters that may be secret: what `load.json` says."""
    requests = tuple(
        dataclasses.replace(
            each,
            target=public_target(each.target),
            headers=dict.fromkeys(each.headers, HIDDEN_VALUE),
            body_base64="",
            expect=dataclasses.replace(each.expect, json={}),
        )
        for each in order.requests
    )
    return dataclasses.replace(order, requests=requests)


def _steps(levels: list[int], hold_s: float, run: PlannedRun) -> tuple[Level, ...]:
    """In an order drawn from the run's seed: upwards, whatever drifts in the machine would bend the curve."""
    order = [Level(users, hold_s) for users in levels]
    random.Random(run.seed).shuffle(order)  # noqa: S311  reproducible on purpose
    return tuple(order)


def ordered(request: Request) -> OrderedRequest:
    """A request with its query, body and defaults worked out."""
    headers = dict(request.headers)
    body = _body(request)
    if request.json_ is not None:
        headers.setdefault("Content-Type", "application/json")
    return OrderedRequest(
        name=request.name,
        method=request.method,
        target=request.request_target,
        headers=headers,
        body_base64=base64.b64encode(body).decode("ascii"),
        timeout_s=request.timeout_s,
        weight=request.weight,
        expect=Expectation(
            status=request.expect.status,
            json=request.expect.json_,
            json_min=request.expect.json_min,
            size_bytes=request.expect.body_bytes,
        ),
        hang_up_after_s=request.hang_up.after_s if request.hang_up else None,
        hang_up_turns=request.hang_up.turns if request.hang_up else 0,
    )


def _body(request: Request) -> bytes:
    if request.json_ is not None:
        return json.dumps(request.json_).encode()
    if request.body is not None:
        return request.body.encode()
    return b"x" * (request.body_bytes or 0)
