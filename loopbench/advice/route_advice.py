"""What the experiments say about one route: every what-if with its outcome, the best one, and one sentence."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from loopbench.advice.edits import Edit, edits
from loopbench.advice.questions import Candidate
from loopbench.advice.screening import Screened
from loopbench.advice.what_ifs import AS_WRITTEN, MORE_THREADS, Untried, WhatIf, untried
from loopbench.first_scenario.reading import Function
from loopbench.judge.diagnosis.diagnosis import Diagnosis
from loopbench.judge.diagnosis.findings import Kind
from loopbench.judge.diagnosis.loop_lines import LoopLine, Owner
from loopbench.judge.figures import finite, rounded
from loopbench.judge.rounds.rounds import FIGURES, Judged, judge_quantity, places_of, replicates_of
from loopbench.judge.session.session_report import SessionReport
from loopbench.judge.statistics.decision import Decision, Region, decide
from loopbench.judge.statistics.intervals import Interval
from loopbench.judge.statistics.verdict import MARGIN, Better, Quantity, Verdict, Word, figure, times
from loopbench.records.schemas import with_schema
from loopbench.records.session import REPORT_FILE
from loopbench.scenario.claims import NEIGHBOUR_P50
from loopbench.showable import showable

ADVICE_FORMAT: Final = 1  # Of `advice.json`. Raise it when a reader of the old one would misread the new one.

SMALL: Final = 0.15
"""An interval of the ratio inside this region, where EQUIVALENT would take more rounds, is called no difference."""
WORTH_IT: Final = 1.1  # how many times faster than a simpler variant an extension of it must be to be preferred
RELIEF: Final = 0.5  # of the neighbour's response time: at most so much is left where a loss of throughput is worth it
MIN_KEPT: Final = 0.8  # of the throughput, in that case

LEADS: Final = {
    Kind.LOOP_BLOCKED: "blocks the event loop",
    Kind.LOOP_CPU_BOUND: "computes on the event loop",
    Kind.GIL_CONTENTION: "computes in threads, which share one GIL",
    Kind.ANYIO_POOL_SATURATED: "waits for one of anyio's threads",
    Kind.EXECUTOR_SATURATED: "waits for a thread of the default executor",
    Kind.APP_POOL: "queues for a pool or lock of the app",
    Kind.THREAD_HOPS: "hops to a thread and back many times an answer",
    Kind.GC_PAUSES: "stops for garbage collection",
    Kind.DOWNSTREAM_WAIT: "waits for something outside the event loop",
}


class Outcome(StrEnum):
    """What a what-if did, against the route as written."""

    BETTER = "better"
    LIKELY = "probably better"
    WORSE = "worse"
    TRADE_OFF = "trade-off"
    NO_DIFFERENCE = "no difference"
    NOT_RESOLVED = "not resolved"
    INVALID = "invalid"
    FAILED = "not possible"


@dataclass(frozen=True)
class Effect:
    """A ratio of a variant over another, with its verdict."""

    word: Word
    ratio: float | None  # None: only its interval is known
    interval: Interval | None

    @property
    def times(self) -> float:
        """The ratio, or the end of its interval that is nearer to 1."""
        if self.ratio is not None:
            return self.ratio
        if self.interval is None:
            return 1.0
        return self.interval.low if self.interval.low > 1 else min(1.0, self.interval.high)

    @property
    def text(self) -> str:
        """`36 times the throughput [33, 40]`."""
        if self.interval is None:
            return f"{self.times:#.2g} times the throughput, without an interval"
        if self.ratio is None:
            return f"{times(self.interval)} the throughput"
        low, high = (figure(each, self.interval) for each in self.interval[:2])
        return f"{figure(self.ratio, self.interval)} times the throughput [{low}, {high}]"


@dataclass(frozen=True)
class Tried:
    """A what-if and what it did."""

    what_if: WhatIf
    outcome: Outcome
    goodput: Effect | None = None
    neighbour: Effect | None = None
    neighbour_ms: str = ""
    reason: str = ""
    adds: bool = True  # whether it is a gain over the simpler variant that it extends


@dataclass(frozen=True)
class RouteAdvice:
    """What is known of one route in the end."""

    route: str
    function: str
    diagnosis: Diagnosis
    place: str  # `file:line`; empty: no line is to blame
    definition: str = ""  # `file:line` of the function; empty: not known
    neighbour: str = ""  # which quantile of which neighbour is compared: `p99 of /health`
    neighbour_ms: str = ""  # that figure, beside the route as written
    tried: tuple[Tried, ...] = ()
    untried: tuple[Untried, ...] = ()
    edits: tuple[Edit, ...] = ()
    is_healthy: bool = False
    reason: str = ""  # why nothing was tried; empty if something was
    page: str = ""
    scenario: str = ""

    @property
    def best(self) -> Tried | None:
        """The best variant; None: no better one than as written was found."""
        return best_of(self.tried)

    @property
    def is_invalid(self) -> bool:
        """Whether something was tried, and nothing of it counts."""
        return bool(self.tried) and all(each.outcome is Outcome.INVALID for each in self.tried)

    @property
    def sentence(self) -> str:
        """What it is, the best variant, and what made no difference."""
        if self.is_healthy:
            return "; ".join(filter(None, [f"{self._subject} is healthy ({self.diagnosis.kind})", self.reason]))
        return "; ".join(filter(None, [self._lead, self.reason, *self._parts()]))

    @property
    def _subject(self) -> str:
        name = f"`{showable(self.function)}` " if self.function else ""
        return f"{name}({showable(self.route)})" if name else showable(self.route)

    @property
    def _lead(self) -> str:
        """What a better variant has shown to cost the most, or what the diagnosis says."""
        shown = self._shown
        of_line = not shown or shown == LEADS.get(self.diagnosis.kind)
        place = (self.place if of_line else "") or self.definition
        what = shown or LEADS.get(self.diagnosis.kind, f"is slow ({self.diagnosis.kind})")
        return f"{self._subject} {what}{f' at {showable(place)}' if place else ''}"

    @property
    def _shown(self) -> str:
        is_line = self.diagnosis.kind in (Kind.LOOP_BLOCKED, Kind.APP_POOL)  # then the line says more
        settings = {} if self.best is None or is_line else dict(self.best.what_if.settings)
        if settings.get("run_dependencies_in") == "event_loop":
            return "sends its plain def dependencies to threads one after the other"
        if settings.get("target") == {"thread_tokens": MORE_THREADS}:
            return LEADS[Kind.ANYIO_POOL_SATURATED]
        return "needs no thread" if settings.get("run_in") == "event_loop" else ""

    def _parts(self) -> Iterator[str]:
        best = self.best
        if best is not None:
            yield f"{best.what_if.name}: {self._effects(best)}"
        elif self.tried:
            sure = " for sure" if any(each.outcome is Outcome.LIKELY for each in self.tried) else ""
            yield f"no variant that was tried is better{sure}"
        for each in self.tried:
            if each is not best:
                yield f"{each.what_if.name}: {self._other(each, best)}"
        for other in self.untried:
            most = self.predicted_times(other)
            yield f"not tried: {other.name}" + ("" if most is None else f" (prediction: at most {most:.2g} times)")

    def predicted_times(self, other: Untried) -> float | None:
        """Returns the throughput predicted for a change that was not tried, over the measured one."""
        reached = 1.0 if self.best is None or self.best.goodput is None else self.best.goodput.times
        return other.times if other.times > reached else None

    def _other(self, tried: Tried, best: Tried | None) -> str:
        if tried.outcome in (Outcome.FAILED, Outcome.INVALID):
            return f"{tried.outcome}, {showable(tried.reason)}"
        if best is not None and tried.what_if.than == best.what_if.name and not tried.adds:
            return "no further difference"
        if tried.outcome is Outcome.NO_DIFFERENCE:
            return str(tried.outcome)
        return f"{tried.outcome}, {self._effects(tried)}"

    def _effects(self, tried: Tried) -> str:
        beside = f", {showable(self.neighbour)} {self.neighbour_ms} -> {tried.neighbour_ms} ms"
        return (tried.goodput.text if tried.goodput else "") + (beside if tried.neighbour_ms else "")


def best_of(tried: Sequence[Tried]) -> Tried | None:
    """The fastest of those that are better; the simpler one where an extension of it adds nothing."""
    better = {each.what_if.name: each for each in tried if each.outcome is Outcome.BETTER}
    best = max(better.values(), key=lambda each: each.goodput.times if each.goodput else 0.0, default=None)
    while best is not None and not best.adds and best.what_if.than in better:
        best = better[best.what_if.than]
    return best


def neighbour_of(report: SessionReport) -> tuple[str, Judged | None]:
    """The quantile of the neighbour that the rounds can compare, with its name; None without a neighbour.

    It is the p99. Where slow variants leave too few answers to bound it on both sides, it is the p50.
    """
    scenario, rounds = report.record.scenario, report.rounds
    if rounds is None or rounds.neighbour is None:
        return "", None
    against = [each for each in rounds.neighbour.verdicts if AS_WRITTEN in (each.comparison.a, each.comparison.b)]
    (name, *_) = scenario.neighbours
    if not all(each.comparison.is_bounded and each.word is Word.NOT_RESOLVED for each in against):
        return f"p99 of {name}", rounds.neighbour
    tried = scenario.without(report.failures.names)
    p50s = replicates_of(tried, places_of(rounds.runs, FIGURES[NEIGHBOUR_P50]))
    return f"p50 of {name}", judge_quantity(Quantity(f"the p50 of {name} beside it", "ms", Better.LOWER), tried, p50s)


def _tried(what_if: WhatIf, report: SessionReport, beside: Judged | None) -> Tried:
    failed = next((each.reason for each in report.failures.variants if each.variant == what_if.name), None)
    if failed is not None:
        return Tried(what_if, Outcome.FAILED, reason=failed)
    if report.rounds is None:
        return Tried(what_if, Outcome.INVALID, reason="no round was measured in the time")
    goodput = effect(report.rounds.goodput, what_if.name, AS_WRITTEN)
    if goodput is None or goodput.word is Word.INVALID:
        return Tried(what_if, Outcome.INVALID, reason=_why(report.rounds.goodput, what_if.name))
    neighbour = effect(beside, what_if.name, AS_WRITTEN) if beside else None
    further = effect(report.rounds.goodput, what_if.name, what_if.than)
    return Tried(
        what_if,
        outcome_of(goodput, neighbour),
        goodput,
        neighbour,
        shown_ms(beside, what_if.name),
        adds=further is None or (further.word is Word.FASTER and further.times >= WORTH_IT),
    )


def _why(judged: Judged, name: str) -> str:
    return next((each.reason for each in judged.verdicts if _is_about(each, name, AS_WRITTEN)), "it was not measured")


def _is_about(verdict: Verdict, a: str, b: str) -> bool:
    return {verdict.comparison.a, verdict.comparison.b} == {a, b}


def effect(judged: Judged, a: str, b: str) -> Effect | None:
    """Variant `a` over variant `b`; None if they were not compared."""
    pairs = (*judged.verdicts, *judged.every_pair)
    verdict = next((each for each in pairs if _is_about(each, a, b)), None)
    if verdict is None:
        return None
    seen = verdict if verdict.comparison.a == a else verdict.swapped
    is_open = seen.word is Word.NOT_RESOLVED  # then the pair alone may still make it LIKELY
    return Effect(
        seen.word, seen.shown_ratio, seen.comparison.estimate.interval() if is_open else seen.comparison.interval()
    )


def outcome_of(goodput: Effect, neighbour: Effect | None) -> Outcome:
    """From the verdicts on throughput and on the neighbour to what a what-if is worth."""
    words = {goodput.word, *([neighbour.word] if neighbour else [])}
    if {Word.FASTER, Word.SLOWER} <= words:
        relief = neighbour is not None and neighbour.word is Word.FASTER and neighbour.times <= RELIEF
        return Outcome.BETTER if relief and goodput.times >= MIN_KEPT else Outcome.TRADE_OFF
    if Word.FASTER in words:
        return Outcome.BETTER
    if Word.SLOWER in words:
        return Outcome.WORSE
    if goodput.interval is not None and goodput.interval.low > 1 + MARGIN:  # but not once all pairs are counted
        return Outcome.LIKELY
    small = goodput.interval is not None and decide(goodput.interval, Region.around(1.0, SMALL)) is Decision.INSIDE
    return Outcome.NO_DIFFERENCE if small or goodput.word is Word.EQUIVALENT else Outcome.NOT_RESOLVED


def shown_ms(judged: Judged | None, variant: str) -> str:
    """A variant's own figure, or the bound of it; empty without one."""
    if judged is None:
        return ""
    estimate = judged.estimate(variant)
    if estimate.value is not None and not estimate.is_bounded:
        return rounded(estimate.value)
    ends = estimate.interval()
    return "" if ends is None else f"over {rounded(ends.low)}"


def place_of(diagnosis: Diagnosis, folder: Path) -> str:
    """`file:line` of the line to blame, as seen from the app's folder; empty: no line of the app is."""
    line = next((each for each in diagnosis.lines if each.owner is not Owner.LIBRARY), None)
    return "" if line is None or line.is_handover else _place(line, folder)


def _place(of: LoopLine | Function, folder: Path) -> str:
    file = Path(of.file)
    inside = file.is_relative_to(folder.resolve())
    return f"{file.relative_to(folder.resolve()) if inside else '/'.join(file.parts[-2:])}:{of.line}"


def without_answer(candidate: Candidate, seen: Screened, folder: Path, reason: str = "") -> RouteAdvice:
    """The advice on a route that was only screened."""
    diagnosis, endpoint = seen.run.diagnosis, candidate.endpoint
    invalid = f"but its run is INVALID by {', '.join(seen.run.stamp.invalid_ids)}" if not seen.run.is_valid else ""
    return RouteAdvice(
        candidate.name,
        endpoint.name if endpoint else "",
        diagnosis,
        place_of(diagnosis, folder),
        _place(endpoint, folder) if endpoint and endpoint.file else "",
        is_healthy=seen.is_healthy,
        reason="; ".join(filter(None, (reason, invalid))),
    )


def with_answer(
    candidate: Candidate, seen: Screened, folder: Path, what_ifs: Sequence[WhatIf], report: SessionReport
) -> RouteAdvice:
    """The advice on a route whose what-ifs were measured."""
    run, (neighbour, beside) = seen.run, neighbour_of(report)
    tried = tuple(_tried(each, report, beside) for each in what_ifs)
    return replace(
        without_answer(candidate, seen, folder),
        neighbour=neighbour,
        neighbour_ms=shown_ms(beside, AS_WRITTEN),
        tried=tried,
        untried=untried(run.diagnosis, run.ceilings, int(report.record.machine.get("cores", 1))),
        edits=_edits(candidate, best_of(tried), folder),
        page=str(report.folder / REPORT_FILE),
        scenario=report.record.file,
    )


def _edits(candidate: Candidate, best: Tried | None, folder: Path) -> tuple[Edit, ...]:
    """The edits that make the best variant of a route."""
    if best is None or candidate.endpoint is None:
        return ()
    endpoint, settings = candidate.endpoint, best.what_if.settings
    functions = list[Function]([endpoint] if "run_in" in settings else [])
    functions += endpoint.dependencies if "run_dependencies_in" in settings else []
    return tuple(edits(functions, folder, to_async="event_loop" in settings.values()))


def advice_document(advice: Sequence[RouteAdvice], left_out: Sequence[str]) -> dict[str, Any]:
    """`advice.json`, as plain values."""
    values = {"routes": [advice_values(each) for each in advice], "left_out": left_out}
    return with_schema("advice", ADVICE_FORMAT, values)


def advice_values(advice: RouteAdvice) -> dict[str, Any]:
    """The advice on a route as plain values."""
    best = advice.best
    return {
        "route": advice.route,
        "function": advice.function,
        "sentence": advice.sentence,
        "is_healthy": advice.is_healthy,
        "reason": advice.reason,
        "diagnosis": str(advice.diagnosis.kind),
        "place": advice.place,
        "definition": advice.definition,
        "best": best.what_if.name if best else None,
        "neighbour": advice.neighbour,
        "neighbour_ms": advice.neighbour_ms,
        "tried": [_tried_values(each) for each in advice.tried],
        "not_tried": [
            {"name": each.name, "predicted_times_at_most": advice.predicted_times(each)} for each in advice.untried
        ],
        "edits": [asdict(each) for each in advice.edits],
        "page": advice.page,
        "scenario": advice.scenario,
    }


def _tried_values(tried: Tried) -> dict[str, Any]:
    return {
        "name": tried.what_if.name,
        "settings": dict(tried.what_if.settings),
        "outcome": str(tried.outcome),
        "reason": tried.reason,
        "goodput": _effect_values(tried.goodput),
        "neighbour": _effect_values(tried.neighbour),
        "neighbour_ms": tried.neighbour_ms,
    }


def _effect_values(effect: Effect | None) -> dict[str, Any] | None:
    if effect is None:
        return None
    ends = None if effect.interval is None else (effect.interval.low, effect.interval.high)
    return {"verdict": str(effect.word), "ratio": effect.ratio, "interval": finite(ends)}
