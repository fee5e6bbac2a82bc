"""The picture of a map shows each cell's best variant, what is not resolved, and the predicted borders."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from matplotlib.contour import QuadContourSet
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from loopbench.judge.decision_map import Axis, Cell, DecisionMap
from loopbench.plots import panels, style
from loopbench.plots.decision_map import STRIPES, chart
from tests.plots.looking import texts
from tests.plots.maps import made_map


def drawn(made: DecisionMap) -> Figure:
    picture = chart(made, style.Palette(made.variants))
    assert picture
    return picture.draw(panels.FILE)


def test_each_cell_has_its_best_variant_the_lead_and_the_figure() -> None:
    made = made_map((0, 0.05), (0, 0.005), spread=0.0001)
    goodput, p99 = drawn(made).axes
    shown = [text.get_text() for text in goodput.texts]
    assert shown[3:6] == ["async", "2.00 ×", "3,330/s"]  # noqa: RUF001  the sign for times
    assert shown.count("process\npool") == 2
    assert len([each for each in p99.patches if isinstance(each, Rectangle)]) == 4


def test_only_a_lead_that_is_not_resolved_is_striped() -> None:
    goodput, _ = drawn(made_map((0, 0.05), (0,), spread=0.0001)).axes
    striped = goodput.get_lines()
    assert len(striped) == STRIPES, "without waiting, async and the blocking style are alike"
    assert all(np.abs(np.asarray(line.get_xdata(), float)).max() < 0.5 for line in striped)


def test_the_predicted_border_is_where_the_loop_and_the_cores_are_equal() -> None:
    """1 / (0.3 ms + c / 2) = 1 / 1 ms less the margin of 5 %: from 1.5 ms of computing on, processes win."""
    goodput, p99 = drawn(made_map((0, 0.005), (0, 0.001, 0.005), spread=0.0001)).axes
    heights = {
        round(float(y), 1)
        for contour in goodput.findobj(QuadContourSet)
        for path in contour.get_paths()
        for y in np.asarray(path.vertices)[:, 1]
    }
    assert heights == {1.1}
    assert not p99.findobj(QuadContourSet)


def test_what_was_not_measured_is_empty_and_says_so() -> None:
    made = made_map((0, 0.05), (0,))
    assert texts(drawn(replace(made, cells=(made.cells[0], Cell(1, 0, trouble="no"))))).count("not\nmeasured") == 2
    assert chart(replace(made, cells=(Cell(0, 0), Cell(1, 0))), style.Palette(made.variants)) is None


def test_a_cell_whose_variants_have_only_bounds_has_no_figure() -> None:
    made = made_map((0, 0.05), (0,))
    first, second = made.cells
    bounded = replace(first, rankings=tuple(replace(each, values={}, verdict=None) for each in first.rankings))
    assert texts(drawn(replace(made, cells=(bounded, second)))).count("no\nfigure") == 2


def test_an_axis_may_have_names_and_then_nothing_is_predicted() -> None:
    made = made_map((0, 0.05), (0,))
    figure = drawn(replace(made, x=Axis("target.loop", ("asyncio", "uvloop"))))
    assert {"asyncio", "uvloop"} <= set(texts(figure))
    assert not figure.findobj(QuadContourSet)


def test_the_same_map_gives_the_same_bytes(tmp_path: Path) -> None:
    first, second = (
        style.save(drawn(made_map((0, 0.05), (0, 0.005))), tmp_path / name, ["svg"]) for name in ("a", "b")
    )
    assert first[0].read_bytes() == second[0].read_bytes()
