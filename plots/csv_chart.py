"""`loopbench plot PREFIX...`: Locust's own CSV files to one chart, with nothing of ours needed to have made them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from loopbench.judge.cross_check.locust_csv import SUFFIX, find_history, read
from loopbench.judge.cross_check.locust_curve import curves_from_locust_csv
from loopbench.judge.run.windows import Curve
from loopbench.plots import style
from loopbench.plots.panels import FILE
from loopbench.plots.rps_users import CAPTION, curves_chart

SUBTITLE = "From Locust's CSV. Closed loop: N users, each waiting for its answer before asking again."


def write(curves: Sequence[Curve], out_stem: Path) -> tuple[Path, ...]:
    """Draw these curves into one chart; returns what was written: `out_stem`.svg and .png."""
    return style.save(curves_chart(curves, caption=replace(CAPTION, subtitle=SUBTITLE)).draw(FILE), out_stem)


def load(prefixes: Sequence[Path]) -> tuple[Curve, ...]:
    """All curves behind these prefixes, with labels that differ.

    Raises:
        UsageError: a prefix has no history.
        DataError: a history is empty, damaged, foreign or too large.
    """
    paths = [find_history(prefix) for prefix in prefixes]
    pairs = zip(paths, _labels(paths), strict=True)
    return _numbered([curve for path, label in pairs for curve in curves_from_locust_csv(read(path), label)])


def _labels(paths: Sequence[Path]) -> list[str]:
    """The prefix's own name; where several are called the same, the folder's name before it."""
    names = [path.name.removesuffix(SUFFIX) or path.name for path in paths]
    often = Counter(names)
    return [
        name if often[name] == 1 else f"{path.resolve().parent.name}/{name}"
        for path, name in zip(paths, names, strict=True)
    ]


def _numbered(curves: Sequence[Curve]) -> tuple[Curve, ...]:
    """A palette goes by label: one that is there twice gets a number."""
    seen: Counter[str] = Counter()
    different = []
    for curve in curves:
        seen[curve.label] += 1
        number = seen[curve.label]
        different.append(curve if number == 1 else replace(curve, label=f"{curve.label} [{number}]"))
    return tuple(different)
