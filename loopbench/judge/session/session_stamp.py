"""The stamp of a whole session: the worst of its runs and of its rounds, each fault reported once."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from loopbench.judge.figures import listed
from loopbench.judge.rounds.rounds import Rounds
from loopbench.judge.stamp.canaries import Canaries
from loopbench.judge.stamp.metrics import Measured, Metric, Metrics, NotApplicable
from loopbench.judge.stamp.stamp import CheckOutcome, Stamp, evaluate
from loopbench.judge.stamp.stamp_checks import Level
from loopbench.judge.stamp.stamp_rules import CHECKS, SESSION_RULES
from loopbench.judge.statistics.verdict import Word
from loopbench.records.session import PlannedRun

MAX_VARIANTS = 6  # named in one sentence
NO_ROUNDS = "there are no rounds"


@dataclass(frozen=True, slots=True)
class MergedOutcome:
    """One check's outcome over the runs it hit."""

    worst: CheckOutcome  # the finding of the run it hit hardest
    # variant (slug) and how many of its runs were hit, the most first; empty for the session's own
    by_variant: tuple[tuple[str, int], ...] = ()
    invalid: int = 0  # how many of them it made INVALID
    runs: int = 0  # how many runs there are in all

    @property
    def level(self) -> Level:
        """What it does to the stamp."""
        return self.worst.level

    @property
    def hit(self) -> int:
        """How many runs."""
        return sum(count for _, count in self.by_variant)

    @property
    def sentence(self) -> str:
        """For the console and the page: the worst figure, and how often."""
        if not self.by_variant or self.level is Level.VALID:
            return self.worst.sentence
        some = f" ({self.invalid} of them INVALID)" if 0 < self.invalid < self.hit else ""
        return f"{self.worst.sentence}; {self._where}{some}"

    @property
    def _where(self) -> str:
        if self.hit == self.runs:
            return "in the only run" if self.runs == 1 else f"in all {self.runs} runs"
        where = listed([f"{variant} ({count})" for variant, count in self.by_variant[:MAX_VARIANTS]])
        more = f" and {len(self.by_variant) - MAX_VARIANTS} more" if len(self.by_variant) > MAX_VARIANTS else ""
        return f"in {self.hit} of {self.runs} runs: {where}{more}"


NOTHING = MergedOutcome(
    CheckOutcome("D2", "completions", Level.INVALID, "no run is complete", None, "", "run the scenario again")
)


@dataclass(frozen=True)
class SessionStamp:
    """What may be believed of a session."""

    findings: tuple[MergedOutcome, ...]  # faults and remarks, the session's own last
    answered: bool = False  # every declared pair has a verdict, which rests on valid runs alone

    @cached_property
    def level(self) -> Level:
        """The worst of them; but INVALID runs only degrade a session that answers in spite of them, without them."""
        worst = max((finding.level for finding in self.findings), default=Level.VALID)
        return min(worst, Level.DEGRADED) if self.answered else worst

    @property
    def label(self) -> str:
        """VALID, VALID (DEGRADED) or INVALID."""
        return self.level.label

    @cached_property
    def faults(self) -> tuple[MergedOutcome, ...]:
        """What lowered it, the worst first."""
        lowered = [finding for finding in self.findings if finding.level > Level.VALID]
        return tuple(sorted(lowered, key=lambda finding: (-finding.level, -finding.hit)))

    @cached_property
    def remarks(self) -> tuple[MergedOutcome, ...]:
        """What lowered nothing but is always reported."""
        return tuple(finding for finding in self.findings if finding.level is Level.VALID)

    @property
    def invalid_because(self) -> tuple[str, ...]:
        """A sentence for each fault that makes it INVALID; empty otherwise."""
        return tuple(finding.sentence for finding in self.faults if finding.level is Level.INVALID)

    @property
    def sentence(self) -> str:
        """The label and, if it is not VALID, why."""
        return f"{self.label}: {'; '.join(each.sentence for each in self.faults)}" if self.faults else self.label


def stamp_session(
    stamps: Sequence[tuple[PlannedRun, Stamp]], rounds: Rounds | None, canaries: Canaries
) -> SessionStamp:
    """Merge the stamps of all complete runs with what only the rounds together show."""
    own = evaluate({"canary_scatter": _scatter(canaries), **_metrics(rounds)}, SESSION_RULES)
    faults = tuple(MergedOutcome(each) for each in own.findings if _is_reported(each))
    return SessionStamp((*(_merged(stamps) if stamps else (NOTHING,)), *faults), _answered(rounds))


def _answered(rounds: Rounds | None) -> bool:
    verdicts = rounds.goodput.verdicts if rounds else ()
    return bool(verdicts) and all(verdict.word is not Word.INVALID for verdict in verdicts)


def _metrics(rounds: Rounds | None) -> Metrics:
    if rounds is None:
        nothing = NotApplicable(NO_ROUNDS)
        return {"rounds": Measured(0), "half_width": nothing, "repeat_share": nothing}
    repeated = rounds.rejected / max(1, len(rounds.runs))
    return {
        "rounds": _complete_rounds(rounds),
        "half_width": _half_width(rounds),
        "repeat_share": Measured(repeated, f"{rounds.rejected} repeats of {len(rounds.runs)} runs"),
    }


def _scatter(canaries: Canaries) -> Metric:
    return NotApplicable("too few runs") if canaries.scatter is None else Measured(canaries.scatter)


def _complete_rounds(rounds: Rounds) -> Measured:
    """With a figure of both variants, for the pair that has fewest; of a single variant, its own."""
    replicates = rounds.goodput.replicates
    pairs = [verdict.comparison.rounds for verdict in rounds.goodput.verdicts]
    own = [len(replicates.figures_of(variant)) for variant in replicates.variants]
    return Measured(min(pairs or own, default=0), f"{rounds.count} begun")


def _half_width(rounds: Rounds) -> Metric:
    """Of goodput, which is what the precision is asked of; a pair without an interval is as wide as can be."""
    if not rounds.goodput.verdicts:
        return NotApplicable("no comparison is declared")
    comparisons = [each.comparison for each in rounds.goodput.verdicts if not each.comparison.is_bounded]
    widths = [math.inf if each.half_width is None else each.half_width for each in comparisons]
    if not widths:
        return NotApplicable("every comparison is a bound")
    widest = widths.index(max(widths))
    return Measured(widths[widest], f"{comparisons[widest].a} over {comparisons[widest].b}")


def _merged(stamps: Sequence[tuple[PlannedRun, Stamp]]) -> Iterable[MergedOutcome]:
    """One for each figure, in the order of the rules; a remark only where the figure is nowhere a fault."""
    reported: dict[str, list[tuple[str, CheckOutcome]]] = {}
    for run, stamp in stamps:
        for finding in filter(_is_reported, stamp.findings):
            reported.setdefault(finding.metric, []).append((run.variant, finding))
    for metric in filter(reported.__contains__, CHECKS):
        faults = [each for each in reported[metric] if each[1].level > Level.VALID]
        found = faults or reported[metric]
        counts = Counter(variant for variant, _ in found).most_common()
        invalid = sum(1 for _, finding in found if finding.level is Level.INVALID)
        yield MergedOutcome(_worst(metric, [each for _, each in found]), tuple(counts), invalid, len(stamps))


def _worst(metric: str, findings: list[CheckOutcome]) -> CheckOutcome:
    """Of the highest level the one without a figure, or else the one farthest beyond its limit."""
    sign = -1 if CHECKS[metric].at_least else 1
    return max(findings, key=lambda each: (each.level, math.inf if each.value is None else sign * each.value))


def _is_reported(finding: CheckOutcome) -> bool:
    return finding.level > Level.VALID or finding.remark
