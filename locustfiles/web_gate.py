"""Locust's web UI, closed to everybody but the person in front of this machine.

As it comes, any web page can read its figures and start a load through the visitor's browser: it answers every origin,
checks no Host, asks for no token (the same class of hole as CVE-2025-24010). Here a request must name this machine as
its Host (a page that renamed itself to 127.0.0.1 by DNS does not), and if a browser says which page sent it, that page
must be the UI itself.
"""

from flask import Flask, Response, abort, request

CORS_PREFIX = "Access-Control-"
SAFE_SITES = frozenset({"same-origin", "none"})
"""Values of Sec-Fetch-Site: the UI's own page, and an address typed by the person."""


def close_to_other_pages(app: Flask, port: int) -> None:
    """Refuse what does not come from this UI, and take Locust's CORS headers off every answer."""
    hosts = {f"127.0.0.1:{port}", f"localhost:{port}"}

    @app.before_request
    def _refuse_strangers() -> None:
        origin = request.headers.get("Origin")
        site = request.headers.get("Sec-Fetch-Site", "none")
        if request.host not in hosts:
            abort(403, "this web UI answers to 127.0.0.1 and localhost only")
        if (origin is not None and origin.removeprefix("http://") not in hosts) or site not in SAFE_SITES:
            abort(403, "this web UI takes no orders from other pages")

    def without_cors(response: Response) -> Response:
        for name in [name for name, _ in response.headers if name.startswith(CORS_PREFIX)]:
            del response.headers[name]
        return response

    # First in the list runs last: after the extension that adds those headers.
    app.after_request_funcs.setdefault(None, []).insert(0, without_cors)
