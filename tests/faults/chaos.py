"""Faults at random moments of real quick sessions, one after the other: `python -m tests.faults.chaos --minutes 30`.

Each strike begins or resumes a session, waits for a random moment, does one thing to it, and checks what always holds:
no process is left, every finished run is unchanged byte for byte, no traceback of ours, an exit code that fits.
A session that was struck is resumed by the next strike; at the end the last one must be completed. The seed is printed.
"""

import argparse
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psutil

from loopbench.records.session import file_facts, read_run, run_folders
from tests.faults.faults import (
    GENERATOR,
    SERVER,
    Ended,
    Measuring,
    fingerprint,
    left_behind,
    processes_of,
    sessions,
    write_scenario,
)

LONGEST_S: Final = 22.0
"""A moment is drawn from the beginning to here; a strike that comes too late for its session hits nothing."""

RUNS: Final = 4
"""Two ramps, and a round of two targets in turns."""

GONE_WITHIN_S: Final = 2.0
"""Every process of a measurement has ended this long after its end."""

Strike = Callable[[Measuring], None]


def signalled(number: signal.Signals) -> Strike:
    """A signal to the harness."""
    return lambda measuring: measuring.process.send_signal(number)


def on(word: str, number: signal.Signals, *, minder: bool = False) -> Strike:
    """A signal to a process whose command line has a word, or to its minder; nothing if there is none right now."""

    def strike(measuring: Measuring) -> None:
        for pid, line in processes_of(measuring.folder):
            if word in line and ("minder.py" in line) == minder:
                os.kill(pid, number)
                return

    return strike


def paused(measuring: Measuring) -> None:
    """Ctrl-Z and back."""
    measuring.process.send_signal(signal.SIGTSTP)
    time.sleep(1)
    measuring.process.send_signal(signal.SIGCONT)


def killed_with_its_minders(measuring: Measuring) -> None:
    """The harness and the first minder at once: the other minder is all that is left."""
    on(SERVER, signal.SIGKILL, minder=True)(measuring)
    measuring.process.kill()


STRIKES: Final[Mapping[str, Strike]] = {
    "kill -9 of the harness": signalled(signal.SIGKILL),
    "SIGINT to the harness": signalled(signal.SIGINT),
    "SIGTERM to the harness": signalled(signal.SIGTERM),
    "SIGHUP to the harness": signalled(signal.SIGHUP),
    "Ctrl-Z and back": paused,
    "target killed": on(SERVER, signal.SIGKILL),
    "target crashes": on(SERVER, signal.SIGSEGV),
    "Locust killed": on(GENERATOR, signal.SIGKILL),
    "minder of the target killed": on(SERVER, signal.SIGKILL, minder=True),
    "minder of Locust killed": on(GENERATOR, signal.SIGKILL, minder=True),
}
ALLOWED_CODES: Final = frozenset({0, 3, 4, 5, 130, *(-each for each in (1, 2, 9, 15))})


@dataclass
class Tally:
    """What came of the strikes."""

    strikes: Counter[str] = field(default_factory=Counter)
    codes: Counter[tuple[str, int]] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    completed: int = 0

    def take(self, name: str, ended: Ended, problems: list[str]) -> None:
        """One strike."""
        self.strikes[name] += 1
        self.codes[name, ended.code] += 1
        self.problems += [f"{name}: {each}" for each in problems]

    def table(self) -> str:
        """Strikes and exit codes by fault, and the problems."""
        lines = ["| fault | strikes | exit codes |", "|---|---|---|"]
        for name, count in sorted(self.strikes.items()):
            codes = ", ".join(f"{code} ({n})" for (fault, code), n in sorted(self.codes.items()) if fault == name)
            lines.append(f"| {name} | {count} | {codes} |")
        total, verdict = sum(self.strikes.values()), "FAIL" if self.problems else "PASS"
        lines += ["", f"{verdict}: {total} strikes, {self.completed} sessions completed, {len(self.problems)} problems"]
        return "\n".join([*lines, *self.problems])


class Chaos:
    """Sessions in a folder, struck again and again.

    Args:
        base: each session gets a folder of its own below it.
        dice: draws the moment and the strike.
    """

    def __init__(self, base: Path, dice: random.Random) -> None:
        self.tally = Tally()
        self._base = base
        self._dice = dice
        self._count = 0
        self._folder = self._fresh()

    def strike(self, name: str, strike: Strike) -> None:
        """One session, begun or resumed, and what happens to it at a random moment."""
        moment_s = self._dice.uniform(0, LONGEST_S)
        with self._measuring() as measuring:
            began = time.monotonic()
            while time.monotonic() - began < moment_s and measuring.process.poll() is None:
                time.sleep(0.01)
            if measuring.process.poll() is None:
                strike(measuring)
            ended = measuring.end()
        self.tally.take(name, ended, problems_of(ended))
        if self._is_complete():
            self.tally.completed += 1
            self._folder = self._fresh()

    def complete(self) -> None:
        """What was struck last goes on to its end."""
        with self._measuring() as measuring:
            ended = measuring.end()
        self.tally.problems += [f"the last resume: {each}" for each in problems_of(ended)]
        if ended.code not in {0, 3} or not self._is_complete():
            self.tally.problems.append(f"the last resume did not complete: {ended.code}, {ended.stderr}")
        else:
            self.tally.completed += 1

    def _measuring(self) -> Measuring:
        file = self._folder / "case.toml"
        begun = sessions(self._folder)
        resume = ("--resume", begun[-1]) if begun else ()
        return Measuring(self._folder, file, "--rounds", "1", *resume)

    def _is_complete(self) -> bool:
        begun = sessions(self._folder)
        return bool(begun) and len(list(run_folders(begun[-1]))) == RUNS

    def _fresh(self) -> Path:
        self._count += 1
        return write_scenario(self._base / f"session-{self._count}").parent


def problems_of(ended: Ended) -> list[str]:
    """What always holds and does not."""
    problems = [f"left behind: {line}" for line in left_behind(ended.folder, GONE_WITHIN_S)]
    after = fingerprint(ended.folder)
    problems += [f"changed: {name}" for name, mark in ended.before.items() if after.get(name) != mark]
    for session in sessions(ended.folder):
        problems += [f"damaged: {run}" for run in run_folders(session) if read_run(run).files != file_facts(run)]
    problems += [f"says {line}" for line in ended.own_words if "Traceback" in line]
    if ended.code not in ALLOWED_CODES:
        problems.append(f"exit code {ended.code}: {ended.stderr}")
    return problems


def main() -> int:
    """Strike for some minutes, print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    chosen = parser.parse_args()
    print(f"seed {chosen.seed}, {chosen.minutes:g} minutes, {psutil.cpu_count()} cores", flush=True)  # noqa: T201
    dice, ends_s = random.Random(chosen.seed), time.monotonic() + 60 * chosen.minutes  # noqa: S311  repeatable
    with tempfile.TemporaryDirectory(prefix="loopbench-chaos-") as base:
        chaos = Chaos(Path(base), dice)
        while time.monotonic() < ends_s:
            name = dice.choice(sorted(STRIKES))
            chaos.strike(name, STRIKES[name])
        chaos.complete()
    print(chaos.tally.table())  # noqa: T201
    return 1 if chaos.tally.problems else 0


if __name__ == "__main__":
    sys.exit(main())
