"""The rows of a generator's self-watch, and the lag computed from them."""

import pytest

from loopbench.records.generator_watch import WatchedSecond, decode_seconds, encode_seconds, lag_ms

ROWS = (WatchedSecond(1.5, 1.0, 0.31, (50, 70, 1200), 100), WatchedSecond(2.5, 1.0, 0.9, (), None))


def test_rows_come_back_as_they_were() -> None:
    assert decode_seconds(encode_seconds(ROWS)) == ROWS


@pytest.mark.parametrize("payload", [b"{", b"[[1, 2]]", b"[1]", b'[[1, 1, 1, "x", 0]]', b'[["a", 1, 1, [], 0]]'])
def test_an_invalid_row_is_refused(payload: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        decode_seconds(payload)


def test_lags_of_several_seconds_are_ranked_together() -> None:
    quick = WatchedSecond(1.0, 1.0, 0.1, (100,) * 50, 0)
    slow = WatchedSecond(2.0, 1.0, 0.1, (9000,) * 50, 0)
    assert lag_ms([quick, slow], 0.5) == 0.1
    assert lag_ms([quick, slow], 0.51) == 9.0


def test_without_a_heartbeat_there_is_no_lag() -> None:
    assert lag_ms([], 0.5) is None
    assert lag_ms(ROWS[1:], 0.99) is None
