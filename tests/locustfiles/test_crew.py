"""Admission to a master's crew, its stages, and the detection of lost workers."""

from pathlib import Path

import pytest

from locustfiles.crew import Crew
from locustfiles.messages import hello, version_problem


@pytest.fixture
def crew(tmp_path: Path) -> Crew:
    """A crew of two admitted workers."""
    both = Crew(2, tmp_path)
    for client_id in ("a", "b"):
        both.admit(client_id, hello() | {"pid": 7, "host": client_id})
    return both


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, None),
        ({"loopbench": "0.0.9"}, "the worker is loopbench 0.0.9"),
        ({"loopbench": None}, "the worker is loopbench None"),
        ({"format": 1}, "the worker writes format 1"),
    ],
)
def test_a_worker_needs_the_masters_version(change: dict[str, object], words: str | None) -> None:
    problem = version_problem(hello() | change)
    assert problem is None if words is None else problem is not None and words in problem


def test_one_worker_too_many_is_refused(crew: Crew, tmp_path: Path) -> None:
    assert "has its 2 workers already" in str(crew.refusal(hello()))
    assert Crew(2, tmp_path).refusal(hello()) is None


def test_the_crew_waits_for_all_workers_to_reach_a_stage(crew: Crew, tmp_path: Path) -> None:
    assert not crew.all_have("ready")
    crew["a"].ready = True
    assert crew.waiting_for("ready") == "worker 1 (process 7 on b)"
    crew["b"].ready = True
    assert crew.all_have("ready")
    nobody = Crew(2, tmp_path)
    assert not nobody.all_have("ready")
    assert nobody.waiting_for("ready") == "2 of 2 workers"


@pytest.mark.parametrize(
    ("answering", "words"),
    [
        ({"a": True, "b": True}, None),
        ({"a": True}, "worker 1 (process 7 on b) has ended"),
        ({"a": False, "b": True}, "worker 0 (process 7 on a) does not answer any more"),
        (
            {"a": True, "b": True, "c": True},
            "a worker connected mid-run: a lost one was restarted, or there are too many",
        ),
    ],
)
def test_trouble_names_the_lost_or_extra_worker(crew: Crew, answering: dict[str, bool], words: str | None) -> None:
    assert crew.trouble(answering) == words
