"""Keeps the clients of a locustfile's users at their origin: a redirect that leaves it is a failed request."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final

from locust.clients import HttpSession
from locust.contrib.fasthttp import FastHttpSession, FastRequest
from requests import PreparedRequest, RequestException, Response

from loopbench.llhttp.errors import ForeignRedirectError
from loopbench.llhttp.request import Origin, encode

ELSEWHERE: Final = "redirected to another origin"
NO_URL: Final = "redirected to what is no URL"


class HttpRedirectError(ForeignRedirectError, RequestException):
    """`ForeignRedirectError` as HttpUser reports it."""


class FastHttpRedirectError(ForeignRedirectError, ConnectionError):
    """`ForeignRedirectError` as FastHttpUser reports it."""


def stay_at_origin(client: Any) -> None:
    """Let Locust's clients follow no redirect to another scheme, host or port. `LlhttpClient` never does.

    What is compared is the request that would be sent: clients do not all read a `Location` in the same way.
    """
    if isinstance(client, HttpSession):
        client.rebuild_auth = partial(_checked, client.rebuild_auth)  # type: ignore[method-assign]
        client.resolve_redirects = partial(_followed, client.resolve_redirects)  # type: ignore[method-assign, assignment]
    elif isinstance(client, FastHttpSession):
        client.client.request_type = _OwnRequest  # type: ignore[misc]  # of this client only


def _checked(rebuild: Callable[..., None], request: PreparedRequest, response: Response) -> None:
    """Rebuild the credentials of the request that follows a response, if it stays at the origin."""
    if _origin(request.url or "") != _origin(response.url):
        raise HttpRedirectError(ELSEWHERE)
    rebuild(request, response)


def _followed(follow: Callable[..., Iterator[Any]], *response: Any, **options: Any) -> Iterator[Any]:
    """Yield what follows a response. With `allow_redirects=False`, requests asks only for what it would send."""
    if options.get("yield_requests"):
        return
    try:
        yield from follow(*response, **options)
    except RequestException:
        raise
    except ValueError:
        raise HttpRedirectError(NO_URL) from None


class _OwnRequest(FastRequest):
    def redirect(self, code: int, location: str) -> None:
        before = _origin(self.url)
        try:
            super().redirect(code, location)
        except ValueError:
            raise FastHttpRedirectError(NO_URL) from None
        if self.selector.startswith("//"):  # geventhttpclient sends no such path
            raise FastHttpRedirectError(NO_URL)
        if _origin(self.url) != before:
            raise FastHttpRedirectError(ELSEWHERE)


def _origin(url: str) -> Origin | None:
    """Return the origin of a URL; None for what is not http."""
    try:
        return encode("GET", url).origin
    except ValueError:
        return None
