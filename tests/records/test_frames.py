"""Whole frames are readable after a kill or damage by a disk."""

from io import BytesIO

import pytest

from loopbench.records.frames import HEADER, MAX_PAYLOAD_BYTES, Frame, Torn, decode, encode

TWO = encode(b"SAMP", b"first") + encode(b"TRLR", b"second")


def test_whole_frames_come_back_in_order() -> None:
    assert [(f.kind, bytes(f.payload)) for f in decode(BytesIO(TWO)) if isinstance(f, Frame)] == [
        (b"SAMP", b"first"),
        (b"TRLR", b"second"),
    ]


@pytest.mark.parametrize("cut", range(1, len(TWO)))
def test_a_file_torn_at_any_byte_gives_its_whole_frames_and_the_tear(cut: int) -> None:
    *whole, last = decode(BytesIO(TWO[:cut]))
    at_boundary = cut == len(encode(b"SAMP", b"first"))
    assert isinstance(last, Frame) == at_boundary
    assert all(isinstance(frame, Frame) for frame in whole)


@pytest.mark.parametrize("position", [0, 5, 9, HEADER.size])
def test_a_flipped_bit_is_noticed(position: int) -> None:
    damaged = bytearray(TWO)
    damaged[position] ^= 1
    first = next(iter(decode(BytesIO(damaged))))
    assert isinstance(first, Torn)
    assert first.offset_bytes == 0


def test_a_huge_length_is_refused_before_allocation() -> None:
    (torn,) = decode(BytesIO(HEADER.pack(b"SAMP", 2**31, 0)))
    assert isinstance(torn, Torn)
    assert str(2**31) in torn.reason
    assert MAX_PAYLOAD_BYTES < 2**31
