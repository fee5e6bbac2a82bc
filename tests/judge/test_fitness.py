"""From the doctor's figures to its findings: each limit is exceeded by its fault and not without it."""

import json
import math
import random
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from loopbench.errors import ExitCode
from loopbench.judge.doctor.fitness import LOOK_S, RUN_S, fitness_json, judge_fitness, pair_spread
from loopbench.judge.doctor.fitness_rules import Fit
from loopbench.judge.statistics.comparisons import MIN_ROUNDS
from loopbench.records import FORMAT_VERSION
from loopbench.records.examination import (
    BusyProcess,
    CanaryBeat,
    Disk,
    Examination,
    Leftover,
    Limits,
    MachineSecond,
)
from loopbench.records.sensors import MachineUse
from tests.first_scenario.calling import call

CALM = MachineUse(2.0, 0.02, 0.01, 0.005, 0.001, 0.0, 0.0, 0, 8192, 0, 0.0, 0, 0, 0)
FACTS = {"governor": "performance", "turbo": "off", "clock_source": "tsc", "siblings": "none share a core"}
BEATS = tuple(CanaryBeat(1.25 * index, (0.004, 0.004), (0.0, 0.0)) for index in range(48))
FIT = Examination(
    format=FORMAT_VERSION,
    wall_s=60.0,
    machine=FACTS,
    cores=(0, 1),
    beats=BEATS,
    seconds=(MachineSecond(1.0, CALM),) * 48,
    busiest=(BusyProcess(7, "cron", 0.01),),
    disk=Disk("results", (0.001, 0.002), 2e8),
    limits=Limits(20_000, (32768, 60999), None),
    leftovers=(),
    unobservable={},
)


def fit_of(seen: Examination, subject: str) -> Fit:
    """The finding on one figure."""
    (fit,) = {finding.fit for finding in judge_fitness(seen).findings if finding.subject == subject}
    return fit


def using(**parts: Any) -> Examination:
    """Every second like this."""
    return replace(FIT, seconds=(MachineSecond(1.0, replace(CALM, **parts)),) * 10)


def beating(pieces_s: list[float]) -> Examination:
    """These times on core 1."""
    beats = [replace(beat, piece_s=(0.004, piece)) for beat, piece in zip(BEATS, pieces_s, strict=False)]
    return replace(FIT, beats=tuple(beats))


def knowing(**facts: str) -> Examination:
    return replace(FIT, machine=FACTS | facts)


def waiting(share: float | None) -> Examination:
    return replace(FIT, beats=tuple(replace(beat, waited_share=(0.0, share)) for beat in BEATS))


def test_a_machine_that_does_nothing_is_fit_and_needs_the_fewest_rounds() -> None:
    fitness = judge_fitness(FIT)
    assert {finding.fit for finding in fitness.findings} == {Fit.GOOD}
    assert fitness.fit is Fit.GOOD
    assert fitness.rounds == MIN_ROUNDS
    assert not any("try:" in line for line in fitness.lines)


@pytest.mark.parametrize(
    ("subject", "seen", "fit"),
    [
        ("speed of core 1", beating([0.004] * 47 + [0.0042]), Fit.GOOD),
        ("speed of core 1", beating([0.004] * 47 + [0.0050]), Fit.NOISY),
        ("speed of core 1", beating([0.004] * 30 + [0.0043] * 18), Fit.NOISY),
        ("speed of core 1", beating([0.004] * 30 + [0.0050] * 18), Fit.UNFIT),
        ("speed of core 1", replace(FIT, beats=(CanaryBeat(0.0, (0.004, None), (0.0, None)),)), Fit.UNKNOWN),
        ("cores", replace(FIT, beats=(CanaryBeat(0.0, (0.004, None), (0.0, None)),)), Fit.NOISY),
        ("run-queue delay on core 1", waiting(0.03), Fit.NOISY),
        ("run-queue delay on core 1", waiting(0.06), Fit.UNFIT),
        ("run-queue delay on core 1", waiting(None), Fit.UNKNOWN),
        ("other processes", using(foreign_cpu_s=0.2), Fit.NOISY),
        ("other processes", using(unattributed_cpu_s=0.2), Fit.NOISY),
        ("other processes", using(foreign_cpu_s=1.0), Fit.UNFIT),
        ("other processes", using(foreign_cpu_s=None), Fit.UNKNOWN),
        ("steal", using(steal_s=0.04), Fit.NOISY),
        ("steal", using(steal_s=0.2), Fit.UNFIT),
        ("steal", using(steal_s=None), Fit.UNKNOWN),
        ("CPU pressure", using(psi_cpu_some_share=0.5), Fit.GOOD),
        ("CPU pressure", using(psi_cpu_some_share=None), Fit.UNKNOWN),
        ("CPU limit", replace(FIT, limits=replace(FIT.limits, cpu_cores=4.0)), Fit.NOISY),
        ("CPU limit", replace(FIT, limits=replace(FIT.limits, cpu_cores=1.5)), Fit.UNFIT),
        ("CPU limit", replace(FIT, unobservable={"cpu_cores": "none visible"}), Fit.UNKNOWN),
        ("cores", replace(FIT, cores=(0,), beats=(CanaryBeat(0.0, (0.004,), (0.0,)),)), Fit.UNFIT),
        ("sibling threads", knowing(siblings="0,4; 1,5"), Fit.NOISY),
        ("sibling threads", knowing(siblings="not observable: no topology"), Fit.UNKNOWN),
        ("governor", knowing(governor="powersave"), Fit.NOISY),
        ("governor", knowing(governor="not observable: no cpufreq"), Fit.UNKNOWN),
        ("turbo", knowing(turbo="on"), Fit.NOISY),
        ("clock source", knowing(clock_source="acpi_pm"), Fit.NOISY),
        ("disk", replace(FIT, disk=Disk("results", (0.1, 0.2), None)), Fit.NOISY),
        ("disk", replace(FIT, disk=Disk("results", (), None)), Fit.UNFIT),
        ("open files", replace(FIT, limits=replace(FIT.limits, open_files=1024)), Fit.NOISY),
        ("open files", replace(FIT, limits=replace(FIT.limits, open_files=None)), Fit.GOOD),
        ("ports", replace(FIT, limits=replace(FIT.limits, ports=(60000, 61000))), Fit.NOISY),
        ("ports", replace(FIT, limits=replace(FIT.limits, ports=None)), Fit.UNKNOWN),
        ("left over", replace(FIT, leftovers=(Leftover(9, "uvicorn"),)), Fit.NOISY),
    ],
)
def test_each_fault_is_named(subject: str, seen: Examination, fit: Fit) -> None:
    assert fit_of(seen, subject) is fit
    assert fit_of(FIT, subject) is Fit.GOOD


def test_the_worst_comes_first_and_says_what_to_try() -> None:
    lines = judge_fitness(using(steal_s=0.2, psi_cpu_some_share=None)).lines
    assert lines[0].startswith("unfit    steal: the host gave 10.0 %")
    assert lines[1].strip().startswith("try: measure on a machine")
    assert lines[2].startswith("unknown  CPU pressure")


@pytest.mark.parametrize("spread", [0.02, 0.05, 0.10])
def test_the_spread_of_neighbouring_runs_is_found_again(spread: float) -> None:
    """Planted per stretch, so the difference of two has sqrt(2) times as much; found within a fifth over 400 runs."""
    draw = random.Random(1)  # noqa: S311  reproducible on purpose
    stretches = [draw.gauss(0.0, spread) for _ in range(400)]
    beats = tuple(
        CanaryBeat(RUN_S * index + offset, (0.004 * math.exp(log),), (0.0,))
        for index, log in enumerate(stretches)
        for offset in (0.0, 2.0, 4.0)
    )
    seen = replace(FIT, cores=(0,), beats=beats, wall_s=RUN_S * len(stretches))
    assert pair_spread(seen) == pytest.approx(math.sqrt(2) * spread, rel=0.2)


def test_a_slow_drift_costs_no_rounds() -> None:
    """Pairs inside a round cancel it: 20 % over a minute is 3 % from one run to the next."""
    drifting = [0.004 * (1 + 0.2 * index / 48) for index in range(48)]
    spread = pair_spread(beating(drifting))
    assert spread is not None
    assert spread < 0.035


@pytest.mark.parametrize(("spread", "rounds"), [(0.03, 5), (0.05, 7), (0.08, 13)])
def test_more_noise_takes_more_rounds(spread: float, rounds: int) -> None:
    """The figures of the simulations behind the rounds: 3 % 4 (but never below 5), 5 % 7, 8 % 13."""
    steps = [0.004 * math.exp(spread * (index % 2)) for index in range(7)]
    beats = tuple(CanaryBeat(RUN_S * index, (piece_s,), (0.0,)) for index, piece_s in enumerate(steps))
    fitness = judge_fitness(replace(FIT, cores=(0,), beats=beats))
    assert fitness.rounds == rounds
    assert f"at least {rounds} rounds" in fitness.sentence


def test_a_look_too_short_says_nothing_about_rounds() -> None:
    fitness = judge_fitness(replace(FIT, wall_s=LOOK_S - 1))
    assert fitness.rounds is None
    assert "too short" in fitness.sentence


def test_a_program_gets_what_was_said_and_what_it_rests_on() -> None:
    document = json.loads(fitness_json(FIT, judge_fitness(FIT)))
    assert document["fitness"]["fit"] == "good"
    assert document["fitness"]["rounds"] == MIN_ROUNDS
    assert len(document["examination"]["beats"]) == len(BEATS)


def test_names_of_processes_cannot_draw_on_the_screen() -> None:
    seen = replace(FIT, busiest=(BusyProcess(7, "\x1b[2Jx", 0.5),), leftovers=(Leftover(8, "\u202ey"),))
    text = "\n".join(judge_fitness(seen).lines)
    assert "\x1b" not in text
    assert "\u202e" not in text


@pytest.mark.parametrize(("seen", "code"), [(FIT, ExitCode.OK), (using(steal_s=0.9), ExitCode.ENVIRONMENT)])
def test_doctor_ends_with_an_error_on_an_unfit_machine(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    seen: Examination,
    code: ExitCode,
) -> None:
    def examine(_seconds: float, _out: Path, tick: Callable[[float], None]) -> Examination:
        for elapsed_s in (5.0, 11.0, 15.0):
            tick(elapsed_s)
        return seen

    monkeypatch.setattr("loopbench.measure.doctor.examine", examine)
    monkeypatch.setattr("loopbench.measure.lock.one_at_a_time", lambda *_: nullcontext())
    done = call(capsys, tmp_path, "doctor")
    assert done.code == code
    error = "" if code == ExitCode.OK else "error[unfit]: this machine is unfit to measure on: steal\n"
    assert done.err == f"measuring this machine for 60 s\n  11 of 60 s\n{error}"
    assert done.out
