"""Every mixed style waits, computes, and reports both."""

import time

import pytest

from loopbench.bundled.target_app.mixed import compute
from tests.serving import ask
from tests.target_app.running_app import running


@pytest.mark.real
@pytest.mark.parametrize("style", ["async", "def", "blocking", "offload", "process-pool"])
def test_it_waits_and_computes(app_port: int, style: str) -> None:
    _, _, body = ask(app_port, f"/mixed/{style}?wait_s=0.01&cpu_s=0.002")
    assert body == {"waited": True, "computed": True}


@pytest.mark.real
def test_an_app_with_a_busy_process_pool_still_ends() -> None:
    """`running` waits for the exit, which a pool that is not shut down would prevent."""
    with running("target_app.only:mixed") as port:
        assert ask(port, "/mixed/process-pool?cpu_s=0.01")[0] == 200


def test_computing_is_measured_in_cpu_time() -> None:
    before_s = time.thread_time()
    compute(0.005)
    assert time.thread_time() - before_s >= 0.005
