"""The body of an answer as a binary file that is read while it comes."""

import codecs
from collections.abc import Generator, Iterable, Iterator
from io import BufferedReader, RawIOBase
from typing import Any


class _Pieces(RawIOBase):
    """The pieces of a body as a raw file."""

    def __init__(self, pieces: Generator[bytes, None, None]) -> None:
        self._pieces = pieces
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._rest or next(self._pieces, b"")
        size = min(len(buffer), len(data))
        buffer[:size], self._rest = data[:size], data[size:]
        return size

    def close(self) -> None:
        self._pieces.close()
        super().close()


def body_stream(pieces: Generator[bytes, None, None]) -> BufferedReader:
    """Return a file that reads from a started generator of pieces, none of them empty, and closes it when closed."""
    return BufferedReader(_Pieces(pieces))


def chunks(stream: Any, size: int, charset: str | None) -> Iterator[Any]:
    """Yield what has come, at most `size` bytes at once: as text, or as bytes without a charset."""
    decoder = codecs.getincrementaldecoder(charset)("replace") if charset else None
    while piece := stream.read1(size):
        yield decoder.decode(piece) if decoder else piece


def lines(pieces: Iterable[str | bytes]) -> Iterator[str]:
    """Yield the lines of a text without their ends, each as soon as it is complete."""
    rest = ""
    for piece in pieces:
        rest += piece.decode(errors="replace") if isinstance(piece, bytes) else piece
        *complete, rest = rest.split("\n")
        yield from complete
    if rest:
        yield rest
