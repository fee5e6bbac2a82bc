"""Every scenario file is planned or refused, whatever it contains. `make benchmark NAME=fuzz` tries 10,000."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.faults.fuzzing import contents, plan_of

TRIES = 50


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file that is written again and again."""
    return tmp_path_factory.mktemp("fuzz") / "case.toml"


@settings(
    max_examples=TRIES,
    deadline=None,
    database=None,
    derandomize=True,
    phases=(Phase.generate,),
    suppress_health_check=list(HealthCheck),
)
@given(content=contents())
def test_any_file_is_planned_or_refused(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    outcome = plan_of(file)
    assert not outcome.problem, f"{outcome.problem} for {content!r}: {outcome.said}"
