"""A figure as SVG to be put into a page: without styles, so that a strict content security policy lets it be.

matplotlib writes `style=` attributes and a style sheet of its own. Here both become plain attributes: colours show even
where a server strips every style, and a page's sheet can still turn them for the dark (`theme`).
"""

import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final
from xml.etree import ElementTree as ET

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from loopbench.plots import style

TIP: Final = "tip:"
"""Begins the group id of what shows words to a pointer: matplotlib knows no titles, but writes such ids. In files they
stay ids, which are not shown."""

_SVG: Final = "{http://www.w3.org/2000/svg}"
_HREF: Final = "{http://www.w3.org/1999/xlink}href"
_POINTS_AN_INCH: Final = 72.0
_LONG_NUMBER: Final = re.compile(r"-?\d+\.\d{2,}")
_STEPS: Final = re.compile(r"([MLz])([^MLz]*)")
_STRAIGHT: Final = re.compile(r"[MLz\d\s.-]+")  # a path of straight lines only
_ONE_LINE: Final = re.compile(r"M[\d.\- ]+l-?[\d.]+[ -][\d.-]+")  # as `relative` writes it
_AROUND_COMMANDS: Final = re.compile(r" ?([A-Za-z]) ?")
_ZERO_BEFORE_POINT: Final = re.compile(r"(?<![\d.])0\.")
_GEOMETRY: Final = ("d", "x", "y", "width", "height", "transform", "points")
_DROPPED: Final = frozenset({"metadata", "style"})
_DEFAULTS: Final = {"text-anchor": "start", "stroke-dashoffset": "0"}  # of SVG
_MADE_ID: Final = re.compile(r"([mpC][0-9a-f]{5})[0-9a-f]{5}")  # matplotlib's, by what is drawn; half of it tells apart
# on the root: matplotlib's own sheet, and the size of most texts, each of which matplotlib gives its size
_INHERITED: Final = {"stroke-linejoin": "round", "stroke-linecap": "butt", "font-size": "10px"}


_USUAL: Final = _DEFAULTS | _INHERITED


@dataclass(frozen=True, slots=True)
class Band:
    """A strip of a figure over its whole width, in inches from its top."""

    top_in: float
    height_in: float


def inline_svg(figure: Figure, *, name: str, title: str, alt: str) -> str:
    """The figure as one `<svg>` element in HTML's spelling."""
    root = _plain(figure, name)
    attributes = _frame(figure, Band(0.0, figure.get_figheight()))
    root.attrib.clear()
    root.attrib.update(attributes | {"role": "img", "aria-labelledby": f"{name}-title {name}-alt"})
    for place, (tag, part, text) in enumerate((("title", "title", title), ("desc", "alt", alt))):
        described = ET.Element(tag, {"id": f"{name}-{part}"})
        described.text = text
        root.insert(place, described)
    _prune(root)
    return _text(root)


def _text(root: ET.Element) -> str:
    return ET.tostring(root, encoding="unicode").replace(" />", "/>")  # `>` in a text is an entity


def split_svg(figure: Figure, bands: Sequence[Band], *, name: str) -> tuple[str, ...]:
    """Each axes of a figure of one column as an `<svg>` of its own, for a page that sets them side by side."""
    root = _plain(figure, name)
    groups = [group for group in root.iter("g") if group.get("id", "").startswith(f"{name}-axes_")]
    shared = [child for child in root if child.tag == "defs"]
    parts: list[str] = []
    for group, band in zip(groups, bands, strict=True):
        part = ET.Element("svg", _frame(figure, band) | {"aria-hidden": "true"})
        part.extend([group] if parts else [*shared, group])
        _prune(part)
        parts.append(_text(part))
    return tuple(parts)


def tip_zone(axes: Axes, left: float, width: float, words: str) -> None:
    """Show these words over a part of the axes' width (fractions of it) and all of its height; nothing is drawn."""
    box = Rectangle((left, 0), width, 1, transform=axes.transAxes, fill=False, linewidth=0, zorder=20)
    box.set_gid(f"{TIP}{words}")
    axes.add_patch(box)


def _frame(figure: Figure, band: Band) -> dict[str, str]:
    numbers = (0.0, band.top_in, figure.get_figwidth(), band.height_in)
    view = " ".join(f"{number * _POINTS_AN_INCH:.4g}" for number in numbers)
    size = {"width": view.split()[2], "height": view.split()[3]}  # where a page's styles are stripped
    return {"class": "chart", "viewBox": view, **size, **_INHERITED}


def _plain(figure: Figure, name: str) -> ET.Element:
    root = _parse(figure)
    for element in root.iter():
        _make_plain(element, name)
    _drop_overridden(root)
    return root


def _drop_overridden(root: ET.Element) -> None:
    """Remove from each `<use>` what the picture that it shows sets itself, and the colour that fills a line."""
    drawn = {element.get("id"): element for element in root.iter()}
    for use in root.iter("use"):
        own = drawn[use.attrib["href"].removeprefix("#")].attrib
        for key in own.keys() & {"stroke", "stroke-width", "stroke-opacity", "fill", "fill-opacity"}:
            use.attrib.pop(key, None)
        if _ONE_LINE.fullmatch(own.get("d", "")):
            use.attrib.pop("fill", None)


def _parse(figure: Figure) -> ET.Element:
    buffer = io.BytesIO()
    with style.look():
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    return ET.fromstring(buffer.getvalue())  # noqa: S314  matplotlib's own output, made one line above


def _make_plain(element: ET.Element, name: str) -> None:
    """HTML's tag names, plain attributes, no white space between tags."""
    element.tag = element.tag.removeprefix(_SVG)
    words = element.attrib.pop("id") if element.attrib.get("id", "").startswith(TIP) else ""
    attributes = {key: _short(key, value) for key, value in _named(_unstyled(element.attrib), name)}
    if attributes.get("transform", "").startswith("rotate(-0 "):
        del attributes["transform"]
    element.attrib.clear()
    element.attrib.update((key, value) for key, value in attributes.items() if _USUAL.get(key) != value)
    element.tail = None
    if not (element.text or "").strip():
        element.text = None
    if words:
        _add_tip(element, words.removeprefix(TIP))


def _add_tip(element: ET.Element, words: str) -> None:
    """Show these words to a pointer on this part, wherever it touches it, filled or not."""
    title = ET.Element("title")
    title.text = words
    element.insert(0, title)
    element.attrib.update({"class": "tip", "pointer-events": "all"})


def _unstyled(attributes: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """`style=` as attributes, but for the family of the letters, which is the page's own."""
    for key, value in attributes.items():
        if key != "style":
            yield key, value
            continue
        for declaration in filter(None, value.split(";")):
            one, _, set_to = declaration.partition(":")
            if one.strip() != "font-family":
                yield one.strip(), set_to.strip()


def _named(attributes: Iterable[tuple[str, str]], name: str) -> Iterator[tuple[str, str]]:
    """Ids, and what refers to them, begin with `name`."""
    for key, whole in attributes:
        value = _MADE_ID.sub(r"\1", whole) if key in {_HREF, "id", "clip-path"} else whole
        if key == _HREF:
            yield "href", f"#{name}-{value.removeprefix('#')}"
        elif key == "id":
            yield key, f"{name}-{value}"
        else:
            yield key, value.replace("url(#", f"url(#{name}-") if key == "clip-path" else value


def _short(key: str, value: str) -> str:
    """Numbers to a tenth of a point; straight lines from point to point, which takes fewer digits than places do."""
    if key not in _GEOMETRY:
        return value
    rounded = _LONG_NUMBER.sub(_shortened, " ".join(value.split()))
    if key != "d":
        return rounded
    path = relative(rounded) if _STRAIGHT.fullmatch(rounded) else _AROUND_COMMANDS.sub(r"\1", rounded)
    return _ZERO_BEFORE_POINT.sub(".", path)


def relative(path: str) -> str:
    """The same path from point to point; in whole tenths, so that nothing adds up to an error."""
    made, before, at, begin = "", "", (0, 0), (0, 0)
    for command, numbers in _STEPS.findall(path):
        tenths = [round(10 * float(number)) for number in numbers.split()]
        points = list(zip(tenths[::2], tenths[1::2], strict=True))
        if command == "L":
            way = [(x - x0, y - y0) for (x0, y0), (x, y) in pairwise([at, *points])]
            made += f"{' ' if before == 'L' else 'l'}{_joined(way)}"
            at = points[-1]
        else:
            made += command + _joined(points)
            at = begin = points[-1] if points else begin
        before = command
    return made.replace(" -", "-")


def _joined(points: Sequence[tuple[int, int]]) -> str:
    """Their numbers, in points."""
    return " ".join(f"{tenths / 10:g}" for point in points for tenths in point)


def _shortened(number: re.Match[str]) -> str:
    return f"{float(number[0]):.1f}".removesuffix(".0")


def _prune(root: ET.Element) -> None:
    """Without metadata, style sheets, the ids of groups, which nothing refers to, and groups that say nothing."""
    for parent in root.iter():
        parent[:] = [child for child in parent if str(child.tag).rpartition("}")[2] not in _DROPPED]
        if parent.tag == "g":
            parent.attrib.pop("id", None)
    while empty := [(p, c) for p in root.iter() for c in p if c.tag in {"g", "defs"} and not len(c)]:
        for parent, child in empty:
            parent.remove(child)
    _unwrap(root)


def _unwrap(parent: ET.Element) -> None:
    """Put the children of a group without attributes in its place."""
    children: list[ET.Element] = []
    for child in parent:
        _unwrap(child)
        children += list(child) if child.tag == "g" and not child.attrib else [child]
    parent[:] = children
