"""Advice that the session's own measurements refute is left out: no thread where the variant in threads was slower."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from loopbench.judge.diagnosis.remedies import UNKNOWN
from loopbench.judge.rounds.rounds import Rounds
from loopbench.judge.session.run_report import RunReport
from loopbench.judge.statistics.verdict import Word

IN_THREADS: Final = re.compile(r"plain `def`|run_in_threadpool")
MIN_THREADS: Final = 0.5  # mean threads of anyio's limiter at work from which a variant's requests run in threads


def consistent_advice(runs: Sequence[RunReport], rounds: Rounds | None) -> tuple[RunReport, ...]:
    """Return the runs; where a variant in threads was measured to be slower, without the advice to use threads.

    Without rounds nothing is proven, and all advice is kept.
    """
    if rounds is None:
        return tuple(runs)
    slower = {
        (verdict.comparison.a, verdict.comparison.b) if verdict.word is Word.SLOWER
        else (verdict.comparison.b, verdict.comparison.a)
        for verdict in rounds.goodput.every_pair
        if verdict.word in {Word.SLOWER, Word.FASTER}
    }  # fmt: skip
    in_threads = [run.variant.name for run in runs if _runs_in_threads(run)]
    return tuple(
        _without_threads(run) if any((name, run.variant.name) in slower for name in in_threads) else run for run in runs
    )


def _runs_in_threads(run: RunReport) -> bool:
    figures = run.diagnosis.figures
    return figures is not None and (figures.anyio_borrowed or 0.0) >= MIN_THREADS


def _without_threads(run: RunReport) -> RunReport:
    diagnosis = run.diagnosis
    kept = tuple(each for each in diagnosis.remedies if not IN_THREADS.search(each))
    remedies = kept or (UNKNOWN[0],) if diagnosis.remedies else ()
    return replace(run, diagnosis=replace(diagnosis, remedies=remedies))
