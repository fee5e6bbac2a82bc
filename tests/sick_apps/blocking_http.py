"""A synchronous HTTP client in a coroutine; the slow service behind it runs in a thread of this process."""

# ruff: noqa: ASYNC210

import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer

from fastapi import FastAPI


class Slow(BaseHTTPRequestHandler):
    """Answers after 20 ms."""

    def do_GET(self) -> None:
        """Wait, then say so."""
        time.sleep(0.02)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


service = HTTPServer(("127.0.0.1", 0), Slow)
threading.Thread(target=service.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{service.server_port}/"

app = FastAPI()


@app.get("/")
async def proxy() -> int:
    with urllib.request.urlopen(url) as answer:  # guilty
        return int(answer.status)
