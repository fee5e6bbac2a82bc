"""Header lines by name, and the decoding of bodies."""

import gzip
import zlib
from collections.abc import Callable
from importlib import import_module
from typing import Any

import brotli
import pytest

from loopbench.llhttp.answer import Answer, Head
from loopbench.llhttp.errors import ContentEncodingError
from loopbench.llhttp.headers import ACCEPT_ENCODING, Headers, decoded

BODY = b"hello world!\n" * 1000


def zstd(body: bytes) -> Any:
    """Compress with the module that decodes, where one is installed."""
    for name in ("compression.zstd", "backports.zstd"):
        try:
            return import_module(name).compress(body)
        except ImportError:
            pass
    return pytest.skip("no zstd module is installed")


CODECS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": zstd,
}


def answer(body: bytes, encoding: str) -> Answer:
    raw = f"HTTP/1.1 200 OK\r\nContent-Encoding: {encoding}\r\nContent-Length: {len(body)}\r\n\r\n"
    return Answer(Head(200, keep_alive=True, body_bytes=len(body), raw=raw.encode(), plain=False), body)


@pytest.mark.parametrize("encoding", CODECS)
def test_an_encoding_is_advertised_and_decoded_within_the_limit(encoding: str) -> None:
    packed = CODECS[encoding](BODY)
    assert encoding in ACCEPT_ENCODING.split(", ")
    assert decoded(answer(packed, encoding), len(BODY)).body == BODY
    for body, limit_bytes in ((packed, len(BODY) - 1), (packed[:-1], len(BODY)), (BODY, len(BODY))):
        with pytest.raises(ContentEncodingError):
            decoded(answer(body, encoding), limit_bytes)


def test_encodings_are_undone_in_reverse_order() -> None:
    assert decoded(answer(gzip.compress(zlib.compress(BODY)), "deflate, gzip"), len(BODY)).body == BODY


def test_an_unknown_encoding_is_an_error() -> None:
    with pytest.raises(ContentEncodingError, match="unknown Content-Encoding rot13"):
        decoded(answer(BODY, "rot13"), len(BODY))


def test_only_repeated_cookies_are_a_list() -> None:
    headers = Headers([("Vary", "a"), ("Set-Cookie", "b=1"), ("vary", "c")])
    assert (headers["VARY"], headers["set-cookie"]) == ("a, c", "b=1")
    assert Headers([("Set-Cookie", "b=1"), ("Set-Cookie", "c=2, d")])["set-cookie"] == ["b=1", "c=2, d"]
