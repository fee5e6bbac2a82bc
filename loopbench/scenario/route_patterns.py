"""Whether a path is one of a route's. Both may be foreign: they are compared segment by segment, in linear time."""

import re
from collections.abc import Sequence
from itertools import starmap
from typing import Final

_PLACEHOLDER: Final = re.compile(r"\$?\{[^{}]*\}")
_REST: Final = re.compile(r"\{[^{}:]*:path\}")


def fits(route: str, path: str) -> bool:
    """Whether a route such as `/items/{id}` or `/files/{rest:path}` serves a path.

    `{rest:path}` takes any number of segments. A route with two of them, or with another placeholder in the segment of
    one, serves nothing here: to compare it might take time that grows with a power of the path's length.
    """
    parts, segments = route.split("/"), path.split("/")
    rests = [place for place, part in enumerate(parts) if _REST.search(part)]
    if rests:
        begin, after = rests[0], len(parts) - rests[0] - 1
        end = len(segments) - after
        ends = _REST.split(parts[begin])
        taken = "/".join(segments[begin:end])
        if len(rests) > 1 or len(ends) != 2 or any(map(_PLACEHOLDER.search, ends)) or begin >= end:
            return False
        if not (taken.startswith(ends[0]) and taken[len(ends[0]) :].endswith(ends[1])):
            return False
        parts, segments = parts[:begin] + parts[begin + 1 :], segments[:begin] + segments[end:]
    pieces = map(_PLACEHOLDER.split, parts)
    return len(parts) == len(segments) and all(starmap(_fits_segment, zip(pieces, segments, strict=True)))


def _fits_segment(pieces: Sequence[str], segment: str) -> bool:
    """Whether a segment is these pieces with at least a character between each two."""
    if len(pieces) == 1:
        return segment == pieces[0]
    at, end = len(pieces[0]), len(segment) - len(pieces[-1])
    for piece in pieces[1:-1]:
        found = segment.find(piece, at + 1, max(0, end))  # the first is as good as any: a later gap may be longer
        if found < 0:
            return False
        at = found + len(piece)
    return at < end and segment.startswith(pieces[0]) and segment.endswith(pieces[-1])
