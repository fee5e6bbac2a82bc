"""The encoding of requests as bytes."""

from typing import Any

import pytest

from loopbench.llhttp.request import Origin, absolute, encode

HOST = "http://127.0.0.1:8000"


def test_a_plain_get_is_what_wrk_sends() -> None:
    assert encode("GET", f"{HOST}/hello").wire == b"GET /hello HTTP/1.1\r\nHost: 127.0.0.1:8000\r\n\r\n"


@pytest.mark.parametrize(
    ("url", "params", "target"),
    [
        ("", None, b"/"),
        ("/a b", None, b"/a%20b"),
        ("/ä", None, b"/%C3%A4"),
        ("/a%2Fb", None, b"/a%2Fb"),
        ("/a?x=1", {"y": "2 3"}, b"/a?x=1&y=2+3"),
        ("/a", {"x": [1, 2]}, b"/a?x=1&x=2"),
        ("/a", [("x", 1), ("x", 2)], b"/a?x=1&x=2"),
        ("/a", {"x": None, "y": 0}, b"/a?y=0"),
        ("/a?x=1", "y=%2F&z", b"/a?x=1&y=%2F&z"),
        ("/a?x=%20#part", None, b"/a?x=%20"),
        ("?x=1", None, b"/?x=1"),
        ("/a?", None, b"/a"),
        ("/a;b=c,d/~e?f=[g]&h=/?", None, b"/a;b=c,d/~e?f=[g]&h=/?"),
        ('/a"b', None, b"/a%22b"),
        ("/a\r\nX: y", None, b"/aX:%20y"),
    ],
)
def test_the_target(url: str, params: Any, target: bytes) -> None:
    assert encode("GET", HOST + url, params=params).wire.split(b" HTTP/1.1\r\n")[0] == b"GET " + target


@pytest.mark.parametrize(
    ("parts", "lines", "body"),
    [
        ({"data": b"\0\xff"}, {b"Content-Length: 2"}, b"\0\xff"),
        ({"data": "ä"}, {b"Content-Length: 2"}, "ä".encode()),
        ({"data": {"a": "b c"}}, {b"Content-Type: application/x-www-form-urlencoded", b"Content-Length: 5"}, b"a=b+c"),
        ({"json": {"a": 1}}, {b"Content-Type: application/json", b"Accept: application/json"}, b'{"a": 1}'),
        ({"json": {}}, {b"Content-Length: 2"}, b"{}"),
        ({"json": 1, "headers": {"content-type": "x/y"}}, {b"content-type: x/y"}, b"1"),
        ({}, {b"Content-Length: 0"}, b""),
        ({"headers": {"Host": "other"}}, {b"Host: other"}, b""),
    ],
)
def test_bodies_have_their_header_lines(parts: dict[str, Any], lines: set[bytes], body: bytes) -> None:
    head, _, sent = encode("POST", HOST, **parts).wire.partition(b"\r\n\r\n")
    assert sent == body
    assert lines <= set(head.split(b"\r\n"))
    names = [line.split(b":")[0].lower() for line in head.split(b"\r\n")[1:]]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    "arguments",
    [
        {"method": "G ET"},
        {"method": ""},
        {"url": "ftp://host/"},
        {"url": "/relative"},
        {"headers": {"A": "b\r\nC: d"}},
        {"headers": {"A:": "b"}},
        {"headers": {"": "b"}},
        {"headers": {"Transfer-Encoding": "chunked"}},
        {"headers": {"Content-Length": "7"}, "data": b"x"},
    ],
)
def test_an_invalid_request_is_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"not a|not supported|Content-Length"):
        encode(**({"method": "GET", "url": HOST} | arguments))


@pytest.mark.parametrize(
    ("url", "origin", "host_line"),
    [
        ("http://a/", Origin("http", "a", 80), b"Host: a\r\n"),
        ("https://a/", Origin("https", "a", 443), b"Host: a\r\n"),
        ("https://a:80/", Origin("https", "a", 80), b"Host: a:80\r\n"),
        ("http://[::1]:81/", Origin("http", "::1", 81), b"Host: [::1]:81\r\n"),
        ("http://u:p%40@a/", Origin("http", "a", 80), b"Authorization: Basic dTpwQA==\r\n"),
    ],
)
def test_the_origin_and_host_line(url: str, origin: Origin, host_line: bytes) -> None:
    request = encode("GET", url)
    assert request.origin == origin
    assert host_line in request.wire


def test_different_origins_never_share_a_pool() -> None:
    urls = ("http://a/", "https://a/", "http://a:81/", "https://a:80/", "http://b/", "http://[::1]/")
    assert len({encode("GET", url).pool for url in urls}) == len(urls)


@pytest.mark.parametrize(
    ("base", "url", "whole"),
    [
        ("http://a", "/b", "http://a/b"),
        ("http://a/x", "/b", "http://a/x/b"),
        ("http://a", "HTTPS://b/c", "HTTPS://b/c"),
        (None, "http://b", "http://b"),
    ],
)
def test_relative_urls_are_appended_to_the_host(base: str | None, url: str, whole: str) -> None:
    assert absolute(base, url) == whole


def test_a_method_is_sent_in_upper_case() -> None:
    request = encode("put", HOST)
    assert (request.method, request.idempotent, request.wire[:5]) == ("PUT", True, b"PUT /")


def test_only_safe_methods_may_be_sent_twice() -> None:
    twice = {method for method in ("GET", "HEAD", "PUT", "DELETE", "POST", "PATCH") if encode(method, HOST).idempotent}
    assert twice == {"GET", "HEAD", "PUT", "DELETE"}
