"""What a worker refuses to do for a master, which may be another user's."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from loopbench.records.generators import EXIT_REFUSED
from tests.made_scenario import made_spec

TAKES_AN_ORDER = """
import sys
from types import SimpleNamespace
from locust.env import Environment
from loopbench.locustfiles.worker import Worker
ignored = lambda *_, **__: None
worker = Worker(Environment(), SimpleNamespace(register_message=ignored, send_message=ignored))
worker._take_order(SimpleNamespace(data={"order": sys.argv[1], "generator": 0}))
"""


@pytest.mark.real
def test_a_worker_loads_no_locustfile_that_a_master_names(tmp_path: Path) -> None:
    (tmp_path / "theirs.py").write_text("from pathlib import Path\nPath(__file__).with_name('ran').touch()\n")
    order = json.loads(made_spec(tmp_path, "ramp").clear_json())
    order["load"]["locustfile"] = str(tmp_path / "theirs.py")
    line = [sys.executable, "-c", TAKES_AN_ORDER, json.dumps(order)]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert not (tmp_path / "ran").exists()
    assert done.returncode == EXIT_REFUSED
    assert "no file that a master names is run" in done.stderr
