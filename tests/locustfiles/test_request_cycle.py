"""The request cycle of a user: every request as often as its weight, in a random order; and its login before.

It runs in a separate process, because `import locust` would patch this one.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

from loopbench.records.load_spec import CAPTURED_VARIABLE

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


LOGINS = """
from types import SimpleNamespace
from unittest.mock import MagicMock
from loopbench.locustfiles import variant_user
from loopbench.scenario.requests import Before

before = Before(name="login", path="/login", capture={"token": "json:t"})
answers = [
    SimpleNamespace(head=b"", body=b'{"t": "failed"}', error=variant_user.WrongAnswerError("status 401")),
    SimpleNamespace(head=b"", body=b'{"t": "%s"}' % (b"x" * 65_537), error=None),
    SimpleNamespace(head=b"", body=b'{"t": "good"}', error=None),
]
user = MagicMock(_before=[before])
user._values.known = {}
user._exchange.side_effect = answers
for _ in answers:
    variant_user.VariantUser._ask_before(user, before, None)
print(user._values.known, user._before)
"""


def test_what_a_failed_login_answers_is_neither_used_nor_noted(tmp_path: Path) -> None:
    """An app that refuses all logins would have its values captured without end; each is searched for in all logs."""
    noted = tmp_path / "captured"
    env = os.environ | {CAPTURED_VARIABLE: str(noted)}
    done = subprocess.run([sys.executable, "-c", LOGINS], capture_output=True, text=True, check=True, env=env)
    assert done.stdout == "{'token': 'good'} []\n"
    assert noted.read_text() == '["good"]\n'
