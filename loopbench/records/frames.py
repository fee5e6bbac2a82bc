"""Append-only files of frames with length and checksum. A reader gets only whole frames, also after a kill.

A frame is `kind` (4 ASCII bytes), `length` and `crc32` (little-endian u32, the checksum over kind and payload), then
the payload. A reader takes whole frames from the front and reports a torn end.
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

HEADER = struct.Struct("<4sII")
MAX_PAYLOAD_BYTES = 16 * 1024 * 1024  # checked before a payload is read, so that a damaged length allocates nothing


@dataclass(frozen=True, slots=True)
class Frame:
    """One whole frame."""

    kind: bytes
    payload: bytes


@dataclass(frozen=True, slots=True)
class Torn:
    """The end of the whole frames, if more bytes follow."""

    offset_bytes: int
    reason: str


def encode(kind: bytes, payload: bytes | bytearray | memoryview) -> bytes:
    """Return the bytes of one frame."""
    assert len(kind) == 4, f"a frame kind has four bytes, not {kind!r}"
    assert len(payload) <= MAX_PAYLOAD_BYTES, f"{len(payload)} bytes are too many for one frame"
    return HEADER.pack(kind, len(payload), _checksum(kind, payload)) + payload


def decode(file: BinaryIO) -> Iterator[Frame | Torn]:
    """Yield whole frames in order, then a `Torn` if the remaining bytes are not a whole frame.

    One frame is read at a time, so that a file which claims to be huge costs what its whole frames hold.
    """
    offset = 0
    while header := file.read(HEADER.size):
        if len(header) < HEADER.size:
            yield Torn(offset, "the file ends inside a frame header")
            return
        kind, length, crc = HEADER.unpack(header)
        if length > MAX_PAYLOAD_BYTES:
            yield Torn(offset, f"a frame claims {length} bytes, more than any writer writes")
            return
        payload = file.read(length)
        if len(payload) < length:
            yield Torn(offset, "the file ends inside a frame")
            return
        if _checksum(kind, payload) != crc:
            yield Torn(offset, "a frame's checksum does not match its bytes")
            return
        yield Frame(kind, payload)
        offset += HEADER.size + length


def _checksum(kind: bytes, payload: bytes | bytearray | memoryview) -> int:
    return zlib.crc32(payload, zlib.crc32(kind))
