"""Finds a text in bytes, in every form in which programs print it: raw, escaped, encoded."""

import base64
import json
import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import groupby
from typing import Final, NamedTuple
from urllib.parse import quote, quote_plus

PIECE_CHARACTERS: Final = 2_000
"""Longer texts are searched for in pieces: one pattern for all of a long text takes long to compile."""

MAX_PIECES: Final = 5  # what comes after them is searched for as it is

PLAIN: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_"
"""Characters that nobody escapes."""

MOST_BYTES: Final = 64
"""No form of one character takes more, as escapes are nested at most four times below."""

BACKSLASHES: Final = rb"\\{1,16}"  # each level of escaping doubles them
AMPERSAND: Final = rb"&(?:amp;){0,3}"
QUOTES: Final = "'\"\\"
QUOTE: Final = (
    rb"(?:['\"\\]|\\(?:042|047|134|[uUx]\{?0{0,6}(?:22|27|5[cC])\}?)|(?:%(?:25){0,3}|=)(?:22|27|5[cC])"
    rb"|&(?:amp;){0,3}(?:quot|apos|#0{0,6}(?:34|39|92)|#[xX]0{0,6}(?:22|27|5[cC]));)"
)
"""A quote or a backslash. In SQL and CSV a quote is doubled, and in a shell `'` is `'"'"'`: any run of them is one."""

LETTERS: Final = {"\n": "n", "\r": "r", "\t": "t", "\f": "f", "\b": "b", "\v": "v", "\a": "a", "\0": "0", "\x1b": "e"}
NAMES: Final = {"<": "lt", ">": "gt", "&": "amp", "\xa0": "nbsp"}


class Form(NamedTuple):
    """One text to find."""

    pattern: re.Pattern[bytes]
    most_bytes: int

    def spanning(self, data: bytes, cut: int) -> tuple[int, int] | None:
        """Begin and end of the first occurrence that a cut would divide."""
        at, end = max(0, cut - self.most_bytes), cut + self.most_bytes
        while found := self.pattern.search(data, at, end):
            if found.start() >= cut:
                return None
            if found.end() > cut:
                return found.span()
            at = found.start() + 1
        return None


def forms(text: str) -> Iterator[Form]:
    """Yield what finds a text: a pattern of its raw and escaped forms, and one for each encoding."""
    for number, start in enumerate(range(0, len(text), PIECE_CHARACTERS)):
        piece = text[start : start + PIECE_CHARACTERS]
        raw = piece.encode("utf-8", "surrogatepass")
        escaped = re.escape(raw) if number >= MAX_PIECES else b"".join(_runs(piece))
        yield Form(re.compile(escaped), len(raw) if escaped == raw else MOST_BYTES * len(piece))
    for encoded in _encoded(text):
        yield Form(re.compile(re.escape(encoded)), len(encoded))


def _encoded(text: str) -> set[bytes]:
    """The text, as it is and as part of a URL or of JSON, in base64 and in hexadecimal digits."""
    in_json = (json.dumps(text, ensure_ascii=only)[1:-1] for only in (True, False))
    return {each for part in {text, *_in_url(text), *in_json} for each in _digital(part)}


def _in_url(text: str) -> tuple[str, ...]:
    plain = text.encode("utf-8", "surrogatepass")
    return quote(plain, safe=""), quote(plain), quote_plus(plain)


def _digital(text: str) -> set[bytes]:
    """In base64, alone and amid other text at each offset, and in hexadecimal digits."""
    plain = text.encode("utf-8", "surrogatepass")
    # A digit has six bits. Those that share bits with the text around are left out.
    amid = (base64.b64encode(b"x" * pad + plain)[-(-pad * 8 // 6) : (pad + len(plain)) * 8 // 6] for pad in range(3))
    normal = {base64.b64encode(plain), *amid}
    url_safe = {each.translate(bytes.maketrans(b"+/", b"-_")) for each in normal}
    return normal | url_safe | {plain.hex().encode(), plain.hex().upper().encode()}


def _runs(text: str) -> Iterator[bytes]:
    for is_quote, run in groupby(text, QUOTES.__contains__):
        characters = list(run)
        yield b"%b{1,%d}" % (QUOTE, 16 * len(characters)) if is_quote else b"".join(map(_any_form, characters))


@lru_cache(maxsize=1_000)
def _any_form(character: str) -> bytes:
    """The pattern of one character."""
    if character in PLAIN:
        return character.encode()
    code, raw = ord(character), character.encode("utf-8", "surrogatepass")
    name = NAMES.get(character, "").encode()
    by_code = rb"%b(?:#(?:[xX]0{0,6}%b|0{0,6}%d)%b);" % (AMPERSAND, _digits(code), code, name and b"|" + name)
    if code < 128:
        letter = LETTERS.get(character, "").encode()
        escaped = rb"%b(?:%b|%03o%b)" % (BACKSLASHES, _by_number(code), code, letter and b"|" + letter)
        forms_of_it = [rb"\\{0,16}" + re.escape(raw), escaped, _in_digits(code), by_code]
    else:
        units = character.encode("utf-16-be", "surrogatepass")
        in_units = b"".join(
            BACKSLASHES + _by_number(int.from_bytes(units[at : at + 2])) for at in range(0, len(units), 2)
        )
        whole = BACKSLASHES + _by_number(code)
        forms_of_it = [b"".join(map(_any_form_of_byte, raw)), in_units, whole, by_code]
    return b"(?:%b)" % b"|".join([*forms_of_it, *([rb"\+"] if character == " " else [])])


def _any_form_of_byte(byte: int) -> bytes:
    """The pattern of one byte of a character that is not ASCII: also as an app decodes a header, byte by byte."""
    raw, as_latin = re.escape(bytes([byte])), re.escape(chr(byte).encode())
    return rb"(?:%b|%b|%b(?:%b|%03o)|%b)" % (raw, as_latin, BACKSLASHES, _by_number(byte), byte, _in_digits(byte))


def _by_number(number: int) -> bytes:
    r"""The pattern of a number as in `\x2f`, `\u002f`, `\U0000002f` or `\u{2f}`, after the backslash."""
    return rb"[uUx]\{?0{0,6}%b\}?" % _digits(number)


def _in_digits(byte: int) -> bytes:
    """The pattern of a byte as `%2F`, `%252F` or `=2F`."""
    return rb"(?:%%(?:25){0,3}|=)%b%b" % (b"0?" if byte < 16 else b"", _digits(byte))


def _digits(number: int) -> bytes:
    """The pattern of a number in hexadecimal digits of either case."""
    return "".join(f"[{digit}{digit.upper()}]" if digit.isalpha() else digit for digit in f"{number:x}").encode()
