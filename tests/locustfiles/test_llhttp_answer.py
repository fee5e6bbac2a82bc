"""The parser: the pieces in which an answer arrives do not change the result or the kind of error."""

import contextlib
from collections.abc import Callable
from itertools import pairwise
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopbench.llhttp import answer as answers_module
from loopbench.llhttp.answer import MEMORY_HEADS, Answer, AnswerReader, Head, HeadMemory, Limits, header_pairs
from loopbench.llhttp.connection import Connection, TlsWire
from loopbench.llhttp.errors import (
    BodyTooLargeError,
    ExcessDataError,
    HeaderTooLargeError,
    LlhttpError,
    MalformedAnswerError,
    TruncatedAnswerError,
)
from loopbench.llhttp.request import encode

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
LIMITS = Limits(header_bytes=500, body_bytes=100)


def read(*pieces: bytes, head_only: bool = False, closed: bool = False, memory: HeadMemory | None = None) -> Answer:
    """Feed these pieces to a new reader and return the answer."""
    reader = AnswerReader(LIMITS)
    reader.begin(memory or HeadMemory(), head_only=head_only)
    for piece in pieces:
        answer = reader.feed(piece)
        if answer is not None:
            return answer
    assert closed, "the answer should have been whole"
    return reader.end()


def cut(data: bytes, positions: list[int]) -> list[bytes]:
    """Cut the data at these positions."""
    edges = [0, *sorted({position % len(data) for position in positions} - {0}), len(data)]
    return [data[start:end] for start, end in pairwise(edges)]


header_names = st.from_regex(r"[A-Za-z][A-Za-z0-9-]{0,10}", fullmatch=True).map(lambda name: "X-" + name)
header_values = st.from_regex(r"[!-~]([ -~]{0,20}[!-~])?", fullmatch=True)
bodies = st.binary(max_size=60)


@st.composite
def answers(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """Draw a valid answer as bytes, and its body."""
    lines = "".join(f"{n}: {v}\r\n" for n, v in draw(st.lists(st.tuples(header_names, header_values), max_size=3)))
    start = f"HTTP/1.1 {draw(st.sampled_from((200, 201, 404, 500)))} Reason\r\n{lines}".encode()
    interim = b"".join(draw(st.lists(st.sampled_from((CONTINUE, b"HTTP/1.1 103 H\r\nLink: x\r\n\r\n")), max_size=2)))
    body = draw(bodies)
    if draw(st.booleans()):
        return interim + start + b"Content-Length: %d\r\n\r\n" % len(body) + body, body
    chunks = [piece for piece in cut(body, draw(st.lists(st.integers(0, 60), max_size=3))) if piece] if body else []
    coded = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)
    return interim + start + b"Transfer-Encoding: chunked\r\n\r\n" + coded + b"0\r\nX-T: 1\r\n\r\n", body


@given(answers(), st.lists(st.integers(0, 10_000), max_size=8))
def test_any_split_of_an_answer_gives_the_same_answer(answer: tuple[bytes, bytes], positions: list[int]) -> None:
    data, body = answer
    whole = read(data)
    assert whole.body == body
    assert read(*cut(data, positions)) == whole


@given(answers(), st.integers(0, 10_000))
def test_an_answer_that_stops_early_is_truncated(answer: tuple[bytes, bytes], position: int) -> None:
    data, _ = answer
    with pytest.raises(TruncatedAnswerError):
        read(data[: position % len(data)], closed=True)


@given(st.binary(min_size=1, max_size=100), st.lists(st.integers(0, 100), max_size=4))
def test_random_bytes_give_an_answer_or_an_llhttp_error(noise: bytes, positions: list[int]) -> None:
    with contextlib.suppress(LlhttpError):
        assert isinstance(read(*cut(noise, positions), closed=True), Answer)


@given(answers(), st.lists(answers(), max_size=3))
def test_a_reader_reads_several_answers(first: tuple[bytes, bytes], others: list[tuple[bytes, bytes]]) -> None:
    reader = AnswerReader(LIMITS)
    for data, body in (first, *others):
        reader.begin(HeadMemory(), head_only=False)
        answer = reader.feed(data)
        assert answer is not None
        assert answer.body == body


@given(answers(), bodies)
def test_a_recognised_answer_equals_the_parsed_one(answer: tuple[bytes, bytes], other: bytes) -> None:
    """For the same head with any bytes after it, the memory and the parser give the same result."""
    memory = HeadMemory()
    head = read(answer[0], memory=memory).head
    data = head.raw + other
    recognised = memory.recognise(data)
    if recognised is not None:
        assert recognised == read(data)


@pytest.mark.parametrize(
    ("data", "head_only", "status", "body"),
    [
        pytest.param(OK + b"hello", False, 200, b"hello", id="length"),
        pytest.param(OK.replace(b"5", b"0"), False, 200, b"", id="length of nothing"),
        pytest.param(CHUNKED + b"5\r\nhello\r\n0\r\n\r\n", False, 200, b"hello", id="chunks"),
        pytest.param(CHUNKED + b"5\r\nhello\r\n0\r\nA: b\r\n\r\n", False, 200, b"hello", id="chunks, trailers"),
        pytest.param(CONTINUE * 3 + OK + b"hello", False, 200, b"hello", id="after three 100s"),
        pytest.param(b"HTTP/1.1 204 No Content\r\n\r\n", False, 204, b"", id="204"),
        pytest.param(b"HTTP/1.1 304 N\r\nContent-Length: 5\r\n\r\n", False, 304, b"", id="304 with a length"),
        pytest.param(OK, True, 200, b"", id="HEAD with a length"),
        pytest.param(CHUNKED, True, 200, b"", id="HEAD with chunks announced"),
        pytest.param(CONTINUE + OK, True, 200, b"", id="HEAD after a 100"),
    ],
)
def test_an_answer_ends_where_http_says(data: bytes, head_only: bool, status: int, body: bytes) -> None:
    for pieces in ([data], [data[i : i + 1] for i in range(len(data))]):
        answer = read(*pieces, head_only=head_only)
        assert (answer.head.status, answer.body) == (status, body)


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"SSH-2.0-OpenSSH\r\n", MalformedAnswerError),
        (b"\r\n\r\n" + OK, MalformedAnswerError),
        (b"HTTP/1.1 099 Low\r\n\r\n", MalformedAnswerError),
        (OK.replace(b"5", b"5x"), MalformedAnswerError),
        (OK.replace(b"\r\n", b"\n"), MalformedAnswerError),
        (OK.replace(b"\r\n\r\n", b"\r\nContent-Length: 6\r\n\r\n"), MalformedAnswerError),
        (CHUNKED.replace(b"\r\n\r\n", b"\r\nContent-Length: 6\r\n\r\n"), MalformedAnswerError),
        (CHUNKED + b"xyz\r\n", MalformedAnswerError),
        (b"HTTP/1.1 101 S\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n", MalformedAnswerError),
        (OK + b"hello!", ExcessDataError),
        (OK + b"hello\r\n", ExcessDataError),
        (OK + b"helloHT", ExcessDataError),
        (OK + b"hello" + OK + b"hello", ExcessDataError),
        (CHUNKED + b"0\r\n\r\nHT", ExcessDataError),
        (b"HTTP/1.1 204 No Content\r\n\r\nx", ExcessDataError),
        (OK[:-2] + b"X: " + b"a" * 500, HeaderTooLargeError),
        (CONTINUE * 21, HeaderTooLargeError),
        (OK.replace(b"5", b"500") + b"a" * 101, BodyTooLargeError),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"a" * 101, BodyTooLargeError),
    ],
)
def test_each_malformed_answer_has_its_error_type(data: bytes, error: type[LlhttpError]) -> None:
    with pytest.raises(error):
        read(data)


def test_a_body_after_a_head_answer_is_excess_data() -> None:
    with pytest.raises(ExcessDataError):
        read(OK + b"hello", head_only=True)


def test_without_a_length_the_body_lasts_until_the_close() -> None:
    answer = read(b"HTTP/1.1 200 OK\r\n\r\nhel", b"lo", closed=True)
    assert (answer.body, answer.head.keep_alive) == (b"hello", False)


def test_a_close_before_the_announced_length_is_truncation() -> None:
    with pytest.raises(TruncatedAnswerError):
        read(OK + b"hell", closed=True)


@pytest.mark.parametrize(
    ("data", "head_only", "stays"),
    [
        (OK + b"hello", False, True),
        (OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n") + b"hello", False, False),
        (OK.replace(b"1.1", b"1.0") + b"hello", False, False),
        (
            OK.replace(b"1.1", b"1.0").replace(b"\r\n\r\n", b"\r\nConnection: keep-alive\r\n\r\n") + b"hello",
            False,
            True,
        ),
        (OK.replace(b"5", b"0"), False, True),
        (OK.replace(b"5\r\n", b"0\r\nConnection: close\r\n"), False, False),
        (b"HTTP/1.1 204 No Content\r\n\r\n", False, True),
        (b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n", False, False),
        (CHUNKED + b"0\r\n\r\n", False, True),
        (CONTINUE + OK + b"hello", False, True),
        (b"HTTP/1.1 200 OK\r\n\r\n", True, True),
        (b"HTTP/1.1 200 OK\r\nConnection: x, Close\r\n\r\n", True, False),
        (b"HTTP/1.0 200 OK\r\n\r\n", True, False),
    ],
)
def test_keep_alive_follows_the_headers(data: bytes, head_only: bool, stays: bool) -> None:
    assert read(data, head_only=head_only).head.keep_alive is stays


def test_a_repeated_head_is_recognised() -> None:
    memory = HeadMemory()
    first = read(OK + b"hello", memory=memory)
    assert memory.recognise(OK + b"world") == first._replace(body=b"world")


@pytest.mark.parametrize("data", [OK + b"hell", OK + b"hello!", OK[:-1], b"", OK.replace(b"200", b"201") + b"hello"])
def test_only_a_whole_exact_answer_is_recognised(data: bytes) -> None:
    memory = HeadMemory()
    read(OK + b"hello", memory=memory)
    assert memory.recognise(data) is None


def test_chunks_are_never_remembered() -> None:
    """Their head does not announce the number of bytes."""
    memory = HeadMemory()
    read(CHUNKED + b"0\r\n\r\n", memory=memory)
    assert not memory.heads


def test_the_memory_is_bounded() -> None:
    memory = HeadMemory()
    for number in range(3 * MEMORY_HEADS):
        memory.remember(Head(200, keep_alive=True, body_bytes=0, raw=b"%d" % number))
    assert len(memory.heads) <= MEMORY_HEADS
    memory.remember(Head(200, keep_alive=True, body_bytes=0, raw=bytes(100_000)))
    assert bytes(100_000) not in memory.heads


def test_a_reader_that_read_a_head_answer_reads_bodies_again() -> None:
    reader = AnswerReader(LIMITS)
    for head_only, data in ((True, OK), (False, OK + b"hello"), (True, OK), (True, OK), (False, OK + b"world")):
        reader.begin(HeadMemory(), head_only=head_only)
        answer = reader.feed(data)
        assert answer is not None
        assert answer.body == data[len(OK) :]


def test_header_lines_keep_their_order_and_repetitions() -> None:
    raw = b"HTTP/1.1 200 OK\r\nSet-Cookie: a\r\nX-B: c\r\nset-cookie: d\r\n\r\n"
    assert header_pairs(raw) == [("set-cookie", "a"), ("x-b", "c"), ("set-cookie", "d")]


@pytest.mark.parametrize(
    ("status", "line", "plain"),
    [
        (200, b"Vary: Content-Encoding", True),
        (201, b"Location: /a", True),
        (404, b"X: y", False),
        (302, b"Location: /a", False),
        (200, b"SET-COOKIE: a=1", False),
        (200, b"content-encoding: gzip", False),
    ],
)
def test_a_plain_answer_needs_no_further_work(status: int, line: bytes, plain: bool) -> None:
    raw = b"HTTP/1.1 %d X\r\n%s\r\nContent-Length: 0\r\n\r\n" % (status, line)
    assert read(raw).head.plain is plain


LONG = b"HTTP/1.1 200 OK\r\nContent-Length: 60\r\n\r\n"
UNTIL_CLOSE = b"HTTP/1.1 200 OK\r\n\r\n"


def begun(data: bytes) -> AnswerReader:
    """Return a reader that got the first part of an answer."""
    reader = AnswerReader(LIMITS)
    reader.begin(HeadMemory(), head_only=False)
    assert reader.feed(data) is None
    return reader


@pytest.fixture
def small_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers_module, "MAX_HELD_BYTES", 100)
    monkeypatch.setattr(AnswerReader, "held_bytes", 0)


@pytest.mark.usefixtures("small_budget")
@pytest.mark.parametrize(
    ("data", "give_back"),
    [
        (LONG + b"x" * 55, lambda reader: reader.feed(b"y" * 5)),
        (LONG + b"x" * 55, lambda reader: reader.take()),
        (LONG + b"x" * 55, lambda reader: reader.give_back()),
        (CHUNKED + b"1\r\nx\r\n" * 55, lambda reader: reader.feed(b"0\r\n\r\n")),
        (UNTIL_CLOSE + b"x" * 55, lambda reader: reader.end()),
    ],
)
def test_all_unfinished_bodies_of_a_process_share_a_budget(
    data: bytes, give_back: Callable[[AnswerReader], object]
) -> None:
    """None is too large alone. What was finished, taken or closed counts no more."""
    first, second, third = begun(data), begun(OK), begun(LONG)
    assert AnswerReader.held_bytes == 55
    with pytest.raises(BodyTooLargeError, match="together"):
        third.feed(b"x" * 46)
    third.give_back()
    give_back(first)
    assert AnswerReader.held_bytes == 0
    assert second.feed(b"hello") is not None
    begun(LONG + b"x" * 46).give_back()


@pytest.mark.usefixtures("small_budget")
def test_a_streamed_body_holds_only_what_was_not_taken() -> None:
    reader = begun(CHUNKED)
    for _ in range(2):
        assert reader.feed(b"9\r\nsome data\r\n" * 5) is None
        assert AnswerReader.held_bytes == 45
        assert reader.take() == b"some data" * 5


@pytest.mark.usefixtures("small_budget")
def test_a_closed_connection_holds_nothing() -> None:
    wire = mock.Mock(spec=TlsWire)
    wire.first.return_value = LONG + b"x" * 55
    wire.more.return_value = b""
    connection = Connection(wire, LIMITS)
    with pytest.raises(TruncatedAnswerError):
        connection.exchange(encode("GET", "http://127.0.0.1/"), 0.0)
    assert AnswerReader.held_bytes == 55
    connection.close()
    assert AnswerReader.held_bytes == 0
    wire.close.assert_called_once_with()


@pytest.mark.usefixtures("small_budget")
def test_an_answer_in_one_piece_is_not_counted() -> None:
    """However large."""
    assert read(OK.replace(b"5", b"99") + b"x" * 99).body == b"x" * 99
    assert AnswerReader.held_bytes == 0
