"""Reading the app's stamps from an answer's head."""

import pytest

from loopbench.records.stamps import read_stamps


def head(value: str) -> bytes:
    return f"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nx-loopbench-app: {value}\r\nserver: x\r\n\r\n".encode()


def test_stamps_split_the_latency_where_the_app_was_entered() -> None:
    assert read_stamps(head("10250000 10750000"), 10.0, 1.0) == (0.25, 0.5)


@pytest.mark.parametrize(
    ("value", "what"),
    [
        ("9000000 9100000", "entered before it was sent"),
        ("10500000 12000000", "answered after it was over"),
        ("10500000 10400000", "answered before it was entered"),
        ("10500000", "half of it"),
        ("soon later", "no numbers"),
        ("nan nan", "no numbers either"),
    ],
)
def test_stamps_that_do_not_fit_into_the_request_s_time_are_not_observed(value: str, what: str) -> None:
    assert str(read_stamps(head(value), 10.0, 1.0)) == "Stamps(before_app_s=nan, in_app_s=nan)", what


def test_an_answer_without_stamps_is_not_observed() -> None:
    assert str(read_stamps(b"HTTP/1.1 200 OK\r\n\r\n", 10.0, 1.0)) == "Stamps(before_app_s=nan, in_app_s=nan)"


def test_clocks_that_differ_by_a_rounding_give_no_negative_time() -> None:
    assert read_stamps(head("9999999 10100000"), 10.0, 1.0).before_app_s == 0.0
