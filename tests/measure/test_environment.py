"""Variables that would change the measurement are kept from the children, by name."""

from loopbench.measure import environment

HOSTILE = {
    "PATH": "/bin",
    "HOME": "/home/me",
    "DATABASE_URL": "postgres://me:secret@db",
    "WEB_CONCURRENCY": "4",
    "UVICORN_WORKERS": "4",
    "COVERAGE_PROCESS_CONFIG": "{}",
    "LOCUST_USERS": "1000",
    "HTTP_PROXY": "http://proxy",
    "PYTHONPATH": "/mine",
}


def test_the_target_keeps_the_user_s_own_variables_but_none_that_steers_the_server() -> None:
    env = environment.for_target({"EXTRA": "1"}, HOSTILE)
    assert env["DATABASE_URL"] == HOSTILE["DATABASE_URL"]
    assert env["EXTRA"] == "1"
    assert "WEB_CONCURRENCY" not in env
    assert "UVICORN_WORKERS" not in env
    assert "COVERAGE_PROCESS_CONFIG" not in env
    assert env["PYTHONPATH"].split(":") == [str(environment.PROBE_FOLDER), "/mine"]


def test_a_target_that_crashes_in_c_says_where_unless_its_user_has_forbidden_it() -> None:
    assert environment.for_target({}, HOSTILE)["PYTHONFAULTHANDLER"] == "1"
    assert environment.for_target({}, HOSTILE | {"PYTHONFAULTHANDLER": ""})["PYTHONFAULTHANDLER"] == ""


def test_the_generator_gets_only_what_is_allowed() -> None:
    assert environment.for_generator({"OURS": "1"}, HOSTILE) == {"PATH": "/bin", "HOME": "/home/me", "OURS": "1"}


def test_what_was_kept_away_is_named() -> None:
    assert environment.ignored(HOSTILE) == (
        "COVERAGE_PROCESS_CONFIG",
        "HTTP_PROXY",
        "LOCUST_USERS",
        "PYTHONPATH",
        "UVICORN_WORKERS",
        "WEB_CONCURRENCY",
    )
