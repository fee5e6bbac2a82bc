"""The chart of throughput against users says what the points say, and its labels never touch."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text

from loopbench.errors import DataError, UsageError
from loopbench.judge.run.windows import Bin, Curve, make_curve
from loopbench.plots.csv_chart import load, write
from loopbench.plots.panels import FILE
from loopbench.plots.rps_users import CLOSED_LOOP, curves_chart
from loopbench.plots.style import COLOURS, Palette

SAMPLES = Path(__file__).parents[1] / "judge" / "locust_csv_samples"


def curve(label: str, plateau_rps: int = 500, knee: int = 50, users: int = 100, hold_s: int = 20) -> Curve:
    """A ramp of one user a second, straight up to the knee and level from there."""
    steps = [Bin(i, i + 1, i + 0.5, round(plateau_rps * min(i + 0.5, knee) / knee), 0) for i in range(users)]
    hold = [Bin(users + i, users + i + 1, users, plateau_rps + i % 3, 0) for i in range(hold_s)]
    return make_curve(label, steps, hold)


def drawn(curves: Sequence[Curve], palette: Palette | None = None) -> Figure:
    return curves_chart(curves, palette).draw(FILE)


def axes_of(figure: Figure) -> Axes:
    (axes,) = figure.axes
    return axes


def points(line: Line2D) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in np.asarray(line.get_xydata())]


def test_the_line_is_the_curve_and_the_dot_its_hold() -> None:
    one = curve("def")
    lines = axes_of(drawn([one])).lines
    line = next(line for line in lines if line.get_label() == "def")
    assert points(line) == [(window.users, window.goodput_rps) for window in one.windows]
    assert one.hold is not None
    assert one.hold.goodput_rps in [points(line)[0][1] for line in lines if line.get_markersize() == 6]


def test_the_ring_is_at_the_knee_on_the_line() -> None:
    rings = [line for line in axes_of(drawn([curve("def", 500, 50)])).lines if line.get_markersize() == 9]
    ((users, rps),) = [points(ring)[0] for ring in rings]
    assert users == pytest.approx(50, abs=2)
    assert rps == pytest.approx(500, rel=0.05)


def test_both_axes_begin_at_zero_and_say_their_units() -> None:
    axes = axes_of(drawn([curve("def")]))
    assert (axes.get_xlim()[0], axes.get_ylim()[0]) == (0, 0)
    assert axes.get_xlabel() == "users"
    assert axes.get_title(loc="left") == "good answers per second"


def test_the_picture_says_that_the_loop_is_closed() -> None:
    assert CLOSED_LOOP in [text.get_text() for text in drawn([curve("def")]).texts]


def test_a_variant_keeps_its_colour_when_others_are_missing() -> None:
    palette = Palette(("def", "blocking", "aiofiles"))
    lines = axes_of(drawn([curve("aiofiles")], palette)).lines
    assert next(line.get_color() for line in lines if line.get_label() == "aiofiles") == COLOURS[2]


CASES: dict[str, Callable[[], list[Curve]]] = {
    "none": list,
    "one": lambda: [curve("def")],
    "four alike": lambda: [curve(f"variant {i}", 500 + i) for i in range(4)],
    "eight": lambda: [curve(f"variant {i}", 100 + 60 * i) for i in range(8)],
    "twelve at nothing": lambda: [curve(f"variant {i}", 0) for i in range(12)],
    "long names": lambda: [curve("W" * 80 + str(i), 12_900_000 + i) for i in range(4)],
    "formulas": lambda: [curve(r"$\frac{1}{2}$"), curve("100 % $", 300)],
    "no hold": lambda: [curve("def", hold_s=0), curve("short", 300, users=40)],
    "slow": lambda: [curve("def", 2)],
}


@pytest.mark.parametrize("case", CASES)
def test_no_text_touches_another_or_leaves_the_picture(case: str) -> None:
    figure = drawn(CASES[case]())
    figure.canvas.draw()
    texts = [text for text in figure.findobj(Text) if text.get_text().strip() and text.get_visible()]
    boxes = [(text.get_text(), text.get_window_extent()) for text in texts]
    for index, (text, box) in enumerate(boxes):
        inside = box.x0 >= 0 and box.y0 >= 0 and box.x1 <= figure.bbox.width and box.y1 <= figure.bbox.height
        assert inside, text
        touching = [other for other, its_box in boxes[index + 1 :] if box.overlaps(its_box)]
        assert not touching, (text, touching)


def test_names_stand_in_the_order_of_their_lines() -> None:
    figure = drawn(CASES["eight"]())
    figure.canvas.draw()
    heights = [
        next(text for text in figure.findobj(Text) if text.get_text() == f"variant {i}").get_window_extent().y0
        for i in range(8)
    ]
    assert all(lower < upper for lower, upper in pairwise(heights))


def test_notes_stand_under_the_picture_said_once_and_too_many_are_counted() -> None:
    noted = [make_curve(f"v{i}", curve("x").steps, [], ["all", *"abcdef"[i : i + 3]]) for i in range(4)]
    texts = [text.get_text() for text in drawn(noted).texts]
    assert "v0, v1, v2, v3: all" in texts
    assert "v0, v1: b" in texts
    assert "... and 3 more notes" in texts


def test_plain_locust_files_of_any_kind_are_overlaid(tmp_path: Path) -> None:
    """Made by Locust 2.47 without loopbench (and one in the format of 1.0)."""
    names = ["locust-2.47-plain", "locust-2.47-full_stats.csv", "locust-2.47-procs_stats_history.csv", "locust-1.0"]
    curves = load([SAMPLES / name for name in names])
    assert [c.label for c in curves] == ["locust-2.47-plain", "locust-2.47-full", "locust-2.47-procs", "locust-1.0"]
    assert [c.hold.goodput_rps for c in curves if c.hold] == pytest.approx([153, 153, 153, 200], rel=0.02)
    files = write(curves, tmp_path / "chart")
    assert [path.name for path in files] == ["chart.svg", "chart.png"]
    assert all(path.stat().st_size > 10_000 for path in files)


def test_two_files_of_one_name_get_labels_that_differ(tmp_path: Path) -> None:
    source = (SAMPLES / "locust-2.47-plain_stats_history.csv").read_bytes()
    for folder in ("before", "after"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "run_stats_history.csv").write_bytes(source)
    paths = [tmp_path / "before" / "run", tmp_path / "after" / "run", tmp_path / "after" / "run"]
    assert [c.label for c in load(paths)] == ["before/run", "after/run", "after/run [2]"]


@pytest.mark.parametrize(("name", "error"), [("nothing", UsageError), ("locust-0.14", DataError)])
def test_one_file_that_is_refused_refuses_all(name: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        load([SAMPLES / "locust-2.47-plain", SAMPLES / name])


def test_a_curve_of_zeros_is_drawn_at_zero() -> None:
    dead = make_curve("dead", [Bin(i, i + 1, i + 1, 0, 100) for i in range(20)], [])
    axes = axes_of(drawn([dead]))
    assert axes.get_ylim()[1] > 0
    assert {rps for _, rps in points(axes.lines[0])} == {0}
