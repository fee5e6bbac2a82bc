"""Target and generator get cores of their own where there are enough."""

import pytest

from loopbench.measure.machine import Cores, divide_cores


@pytest.mark.parametrize(
    ("available", "generators", "cores"),
    [
        ([0], 1, Cores((), ())),
        ([0, 1], 1, Cores((0,), (1,))),
        ([4, 2], 1, Cores((2,), (4,))),
        (range(8), 1, Cores((0, 1, 2, 3, 4, 5, 6), (7,))),
        (range(8), 2, Cores((0, 1, 2, 3, 4, 5), (6, 7))),
        ([0, 1], 4, Cores((0,), (1,))),
    ],
)
def test_divide_cores(available: list[int], generators: int, cores: Cores) -> None:
    assert divide_cores(available, generators) == cores
