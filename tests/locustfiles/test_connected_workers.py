"""Admission to a master, the stages of its workers, and the detection of lost workers."""

from pathlib import Path

import pytest

from loopbench.locustfiles.connected_workers import ConnectedWorkers
from loopbench.locustfiles.messages import hello, version_problem
from loopbench.records.generators import WORKER_KEY_VARIABLE


@pytest.fixture
def workers(tmp_path: Path) -> ConnectedWorkers:
    """Two admitted workers."""
    both = ConnectedWorkers(2, tmp_path)
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


def test_one_worker_too_many_is_refused(workers: ConnectedWorkers, tmp_path: Path) -> None:
    assert "has its 2 workers already" in str(workers.refusal(hello()))
    assert ConnectedWorkers(2, tmp_path).refusal(hello()) is None


def test_a_worker_without_the_key_of_this_machine_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another user can connect too, and an order may hold passwords."""
    monkeypatch.setenv(WORKER_KEY_VARIABLE, "only ours")
    assert ConnectedWorkers(2, tmp_path).refusal(hello()) is None
    assert "not started by this" in str(ConnectedWorkers(2, tmp_path).refusal(hello() | {"key": ""}))


def test_all_workers_must_reach_a_stage(workers: ConnectedWorkers, tmp_path: Path) -> None:
    assert not workers.all_have("ready")
    workers["a"].ready = True
    assert workers.waiting_for("ready") == "worker 1 (process 7 on b)"
    workers["b"].ready = True
    assert workers.all_have("ready")
    missing = ConnectedWorkers(2, tmp_path)
    assert not missing.all_have("ready")
    assert missing.waiting_for("ready") == "2 of 2 workers"


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
def test_a_problem_names_the_lost_or_extra_worker(
    workers: ConnectedWorkers, answering: dict[str, bool], words: str | None
) -> None:
    assert workers.problem(answering) == words
