"""The page's first table: one line a variant with what it gave, what it did to the others, and why; in a few words."""

from dataclasses import dataclass
from typing import Final

from loopbench.judge.diagnosis.findings import Kind
from loopbench.judge.figures import MISSING, interval, ratio, rounded
from loopbench.judge.rounds.rounds import Judged, Rounds
from loopbench.judge.session.run_report import RunReport
from loopbench.judge.session.session_report import SessionReport
from loopbench.judge.stamp.stamp_checks import State
from loopbench.judge.statistics.verdict import shown
from loopbench.judge.summary.one_run_each import full_load
from loopbench.judge.summary.table import end_of_load
from loopbench.plots import plateaus, validity

RAMP: Final = "from one ramp run, no interval"


@dataclass(frozen=True)
class Glance:
    """One variant; what is not known is a dash."""

    variant: str  # its name
    goodput: str  # good answers per second at full load
    width: str  # of its 95 % interval, or why there is none
    word: str  # the verdict against the reference; empty for that one itself
    times: str  # the ratio with its interval
    neighbour: str  # p99 of the first neighbour beside it, in milliseconds
    never_served: str  # users that never got an answer
    why: str  # the health of the target if it is not well, and the class of the diagnosis
    struck: str  # `INVALID: C1` where the ramp is no result, and with it what comes from there


@dataclass(frozen=True)
class Table:
    """All of them, with what the columns are about; no neighbour or reference where there is none."""

    rows: tuple[Glance, ...]
    load: str
    neighbour: str
    reference: str


def table(report: SessionReport) -> Table | None:
    """In the scenario's order; None where there is no complete run."""
    scenario, rounds = report.record.scenario, report.rounds
    if not report.runs and rounds is None:
        return None
    runs = {run.variant.name: run for run in report.runs}
    reference = _reference(report)
    rows = tuple(_row(each.name, runs.get(each.name), rounds, reference) for each in scenario.variants)
    return Table(rows, full_load(report), next(iter(scenario.neighbours), ""), reference)


def _reference(report: SessionReport) -> str:
    """The baseline or, where each pair is declared, the first variant; empty without a common one."""
    verdicts = report.rounds.goodput.verdicts if report.rounds else ()
    names = [{each.comparison.a, each.comparison.b} for each in verdicts]
    baseline = report.record.scenario.baseline
    first = baseline or report.record.scenario.variants[0].name
    others = {name for pair in names if first in pair for name in pair}
    return first if names and (baseline or others == set().union(*names)) else ""


def _row(name: str, run: RunReport | None, rounds: Rounds | None, reference: str) -> Glance:
    struck = validity.struck(run) if run else ""
    valid = run if run and not struck else None
    goodput, width = _goodput(name, valid, rounds)
    word, times = _against(name, reference, rounds)
    end = end_of_load(valid) if valid else None
    kind = valid.diagnosis.kind if valid else Kind.NOT_OBSERVED
    return Glance(
        variant=name,
        goodput=goodput,
        width=width,
        word=word,
        times=times,
        neighbour=_neighbour(name, valid, rounds),
        never_served=MISSING if end is None else str(end.moment.never_served),
        why=_why(valid, kind),
        struck=struck,
    )


def _why(run: RunReport | None, kind: Kind) -> str:
    """The health of the target if it is not well, and the class of the diagnosis."""
    unwell = [str(run.health.state)] if run and run.health.state is not State.HEALTHY else []
    return ": ".join([*unwell, *([] if kind is Kind.NOT_OBSERVED else [str(kind)])]) or MISSING


def _goodput(name: str, run: RunReport | None, rounds: Rounds | None) -> tuple[str, str]:
    """From the rounds where there are any; the two are never mixed."""
    if rounds is None:
        return (MISSING, "") if run is None or run.goodput_rps is None else (rounded(run.goodput_rps), RAMP)
    plateau = plateaus.plateaus(rounds).get(name)
    if plateau is None:
        return MISSING, "no valid run in the rounds"
    width = "one run" if plateau.half_width is None else plateaus.shown_width(plateau.half_width)
    return rounded(plateau.rps), width


def _against(name: str, reference: str, rounds: Rounds | None) -> tuple[str, str]:
    if rounds is None or not reference or name == reference:
        return "", ""
    both = (each for verdict in rounds.goodput.verdicts for each in (verdict, verdict.swapped))
    verdict = next((each for each in both if (each.comparison.a, each.comparison.b) == (name, reference)), None)
    if verdict is None:
        return MISSING, ""
    middle, ends = verdict.shown_ratio, verdict.shown_interval
    if verdict.bound or middle is None:
        return verdict.word.value, verdict.bound
    return verdict.word.value, f"{ratio(middle)} times" + ("" if ends is None else f", {interval(ends)}")


def _neighbour(name: str, run: RunReport | None, rounds: Rounds | None) -> str:
    judged: Judged | None = rounds.judged[1] if rounds and len(rounds.judged) > 1 else None
    if judged is not None:
        estimate = judged.estimate(name)
        return shown(estimate) if estimate.is_bounded else rounded(estimate.value)
    if rounds is not None or run is None or len(run.requests) < 2:
        return MISSING
    return run.requests[1].hold.shown("p99") or MISSING
