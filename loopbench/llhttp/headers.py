"""Header lines by name, and the decoding of Content-Encoding."""

import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from importlib import import_module
from typing import Any, Final, Self

from loopbench.llhttp.answer import Answer, header_pairs
from loopbench.llhttp.errors import ContentEncodingError


def _installed(*modules: str) -> Any:
    """Return the first of these modules that can be imported, or None."""
    for module in modules:
        with suppress(ImportError):
            return import_module(module)
    return None


_brotli = _installed("brotli")
_zstd = _installed("compression.zstd", "backports.zstd")


class _BrotliDecoder:
    """Brotli's decoder with the interface of zlib's."""

    def __init__(self) -> None:
        self._decoder = _brotli.Decompressor()

    def decompress(self, data: bytes, max_bytes: int) -> bytes:
        return self._decoder.process(data, output_buffer_limit=max_bytes)  # type: ignore[no-any-return]

    @property
    def eof(self) -> bool:
        return self._decoder.is_finished()  # type: ignore[no-any-return]


_gzip: Final = partial(zlib.decompressobj, 31)  # zlib's window bits, for a gzip header
_DECODERS: Final[dict[str, tuple[Callable[[], Any], ...]]] = {
    "gzip": (_gzip,),
    "x-gzip": (_gzip,),
    "deflate": (partial(zlib.decompressobj, 15), partial(zlib.decompressobj, -15)),  # some servers omit zlib's header
}
if hasattr(_brotli, "Decompressor") and hasattr(_brotli.Decompressor, "can_accept_more_data"):  # 1.2: limits its output
    _DECODERS["br"] = (_BrotliDecoder,)
if _zstd is not None:
    _DECODERS["zstd"] = (_zstd.ZstdDecompressor,)

ACCEPT_ENCODING: Final = ", ".join(name for name in _DECODERS if not name.startswith("x-"))
"""Every encoding that can be decoded here."""


class Headers(Mapping[str, Any]):
    """Header lines by case-insensitive name.

    Lines of one name are joined with a comma, except for Set-Cookie, which is a list if it occurs more than once.
    `get_all` keeps all lines apart.
    """

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self._lines: dict[str, list[str]] = {}
        for name, value in pairs:
            self._lines.setdefault(name.lower(), []).append(value)

    def __getitem__(self, name: str) -> Any:
        lines = self._lines[name.lower()]
        return lines.copy() if len(lines) > 1 and name.lower() == "set-cookie" else ", ".join(lines)

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
        ContentEncodingError: the body does not match Content-Encoding, no decoder for it is installed, or the decoded
            body is larger than `limit_bytes`.
    """
    if b"content-encoding" not in answer.head.raw.lower() or not answer.body:
        return answer
    body = answer.body
    encodings = [part.strip().lower() for part in Headers.of(answer)["content-encoding"].split(",")]
    for encoding in reversed(encodings):
        if encoding in {"", "identity"}:
            continue
        if encoding not in _DECODERS:
            raise ContentEncodingError(f"unknown Content-Encoding {encoding[:20]}")
        body = _decompressed(body, encoding, limit_bytes)
    return answer._replace(body=body)


def _decompressed(body: bytes, encoding: str, limit_bytes: int) -> bytes:
    for new_decoder in _DECODERS[encoding]:
        decoder = new_decoder()
        try:
            plain: bytes = decoder.decompress(body, limit_bytes + 1)
        except Exception:  # noqa: BLE001, S112  each codec has its own error type
            continue
        if len(plain) > limit_bytes:
            raise ContentEncodingError("the body is too large once decoded")
        if decoder.eof:
            return plain
    raise ContentEncodingError(f"the body is not {encoding}")
