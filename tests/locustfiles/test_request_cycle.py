"""The request cycle of a user: every request as often as its weight, in a random order.

It runs in a separate process, because `import locust` would patch this one.
"""

import json
import subprocess
import sys

SCRIPT = """
import json
from itertools import islice
from pathlib import Path
from loopbench.locustfiles.variant_user import RequestCycle
from tests.made_scenario import made_spec

requests = [{"name": "hello", "path": "/"}, {"name": "write", "path": "/", "weight": 2}]

def spec(seed):
    return made_spec(Path(), "ramp", requests=requests, seed=seed, load={"think_time_s": (0.01, 0.05)})

def asked(seed):
    cycle = RequestCycle(spec(seed))
    return [request.name for request in islice(cycle.shuffled(cycle.requests), 300)]

thinks = [RequestCycle(spec(1)).draw_think_s() for _ in range(100)]
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
