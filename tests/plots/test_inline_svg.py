"""A figure made fit for a page with a strict policy."""

import re
from xml.etree import ElementTree as ET

import pytest

from plots import panels, style
from plots.inline_svg import inline_svg, split_svg
from plots.panels import Caption, Panel


def drawn(label: str = "a & <b>") -> str:
    with style.look():
        figure, (axes,) = panels.new_panels(1, panels.PAGE, Caption("t"))
        axes.plot([0, 1, 2, 3], [1, 3, 2, 4], marker="o", color="#0072b2")
        axes.set_title(label)
    return inline_svg(figure, name="n", title="T <1>", alt="says & shows")


def test_there_is_no_style_and_no_foreign_name() -> None:
    svg = drawn()
    assert "style" not in svg
    assert "xmlns" not in svg
    assert "font-family" not in svg
    assert 'stroke="#0072b2"' in svg


def test_title_and_description_are_what_names_it() -> None:
    root = ET.fromstring(drawn())  # noqa: S314  made one line above
    assert root.attrib["aria-labelledby"] == "n-title n-alt"
    assert [(child.tag, child.text) for child in root[:2]] == [("title", "T <1>"), ("desc", "says & shows")]


def test_text_is_escaped() -> None:
    assert "a &amp; &lt;b&gt;" in drawn()


def test_ids_begin_with_the_name_and_are_found() -> None:
    svg = drawn()
    ids = set(re.findall(r' id="([^"]+)"', svg))
    wanted = set(re.findall(r'href="#([^"]+)"', svg)) | set(re.findall(r"url\(#([^)]+)\)", svg))
    assert wanted
    assert wanted <= ids
    assert all(each.startswith("n-") for each in ids)


def test_numbers_are_short_and_lines_share_their_letter() -> None:
    svg = drawn()
    assert not re.findall(r"\d\.\d\d+", " ".join(re.findall(r' d="([^"]+)"', svg)))
    (path,) = [d for d in re.findall(r' d="([^"]+)"', svg) if d.count(" ") > 4 and "z" not in d and d.count("L") == 1]
    assert len(re.findall(r"-?[\d.]+", path)) == 8


@pytest.mark.parametrize("count", [1, 3])
def test_a_figure_of_panels_is_cut_into_one_picture_each(count: int) -> None:
    panel = Panel()
    with style.look():
        figure, axes = panels.new_panels(count, panels.PAGE, Caption("t"), panel)
        for number, each in enumerate(axes):
            each.set_title(f"panel {number}")
    parts = split_svg(figure, panels.bands(figure, panel), name="n")
    assert [re.findall(r"panel \d", part) for part in parts] == [[f"panel {number}"] for number in range(count)]
    assert len({part.split("viewBox")[1].split('"')[1].split()[3] for part in parts}) == 1
