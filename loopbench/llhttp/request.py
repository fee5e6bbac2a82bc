"""Encodes a method, a URL and options as the bytes of one HTTP/1.1 request. It uses no sockets and no Locust.

By default a request has only a Host line, as with wrk, because every further line is work for the server under test.
"""

import json as json_codec
import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple
from urllib.parse import quote, unquote, urlencode, urlsplit

import requests

from loopbench.llhttp.headers import Headers

IDEMPOTENT: Final = frozenset(("GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"))  # RFC 9110, section 9.2.2
_WITH_LENGTH: Final = frozenset(("POST", "PUT", "PATCH"))  # a missing body is announced as an empty one
_PATH_SAFE: Final = "/:?#[]@!$&'()*+,;=%~"
_PLAIN_URL: Final = re.compile(  # needs no quoting and contains no password
    r"(https?)://([\w.:\[\]-]+)(/[\w.~/:\[\]@!$&'()*+,;=%-]*)?(\?[\w.~/:\[\]@!$&'()*+,;=%?-]+)?", re.ASCII
)
_FORBIDDEN: Final = ("\r", "\n", "\0")

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


class Request(NamedTuple):
    """One encoded request, which can be sent any number of times."""

    method: str
    url: str
    origin: Origin
    pool: str  # key of the connections it can use: one per origin
    wire: bytes
    head_only: bool  # the answer has no body
    idempotent: bool  # sending it twice has the same effect as once

    @property
    def headers(self) -> Headers:
        """The header lines that are sent."""
        lines = self.wire.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")[1:]
        return Headers((name, value) for name, _, value in (line.partition(": ") for line in lines))

    @property
    def body(self) -> str | bytes:
        """The body that is sent, as text unless it is not UTF-8."""
        body = self.wire.partition(b"\r\n\r\n")[2]
        try:
            return body.decode()
        except UnicodeDecodeError:
            return body


def encode(  # noqa: PLR0913  a request's own parts
    method: str,
    url: str,
    *,
    params: Any = None,
    headers: Mapping[str, str] | None = None,
    json: Any = None,
    data: Any = None,
    files: Any = None,
) -> Request:
    """Encode a request.

    Args:
        method: any token of letters; sent in upper case.
        url: absolute, http or https; spaces and the like are percent-encoded, a fragment is dropped.
        params: appended to the query: text, or a mapping or pairs. A list repeats the name; None is left out.
        headers: replace the lines set here, in any case.
        json: sent as JSON if `data` is empty, with Content-Type and Accept set.
        data: bytes, text (UTF-8), an open file, or a mapping or pairs (sent as a form).
        files: sent as multipart/form-data, together with the form in `data`, as `requests` does.

    Raises:
        ValueError: the method, URL or a header cannot be sent as it is.
    """
    if not (method.isascii() and method.isalpha()):
        raise ValueError(f"not a method: {method!r}")
    method = method.upper()
    url, (origin, authority, pool), target, login = _split(url, params)
    body, described = _multipart(data, files) if files else _body(data, json)
    lines = {"host": f"Host: {authority}\r\n"}
    for name, value in (*described.items(), *login.items(), *(headers or {}).items()):
        key, line = _line(name, value.decode("latin-1") if isinstance(value, bytes) else str(value))
        lines[key] = line
    _put_length(lines, method, body)
    return Request(
        method=method,
        url=url,
        origin=origin,
        pool=pool,
        wire=f"{method} {target} HTTP/1.1\r\n{''.join(lines.values())}\r\n".encode("latin-1") + body,
        head_only=method == "HEAD",
        idempotent=method in IDEMPOTENT,
    )


def absolute(base: str | None, url: str) -> str:
    """Return `url` if it is absolute, else `base` followed by `url`, as Locust's other users do."""
    if url[:8].lower().startswith(("http://", "https://")):
        return url
    return f"{base or ''}{url}"


def split_login(url: str) -> tuple[str, dict[str, str]]:
    """Return a URL without its user and password, and the header line that carries them instead."""
    parts = urlsplit(url)
    if not parts.username:
        return url, {}
    login = {"Authorization": basic_auth(unquote(parts.username), unquote(parts.password or ""))}
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl(), login


def basic_auth(user: str | bytes, password: str | bytes) -> str:
    """Return the value of an Authorization line (RFC 7617)."""
    credentials = b":".join(part.encode() if isinstance(part, str) else part for part in (user, password))
    return "Basic " + b64encode(credentials).decode("ascii")


def _default_port(scheme: str) -> int:
    return 443 if scheme == "https" else 80


def _split(url: str, params: Any) -> tuple[str, tuple[Origin, str, str], str, dict[str, str]]:
    """Return a URL without its password, the server, the request target, and the header line with the password."""
    if not params and (plain := _PLAIN_URL.fullmatch(url)):
        scheme, netloc, path, query = plain.groups("")
        return url, _server(scheme, netloc), (path or "/") + query, {}
    url, login = split_login(url)
    parts = urlsplit(url)
    query = "&".join(part for part in (parts.query, _query(params)) if part)
    target = quote(parts.path or "/", safe=_PATH_SAFE) + ("?" + quote(query, safe=_PATH_SAFE) if query else "")
    return url, _server(parts.scheme, parts.netloc), target, login


@lru_cache(maxsize=1024)
def _server(scheme: str, netloc: str) -> tuple[Origin, str, str]:
    """Return an origin, the value of its Host line, and the key of its connections."""
    parts = urlsplit(f"{scheme}://{netloc}")
    if scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(f"not an absolute http or https URL: it begins with {scheme}://{netloc}")
    origin = Origin(scheme, parts.hostname, parts.port or _default_port(scheme))
    return origin, origin.authority, f"{scheme}://{origin.authority}"


def _query(params: Any) -> str:
    if isinstance(params, str | bytes):
        return params if isinstance(params, str) else params.decode()
    pairs = params.items() if isinstance(params, Mapping) else params or ()
    return urlencode([(name, value) for name, value in pairs if value is not None], doseq=True)


def _body(data: Any, json: Any) -> tuple[bytes, dict[str, str]]:
    if not data and json is not None:
        return json_codec.dumps(json).encode(), {"Content-Type": "application/json", "Accept": "application/json"}
    if isinstance(data, Mapping | list | tuple):
        return urlencode(data, doseq=True).encode(), {"Content-Type": "application/x-www-form-urlencoded"}
    if hasattr(data, "read"):
        data = data.read()
    return (data.encode() if isinstance(data, str) else bytes(data or b"")), {}


def _multipart(data: Any, files: Any) -> tuple[bytes, dict[str, str]]:
    encoded = requests.Request("POST", "http://host/", data=data, files=files).prepare()
    assert isinstance(encoded.body, bytes)
    return encoded.body, {"Content-Type": str(encoded.headers["Content-Type"])}


@lru_cache(maxsize=1024)
def _line(name: str, text: str) -> tuple[str, str]:
    """Return the name of a header in lower case, and its line."""
    if not name or any(mark in name + text for mark in _FORBIDDEN) or set(name) & set(": "):
        raise ValueError(f"not a header: {name!r}: {text!r}")
    return name.lower(), f"{name}: {text}\r\n"


def _put_length(lines: dict[str, str], method: str, body: bytes) -> None:
    if "transfer-encoding" in lines:
        raise ValueError("Transfer-Encoding is not supported in requests: bodies are sent with their length")
    if "content-length" in lines and lines["content-length"].split(": ")[1].strip() != str(len(body)):
        raise ValueError(f"{lines['content-length'].strip()} for a body of {len(body)} bytes")
    if body or method in _WITH_LENGTH:
        lines["content-length"] = f"Content-Length: {len(body)}\r\n"
