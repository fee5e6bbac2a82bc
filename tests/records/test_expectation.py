"""Right and wrong answers are distinguished."""

import pytest

from loopbench.records.expectation import Expectation


@pytest.mark.parametrize(
    ("expectation", "status", "body", "problem"),
    [
        (Expectation(), 200, b"anything", None),
        (Expectation(), 500, b"", "status 500, expected 200"),
        (Expectation(status=404), 404, b"", None),
        (Expectation(size_bytes=3), 200, b"four", "body is not 3 bytes"),
        (Expectation(json={"unit": "seconds"}), 200, b'{"unit": "seconds"}', None),
        (Expectation(json={"unit": "seconds"}), 200, b'{"unit": "hours"}', "unit is not 'seconds'"),
        (Expectation(json={"unit": None}), 200, b"{}", "unit is not None"),
        (Expectation(json={"unit": "seconds"}), 200, b"<html>", "body is not JSON"),
        (Expectation(json={"unit": "seconds"}), 200, b"[]", "body is not a JSON object"),
        (Expectation(json_min={"elapsed": 2.0}), 200, b'{"elapsed": 2.0}', None),
        (Expectation(json_min={"elapsed": 2.0}), 200, b'{"elapsed": 0.0001}', "elapsed is below 2.0"),
        (Expectation(json_min={"elapsed": 2.0}), 200, b"{}", "elapsed is below 2.0"),
        (Expectation(json_min={"elapsed": 2.0}), 200, b'{"elapsed": "long"}', "elapsed is below 2.0"),
        (Expectation(json_min={"elapsed": 2.0}), 200, b'{"elapsed": NaN}', "elapsed is below 2.0"),
    ],
)
def test_problem(expectation: Expectation, status: int, body: bytes, problem: str | None) -> None:
    assert expectation.problem(status, body) == problem
