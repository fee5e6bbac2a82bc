"""The request cycle of a user: every request as often as its weight, in a random order.

It runs in a separate process, because `import locust` would patch this one.
"""

import json
import subprocess
import sys

SCRIPT = """
import json
from itertools import islice
from locustfiles.variant_user import RequestCycle
from loopbench.records.expectation import Expectation
from loopbench.records.load_order import LoadOrder, OrderedRequest

def request(name, weight):
    return OrderedRequest(name, "GET", "/", {}, "", 1.0, weight, Expectation())

def order(seed):
    return LoadOrder(
        run="r", url="http://x", kind="ramp", client="llhttp", requests=(request("hello", 1), request("write", 2)),
        users=1, spawn_rate=1.0, warmup_users=1, warmup_s=0.0, settle_s=0.0, hold_s=1.0, steps=(), mode="closed",
        rate_rps=(0.0, 0.0), arrivals="constant", explain=False, think_time_s=(0.01, 0.05), seed=seed, samples_file="x",
    )

def asked(seed):
    cycle = RequestCycle(order(seed))
    return [request.name for request in islice(cycle.shuffled(cycle.requests), 300)]

thinks = [RequestCycle(order(1)).think_time_s() for _ in range(100)]
print(json.dumps({"one": asked(1), "again": asked(1), "two": asked(2), "thinks": [min(thinks), max(thinks)]}))
"""


def test_every_round_has_each_request_by_weight_in_a_seeded_order() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    for start in range(0, 300, 3):
        assert sorted(found["one"][start : start + 3]) == ["hello", "write", "write"]
    assert found["one"] == found["again"] != found["two"]
    assert found["one"][:3] * 100 != found["one"]
    assert 0.01 <= found["thinks"][0] <= found["thinks"][1] <= 0.05
