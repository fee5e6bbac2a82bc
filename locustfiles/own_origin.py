"""Keeps the clients of a locustfile's users at their origin: a redirect that leaves it is a failed request."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any
from urllib.parse import urljoin

from locust.clients import HttpSession
from locust.contrib.fasthttp import FastHttpSession, FastRequest
from requests import RequestException, Response

from loopbench.llhttp.errors import ForeignRedirectError
from loopbench.llhttp.request import Origin, encode


class HttpRedirectError(ForeignRedirectError, RequestException):
    """`ForeignRedirectError` as HttpUser reports it."""


class FastHttpRedirectError(ForeignRedirectError, ConnectionError):
    """`ForeignRedirectError` as FastHttpUser reports it."""


def stay_at_origin(client: Any) -> None:
    """Let Locust's clients follow no redirect to another scheme, host or port. `LlhttpClient` never does."""
    if isinstance(client, HttpSession):
        client.get_redirect_target = partial(_own_target, client.get_redirect_target)  # type: ignore[method-assign]
        client.resolve_redirects = partial(_followed, client.resolve_redirects)  # type: ignore[method-assign, assignment]
    elif isinstance(client, FastHttpSession):
        client.client.request_type = _OwnRequest  # type: ignore[misc]  # of this client only


def _own_target(target_of: Callable[[Response], str | None], response: Response) -> str | None:
    """Return where a response redirects to; None: nowhere."""
    target = target_of(response)
    if target is not None and _origin(urljoin(response.url, target)) != _origin(response.url):
        raise HttpRedirectError("redirected to another origin")
    return target


def _followed(follow: Callable[..., Iterator[Any]], *response: Any, **options: Any) -> Iterator[Any]:
    """Yield what follows a response. With `allow_redirects=False`, requests asks only for what it would send."""
    return iter(()) if options.get("yield_requests") else follow(*response, **options)


class _OwnRequest(FastRequest):
    def redirect(self, code: int, location: str) -> None:
        before = _origin(self.url)
        super().redirect(code, location)
        if _origin(self.url) != before:
            raise FastHttpRedirectError("redirected to another origin")


def _origin(url: str) -> Origin | None:
    """Return the origin of a URL; None for what is not http."""
    try:
        return encode("GET", url).origin
    except ValueError:
        return None
