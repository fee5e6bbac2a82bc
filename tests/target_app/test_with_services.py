"""An app without its services starts, and each of their routes reports what is missing."""

import subprocess
import sys

import pytest

from loopbench.bundled.target_app.with_services import PARTS, Part
from tests.serving import ask
from tests.target_app.running_app import ROOT

DRIVERS = {"httpx", "requests", "psycopg", "asyncpg", "sqlalchemy", "redis", "google"}


@pytest.mark.real
@pytest.mark.parametrize("part", [part for part in PARTS if part.variable], ids=lambda part: part.module)
def test_a_route_without_its_service_answers_501_with_the_reason(app_port: int, part: Part) -> None:
    for path in part.paths:
        status, _, body = ask(app_port, f"{path}/anything")
        assert status == 501
        assert part.variable in body["detail"]


def test_the_app_imports_no_unused_drivers() -> None:
    """Each import would cost every run time (0.05 to 0.4 s on a 2-core virtual machine)."""
    code = "import target_app.main, sys; print(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env={}, capture_output=True, text=True, check=True)
    assert not DRIVERS & set(done.stdout.split())
