"""Requests every case of the torture server with one kind of user, and prints the results as JSON.

It is a script, because `import locust` replaces the sockets of its process.
Arguments: llhttp or fast, and the server's port.
"""

import json
import sys
from typing import Any

from locust import FastHttpUser
from locust.env import Environment

from loopbench.llhttp.user import LlhttpUser

KINDS = {"llhttp": LlhttpUser, "fast": FastHttpUser}
SILENCE_S = 0.3
CASES = sys.argv[3:]


def main(kind: str, port: str) -> None:
    """Run every case with one user; after each, send a plain request that must succeed."""
    environment = Environment()
    events: list[dict[str, Any]] = []
    environment.events.request.add_listener(lambda **event: events.append(event))  # type: ignore[no-untyped-call]
    settings = {
        "host": f"http://127.0.0.1:{port}",
        "network_timeout": SILENCE_S,
        "max_body_bytes": 4 * 1024 * 1024,
        "abstract": False,
    }
    user = type("TortureUser", (KINDS[kind],), settings)(environment)
    found = {}
    for case in CASES:
        method = "HEAD" if case.startswith("head_") else "GET"
        response = user.client.request(method, f"/{case}")
        event = events[-1]
        user.client.get("/plain")
        found[case] = {
            "status": response.status_code,
            "size": event["response_length"],
            "error": type(event["exception"]).__name__ if event["exception"] else None,
            "goes_on": events[-1]["exception"] is None,
            "events": len(events),
        }
        events.clear()
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
