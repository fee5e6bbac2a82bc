"""Finds a text in bytes, in every form in which programs print it: raw, escaped, encoded."""

import base64
import json
import math
import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from html.entities import codepoint2name
from itertools import groupby
from typing import Final, NamedTuple
from urllib.parse import quote, quote_plus

PIECE_CHARACTERS: Final = 2_000
"""Longer texts are searched for in pieces: one pattern for all of a long text takes long to compile."""

MAX_PIECES: Final = 5  # what comes after them is searched for as it is

PLAIN: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_"
"""Characters that no program escapes."""

MOST_BYTES: Final = 64
"""No form of one character takes more, as escapes are nested at most four times below."""

BACKSLASHES: Final = rb"\\{1,16}"  # each level of escaping doubles them
NO_BACKSLASHES: Final = b""  # after a run of quotes, which has taken them
AMPERSAND: Final = rb"&(?:amp;){0,3}"
QUOTES: Final = "'\"\\"
QUOTE: Final = (
    rb"(?:\\(?:042|047|134|[uUx]\{?0{0,6}(?:22|27|5[cC])\}?)|(?:%(?:25){0,3}|=)(?:22|27|5[cC])"
    rb"|&(?:amp;){0,3}(?:quot|apos|#0{0,6}(?:34|39|92)|#[xX]0{0,6}(?:22|27|5[cC]));|['\"\\])"
)
"""A quote or a backslash. In SQL and CSV a quote is doubled, and in a shell `'` is `'"'"'`: any run of them is one."""

LETTERS: Final = {"\n": "n", "\r": "r", "\t": "t", "\f": "f", "\b": "b", "\v": "v", "\a": "a", "\0": "0", "\x1b": "e"}


class Form(NamedTuple):
    """One text to find."""

    anchor: bytes  # a part of it that no program escapes: without it in the data, there is nothing to look for
    source: bytes  # of the pattern
    most_bytes: int

    def places(self, data: bytes) -> Iterator[tuple[int, int]]:
        """Begin and end of each occurrence in data that hold the anchor."""
        return (found.span() for found in _compiled(self.source).finditer(data))


@lru_cache(maxsize=1_000)
def _compiled(source: bytes) -> re.Pattern[bytes]:
    """Compile a pattern when its anchor is found: a piece of many marks takes 0.2 s, and few are ever needed."""
    return re.compile(source)


def forms(text: str) -> Iterator[Form]:
    """Yield what finds a text: a pattern of its raw and escaped forms, and one for each encoding."""
    size = math.ceil(len(text) / math.ceil(len(text) / PIECE_CHARACTERS))  # no piece is much shorter than another
    for number, start in enumerate(range(0, len(text), size)):
        yield _form(text[start : start + size], escaped=number < MAX_PIECES)
    for encoded in _encoded(text):
        yield _form(encoded)


def _form(text: str, *, escaped: bool = True) -> Form:
    raw = text.encode("utf-8", "surrogatepass")
    if not escaped:
        return Form(raw, re.escape(raw), len(raw))
    anchor = max(re.findall(f"[{PLAIN}]+", text), key=len, default="")
    return Form(anchor.encode(), b"".join(_runs(text)), len(raw) if anchor == text else MOST_BYTES * len(text))


def _encoded(text: str) -> set[str]:
    """The text, as it is and as part of a URL or of JSON, in base64 and in hexadecimal digits."""
    in_json = (json.dumps(text, ensure_ascii=only)[1:-1] for only in (True, False))
    return {each for part in {text, *_in_url(text), *in_json} for each in _digital(part)}


def _in_url(text: str) -> tuple[str, ...]:
    plain = text.encode("utf-8", "surrogatepass")
    return quote(plain, safe=""), quote(plain), quote_plus(plain)


def _digital(text: str) -> set[str]:
    """In base64, alone and amid other text at each offset, and in hexadecimal digits."""
    plain = text.encode("utf-8", "surrogatepass")
    # A digit has six bits. Those that share bits with the text around are left out.
    amid = (base64.b64encode(b"x" * pad + plain)[-(-pad * 8 // 6) : (pad + len(plain)) * 8 // 6] for pad in range(3))
    normal = {base64.b64encode(plain).decode(), *(each.decode() for each in amid)}
    url_safe = {each.translate(str.maketrans("+/", "-_")) for each in normal}
    return normal | url_safe | {plain.hex(), plain.hex().upper()}


def _runs(text: str) -> Iterator[bytes]:
    """The pattern of each character, and of each run of quotes.

    A run takes all backslashes there are and gives none back (`+` after the braces): shared with the escapes of the
    next character, those of a hostile text could be divided in more ways than can be tried.
    """
    lead = BACKSLASHES
    for is_quote, run in groupby(text, QUOTES.__contains__):
        characters = list(run)
        if is_quote:
            yield b"%b{1,%d}+" % (QUOTE, 16 * len(characters))
        else:
            yield _any_form(characters[0], lead)
            yield from (_any_form(each, BACKSLASHES) for each in characters[1:])
        lead = NO_BACKSLASHES if is_quote else BACKSLASHES


@lru_cache(maxsize=1_000)
def _any_form(character: str, lead: bytes) -> bytes:
    """The pattern of one character; `lead` is that of the backslashes before an escape."""
    if character in PLAIN:
        return character.encode()
    code, raw = ord(character), character.encode("utf-8", "surrogatepass")
    name = codepoint2name.get(code, "").encode()
    by_code = rb"%b(?:#(?:[xX]0{0,6}%b|0{0,6}%d)%b);" % (AMPERSAND, _digits(code), code, name and b"|" + name)
    if code < 128:
        letter = LETTERS.get(character, "").encode()
        escaped = rb"%b(?:%b|%03o%b)" % (lead, _by_number(code), code, letter and b"|" + letter)
        forms_of_it = [rb"\\{0,16}" + re.escape(raw), escaped, _in_digits(code), by_code]
    else:
        units = character.encode("utf-16-be", "surrogatepass")
        in_units = b"".join(lead + _by_number(int.from_bytes(units[at : at + 2])) for at in range(0, len(units), 2))
        whole = rb"%b(?:%b|N\{%b\})" % (lead, _by_number(code), re.escape(unicodedata.name(character, "").encode()))
        forms_of_it = [b"".join(_any_form_of_byte(byte, lead) for byte in raw), in_units, whole, by_code]
    return b"(?:%b)" % b"|".join([*forms_of_it, *([rb"\+"] if character == " " else [])])


def _any_form_of_byte(byte: int, lead: bytes) -> bytes:
    """The pattern of one byte of a character that is not ASCII: also as an app decodes a header, byte by byte."""
    raw, as_latin = re.escape(bytes([byte])), re.escape(chr(byte).encode())
    return rb"(?:%b|%b|%b(?:%b|%03o)|%b)" % (raw, as_latin, lead, _by_number(byte), byte, _in_digits(byte))


def _by_number(number: int) -> bytes:
    r"""The pattern of a number as in `\x2f`, `\u002f`, `\U0000002f` or `\u{2f}`, after the backslash."""
    return rb"[uUx]\{?0{0,6}%b\}?" % _digits(number)


def _in_digits(byte: int) -> bytes:
    """The pattern of a byte as `%2F`, `%252F` or `=2F`."""
    return rb"(?:%%(?:25){0,3}|=)%b%b" % (b"0?" if byte < 16 else b"", _digits(byte))


def _digits(number: int) -> bytes:
    """The pattern of a number in hexadecimal digits of either case."""
    return "".join(f"[{digit}{digit.upper()}]" if digit.isalpha() else digit for digit in f"{number:x}").encode()
