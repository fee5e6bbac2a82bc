"""One user's cookies, in the standard library's jar, which is asked only after a change."""

import itertools
import math
import time
from email.message import Message
from http.cookiejar import Cookie, CookieJar
from types import SimpleNamespace
from typing import Any
from urllib.request import Request as UrllibRequest

from loopbench.llhttp.answer import header_pairs

_MAX_HEADERS = 1024
_MAX_COOKIES = 180  # of one domain, as in browsers
_MAX_LINE_CHARACTERS = 8_192  # of one cookie with its attributes, twice as many as RFC 6265 asks for

_unix_s = time.time


class Cookies(CookieJar):
    """The cookies that servers have set for one user."""

    def __init__(self) -> None:
        super().__init__()
        self._version = 0
        self._numbers = itertools.count()
        self._first_expiry_s: float | None = math.inf  # None: not known since the last change
        self._headers: dict[str, str | None] = {}  # by URL, until the next change

    @property
    def version(self) -> int:
        """A number that changes whenever a cookie is set, removed or expires."""
        if self._first_expiry_s is None:
            self._first_expiry_s = min((each.expires for each in self if each.expires is not None), default=math.inf)
        if _unix_s() >= self._first_expiry_s:
            self.clear_expired_cookies()
            self._change()
        return self._version

    def header(self, url: str) -> str | None:
        """Return the Cookie header for a request, or None."""
        if not (self.version and self._cookies):  # type: ignore[attr-defined]
            return None
        if url not in self._headers:
            if len(self._headers) >= _MAX_HEADERS:
                self._headers.clear()
            request = UrllibRequest(url)  # noqa: S310  only carries the URL to the jar; nothing is opened
            self.add_cookie_header(request)
            self._headers[url] = request.get_header("Cookie")
        return self._headers[url]

    def keep(self, url: str, raw_head: bytes) -> None:
        """Store the cookies that an answer sets."""
        if b"set-cookie" in raw_head.lower():
            request = UrllibRequest(url)  # noqa: S310  as above
            self.extract_cookies(_lines(raw_head), request)
            self._drop_oldest()

    def set_cookie(self, cookie: Cookie) -> None:
        """See `CookieJar.set_cookie`."""
        cookie.number = next(self._numbers)  # type: ignore[attr-defined]  # by which the oldest are found
        super().set_cookie(cookie)
        self._change()

    def clear(self, domain: str | None = None, path: str | None = None, name: str | None = None) -> None:
        """See `CookieJar.clear`."""
        super().clear(domain, path, name)
        if name is not None and not self._cookies[domain][path]:  # type: ignore[attr-defined]
            super().clear(domain, path)
        self._change()

    def _change(self) -> None:
        self._version += 1
        self._headers.clear()
        self._first_expiry_s = None

    def _drop_oldest(self) -> None:
        domains: list[dict[str, dict[str, Any]]] = list(self._cookies.values())  # type: ignore[attr-defined]
        for paths in domains:
            if sum(map(len, paths.values())) > _MAX_COOKIES:
                by_age = sorted((each for path in paths.values() for each in path.values()), key=lambda one: one.number)
                for cookie in by_age[:-_MAX_COOKIES]:
                    self.clear(cookie.domain, cookie.path, cookie.name)


def _lines(raw_head: bytes) -> Any:
    """Return what the jar accepts as a response: an object with the one method that it calls."""
    message = Message()
    for name, value in header_pairs(raw_head):
        if len(value) <= _MAX_LINE_CHARACTERS:
            message[name] = value
    return SimpleNamespace(info=lambda: message)
