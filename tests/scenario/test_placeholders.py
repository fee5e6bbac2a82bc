"""Placeholders: what they may stand for, where they are checked, and what is sent for them."""

import json
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from loopbench.scenario.captures import captured
from loopbench.scenario.data import Draw, UserValues, Values
from loopbench.scenario.requests import Before, Request
from tests.made_scenario import made_scenario

LOGIN = {"name": "login", "path": "/login", "capture": {"token": "json:token"}}
EXPECTING_ITEM = {"name": "b", "path": "/", "expect": {"json": {"data": [{"id": "{item}"}]}}}
TEXT = st.text(max_size=30)
VALUES = st.one_of(TEXT, st.booleans(), st.integers(), st.floats(allow_nan=False))
ANY_VALUE = st.one_of(VALUES, st.floats(), st.integers(2**62, 2**80), st.text("a\udc00\ud800", max_size=3), st.none())


@pytest.mark.parametrize(
    ("tables", "problem"),
    [
        ({"variants": [{"name": "a", "path": "/{item}"}]}, "'item' has no value here"),
        ({"before": [{**LOGIN, "headers": {"X": "{token}"}}]}, "'token' has no value here"),
        ({"before": [{**LOGIN, "per": "user"}, {"name": "b", "path": "/{token}"}]}, "'token' has no value here"),
        ({"before": [{**LOGIN, "name": "a"}]}, "two requests are called 'a'"),
        ({"before": [{**LOGIN, "capture": {"token": "body"}}]}, "String should match pattern"),
        ({"data": {"item": [1]}, "variants": [EXPECTING_ITEM]}, "compared as written: the placeholder 'item'"),
        ({"data": {"item": [1]}, "requests": [EXPECTING_ITEM]}, "compared as written: the placeholder 'item'"),
        ({"variants": [{**EXPECTING_ITEM, "expect": {"json": {"a": "${HOME}"}}}]}, "the placeholder '.HOME'"),
    ],
)
def test_a_value_that_is_not_known_when_it_is_needed_is_an_error(tables: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        made_scenario("a", **tables)


def test_what_is_known_and_how_many_more_need_the_value_is_said() -> None:
    with pytest.raises(ValidationError, match=r"add it to \[data\] \(known here: id\); 2 more requests need it \["):
        made_scenario(*({"name": name, "path": "/{item}"} for name in "abc"), data={"id": [1]})


def test_captures_data_variables_and_unique_numbers_are_known_to_requests() -> None:
    path = {"name": "a", "path": "/{item}/{token}/{unique}/${HOME}"}
    made = made_scenario(path, before=[{**LOGIN, "per": "user"}], data={"item": [1]})
    assert made.variants[0].placeholders == {"item", "token", "unique", "$HOME"}


def test_an_expected_text_that_names_no_known_value_is_a_text() -> None:
    assert made_scenario(EXPECTING_ITEM, data={"other": [1]}).variants[0].expect.json_["data"] == [{"id": "{item}"}]


def test_what_is_recorded_keeps_placeholders_as_written_and_hides_the_rest() -> None:
    form = {"user": "${USER_NAME}", "password": "hunter22"}
    headers = {"Authorization": "Bearer {token}", "X-Key": "key-{token}"}
    before = [{**LOGIN, "form": form}]
    made = made_scenario({"name": "a", "headers": headers}, before=before, data={"password": ["hunter23"]})
    recorded = made.model_dump(mode="json")
    assert recorded["before"][0]["form"]["user"] == "${USER_NAME}"
    assert recorded["variants"][0]["headers"]["Authorization"] == "Bearer {token}"
    assert "hunter2" not in json.dumps(recorded)
    assert "key-" not in json.dumps(recorded)
    again = type(made).model_validate(recorded)
    assert again.model_dump(mode="json") == recorded


def test_a_text_that_is_one_placeholder_keeps_the_type_of_its_value() -> None:
    request = Request(name="a", path="/", json={"id": "{id}", "text": "no {id}", "list": [{"x": "{id}"}]})
    assert json.loads(request.filled({"id": 7}).sent_body) == {"id": 7, "text": "no 7", "list": [{"x": 7}]}


@given(VALUES)
def test_a_value_reaches_the_server_unchanged_in_every_place(value: Any) -> None:
    """Whatever it contains: a slash, a brace, a line break, another placeholder."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    parts: dict[str, Any] = {"params": {"q": "{v}"}, "form": {"f": "a {v}"}, "headers": {"X-V": "v={v}"}}
    sent = Request(name="a", path="/{v}?p={v}", **parts).filled({"v": value})
    url = urlsplit(f"http://h{sent.request_target}")
    assert sent.request_target.isascii()
    assert not set(sent.request_target) & set(" \r\n#")
    assert "/" not in url.path[1:]
    assert unquote(url.path) == f"/{text}"
    query = parse_qs(url.query, keep_blank_values=True)
    assert (query["p"], query["q"]) == ([text], [text])
    assert parse_qs(sent.sent_body.decode(), keep_blank_values=True) == {"f": [f"a {text}"]}
    line = sent.sent_headers["X-V"]
    assert not any(ord(each) < 32 or ord(each) == 127 for each in line)
    assert line.encode("latin-1")


@given(ANY_VALUE, TEXT)
def test_what_is_captured_fits_into_every_later_request(value: Any, text: str) -> None:
    """And into the load's JSON, unchanged: no number that JSON has not, no half of a character."""
    capture = {"a": "json:0.a", "c": "header:X", "d": "cookie:s"}
    found = captured(capture, [("Set-Cookie", f"s={text}; Path=/"), ("x", text)], json.dumps([{"a": value}]).encode())
    values = Values(known=found)
    assert Values.model_validate_json(values.model_dump_json()) == values
    assert "a" not in found or found["a"] == json.loads(json.dumps(value))  # two halves may be one character
    for name in found:
        sent = Request(name="a", path=f"/{{{name}}}", json=f"{{{name}}}").filled(found)
        assert sent.request_target.isascii()
        assert json.loads(sent.sent_body) == found[name]


@given(st.recursive(VALUES, lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner)), st.binary(), TEXT)
def test_any_answer_can_be_captured_from(body: Any, raw: bytes, path: str) -> None:
    for data in (json.dumps(body).encode(), raw):
        captured({"a": f"json:{path}", "b": "json:0.a"}, [], data)


@pytest.mark.parametrize(
    "body",
    [b"[" * 100_000, b'{"a": ', b"\xff", b'{"a": 1}'.ljust(8_000_001), b'{"a": "%s"}' % (b"x" * 65_537)],
    ids=["nested", "cut", "no text", "large", "long value"],
)
def test_nothing_is_captured_from_what_is_no_json_or_too_large(body: bytes) -> None:
    assert captured({"a": "json:a"}, [], body) == {}


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("json:data.0.id", 7),
        ("json:a.b", "key with a dot"),
        ("json:ok", True),
        ("header:x-csrf", "c"),
        ("cookie:session", "a=b"),
        ("json:data", None),
        ("json:none", None),
        ("json:data.1.id", None),
        ("cookie:other", None),
    ],
)
def test_captures_by_path_header_and_cookie(source: str, value: Any) -> None:
    body = json.dumps({"data": [{"id": 7}], "a.b": "key with a dot", "ok": True, "none": None}).encode()
    headers = [("X-Csrf", "c"), ("Set-Cookie", "theme=dark"), ("Set-Cookie", "session=a=b; HttpOnly")]
    before = Before.model_validate({**LOGIN, "capture": {"it": source}})
    assert before.captured(headers, body).get("it") == value


def test_rows_of_one_table_are_drawn_together_and_unique_numbers_never_twice() -> None:
    values = Values(tables=[{"id": [1, 2, 3], "name": ["a", "b", "c"]}, {"size": [5, 6]}], first_unique=100)
    two = [Draw(values, part, 2) for part in range(2)]
    taken = [draw.take({"name", "unique"}) for draw in two * 2]
    assert [(each["id"], each["name"]) for each in taken] == [(1, "a"), (2, "b"), (3, "c"), (1, "a")]
    assert sorted(each["unique"] for each in taken) == [100, 101, 102, 103]
    assert two[0].take({"size"}) == {"size": 5}


def test_the_row_that_a_user_logs_in_with_stays_its_own() -> None:
    values = Values(known={"token": "t"}, tables=[{"who": ["ann", "bob"], "mail": ["a@x", "b@x"]}])
    draw = Draw(values)
    users = [UserValues(values.known, draw) for _ in range(2)]
    login = Before(name="login", path="/{who}/{unique}", per="user")
    assert [user.filled_and_kept(login).path.split("/")[1] for user in users] == ["ann", "bob"]
    mail = Request(name="mail", path="/{mail}/{unique}/{token}")
    paths = [user.filled(mail, mail.placeholders).path for user in [*users, *users]]
    assert [path.split("/")[1] for path in paths] == ["a%40x", "b%40x"] * 2
    assert len({path.split("/")[2] for path in paths}) == 4
