"""Every style of computing gives the same result."""

import hashlib

import pytest

from tests.serving import ask
from tests.target_app.running_app import ask_all, running

pytestmark = pytest.mark.real

STYLES = ("inline", "def", "executor", "process-pool", "to-process")


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("numbers", [1, 2, 1_000])
def test_it_sums_squares(app_port: int, style: str, numbers: int) -> None:
    _, _, body = ask(app_port, f"/cpu/{style}?numbers={numbers}")
    assert body == {"result": (numbers - 1) * numbers * (2 * numbers - 1) // 6}


def test_it_hashes(app_port: int) -> None:
    _, _, body = ask(app_port, "/cpu/hash-inline?rounds=7")
    assert body == {"digest": hashlib.pbkdf2_hmac("sha256", b"password", b"salt", 7).hex()}


@pytest.mark.parametrize("style", ["numpy-inline", "numpy-def"])
def test_it_sorts(app_port: int, style: str) -> None:
    assert ask(app_port, f"/cpu/{style}?size=101")[2] == {"median": 50}


def test_an_app_with_busy_processes_still_ends() -> None:
    """`running` waits for the exit, which a pool that is not shut down would prevent."""
    with running("target_app.only:cpu") as port:
        assert len(ask_all(port, ["/cpu/process-pool?numbers=200000", "/cpu/to-process?numbers=200000"])) == 2
