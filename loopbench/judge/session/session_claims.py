"""The claims of a scenario, answered from its session: rounds for what runs are compared in, receipts for counts."""

import math
from collections.abc import Callable
from typing import Final

from loopbench.judge.rounds.claims import ClaimAnswer, ReceiptValues, answer_claims
from loopbench.judge.run.latency import Percentiles
from loopbench.judge.rounds.plateau_run import PlateauRun
from loopbench.judge.rounds.rounds import Rounds, replicates_of
from loopbench.judge.session.run_report import RunReport
from loopbench.judge.run.timeline import TimelineReport
from loopbench.records import claims as quantities
from loopbench.records.session import RecordedScenario

Figure = Callable[[PlateauRun], float | str]


def session_claims(
    scenario: RecordedScenario,
    runs: tuple[RunReport, ...],
    rounds: Rounds | None,
    timelines: tuple[TimelineReport, ...] = (),
) -> tuple[ClaimAnswer, ...]:
    """An answer to each claim, in the scenario's order."""
    plateaus = rounds.runs if rounds else ()
    replicates = {name: replicates_of(scenario, plateaus, figure) for name, figure in _FIGURES.items() if plateaus}
    told = [(run.variant.name, run.record.receipt) for run in runs]
    told += [(run.variant.name, run.record.receipt) for run in plateaus]
    told += [(timeline.name, timeline.receipt) for timeline in timelines]
    receipts: dict[str, list[ReceiptValues]] = {}
    for variant, receipt in told:
        if receipt is not None:
            receipts.setdefault(variant, []).append(receipt)
    return answer_claims(scenario.claims, replicates, receipts)


def _goodput(run: PlateauRun) -> float | str:
    return run.goodput_rps or "not one good answer came"


def _own(quantile: str) -> Figure:
    return lambda run: _known(run.own, quantile)


def _neighbour(quantile: str) -> Figure:
    return lambda run: _known(run.neighbours[0], quantile) if run.neighbours else "there is no neighbour"


def _known(times: Percentiles, quantile: str) -> float | str:
    value: float | None = getattr(times, f"{quantile}_ms")
    if value is None:
        return f"{times.samples} answers are too few for a {quantile}"
    return value if math.isfinite(value) else f"the {quantile} was never answered"


_FIGURES: Final[dict[str, Figure]] = {
    quantities.GOODPUT: _goodput,
    quantities.P50: _own("p50"),
    quantities.P99: _own("p99"),
    quantities.NEIGHBOUR_P50: _neighbour("p50"),
    quantities.NEIGHBOUR_P99: _neighbour("p99"),
}
