"""The claims of a scenario, answered from its session: rounds for what runs are compared in, receipts for counts."""

from typing import Final

from loopbench.judge.rounds.claims import ClaimAnswer, Receipt, answer_claims
from loopbench.judge.rounds.published import published_claims
from loopbench.judge.rounds.rounds import Figure, NoFigure, Rounds, goodput_rps, percentile_ms, places_of, replicates_of
from loopbench.judge.run.timeline import TimelineReport
from loopbench.judge.session.run_report import RunReport
from loopbench.records import claims as quantities
from loopbench.records.session import RecordedScenario


def session_claims(
    scenario: RecordedScenario,
    runs: tuple[RunReport, ...],
    rounds: Rounds | None,
    timelines: tuple[TimelineReport, ...] = (),
) -> tuple[ClaimAnswer, ...]:
    """An answer to each claim, in the scenario's order, and then to each published ratio."""
    plateaus = rounds.runs if rounds else ()
    replicates = {
        name: replicates_of(scenario, places_of(plateaus, figure)) for name, figure in _FIGURES.items() if plateaus
    }
    after = [(run.variant.name, Receipt(run.record.receipt or {}, run.stamp.invalid_ids)) for run in runs]
    after += [(run.variant.name, Receipt(run.record.receipt or {}, run.stamp.invalid_ids)) for run in plateaus]
    after += [(timeline.name, Receipt(timeline.receipt)) for timeline in timelines]
    receipts: dict[str, list[Receipt]] = {}
    for name, each in after:
        receipts.setdefault(name, []).append(each)
    return answer_claims((*scenario.claims, *published_claims(scenario)), replicates, receipts)


def _own(quantile: str) -> Figure:
    return lambda run: percentile_ms(run.own, quantile)


def _neighbour(quantile: str) -> Figure:
    return lambda run: (
        percentile_ms(run.neighbours[0], quantile) if run.neighbours else NoFigure("there is no neighbour")
    )


_FIGURES: Final[dict[str, Figure]] = {
    quantities.GOODPUT: goodput_rps,
    quantities.P50: _own("p50"),
    quantities.P99: _own("p99"),
    quantities.NEIGHBOUR_P50: _neighbour("p50"),
    quantities.NEIGHBOUR_P99: _neighbour("p99"),
}
