"""The jar of one user, and when its headers are computed anew."""

import itertools
import time

import pytest

from loopbench.llhttp import cookies
from loopbench.llhttp.cookies import Cookies

URL = "http://shop.test/cart/1"


def jar(*lines: str) -> Cookies:
    made = Cookies()
    made.keep(URL, "".join(["HTTP/1.1 200 OK\r\n", *(f"Set-Cookie: {line}\r\n" for line in lines), "\r\n"]).encode())
    return made


def test_cookies_go_to_their_own_paths_and_hosts() -> None:
    both = jar("a=1; Path=/", "b=2; Path=/cart")
    assert (both.header(URL), both.header("http://shop.test/")) == ("b=2; a=1", "a=1")
    assert both.header("http://other.test/cart/1") is None


def test_a_change_shows_in_the_version_and_in_the_next_header() -> None:
    changed = jar("a=1; Path=/")
    before = (changed.version, changed.header(URL))
    assert (changed.version, changed.header(URL)) == before
    for line, header in (("a=2; Path=/", "a=2"), ("a=; Path=/; Max-Age=0", None)):
        version = changed.version
        changed.keep(URL, f"HTTP/1.1 200 OK\r\nSet-Cookie: {line}\r\n\r\n".encode())
        assert changed.version > version
        assert changed.header(URL) == header


def test_clearing_is_a_change() -> None:
    cleared = jar("a=1; Path=/")
    version = cleared.version
    assert cleared.header(URL) == "a=1"
    cleared.clear()
    assert cleared.version > version
    assert cleared.header(URL) is None


def test_an_expired_cookie_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    both = jar("a=1; Path=/; Max-Age=60", "b=2; Path=/")
    version = both.version
    assert both.header(URL) == "a=1; b=2"
    later_s = time.time() + 61
    monkeypatch.setattr(time, "time", lambda: later_s)
    monkeypatch.setattr(cookies, "_unix_s", time.time)
    assert both.version > version
    assert both.header(URL) == "b=2"


def test_of_many_cookies_the_newest_are_kept_and_all_are_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server set 3,000 in each answer; each was compared with all others, and none was ever dropped."""
    looks, iterate = itertools.count(), Cookies.__iter__
    monkeypatch.setattr(Cookies, "__iter__", lambda self: (next(looks), iterate(self))[1])
    full = jar(
        "a=1; Path=/", "b=2; Path=/", *(f"c{number}=3; Path=/{number}" for number in range(3_000)), "a=4; Path=/"
    )
    assert full.header(URL) == "a=4"
    assert next(looks) < 5
    assert len(full) == 180
    assert {cookie.name for cookie in full} == {"a", *(f"c{number}" for number in range(2_821, 3_000))}


def test_paths_that_hold_no_cookie_any_more_are_forgotten() -> None:
    full = jar(*(f"c=3; Path=/{number}" for number in range(3_000)))
    assert len(vars(full)["_cookies"]["shop.test"]) == 180


def test_a_cookie_that_no_browser_keeps_is_not_kept() -> None:
    assert jar(f"a={'x' * 8_192}", "b=2").header(URL) == "b=2"


def test_answers_without_cookies_change_nothing() -> None:
    empty = jar()
    assert (empty.version, empty.header(URL)) == (0, None)
