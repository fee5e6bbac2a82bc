"""From a scenario's requests to the order that travels to the generator."""

import base64
import json
from pathlib import Path

from loopbench.records.expectation import Expectation
from loopbench.records.load_order import LoadOrder, OrderedRequest
from loopbench.records.session import PlannedRun, samples_file
from loopbench.scenario import Request, Scenario, Variant


def make_order(  # noqa: PLR0913  where the two halves meet
    scenario: Scenario, variant: Variant, run: PlannedRun, *, nonce: str, url: str, folder: Path
) -> LoadOrder:
    """One run's load: the neighbours and the variant's own request, all of them asked by every user."""
    load = scenario.load
    return LoadOrder(
        run=nonce,
        url=url,
        client=load.user,
        requests=tuple(ordered(request) for request in [*scenario.requests, variant]),
        users=load.users,
        spawn_rate=load.spawn_rate,
        warmup_users=min(load.users, 10),
        warmup_s=load.warmup_s,
        hold_s=load.hold_s,
        think_time_s=load.think_time_s,
        seed=run.seed,
        samples_file=str((folder / samples_file(0)).resolve()),
    )


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
    )


def _body(request: Request) -> bytes:
    if request.json_ is not None:
        return json.dumps(request.json_).encode()
    if request.body is not None:
        return request.body.encode()
    return b"x" * (request.body_bytes or 0)
