"""Every scenario with a service or a receipt: what it asks is answered as it expects, and its receipts come true."""

from pathlib import Path

import pytest

from loopbench.measure import services, target
from loopbench.measure.receipt import IDLE_AFTER_KEY, ask_receipt
from loopbench.measure.stop import StopWish
from loopbench.measure.verify import verify
from loopbench.scenario import load
from tests.servers import skip_without_server

SCENARIOS = Path(__file__).parents[2] / "scenarios"
NAMES = (
    "downstream",
    "fan_out",
    "sqlite",
    "postgres",
    "pool_deadlock",
    "background",
    "queue",
    "messages_redis",
    "messages_pubsub",
)
PATIENCE_S = 60.0  # a worker process needs more than the scenario's 5 s to start on a machine with much else to do
GIVEN_AWAY = "awaits a reply, forgotten"
"""The one variant whose work may be lost: its receipt need not come true."""


@pytest.mark.real
@pytest.mark.parametrize("name", NAMES)
def test_every_variant_answers_as_expected_and_gives_its_receipt(name: str, tmp_path: Path) -> None:
    scenario, stop = load(SCENARIOS / f"{name}.toml"), StopWish()
    for service in scenario.services:
        skip_without_server(service)
    asked = [*scenario.requests, *scenario.variants]
    with (
        services.started(scenario.services, tmp_path, stop, environ={}) as running,
        target.started(target.Launch(scenario, scenario.target, tmp_path, (), stop, running.env)) as started,
    ):
        verify(started, asked, StopWish())
        for variant in scenario.variants:
            if variant.receipt is not None:
                lost = variant.name == GIVEN_AWAY
                patient = variant.receipt.model_copy(update={} if lost else {"wait_s": PATIENCE_S})
                values = ask_receipt(started, patient, stop)
                assert values
                assert IDLE_AFTER_KEY in values or not patient.until or lost


def test_a_claim_about_a_receipt_names_a_variant_that_has_one() -> None:
    for name in NAMES:
        scenario = load(SCENARIOS / f"{name}.toml")
        with_receipt = {variant.name for variant in scenario.variants if variant.receipt is not None}
        for claim in scenario.claims:
            if claim.compare.startswith("receipt:"):
                assert {claim.a, claim.b or claim.a} <= with_receipt
