"""One user's cookies, in the standard library's jar. The jar is only used once a server has set a cookie."""

from email.message import Message
from http.cookiejar import CookieJar
from types import SimpleNamespace
from typing import Any
from urllib.request import Request as UrllibRequest

from locustfiles.llhttp_answer import header_pairs


class Cookies:
    """The cookies that servers have set for one user."""

    def __init__(self) -> None:
        self.jar = CookieJar()

    def header(self, url: str) -> str | None:
        """Return the Cookie header for a request, or None."""
        request = UrllibRequest(url)  # noqa: S310  only carries the URL to the jar; nothing is opened
        self.jar.add_cookie_header(request)
        return request.get_header("Cookie")

    def keep(self, url: str, raw_head: bytes) -> None:
        """Store the cookies that an answer sets."""
        if b"set-cookie" in raw_head.lower():
            request = UrllibRequest(url)  # noqa: S310  as above
            self.jar.extract_cookies(_lines(raw_head), request)

    def __bool__(self) -> bool:
        return bool(self.jar._cookies)  # type: ignore[attr-defined]  # noqa: SLF001  its len() walks every cookie


def _lines(raw_head: bytes) -> Any:
    """Return what the jar accepts as a response: an object with the one method that it calls."""
    message = Message()
    for name, value in header_pairs(raw_head):
        message[name] = value
    return SimpleNamespace(info=lambda: message)
