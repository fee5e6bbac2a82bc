"""An app that prints its environment and every request, in every form that a program may choose."""

import base64
import html
import json
import os
import shlex
import sys
from typing import Any
from urllib.parse import parse_qsl, quote, unquote

NAMES = ("SESSION_VALUE", "WITH_SLASH", "WITH_DOT", "WITH_QUOTES", "MY_TOKEN", "DB_PASS", "EXTRA")


def show(value: str) -> None:
    """Print one text in many ways."""
    encoded = base64.b64encode(value.encode()).decode()
    ways = (value, repr(value), json.dumps({"v": value}), repr(value.encode()), html.escape(value), quote(value))
    others = (quote(value, safe=""), unquote(value), shlex.quote(value), encoded, f"amid {value} others", "")
    sys.stdout.write("\n".join([*ways, *others]))
    sys.stdout.flush()


for each in NAMES:
    show(os.environ.get(each, "-"))


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Print a request, and answer that all is well."""
    message = await receive()
    if scope["type"] == "lifespan":
        await send({"type": message["type"] + ".complete"})
        return
    for name, value in scope["headers"]:
        show(f"{name.decode()}: {value.decode()}")
        show(base64.b64decode(value[6:]).decode() if value.startswith(b"Basic ") else "-")
    show(scope["query_string"].decode())
    show(str(dict(parse_qsl(scope["query_string"].decode()))))
    body = message.get("body", b"").decode()
    show(body)
    if body.startswith("{"):
        show(str(json.loads(body)))
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})
