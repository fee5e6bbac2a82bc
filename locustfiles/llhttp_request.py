"""Encodes a method, a URL and options as the bytes of one HTTP/1.1 request. Pure: no sockets, no Locust.

By default a request has only a Host line, as with wrk, because every further line is work for the server under test.
"""

import json as json_codec
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple
from urllib.parse import quote, unquote, urlencode, urlsplit

IDEMPOTENT: Final = frozenset(("GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"))  # RFC 9110, section 9.2.2
_WITH_LENGTH: Final = frozenset(("POST", "PUT", "PATCH"))  # a missing body is announced as an empty one
_PATH_SAFE: Final = "/:?#[]@!$&'()*+,;=%~"
_FORBIDDEN: Final = ("\r", "\n", "\0")

Headers = Mapping[str, str]
Check = Callable[[int, bytes], Exception | None]
"""Takes status and body of a whole answer and returns what is wrong with it, or None."""


class Origin(NamedTuple):
    """The server that a connection leads to."""

    scheme: str
    host: str
    port: int

    @property
    def authority(self) -> str:
        """The value of the Host line, without the scheme's default port."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _default_port(self.scheme) else f"{host}:{self.port}"


@dataclass(frozen=True, slots=True, eq=False)
class Request:
    """One encoded request, which can be sent any number of times."""

    method: str
    url: str
    origin: Origin
    pool: str  # key of the connections it can use: one per origin
    wire: bytes
    head_only: bool  # the answer has no body
    idempotent: bool  # sending it twice has the same effect as once


def encode(  # noqa: PLR0913  a request's own parts
    method: str,
    url: str,
    *,
    params: Any = None,
    headers: Headers | None = None,
    json: Any = None,
    data: Any = None,
) -> Request:
    """Encode a request.

    Args:
        method: any token of letters.
        url: absolute, http or https; spaces and the like are percent-encoded, a fragment is dropped.
        params: appended to the query, as `urllib.parse.urlencode` takes them; a list repeats the name.
        headers: replace the lines set here, in any case.
        json: sent as JSON if `data` is empty, with Content-Type and Accept set.
        data: bytes, text (UTF-8) or a mapping (sent as a form).

    Raises:
        ValueError: the method, URL or a header cannot be sent as it is.
    """
    if not (method.isascii() and method.isalpha()):
        raise ValueError(f"not a method: {method!r}")
    origin, target = _split(url, params)
    body, described = _body(data, json)
    lines = {"host": ("Host", origin.authority)}
    _put(lines, described)
    if user := urlsplit(url).username:
        _put(lines, {"Authorization": basic_auth(unquote(user), unquote(urlsplit(url).password or ""))})
    _put(lines, headers or {})
    _put_length(lines, method, body)
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.values())
    return Request(
        method=method,
        url=url,
        origin=origin,
        pool=f"{origin.scheme}://{origin.authority}",
        wire=f"{method} {target} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + body,
        head_only=method == "HEAD",
        idempotent=method in IDEMPOTENT,
    )


def absolute(base: str | None, url: str) -> str:
    """Return `url` if it is absolute, else `base` followed by `url`, as Locust's other users do."""
    if url[:8].lower().startswith(("http://", "https://")):
        return url
    return f"{base or ''}{url}"


def basic_auth(user: str, password: str) -> str:
    """Return the value of an Authorization line (RFC 7617)."""
    return "Basic " + b64encode(f"{user}:{password}".encode()).decode("ascii")


def _default_port(scheme: str) -> int:
    return 443 if scheme == "https" else 80


def _split(url: str, params: Any) -> tuple[Origin, str]:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(f"not an absolute http or https URL: {url!r}")
    query = "&".join(part for part in (parts.query, urlencode(params, doseq=True) if params else "") if part)
    target = quote(parts.path or "/", safe=_PATH_SAFE) + ("?" + quote(query, safe=_PATH_SAFE) if query else "")
    return Origin(parts.scheme, parts.hostname, parts.port or _default_port(parts.scheme)), target


def _body(data: Any, json: Any) -> tuple[bytes, Headers]:
    if not data and json is not None:
        return json_codec.dumps(json).encode(), {"Content-Type": "application/json", "Accept": "application/json"}
    if isinstance(data, Mapping):
        return urlencode(data, doseq=True).encode(), {"Content-Type": "application/x-www-form-urlencoded"}
    return (data.encode() if isinstance(data, str) else bytes(data or b"")), {}


def _put(lines: dict[str, tuple[str, str]], headers: Headers) -> None:
    for name, value in headers.items():
        text = value.decode("latin-1") if isinstance(value, bytes) else str(value)
        if not name or any(mark in name + text for mark in _FORBIDDEN) or set(name) & set(": "):
            raise ValueError(f"not a header: {name!r}: {text!r}")
        lines[name.lower()] = (name, text)


def _put_length(lines: dict[str, tuple[str, str]], method: str, body: bytes) -> None:
    if "transfer-encoding" in lines:
        raise ValueError("Transfer-Encoding is not supported in requests: bodies are sent with their length")
    if "content-length" in lines and lines["content-length"][1] != str(len(body)):
        raise ValueError(f"Content-Length {lines['content-length'][1]!r} for a body of {len(body)} bytes")
    if body or method in _WITH_LENGTH:
        lines["content-length"] = ("Content-Length", str(len(body)))
