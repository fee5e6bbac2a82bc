"""The probe's settings from environment variables."""

import pytest
from loopbench_probe.settings import EXPLAIN, Moves, Settings


def test_without_a_directory_there_are_no_settings() -> None:
    assert Settings.from_environment({"LOOPBENCH_PROBE_NONCE": "x"}) is None


def test_a_directory_alone_means_the_always_on_level() -> None:
    assert Settings.from_environment({"LOOPBENCH_PROBE_DIR": "d"}) == Settings(directory="d")


def test_every_variable_is_read_in_its_unit() -> None:
    given = {
        "DIR": "d",
        "NONCE": "n",
        "LEVEL": "explain",
        "POLL_MS": "2",
        "TICK_MS": "20",
        "OVERDUE_MS": "7.5",
        "THREAD_TOKENS": "100",
        "EXECUTOR_THREADS": "9",
        "GC_FREEZE": "1",
        "ROUTE": "GET /search",
        "RUN_IN": "threadpool",
        "RUN_DEPENDENCIES_IN": "event_loop",
        "SIGNAL_SAMPLER": "1",
    }
    environ = {"LOOPBENCH_PROBE_" + name: value for name, value in given.items()}
    assert Settings.from_environment(environ) == Settings(
        directory="d",
        nonce="n",
        level=EXPLAIN,
        poll_s=0.002,
        tick_s=0.020,
        overdue_s=0.0075,
        thread_tokens=100,
        executor_threads=9,
        gc_freeze=True,
        moves=Moves("GET /search", "threadpool", "event_loop"),
        signal_sampler=True,
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LEVEL", "everything"),
        ("POLL_MS", "soon"),
        ("POLL_MS", "0"),
        ("TICK_MS", "nan"),
        ("OVERDUE_MS", "-5"),
        ("THREAD_TOKENS", "0"),
        ("THREAD_TOKENS", "4.5"),
        ("SIGNAL_SAMPLER", "yes"),
        ("EXECUTOR_THREADS", "many"),
        ("GC_FREEZE", "true"),
        ("RUN_IN", "process"),
    ],
)
def test_an_invalid_value_is_refused_with_its_variable(name: str, value: str) -> None:
    with pytest.raises(ValueError, match=f"LOOPBENCH_PROBE_{name}='{value}': allowed are"):
        Settings.from_environment({"LOOPBENCH_PROBE_DIR": "d", "LOOPBENCH_PROBE_" + name: value})
