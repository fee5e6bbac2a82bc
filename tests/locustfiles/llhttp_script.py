"""Runs the checks of `test_llhttp_user.py` that need gevent and Locust, and prints their results as JSON.

Arguments: port of a plain torture server, port of one with TLS. Every public function here is one check.
"""

# mypy: allow-untyped-calls
import contextlib
import json
import sys
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any, Self

import gevent
from gevent.event import Event
from locust.env import Environment
from locust.exception import CatchResponseError
from locust.stats import RequestStats, StatsEntry

from loopbench import LlhttpUser
from loopbench.errors import UsageError
from loopbench.llhttp import statistics as llhttp_statistics
from loopbench.llhttp.errors import LlhttpError
from loopbench.llhttp.statistics import adopt
from loopbench.locustfiles.recorder import Recorder
from loopbench.locustfiles.sinks import NoSink
from loopbench.locustfiles.variant_user import variant_user
from loopbench.records.samples import FLAG_NEW_CONNECTION, FLAG_RETRIED
from tests.made_scenario import made_spec

PORT, TLS_PORT = sys.argv[1:]
HOST = f"http://127.0.0.1:{PORT}"


def new_user(environment: Environment | None = None, **settings: Any) -> LlhttpUser:
    """Return a user of a fresh environment with a runner."""
    if environment is None:
        environment = Environment()
        environment.create_local_runner()
    kind = type("ScriptUser", (LlhttpUser,), {"host": HOST, "network_timeout": 5.0, "abstract": False, **settings})
    user: LlhttpUser = kind(environment)
    return user


def listen(user: LlhttpUser) -> list[dict[str, Any]]:
    """Collect every request event of the user's environment from now on."""
    events: list[dict[str, Any]] = []
    user.environment.events.request.add_listener(lambda **event: events.append(event))
    return events


def asked(user: LlhttpUser, path: str) -> int:
    """Return how often the server received a request for a path."""
    return int(user.client.get("/counts").json().get(path, 0))


def methods() -> Any:
    client = new_user().client
    found = {}
    for method in ("get", "post", "put", "patch", "delete", "options", "head"):
        response = getattr(client, method)("/echo")
        found[method] = [response.status_code, response.json()["method"] if response.content else None]
    return found


def request_parts() -> Any:
    client = new_user(default_headers={"X-Default": "1", "X-Both": "default"}).client
    response = client.post("/echo", json={"a": 1}, params={"q": "x y"}, headers={"X-Both": "own"}, auth=("u", "p"))
    echo = response.json()
    wanted = ("x-default", "x-both", "authorization", "content-type", "accept-encoding")
    return [echo["target"], echo["body"], {name: echo["headers"].get(name) for name in wanted}]


def response_parts() -> Any:
    response = new_user().client.get("/echo", name="named")
    assert response.headers is not None
    return {
        "ok": response.ok,
        "text_is_content": response.text == (response.content or b"").decode(),
        "header": response.headers["CONTENT-type"],
        "meta": [response.request_meta[key] for key in ("name", "request_type", "url", "exception")][:2],
    }


def events_of_a_request() -> Any:
    """The event has exactly Locust's arguments, so that listeners need no `**kwargs`."""
    user = new_user()
    events = listen(user)
    user.client.get("/plain", name="n", context={"k": "v"})
    sent = user.client.prepare("POST", "/plain", name="m")
    exchange = user.client.send(sent)
    first, second = events
    return {
        "first": [first["request_type"], first["name"], first["response_length"], first["context"]],
        "keys": sorted(first),
        "second": [second["request_type"], second["name"]],
        "flags": [first["response"].flags, second["response"].flags, exchange.flags],
        "same_start": second["response"].start_monotonic_s == exchange.start_s,
        "logged": user.environment.stats.total.num_requests,
    }


def with_block() -> Any:
    user = new_user()
    events = listen(user)
    client = user.client
    with client.get("/status_404", catch_response=True) as response:
        response.success()
    with client.get("/plain", catch_response=True) as response:
        response.failure("wrong")
    with client.get("/status_500", catch_response=True):
        pass
    with client.get("/plain", catch_response=True) as response:
        response.failure(KeyError("k"))
    with user.rest("GET", "/echo") as rest:
        assert rest.js["method"] == "POST", "not a post"
    with contextlib.suppress(ZeroDivisionError), client.get("/plain", catch_response=True):
        _ = 1 / 0
    return [repr(event["exception"]) for event in events]


def raise_in_block() -> Any:
    """`raise_for_status` raises what `failure` was called with, and nothing after `success`."""
    user = new_user()
    raised: list[str | None] = []
    for path, decide in (("/plain", "failure"), ("/status_404", "success"), ("/status_404", None)):
        try:
            with user.client.get(path, catch_response=True) as response:
                {"failure": lambda r: r.failure("no"), "success": lambda r: r.success(), None: lambda _: None}[decide](
                    response
                )
                response.raise_for_status()
            raised.append(None)
        except CatchResponseError as error:
            raised.append(repr(error))
    return [raised, user.environment.stats.num_failures]


def sent_request() -> Any:
    """The response shows the request that was sent last, and its URL."""
    client = new_user().client
    posted = client.request("post", "/echo", json={"a": 1}, headers={"X-A": "b"})
    moved = client.get("/moved")
    refused = client.get("http://127.0.0.1:1/x", headers={"X-A": "b"})
    return [
        [
            posted.request.method,
            posted.request.body,
            posted.request.headers["x-a"],
            posted.request_meta["request_type"],
        ],
        [moved.url.removeprefix(HOST), moved.request.url == moved.url, moved.request_meta["url"].removeprefix(HOST)],
        [refused.url, refused.request.headers["x-a"], str(refused.error), repr(refused.error)],
        isinstance(refused.error, ConnectionRefusedError),
    ]


def bodies() -> Any:
    """Forms from pairs, files beside a form, and an open file."""
    client = new_user().client
    form = client.post("/echo", data=[("a", 1), ("a", 2)]).json()["body"]
    mixed = client.post("/echo", data={"a": "1"}, files={"f": ("x.txt", b"content", "text/plain")}).json()
    opened = client.put("/echo", data=BytesIO(b"opened")).json()["body"]
    parts = ['name="a"', 'name="f"; filename="x.txt"', "Content-Type: text/plain", "content"]
    kind = mixed["headers"]["content-type"].partition(";")[0]
    return [form, kind, [part in mixed["body"] for part in parts], opened]


def streams() -> Any:
    """A stream returns with the head; read to its end it frees its connection, given up it closes it."""
    user = new_user(network_timeout=0.2)
    events = listen(user)
    with user.client.get("/chunked_trailers", stream=True, catch_response=True) as whole:
        body = whole.stream.read() if whole.stream else b""
    opened = [user.client.pool.new_connections]
    stalled = user.client.get("/stalls_mid_body", stream=True)
    opened.append(user.client.pool.new_connections)
    received: list[str] = []
    try:
        received += stalled.iter_content(3)
    except LlhttpError as error:
        received.append(type(error).__name__)
    given_up = user.client.get("/three_megabytes", stream=True)
    del given_up
    lines = list(user.client.iter_lines("/moved", method="POST", json=1))
    opened.append(user.client.pool.new_connections)
    lengths = [event["response_length"] for event in events]
    return [body.decode(), received, opened, lengths, len(lines), user.client.get("/plain", stream=True).text]


def stream_errors() -> Any:
    client = new_user().client
    failed = client.get("http://127.0.0.1:1/", stream=True)
    status = client.get("/status_404", stream=True)
    try:
        client.iter_lines("/status_500")
    except LlhttpError as error:
        raised = repr(error)
    return [repr(failed.error), failed.content, list(failed.iter_content()), repr(status.error), status.text, raised]


def encodings() -> Any:
    """What is advertised is decoded; a stream is not compressed; the prepared request asks for nothing."""
    client = new_user().client
    asked = [
        "accept-encoding" in client.get("/echo", stream=True).json()["headers"],
        "accept-encoding" in json.loads(client.send(client.prepare("GET", "/echo")).body)["headers"],
        client.get("/echo", headers={"accept-encoding": "br"}).json()["headers"]["accept-encoding"],
    ]
    return [asked, [client.get(path).text for path in ("/gzip", "/deflate", "/bare_deflate", "/br")]]


def limits() -> Any:
    """`timeout` ends one request, its redirects included; without a network timeout requests still work."""
    user = new_user(network_timeout=None, connection_timeout=None)
    late = user.client.get("/never", timeout=0.1)
    return [repr(late.error), user.client.get("/plain", timeout=5).text, user.client.pool.new_connections]


def unsupported() -> Any:
    found = []
    for setting in ({"concurrency": 5}, {"proxy_host": "a"}, {"client_pool": object()}, {"ssl_context_factory": dict}):
        try:
            new_user(**setting)
        except UsageError as error:
            found.append(str(error).split(" is not")[0].split(" = ")[0])
    return [found, type(new_user(proxy_host=None, max_retries=0)).__name__]


def rename() -> Any:
    user = new_user()
    events = listen(user)
    with user.client.rename_request("group"):
        user.client.get("/plain")
    user.client.get("/plain")
    return [event["name"] for event in events]


def connections() -> Any:
    """Keep-alive is used; a close is noticed while idle; a dead connection costs one retry of a safe method."""
    user = new_user()
    flags = []
    for method, path in (
        ("GET", "/plain"),
        ("GET", "/plain"),
        ("GET", "/connection_close"),
        ("GET", "/close_when_idle"),
    ):
        flags.append(user.client.send(user.client.prepare(method, path)).flags)
    gevent.sleep(0.1)
    flags.append(user.client.send(user.client.prepare("POST", "/plain")).flags)
    return {"flags": flags, "retries": user.client.pool.retries, "opened": user.client.pool.new_connections}


def retry(method: str) -> Any:
    user = new_user()
    prepared = user.client.prepare(method, "/close_on_second")
    user.client.send(prepared)
    exchange = user.client.send(prepared)
    error = type(exchange.error).__name__ if exchange.error else None
    return [exchange.flags, error, user.client.pool.retries, user.environment.stats.total.num_requests]


def retry_of_get() -> Any:
    return retry("GET")


def retry_of_post() -> Any:
    return retry("POST")


def timeouts() -> Any:
    """No listener, no answer, and a user's own Timeout, which closes the connection that it interrupts."""
    user = new_user(network_timeout=0.2)
    refused = user.client.get("http://127.0.0.1:1/").error
    unknown = user.client.get("http://name.invalid/").error
    silent = user.client.get("/never").error
    events = listen(user)
    stopped = False
    try:
        with gevent.Timeout(0.05):
            user.client.get("/never")
    except gevent.Timeout:
        stopped = True
    return [type(error).__name__ for error in (refused, unknown, silent)] + [stopped, len(events)]


def dripped() -> Any:
    """The timeout is for the whole request: each piece of these answers comes well within it."""
    clients = [new_user(network_timeout=0.3, host=host).client for host in (HOST, f"https://127.0.0.1:{TLS_PORT}")]
    paths = ("/dripping_interim", "/dripping_header", "/dripping_body")
    return [type(client.get(path).error).__name__ for client in clients for path in paths]


def slow_timer() -> Any:
    """The timer lasts for many requests and fires for the one that is not answered."""
    user = new_user(network_timeout=0.2)
    prepared = user.client.prepare("GET", "/plain")
    until = gevent.get_hub().loop.now() + 0.5
    good = 0
    while gevent.get_hub().loop.now() < until:
        good += user.client.send(prepared).error is None
    exchange = user.client.send(user.client.prepare("GET", "/never"))
    return [good > 10, type(exchange.error).__name__, 0.15 < exchange.latency_s < 0.45]


def killed() -> Any:
    """A killed request closes its connection: the next user of the pool never sees the rest of its answer."""
    user = new_user()
    user.client.get("/plain")
    before = user.client.pool.new_connections
    greenlet = gevent.spawn(user.client.get, "/stalls_mid_body")
    gevent.sleep(0.1)
    greenlet.kill()
    response = user.client.get("/plain")
    return [before, user.client.pool.new_connections, response.content == b"hello world!\n"]


def stopped_user() -> Any:
    """A user that ends closes its connections."""
    user = new_user()
    user.client.get("/plain")
    (connection,) = next(iter(user.client.pool._idle.values()))
    user.tasks = [lambda _: gevent.sleep(60)]
    group = gevent.pool.Group()
    user.start(group)
    gevent.sleep(0)
    group.kill()
    gevent.sleep(0)
    return [connection.wire._sock.closed, list(user.client.pool._idle.values())]


def concurrent() -> Any:
    """Greenlets that share a client get a connection each."""
    user = new_user()
    jobs = [gevent.spawn(user.client.get, "/bytewise") for _ in range(5)]
    gevent.joinall(jobs)
    return [[job.value.content == b"hello world!\n" for job in jobs], user.client.pool.new_connections]


def big_upload() -> Any:
    """Send more than the socket takes at once."""
    response = new_user().client.post("/echo", data=b"x" * 5_000_000)
    return len(response.json()["body"])


def redirects() -> Any:
    user = new_user()
    events = listen(user)
    client = user.client
    moved = client.post("/moved", json={"a": 1}, headers={"X-A": "b"}, auth=("u", "p")).json()
    kept = client.post("/moved_keeping", json={"a": 1}).json()
    away = client.get("/moved_away", headers={"X-A": "b"}, auth=("u", "p"))
    unfollowed = client.send(client.prepare("GET", "/moved"))
    stayed = client.get("/moved", allow_redirects=False)
    return [
        [moved["method"], moved["target"], moved["body"], personal(moved)],
        [kept["method"], kept["target"], kept["body"]],
        [type(away.error).__name__, repr(unfollowed.error)],
        [stayed.status_code, stayed.ok],
        [event["response"].flags for event in events],
    ]


def personal(echo: Any) -> list[str]:
    """Return which of the two headers the server received."""
    return [name for name in ("authorization", "x-a") if name in echo["headers"]]


def login_in_host() -> Any:
    """User and password of `host` go to this server only, and into no URL."""
    client = new_user(host=HOST.replace("//", "//u:p%40@")).client
    own, away = client.get("/moved"), client.get(HOST.replace("127.0.0.1", "localhost") + "/echo")
    failed = client.get("/status_404")
    shown = [own.url, own.request_meta["url"], str(failed.error)]
    return ["authorization" in own.json()["headers"], personal(away.json()), any("u:" in text for text in shown)]


def cookies() -> Any:
    client = new_user().client
    headers = client.get("/set_cookie").headers
    assert headers is not None
    other = new_user().client.get("/echo").json()["headers"].get("cookie")
    kept = client.get("/echo").json()["headers"].get("cookie")
    client.cookiejar.clear()
    return [headers["set-cookie"], kept, client.get("/echo").json()["headers"].get("cookie"), other]


def tls() -> Any:
    host = f"https://127.0.0.1:{TLS_PORT}"
    user = new_user(host=host, network_timeout=0.3)
    sizes = [len(user.client.get(path).content or b"") for path in ("/plain", "/three_megabytes", "/plain")]
    silent = type(user.client.get("/never").error).__name__
    careful = type(new_user(host=host, insecure=False).client.get("/plain").error).__name__
    scenario_user = variant_user(made_spec(Path(), "ramp", url=host), Recorder(NoSink(), "run"), Event())
    of_a_scenario = type(scenario_user(user.environment).client.get("/plain").error).__name__
    return [sizes, user.client.pool.new_connections, silent, careful, of_a_scenario]


def statistics() -> Any:
    """The same requests at the same times, logged in bulk and one by one, leave the same statistics."""
    environment = Environment()
    environment.create_local_runner()
    bulk = adopt(environment)
    with SteppedClock() as clock:
        bulk.reset_all()
        single = RequestStats()
        for number, latency_ms in enumerate(
            [0.2, 1.5, 2.5, 99.4, 99.6, 104.9, 105.1, 950.0, 1234.5, 9960.0, 12345.6] * 5
        ):
            clock.now_s += 0.3125  # exact in binary, so that both clocks agree about seconds
            name = f"/{number % 4}"
            bulk.tally(None, bulk.rows["GET", name], clock.now_s, latency_ms / 1000, number, 200)
            single.log_request("GET", name, latency_ms, number)  # type: ignore[arg-type]
            if number % 5 == 0:
                bulk.log_error("GET", name, ValueError("x"))
                single.log_error("GET", name, ValueError("x"))
        return [figures(bulk) == figures(single), figures(bulk)[-1][:2], len(bulk.total.num_reqs_per_sec)]


class SteppedClock:
    """Two clocks that only the test moves."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self._real = (time.time, llhttp_statistics._clock)

    def __enter__(self) -> Self:
        time.time = lambda: 1_700_000_000 + self.now_s
        llhttp_statistics._clock = lambda: self.now_s
        return self

    def __exit__(self, *_: object) -> None:
        time.time, llhttp_statistics._clock = self._real


def figures(stats: RequestStats) -> Any:
    """Return everything that Locust shows."""
    rows = [*(stats.entries[key] for key in sorted(stats.entries)), stats.total]
    return [row_figures(row) for row in rows]


def row_figures(row: StatsEntry) -> list[Any]:
    return [
        row.num_requests,
        row.num_failures,
        dict(row.num_reqs_per_sec),
        dict(row.num_fail_per_sec),
        dict(row.response_times),
        row.min_response_time,
        row.max_response_time,
        round(row.total_response_time, 6),
        row.total_content_length,
        row.get_response_time_percentile(0.5),
        row.get_current_response_time_percentile(0.95),
        round(row.last_request_timestamp or 0, 3),
    ]


def bulk_or_events() -> Any:
    """Requests are logged in bulk while Locust is the only listener, else as events, and none is lost at the change."""
    user = new_user()
    prepared = user.client.prepare("GET", "/plain")
    stats = adopt(user.environment)
    ways = [stats.direct]
    user.client.send(prepared)
    events = listen(user)
    ways.append(stats.direct)
    user.client.send(prepared)
    user.environment.events.request.remove_listener(user.environment.events.request._handlers[-1])
    ways.append(stats.direct)
    user.client.get("/plain")
    user.client.get("/status_404")
    held = stats.entries["/plain", "GET"].num_requests
    stats.reset_all()
    return [ways, len(events), held, stats.total.num_requests, stats.num_failures]


class Observed:
    """Keeps what an observer receives."""

    def __init__(self) -> None:
        self.seen: list[Any] = []

    def good(self, _user: Any, name: str, _start_s: float, _latency_s: float, size_bytes: int, status: int) -> None:
        """See `Observer`."""
        self.seen.append([name, size_bytes, status])

    def cut(self, _user: Any, name: str, _start_s: float) -> None:
        """See `Observer`."""
        self.seen.append(f"cut {name}")


def observed() -> Any:
    """An observer receives good and cut requests under public names, its listener the others; together each once."""
    user, heard = new_user(), list[str]()

    def hear(name: str, **_: Any) -> None:
        heard.append(name)

    user.environment.events.request.add_listener(hear)
    adopt(user.environment).observe(hear, observer := Observed(), lambda name: name.replace("secret", "***"))
    user.client.get("/plain?secret")
    user.client.send(user.client.prepare("GET", "/plain", name="sent"))
    with user.client.get("/status_404", catch_response=True) as response:
        response.success()
    user.client.get("/status_500")
    asking = gevent.spawn(user.client.get, "/never")
    gevent.sleep(0)
    asking.kill()
    events = listen(user)
    user.client.get("/plain", name="with a listener")
    stats = user.environment.stats
    return [observer.seen, heard, len(events), sorted(name for name, _ in stats.entries), stats.num_failures]


def checks() -> Any:
    user = new_user()
    prepared = user.client.prepare(
        "GET", "/plain", check=lambda status, body: CatchResponseError(f"{status} {len(body)}")
    )
    exchange = user.client.send(prepared)
    (error,) = user.environment.stats.errors.values()
    broken = user.client.send(user.client.prepare("GET", "/plain", check=lambda status, _: 1 // (status - 200)))  # type: ignore[arg-type,return-value]
    counted = (user.environment.stats.num_requests, user.environment.stats.num_failures)
    return [repr(exchange.error), exchange.status, len(exchange.body), error.to_name(), repr(broken.error), counted]


CHECKS: list[Callable[[], Any]] = [
    methods,
    request_parts,
    response_parts,
    events_of_a_request,
    with_block,
    raise_in_block,
    sent_request,
    bodies,
    streams,
    stream_errors,
    encodings,
    limits,
    unsupported,
    rename,
    connections,
    retry_of_get,
    retry_of_post,
    timeouts,
    dripped,
    slow_timer,
    killed,
    stopped_user,
    concurrent,
    big_upload,
    redirects,
    login_in_host,
    cookies,
    tls,
    statistics,
    bulk_or_events,
    observed,
    checks,
]

if __name__ == "__main__":
    assert (FLAG_NEW_CONNECTION, FLAG_RETRIED) == (1, 2)
    sys.stdout.write(json.dumps({check.__name__: check() for check in CHECKS}))
