"""A redirect to another origin is a failed request for every client of a locustfile; one within it is followed.

Locust runs in a process of its own, because it patches the standard library.
"""

import json
import subprocess
import sys

import pytest

SCRIPT = """
import json, sys
from gevent.pywsgi import WSGIServer
from locust import FastHttpUser, HttpUser, task
from locust.env import Environment
from loopbench import LlhttpUser
from loopbench.locustfiles.own_origin import stay_at_origin

def own(environ, start):
    path = environ["PATH_INFO"]
    far = f"localhost:{elsewhere.server_port}/"
    to = {"/near": "/fine", "/far": f"http://{far}", "/slashes": f"////{far}", "/odd": "http://["}.get(path)
    start("307 Moved" if to else "200 OK", [("Location", to)] if to else [])
    return [b"fine"]

def foreign(environ, start):
    reached.append(environ.get("HTTP_X_KEY"))
    start("200 OK", [])
    return [b"elsewhere"]

reached, found = [], {}
elsewhere, here = WSGIServer(("127.0.0.1", 0), foreign, log=None), WSGIServer(("127.0.0.1", 0), own, log=None)
elsewhere.start(); here.start()
for Kind in (HttpUser, FastHttpUser, LlhttpUser):
    class Visitor(Kind):
        host = f"http://127.0.0.1:{here.server_port}"
        @task
        def visit(self): pass
    client = Visitor(Environment(user_classes=[Visitor])).client
    stay_at_origin(client)
    asked = {"headers": {"X-Key": "secret"}, "data": b"body", "catch_response": True}
    unfollowed = {"allow_redirects": False}
    asked_for = (("near", "/near", {}), ("far", "/far", {}), ("seen", "/far", unfollowed))
    for name, path, options in (*asked_for, ("slashes", "/slashes", {}), ("odd", "/odd", {})):
        with client.post(path, **asked, **options) as response:
            error = type(getattr(response, "error", None)).__name__
            found[f"{Kind.__name__} {name}"] = [response.status_code, error]
            response.success()
print(json.dumps([found, reached]))
"""


@pytest.mark.real
def test_no_client_of_a_locustfile_follows_a_redirect_to_another_origin() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False)
    found, reached = json.loads(done.stdout or "[{}, []]")
    assert reached == [], done.stderr
    # The urljoin of Python 3.11 reads `////host` as another origin, that of 3.13 as a path.
    assert found.pop("HttpUser slashes") in ([0, "HttpRedirectError"], [200, "NoneType"])
    assert found == {
        "HttpUser near": [200, "NoneType"],
        "HttpUser far": [0, "HttpRedirectError"],
        "HttpUser seen": [307, "NoneType"],
        "HttpUser odd": [0, "HttpRedirectError"],
        "FastHttpUser near": [200, "NoneType"],
        "FastHttpUser far": [0, "FastHttpRedirectError"],
        "FastHttpUser seen": [307, "NoneType"],
        "FastHttpUser slashes": [0, "FastHttpRedirectError"],
        "FastHttpUser odd": [0, "FastHttpRedirectError"],
        "LlhttpUser near": [200, "NoneType"],
        "LlhttpUser far": [0, "ForeignRedirectError"],
        "LlhttpUser seen": [307, "NoneType"],
        "LlhttpUser slashes": [200, "NoneType"],
        "LlhttpUser odd": [0, "TooManyRedirectsError"],
    }, done.stderr
