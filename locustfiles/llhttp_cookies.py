"""Cookies, by the standard library's jar; only touched once a server has set one."""

from email.message import Message
from http.cookiejar import CookieJar
from types import SimpleNamespace
from typing import Any
from urllib.request import Request as UrllibRequest

from locustfiles.llhttp_answer import header_pairs


class Cookies:
    """What one user's servers asked it to remember."""

    def __init__(self) -> None:
        self.jar = CookieJar()

    def header(self, url: str) -> str | None:
        """The Cookie line to send with a request, if there is one to send."""
        request = UrllibRequest(url)  # noqa: S310  only carries the URL to the jar; nothing is opened
        self.jar.add_cookie_header(request)
        return request.get_header("Cookie")

    def keep(self, url: str, raw_head: bytes) -> None:
        """Remember what an answer sets."""
        if b"set-cookie" in raw_head.lower():
            request = UrllibRequest(url)  # noqa: S310  as above
            self.jar.extract_cookies(_lines(raw_head), request)

    def __bool__(self) -> bool:
        return bool(self.jar._cookies)  # type: ignore[attr-defined]  # noqa: SLF001  its len() walks every cookie


def _lines(raw_head: bytes) -> Any:
    """What the jar takes for a response: the one method that it calls."""
    message = Message()
    for name, value in header_pairs(raw_head):
        message[name] = value
    return SimpleNamespace(info=lambda: message)
