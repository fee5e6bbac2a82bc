"""A figure made fit for a page with a strict policy."""

import re
from xml.etree import ElementTree as ET

import pytest

from loopbench.plots import panels, style
from loopbench.plots.inline_svg import inline_svg, relative, split_svg
from loopbench.plots.panels import Caption, Panel


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


def test_numbers_are_short_and_lines_go_from_point_to_point() -> None:
    paths = re.findall(r' d="([^"]+)"', drawn())
    assert not re.findall(r"\d\.\d\d+", " ".join(paths))
    (path,) = [d for d in paths if re.fullmatch(r"M\S+ \S+l[^lMLz]+", d) and len(re.findall(r"-?[\d.]+", d)) == 8]
    x, y, *steps = [float(number) for number in re.findall(r"-?[\d.]+", path)]
    rise = [sum(steps[1 : index + 2 : 2]) for index in range(0, 6, 2)]
    assert rise == pytest.approx([2 * rise[1], rise[1], 3 * rise[1]], abs=0.3)  # 1, 3, 2, 4: two, one and three up
    assert (x, y) > (0, 0)


@pytest.mark.parametrize(
    ("path", "short"),
    [
        ("M 1 1 L 2 2 L 3 1", "M1 1l1 1 1-1"),
        ("M 1 1 L 2 2 z M 5 5 L 5 6.5", "M1 1l1 1zM5 5l0 1.5"),
        ("M 0.1 0.2 L 0.3 0.2 L 0.2 0.1", "M0.1 0.2l0.2 0-0.1-0.1"),
        ("M 0 0 L 4 0 z L 0 3", "M0 0l4 0zl0 3"),
    ],
)
def test_a_path_of_straight_lines_says_the_same_in_steps(path: str, short: str) -> None:
    assert relative(path) == short


def test_groups_that_say_nothing_are_not_there() -> None:
    assert "<g>" not in drawn()


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
