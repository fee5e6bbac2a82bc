"""What a target's log says about answers that fail."""

from loopbench.judge.diagnosis.log_evidence import Raised, log_evidence

PLAIN = """ERROR:    Exception in ASGI application
Traceback (most recent call last):
  File "/env/lib/python3.11/site-packages/starlette/routing.py", line 76, in app
    response = await f(request)
  File "/srv/shop/main.py", line 27, in order
    return connection.execute(query)
           ^^^^^^^^^^^^^^^^^^^^^^^^^
  File "/env/lib/python3.11/site-packages/sqlalchemy/pool/impl.py", line 165, in _do_get
    raise exc.TimeoutError(
sqlalchemy.exc.TimeoutError: QueuePool limit of size 5 overflow 10 reached, connection timed out, timeout 30.00
"""
GROUP = """  + Exception Group Traceback (most recent call last):
  |   File "/env/lib/python3.11/site-packages/anyio/_backends/_asyncio.py", line 783, in __aexit__
  |     raise BaseExceptionGroup(
  | ExceptionGroup: unhandled errors in a TaskGroup (1 sub-exception)
  +-+---------------- 1 ----------------
    | Traceback (most recent call last):
    |   File "/srv/shop/main.py", line 9, in user
    |     return 1 // 0
    | ZeroDivisionError: integer division or modulo by zero
"""
POOL = "sqlalchemy.exc.TimeoutError: QueuePool limit of size 5 overflow 10 reached, connection timed out, timeout 30.00"


def test_the_most_frequent_exception_is_named_with_its_last_own_line() -> None:
    other = PLAIN.replace("QueuePool limit", "another")
    assert log_evidence(PLAIN + other + PLAIN).most_frequent == Raised(POOL, "shop/main.py:27 in order", 2)


def test_an_exception_inside_a_group_is_found() -> None:
    found = log_evidence(GROUP).most_frequent
    assert found is not None
    assert (found.text, found.place) == (
        "ZeroDivisionError: integer division or modulo by zero",
        "shop/main.py:9 in user",
    )


def test_refusals_are_counted() -> None:
    assert log_evidence("WARNING:  Exceeded concurrency limit.\n" * 3).refusals == 3


def test_a_log_without_a_traceback_names_none() -> None:
    assert log_evidence("INFO: started\nValueError: of no traceback\n").most_frequent is None


def test_a_torn_traceback_is_left_out() -> None:
    assert log_evidence(PLAIN.partition("    raise")[0]).most_frequent is None
