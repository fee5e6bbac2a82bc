"""Header lines by name, and the decoding of Content-Encoding."""

import zlib
from collections.abc import Iterator, Mapping
from typing import Final, Self

from locustfiles.llhttp_answer import Answer, header_pairs
from locustfiles.llhttp_errors import ContentEncodingError

_WINDOW_BITS: Final = {"gzip": 31, "x-gzip": 31, "deflate": 15}  # zlib's window bits, for a gzip or a zlib header
_BARE_WINDOW_BITS: Final = -15  # "deflate" without zlib's header, as some servers send it


class Headers(Mapping[str, str]):
    """Header lines by case-insensitive name. Lines of one name are joined with a comma; `get_all` keeps them apart."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self._lines: dict[str, list[str]] = {}
        for name, value in pairs:
            self._lines.setdefault(name.lower(), []).append(value)

    def __getitem__(self, name: str) -> str:
        return ", ".join(self._lines[name.lower()])

    def __iter__(self) -> Iterator[str]:
        return iter(self._lines)

    def __len__(self) -> int:
        return len(self._lines)

    def get_all(self, name: str) -> list[str]:
        """Return every value of this name, in order; empty if there is none."""
        return self._lines.get(name.lower(), []).copy()

    @classmethod
    def of(cls, answer: Answer) -> Self:
        """Return the header lines of an answer."""
        return cls(header_pairs(answer.head.raw))


def decoded(answer: Answer, limit_bytes: int) -> Answer:
    """Return the answer with its content encoding undone; the same answer if it has none.

    Raises:
        ContentEncodingError: the body does not match Content-Encoding, the encoding is neither gzip nor deflate, or the
            decoded body is larger than `limit_bytes`.
    """
    if b"content-encoding" not in answer.head.raw.lower() or not answer.body:
        return answer
    body = answer.body
    encodings = [part.strip().lower() for part in Headers.of(answer)["content-encoding"].split(",")]
    for encoding in reversed(encodings):
        if encoding in _WINDOW_BITS:
            body = _inflated(body, encoding, limit_bytes)
        elif encoding not in {"", "identity"}:
            raise ContentEncodingError(f"unknown Content-Encoding {encoding[:20]}")
    return answer._replace(body=body)


def _inflated(body: bytes, encoding: str, limit_bytes: int) -> bytes:
    for window_bits in (_WINDOW_BITS[encoding], _BARE_WINDOW_BITS):
        inflater = zlib.decompressobj(window_bits)
        try:
            plain = inflater.decompress(body, limit_bytes + 1)
        except zlib.error:
            continue
        if len(plain) > limit_bytes:
            raise ContentEncodingError("the body is too large once decoded")
        if inflater.eof:
            return plain
    raise ContentEncodingError(f"the body is not {encoding}")
