"""No advice is given that the session itself refutes."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from loopbench.judge.diagnosis.diagnosis import diagnose
from loopbench.judge.session.consistent_advice import consistent_advice
from loopbench.judge.session.run_report import RunReport
from loopbench.judge.statistics.verdict import Word
from tests.judge.figures import figures, line
from tests.plots.reports import Made, session

BLOCKED = figures(utilization=0.99, loop_cpu=0.03, blocked=0.95, blocked_waiting=0.94, lines=(line("open(path)"),))


def runs() -> tuple[RunReport, ...]:
    """One that a file blocks in `async def`, and one in threads."""
    blocking, threaded = session([Made("blocking"), Made("threaded")]).runs
    diagnoses = (diagnose(BLOCKED), diagnose(figures(anyio_borrowed=20.0)))
    pairs = zip((blocking, threaded), diagnoses, strict=True)
    return tuple(replace(run, diagnosis=diagnosis) for run, diagnosis in pairs)


def rounds(a: str, b: str, word: Word) -> Any:
    """Rounds with one verdict."""
    verdict = SimpleNamespace(comparison=SimpleNamespace(a=a, b=b), word=word)
    return SimpleNamespace(goodput=SimpleNamespace(every_pair=(verdict,)))


@pytest.mark.parametrize(
    ("measured", "advises"),
    [
        (None, True),
        (rounds("threaded", "blocking", Word.FASTER), True),
        (rounds("threaded", "blocking", Word.SLOWER), False),
        (rounds("blocking", "threaded", Word.FASTER), False),
        (rounds("blocking", "threaded", Word.NOT_RESOLVED), True),
    ],
)
def test_threads_are_not_advised_where_they_were_measured_to_be_slower(*, measured: Any, advises: bool) -> None:
    blocking = consistent_advice(runs(), measured)[0].diagnosis
    assert any("plain `def`" in each for each in blocking.remedies) == advises
    assert blocking.remedies
