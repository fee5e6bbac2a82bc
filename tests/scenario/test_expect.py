"""Right and wrong answers are distinguished."""

import pytest

from loopbench.scenario.requests import Expect


@pytest.mark.parametrize(
    ("expect", "status", "body", "problem"),
    [
        (Expect(), 200, b"anything", None),
        (Expect(), 500, b"", "status 500, expected 200"),
        (Expect(status=404), 404, b"", None),
        (Expect(body_bytes=3), 200, b"four", "body is not 3 bytes"),
        (Expect(json={"unit": "seconds"}), 200, b'{"unit": "seconds"}', None),
        (Expect(json={"unit": "seconds"}), 200, b'{"unit": "hours"}', "unit is not the expected value"),
        (Expect(json={"unit": None}), 200, b"{}", "unit is not None"),
        (Expect(json={"unit": "seconds"}), 200, b"<html>", "body is not JSON"),
        (Expect(json={"unit": "seconds"}), 200, b"5", "body is not a JSON object"),
        (Expect(json={"unit": "seconds"}), 200, b"[]", "unit is not the expected value"),
        (Expect(json={"data.0.id": 7}), 200, b'{"data": [{"id": 7}]}', None),
        (Expect(json={"0.id": 7}), 200, b'[{"id": 7}]', None),
        (Expect(json={"data.0.id": 7}), 200, b'{"data": []}', "data.0.id is not 7"),
        (Expect(json={"pin": 4829}), 200, b'{"pin": 1}', "pin is not the expected value"),
        (Expect(json={"a.b": 7}), 200, b'{"a.b": 7}', None),
        (Expect(json_min={"data.n": 7}), 200, b'{"data": {"n": 6}}', "data.n is below 7.0"),
        (Expect(json_min={"elapsed": 2.0}), 200, b'{"elapsed": 2.0}', None),
        (Expect(json_min={"elapsed": 2.0}), 200, b'{"elapsed": 0.0001}', "elapsed is below 2.0"),
        (Expect(json_min={"elapsed": 2.0}), 200, b"{}", "elapsed is missing"),
        (Expect(json_min={"elapsed": 2.0}), 200, b'{"elapsed": "long"}', "elapsed is a text, not a number"),
        (Expect(json_min={"tags": 1.0}), 200, b'{"tags": ["a", "b"]}', "tags is a list, not a number"),
        (Expect(json_min={"tags": 1.0}), 200, b'{"tags": {}}', "tags is an object, not a number"),
        (Expect(json_min={"tags": 1.0}), 200, b'{"tags": null}', "tags is null, not a number"),
        (Expect(json_min={"elapsed": 2.0}), 200, b'{"elapsed": NaN}', "elapsed is below 2.0"),
        (Expect(json={"a": 1}), 200, b'{"a": 1}'.ljust(8_000_000), None),
        (Expect(json={"a": 1}), 200, b'{"a": 1}'.ljust(8_000_001), "body is more than 8,000,000 bytes of JSON"),
        (Expect(body_bytes=8_000_001), 200, b"1".ljust(8_000_001), None),
    ],
    ids=lambda each: each[:40] if isinstance(each, bytes) else None,
)
def test_problem(expect: Expect, status: int, body: bytes, problem: str | None) -> None:
    assert expect.problem(status, body) == problem
