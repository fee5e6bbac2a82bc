"""An app without its services starts, and says on each of their routes what is missing."""

import subprocess
import sys

import pytest

from target_app.with_services import PARTS, Part
from tests.serving import ask
from tests.target_app.running_app import ROOT

DRIVERS = {"httpx", "requests", "psycopg", "asyncpg", "sqlalchemy", "redis", "google"}


@pytest.mark.real
@pytest.mark.parametrize("part", [part for part in PARTS if part.variable], ids=lambda part: part.module)
def test_a_route_whose_service_is_not_there_answers_501_and_says_why(app_port: int, part: Part) -> None:
    for path in part.paths:
        status, _, body = ask(app_port, f"{path}/anything")
        assert status == 501
        assert part.variable in body["detail"]


def test_the_app_does_not_import_drivers_it_has_no_use_for() -> None:
    """Each would cost every run of every scenario its time (0.05 to 0.4 s on a 2-core virtual machine)."""
    code = "import target_app.main, sys; print(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env={}, capture_output=True, text=True, check=True)
    assert not DRIVERS & set(done.stdout.split())
