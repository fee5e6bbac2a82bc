"""The last exception of a log, with the app's own lines."""

import pytest

from loopbench.records.tracebacks import last_exception

FIRST = 'Traceback (most recent call last):\n  File "/app/old.py", line 1, in old\n    1 / 0\nZeroDivisionError: old\n'
LAST = """ERROR:    Exception in ASGI application
Traceback (most recent call last):
  File "/app/.venv/lib/python3.12/site-packages/starlette/routing.py", line 73, in app
    response = await f(request)
               ^^^^^^^^^^^^^^^^
  File "/app/shop/main.py", line 15, in search
    return find(q)
           ^^^^^^^
  File "/app/shop/find.py", line 4, in find
    return cache[q]
           ~~~~~^^^
KeyError: 'x'
"""
FOUND = """KeyError: 'x'
/app/shop/main.py:15 in search: return find(q)
/app/shop/find.py:4 in find: return cache[q]"""


@pytest.mark.parametrize(
    ("log", "found"),
    [
        (FIRST + LAST, FOUND),
        ("\n".join(f"  | {line}" for line in LAST.splitlines()) + "\n", FOUND),
        (LAST.partition("KeyError")[0], ""),
        ("INFO: started\n", ""),
        ("", ""),
    ],
)
def test_the_last_whole_exception_and_the_lines_of_the_app(log: str, found: str) -> None:
    assert last_exception(log) == found


def test_an_empty_log_has_no_exception() -> None:
    """Such as the log of a target that has printed nothing yet."""
    assert last_exception("") == ""
