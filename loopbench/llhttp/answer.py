"""Parses bytes into HTTP/1 answers. It uses no sockets, so that it can be tested byte by byte.

llhttp decides what is HTTP. This module handles what llhttp leaves to its user: HEAD answers (llhttp would wait for a
body), 1xx answers (skipped), bodies that last until close, bytes after the end, and limits.

The same bytes always parse to the same head, and a server repeats its heads (the Date line changes once a second).
Heads that llhttp accepted are therefore remembered byte for byte. An answer that came whole, with a remembered head and
exactly the announced number of bytes after it, is not parsed again (`HeadMemory.recognise`).
"""

from typing import ClassVar, Final, NamedTuple

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from loopbench.llhttp.errors import (
    BodyTooLargeError,
    ExcessDataError,
    HeaderTooLargeError,
    MalformedAnswerError,
    TruncatedAnswerError,
)

HEAD_END: Final = b"\r\n\r\n"
DEFAULT_MAX_HEADER_BYTES: Final = 64 * 1024
DEFAULT_MAX_BODY_BYTES: Final = 256 * 1024 * 1024
MAX_HELD_BYTES: Final = 1024 * 1024 * 1024
"""Of all bodies together that a process has received in part: many users may get an endless one at the same time."""

_answer_of = tuple.__new__  # half the cost of a NamedTuple's own constructor, for every request

MEMORY_HEADS: Final = 512
MEMORY_HEAD_BYTES: Final = 4096


class Head(NamedTuple):
    """The header section of an answer."""

    status: int
    keep_alive: bool
    body_bytes: int  # bytes that follow; only used of a remembered head
    raw: bytes  # status line and headers, with the empty line that ends them
    plain: bool = True  # a 2xx without cookies and encoded body: the client has nothing more to do


class Answer(NamedTuple):
    """One whole answer."""

    head: Head
    body: bytes


class Limits(NamedTuple):
    """How much of an answer is accepted."""

    header_bytes: int = DEFAULT_MAX_HEADER_BYTES
    body_bytes: int = DEFAULT_MAX_BODY_BYTES


class HeadMemory:
    """Heads that llhttp accepted and that announce a fixed length. One memory for HEAD requests, one for the rest."""

    def __init__(self) -> None:
        self.heads: dict[bytes, Head] = {}

    def recognise(self, data: bytes) -> Answer | None:
        """Return the answer in `data` if it is whole, exact and begins with a remembered head; else None."""
        end = data.find(HEAD_END) + 4
        head = self.heads.get(data[:end])
        if head is None or head.body_bytes != len(data) - end:
            return None
        return _answer_of(Answer, (head, data[end:]))

    def remember(self, head: Head) -> None:
        """Keep a head. A full memory is cleared, so that heads that never repeat cannot fill it for good."""
        if len(head.raw) > MEMORY_HEAD_BYTES:
            return
        if len(self.heads) >= MEMORY_HEADS:
            self.heads.clear()
        self.heads[head.raw] = head


class AnswerReader:
    """Reads the answers of one connection in sequence, from pieces of any size.

    Args:
        limits: the largest answer that is accepted.
    """

    held_bytes: ClassVar[int] = 0  # by all readers of this process: parts of bodies that have not come whole

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._held = 0  # our part of `held_bytes`
        self._parser = HttpResponseParser(self)
        self._raw = bytearray()  # the header section so far
        self._memory = HeadMemory()
        self._head_only = False
        self._reset()

    def begin(self, memory: HeadMemory, *, head_only: bool) -> None:
        """Prepare for the next answer.

        Args:
            memory: remembers the head of a whole answer if its length was fixed.
            head_only: the request was a HEAD, so the answer ends with its headers whatever they announce.
        """
        if self._head_only:  # llhttp still waits for the body that the last answer announced
            self._parser = HttpResponseParser(self)
        self._memory = memory
        self._head_only = head_only
        self._reset()

    def give_back(self) -> None:
        """Drop the part of a body that is held: its connection is closed."""
        self._pieces.clear()
        self._hold(0)

    def _reset(self) -> None:
        self._header_bytes = 0  # all header sections, interim ones included
        self.head: Head | None = None  # None until the header section has come
        self._pieces: list[bytes] = []
        self._joined = 0  # leading pieces, each with all that one feed brought
        self._size = 0
        self._fed = 0  # bytes after the head
        self._chunked = False
        self._begun = 0
        self._headers_complete = False
        self._keep_alive = False
        self._complete = False

    def feed(self, data: bytes) -> Answer | None:
        """Take received bytes; return the answer if it is whole, else None.

        Raises:
            MalformedAnswerError, ExcessDataError, HeaderTooLargeError, BodyTooLargeError: the connection is unusable.
        """
        try:
            rest = data if self.head else self._feed_head(data)
            if self.head is None:
                return None
            if rest and not self._ended:
                self._fed += len(rest)
                self._parser.feed_data(rest)
                rest = b""
        except HttpParserUpgrade:
            raise MalformedAnswerError("the server switched protocols") from None
        except HttpParserError as error:
            if self._complete:
                raise ExcessDataError("bytes after the end of the answer") from None
            raise MalformedAnswerError(str(error)) from None
        return self._progress(rest)

    def end(self) -> Answer:
        """Handle the server's close: return the answer if closing ends it."""
        if self.head is None:
            raise TruncatedAnswerError("closed in the header section")
        if not self._lasts_until_close():
            raise TruncatedAnswerError("closed in the body")
        return Answer(self.head._replace(keep_alive=False, body_bytes=self._size), self.take())

    @property
    def _ended(self) -> bool:
        return self._complete or self._head_only

    def _feed_head(self, data: bytes) -> bytes:
        """Feed header sections, interim ones included, to the end of the final one. Return the bytes after it."""
        while data:
            before = len(self._raw)
            self._raw += data
            end = self._raw.find(HEAD_END, max(0, before - 3)) + 4
            cut = len(data) if end < 4 else end - before
            self._parser.feed_data(data[:cut])
            self._header_bytes += cut
            if self._header_bytes > self._limits.header_bytes:
                raise HeaderTooLargeError("header section too large")
            data = data[cut:]
            if end >= 4 and self._section_ends(bytes(self._raw[:end])):
                break
        return data

    def _section_ends(self, raw: bytes) -> bool:
        """Return True at the end of the final header section; discard an interim one."""
        status = self._parser.get_status_code()
        if not self._headers_complete or status < 100:
            raise MalformedAnswerError("no status line")
        self._raw.clear()
        if status < 200:
            self._begun, self._headers_complete, self._complete = 0, False, False
            return False
        keep_alive = self._keep_alive or (self._head_only and _asks_to_stay(raw))
        self.head = Head(status, keep_alive, 0, raw, _is_plain(status, raw))
        return True

    def take(self) -> bytes:
        """Return the part of the body that came since the last call."""
        piece = b"".join(self._pieces)
        self._pieces.clear()
        if self._held:
            self._joined = 0
            self._hold(0)
        return piece

    def _hold_pieces(self) -> None:
        """Count what came of an unfinished body; chunks are joined, because an object for each takes more memory."""
        new = self._pieces[self._joined :]
        if not new:
            return
        self._pieces[self._joined :] = [b"".join(new)]
        self._joined = len(self._pieces)
        self._hold(self._held + len(self._pieces[-1]))
        if AnswerReader.held_bytes > MAX_HELD_BYTES:
            raise BodyTooLargeError("bodies too large together")

    def _hold(self, size: int) -> None:
        AnswerReader.held_bytes += size - self._held
        self._held = size

    def _progress(self, rest: bytes) -> Answer | None:
        assert self.head is not None
        if self._size > self._limits.body_bytes:
            raise BodyTooLargeError("body too large")
        if not self._ended:
            self._hold_pieces()
            return None
        # llhttp skips line ends between messages; after a body of fixed length they are excess data too
        if rest or self._begun > 1 or (not self._chunked and self._fed != self._size):
            raise ExcessDataError("bytes after the end of the answer")
        head = self.head._replace(body_bytes=self._size)
        if not self._chunked:
            self._memory.remember(head)
        return Answer(head, self.take())

    def _lasts_until_close(self) -> bool:
        """Whether neither a length nor chunks were announced (RFC 9112, section 6.3, rule 8)."""
        assert self.head is not None
        headers = header_pairs(self.head.raw)
        return not self._chunked and not any(
            name == "content-length" or (name == "transfer-encoding" and "chunked" in value.lower())
            for name, value in headers
        )

    def on_message_begin(self) -> None:
        """Called by llhttp."""
        self._begun += 1

    def on_headers_complete(self) -> None:
        """Called by llhttp, which has these facts only now: it discards the headers at the end of a message."""
        self._headers_complete = True
        self._keep_alive = self._parser.should_keep_alive()

    def on_chunk_header(self) -> None:
        """Called by llhttp."""
        self._chunked = True

    def on_body(self, piece: bytes) -> None:
        """Called by llhttp."""
        self._pieces.append(piece)
        self._size += len(piece)

    def on_message_complete(self) -> None:
        """Called by llhttp."""
        self._complete = True


class _HeaderCollector:
    def __init__(self) -> None:
        self.pairs: list[tuple[str, str]] = []

    def on_header(self, name: bytes, value: bytes) -> None:
        self.pairs.append((name.decode("latin-1").lower(), value.decode("latin-1")))


def header_pairs(raw: bytes) -> list[tuple[str, str]]:
    """Return the names (lower case) and values of a header section that llhttp has accepted, in order."""
    collector = _HeaderCollector()
    HttpResponseParser(collector).feed_data(raw)
    return collector.pairs


def _is_plain(status: int, raw: bytes) -> bool:
    names = raw.lower()
    return status < 300 and b"\nset-cookie" not in names and b"\ncontent-encoding" not in names


def _asks_to_stay(raw: bytes) -> bool:
    """Return whether a HEAD answer keeps the connection alive; llhttp would expect a body and, without one, a close."""
    stays = raw.lstrip(b"\r\n").startswith(b"HTTP/1.1")
    for name, value in header_pairs(raw):
        if name == "connection":
            tokens = {token.strip().lower() for token in value.split(",")}
            stays = "close" not in tokens and (stays or "keep-alive" in tokens)
    return stays
