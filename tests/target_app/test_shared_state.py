"""The receipt of a shared counter has the number of lost increments: twenty at once, as in the course page."""

import pytest

from tests.serving import ask
from tests.target_app.running_app import ask_all, running

pytestmark = pytest.mark.real

AT_ONCE = 20
SAFE = ("no-await", "asyncio-lock", "threading-lock", "file-lock")
UNSAFE = ("no-lock", "def-no-lock")


@pytest.mark.parametrize("style", SAFE)
def test_nothing_is_lost(app_port: int, style: str) -> None:
    values = [body["value"] for body in ask_all(app_port, [f"/shared/{style}"] * AT_ONCE, "POST")]
    _, _, receipt = ask(app_port, f"/shared/{style}/receipt")
    assert sorted(values) == list(range(1, AT_ONCE + 1))
    assert (receipt["increments"], receipt["counted"], receipt["lost"]) == (AT_ONCE, AT_ONCE, 0)


@pytest.mark.parametrize("style", UNSAFE)
def test_increments_without_a_lock_are_lost_and_the_receipt_says_how_many(app_port: int, style: str) -> None:
    values = [body["value"] for body in ask_all(app_port, [f"/shared/{style}?pause=0.2"] * AT_ONCE, "POST")]
    _, _, receipt = ask(app_port, f"/shared/{style}/receipt")
    assert receipt["increments"] == AT_ONCE
    assert receipt["counted"] == max(values) < AT_ONCE
    assert receipt["lost"] == AT_ONCE - max(values)


def test_an_unknown_style_has_no_receipt(app_port: int) -> None:
    status, _, body = ask(app_port, "/shared/nothing/receipt")
    assert status == 404
    assert "asyncio-lock" in body["detail"]


def test_with_two_workers_each_memory_holds_its_own_share_and_the_file_holds_all() -> None:
    """For any worker, its memory counts its own increments and the file those of all workers."""
    with running("target_app.only:shared_state", "--workers", "2") as port:
        ask_all(port, ["/shared/asyncio-lock", "/shared/file-lock"] * AT_ONCE, "POST")
        receipts = [ask(port, "/shared/asyncio-lock/receipt")[2] for _ in range(AT_ONCE)]
        _, _, outside = ask(port, "/shared/file-lock/receipt")
    shares = {receipt["worker_pid"]: receipt["counted"] for receipt in receipts}
    assert all(receipt["increments"] == AT_ONCE for receipt in receipts)
    assert all(receipt["lost"] == AT_ONCE - receipt["counted"] for receipt in receipts)
    assert sum(shares.values()) == AT_ONCE or len(shares) == 1  # one worker may have answered every request
    assert (outside["increments"], outside["counted"], outside["lost"]) == (AT_ONCE, AT_ONCE, 0)
