"""Is this machine fit to measure? From what the doctor saw to a number of rounds."""

import json
import math
from dataclasses import asdict, dataclass
from itertools import pairwise
from statistics import fmean
from typing import Final

from loopbench.judge.doctor.fitness_rules import RULES, Fit, FitnessFinding
from loopbench.judge.statistics.comparisons import MIN_ROUNDS, rounds_needed
from loopbench.records.examination import Examination

PRECISION: Final = 0.05
RUN_S: Final = 8.0  # about what a plateau run takes: beats inside such a stretch would have been inside one run
MIN_PAIRS: Final = 3
LOOK_S: Final = RUN_S * (MIN_PAIRS + 1)  # the shortest examination from which rounds can be planned


@dataclass(frozen=True)
class Fitness:
    """The result of `loopbench doctor`."""

    findings: tuple[FitnessFinding, ...]  # all that was looked at
    # standard deviation of the log-ratio of two neighbouring runs, as the machine alone makes it (0.03: about 3 %);
    # None: too short a look
    spread: float | None
    # how many rounds a +-5 % answer takes at that spread. The app's own spread comes on top: a lower bound
    rounds: int | None

    @property
    def fit(self) -> Fit:
        """The worst that is known."""
        found = {finding.fit for finding in self.findings}
        return next((fit for fit in (Fit.UNFIT, Fit.NOISY) if fit in found), Fit.GOOD)

    @property
    def sentence(self) -> str:
        """The answer to "how many rounds will it take here"."""
        if self.spread is None or self.rounds is None:
            return f"the look was too short to say how many rounds a +-5 % answer takes: {LOOK_S:g} s are needed"
        return (
            f"a +-5 % answer will take at least {self.rounds} rounds here: the machine alone moves two neighbouring "
            f"runs apart by {100 * self.spread:.1f} % (standard deviation), and the app's own spread comes on top"
        )

    @property
    def lines(self) -> tuple[str, ...]:
        """For the console, worst first: `unfit    steal: ...`, advice below it, the answer last."""
        order = {fit: rank for rank, fit in enumerate((Fit.UNFIT, Fit.NOISY, Fit.UNKNOWN, Fit.GOOD))}
        lines: list[str] = []
        for finding in sorted(self.findings, key=lambda each: order[each.fit]):
            lines.append(f"{finding.fit.value:8} {finding.subject}: {finding.what}")
            lines += [f"{'':8} try: {finding.advice}"] if finding.advice else []
        return (*lines, "", self.sentence)


def judge_fitness(seen: Examination) -> Fitness:
    """The judgement of an examination."""
    spread = pair_spread(seen)
    findings = tuple(finding for rule in RULES for finding in rule(seen))
    rounds = None if spread is None else max(MIN_ROUNDS, rounds_needed(spread, PRECISION))
    return Fitness(findings, spread, rounds)


def fitness_json(seen: Examination, fitness: Fitness) -> str:
    """Both for a program: the sentence and findings, and under them the raw figures they rest on."""
    judged = {"fit": fitness.fit, "sentence": fitness.sentence, **asdict(fitness)}
    return json.dumps(
        {"format": seen.format, "fitness": judged, "examination": asdict(seen)}, indent=1, allow_nan=False
    )


def pair_spread(seen: Examination) -> float | None:
    """Spread of ln(run / next run) as the canary shows it, on the core that moves most.

    Beats are averaged over stretches of a run's length, and each stretch compared with the next, as paired runs are:
    a slow drift cancels. The differences' mean is known to be 0, so s = sqrt(mean(d^2)).
    """
    spreads = [
        math.sqrt(fmean((b - a) ** 2 for a, b in pairwise(stretches)))
        for core in range(len(seen.cores))
        if len(stretches := _stretches(seen, core)) > MIN_PAIRS
    ]
    return max(spreads, default=None)


def _stretches(seen: Examination, core: int) -> list[float]:
    """Mean logarithm of the canary's time in each whole stretch of `RUN_S`."""
    stretches: dict[int, list[float]] = {}
    for beat in seen.beats:
        piece_s = beat.piece_s[core]
        if piece_s is not None and beat.at_s < RUN_S * (seen.wall_s // RUN_S):
            stretches.setdefault(int(beat.at_s // RUN_S), []).append(math.log(piece_s))
    return [fmean(logs) for _, logs in sorted(stretches.items())]
