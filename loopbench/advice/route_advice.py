"""What the experiments say about one route: every what-if with its outcome, the best one, and one sentence."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from loopbench.advice.edits import Edit, edits
from loopbench.advice.outcomes import Effect, Outcome, Tried, best_of, neighbour_of, shown_ms, tried_in
from loopbench.advice.questions import Candidate
from loopbench.advice.screening import Screened
from loopbench.advice.what_ifs import AS_WRITTEN, MORE_THREADS, Untried, WhatIf, untried
from loopbench.first_scenario.reading import Function
from loopbench.judge.diagnosis.diagnosis import Diagnosis
from loopbench.judge.diagnosis.findings import Kind
from loopbench.judge.diagnosis.loop_lines import LoopLine, Owner
from loopbench.judge.figures import finite
from loopbench.judge.session.session_report import SessionReport
from loopbench.records.schemas import with_schema
from loopbench.records.session import REPORT_FILE
from loopbench.showable import showable

ADVICE_FORMAT: Final = 1  # Of `advice.json`. Raise it when a reader of the old one would misread the new one.

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
        """Whether something was measured, and nothing of it counts."""
        return {each.outcome for each in self.tried} - {Outcome.FAILED} == {Outcome.INVALID}

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
        elif any(each.outcome is not Outcome.FAILED for each in self.tried):
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
        if tried.reason:
            return f"{tried.outcome}, {showable(tried.reason)}"
        if best is not None and tried.what_if.than == best.what_if.name and not tried.adds:
            return "no further difference"
        if tried.outcome is Outcome.NO_DIFFERENCE:
            return str(tried.outcome)
        return f"{tried.outcome}, {self._effects(tried)}"

    def _effects(self, tried: Tried) -> str:
        beside = f", {showable(self.neighbour)} {self.neighbour_ms} -> {tried.neighbour_ms} ms"
        return (tried.goodput.text if tried.goodput else "") + (beside if tried.neighbour_ms else "")


def place_of(diagnosis: Diagnosis, candidate: Candidate, folder: Path) -> str:
    """`file:line` of the line to blame, as seen from the app's folder; empty: no line of the app is."""
    own = (
        each
        for each in diagnosis.lines
        if each.owner is not Owner.LIBRARY and (each.file, each.function) not in candidate.others
    )
    line = next(own, None)
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
        place_of(diagnosis, candidate, folder),
        _place(endpoint, folder) if endpoint and endpoint.file else "",
        is_healthy=seen.is_healthy,
        reason="; ".join(filter(None, (reason, invalid))),
    )


def with_answer(
    candidate: Candidate, seen: Screened, folder: Path, what_ifs: Sequence[WhatIf], report: SessionReport
) -> RouteAdvice:
    """The advice on a route whose what-ifs were measured."""
    run, (neighbour, beside) = seen.run, neighbour_of(report)
    tried = tuple(tried_in(report, each, beside) for each in what_ifs)
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


def with_refusals(advice: RouteAdvice, refused: Sequence[Tried], seen: Screened, cores: int) -> RouteAdvice:
    """The advice with the what-ifs that the route refused before anything was measured."""
    left = advice.untried if advice.tried else untried(seen.run.diagnosis, seen.run.ceilings, cores)
    return replace(advice, tried=(*refused, *advice.tried), untried=left) if refused else advice


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
