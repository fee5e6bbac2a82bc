"""Restricts access to Locust's web UI to the person who has its printed address.

By default any web page can read Locust's figures and start a load through the visitor's browser, because Locust answers
every origin, checks no Host and needs no token (the same class of hole as CVE-2025-24010). Here a request must pass
three checks. Its Host must name this machine, which stops DNS rebinding. If the browser states the page that sent it,
that page must be the UI itself. And it must carry the token of this start, which the printed address turns into a
cookie. The origin is checked in addition to the cookie because browsers treat all ports of a host as one site: a page
of another local server would send the cookie too.

`docs/web-ui.md` explains this to users.
"""

import secrets
from typing import Final

from flask import Flask, Response, make_response, redirect, request

CORS_PREFIX: Final = "Access-Control-"
SAFE_SITES: Final = frozenset({"same-origin", "none"})
"""Allowed values of Sec-Fetch-Site: the UI's own page, and an address typed by the user."""

CHANGING: Final = frozenset({"/swarm", "/stop", "/stats/reset"})
"""Paths that accept POST. Locust's `/user`, which can set another host, is not needed and stays closed."""

MAX_FORM_BYTES: Final = 64 * 1024

TOKEN_FIELD: Final = "token"  # noqa: S105  the name of a field, not a secret
INDEX_PATH: Final = "/"

POLICY: Final = (
    "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'"
)
"""The policy for Locust's own pages, which use inline scripts and styles. Nothing may load from elsewhere."""

HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


def restrict_access(app: Flask, port: int, token: str) -> None:
    """Refuse requests that do not come from this UI, and remove Locust's CORS headers from every response."""
    app.config["MAX_CONTENT_LENGTH"] = MAX_FORM_BYTES
    gate = _Gate(port, token)
    app.before_request(gate.check)
    # The first in the list runs last: after the extension that adds the CORS headers.
    app.after_request_funcs.setdefault(None, []).insert(0, _harden)


class _Gate:
    def __init__(self, port: int, token: str) -> None:
        self._hosts = frozenset({f"127.0.0.1:{port}", f"localhost:{port}"})
        self._origins = frozenset(f"http://{host}" for host in self._hosts)
        self._token = token
        self._cookie = f"loopbench-{port}"  # browsers share cookies among the ports of a host

    def check(self) -> Response | None:
        """Return a refusal or redirect; None if the request may pass."""
        if request.headers.get("Host") not in self._hosts:
            return _refused("this web UI answers to 127.0.0.1 and localhost only")
        if "Transfer-Encoding" in request.headers:  # no form of a browser comes in chunks
            return _refused("a request must say how long it is", 411)
        if not self._comes_from_own_page():
            return _refused("this web UI accepts no requests from other pages: paste its address into a new tab")
        if request.path == INDEX_PATH and request.method == "GET" and TOKEN_FIELD in request.args:
            return self._log_in(request.args[TOKEN_FIELD])
        if not self._known(request.cookies.get(self._cookie, "")):
            return _refused("open the address that loopbench ui printed: it ends in ?token=...")
        return self._wrong_method()

    def _comes_from_own_page(self) -> bool:
        if request.headers.get("Sec-Fetch-Site", "none") not in SAFE_SITES:
            return False
        origin = request.headers.get("Origin")
        return origin is None or origin in self._origins

    def _known(self, token: str) -> bool:
        return secrets.compare_digest(token.encode(), self._token.encode())

    def _log_in(self, token: str) -> Response:
        """Set the cookie and redirect, so that the token disappears from the address bar and the history."""
        if not self._known(token):
            return _refused("this token belongs to another start: open the address that was printed last")
        response = make_response(redirect(INDEX_PATH, 303))
        response.set_cookie(self._cookie, self._token, httponly=True, samesite="Strict")
        return response

    def _wrong_method(self) -> Response | None:
        if request.path not in CHANGING:
            return None if request.method in {"GET", "HEAD"} else _refused("this path is read-only", 405, "GET, HEAD")
        if request.method != "POST":
            return _refused("this path accepts only POST", 405, "POST")
        if "Origin" not in request.headers:  # every browser sends it
            return _refused("a POST needs an Origin header that names this web UI")
        return None


def _refused(why: str, status: int = 403, allow: str = "") -> Response:
    response = Response(f"{why}\n", status, mimetype="text/plain")
    if allow:
        response.headers["Allow"] = allow
    return response


def _harden(response: Response) -> Response:
    # Locust serves the same response object for two seconds and adds another Vary header each time.
    for name in [name for name, _ in response.headers if name.startswith(CORS_PREFIX) or name == "Vary"]:
        del response.headers[name]
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response
