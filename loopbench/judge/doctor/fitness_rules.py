"""What makes a machine fit to measure or not: each rule looks at one thing the doctor saw. All pure."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import fmean, median
from typing import Final

from loopbench.records.examination import Examination, MachineSecond
from loopbench.records.sensors import MachineUse
from loopbench.showable import showable

MAX_CANARY_MOVES: Final = (0.05, 0.10)  # beyond: a run is DEGRADED, or INVALID, by M2
MAX_STRAYS: Final = 0.20  # as many runs to be repeated make a session DEGRADED
MAX_WAITED: Final = (0.02, 0.05)  # M5
MAX_FOREIGN: Final = (0.05, 0.25)  # M3
MAX_STEAL: Final = (0.01, 0.05)  # M1
SLOW_FSYNC_S: Final = 0.05
FEW_OPEN_FILES: Final = 4_096
FEW_PORTS: Final = 10_000
FAST_CLOCKS: Final = ("tsc", "kvm-clock", "arch_sys_counter", "hyperv_clocksource_tsc_page")
UNKNOWN_FACT: Final = "not observable"


class Fit(StrEnum):
    """How good one thing about the machine is for measuring."""

    GOOD = "good"
    NOISY = "noisy"  # more rounds are needed
    UNFIT = "unfit"  # runs will come out INVALID, or sessions fail
    UNKNOWN = "unknown"  # not observable here


@dataclass(frozen=True)
class FitnessFinding:
    """One thing looked at: figures in words, and what would help (empty: nothing needed)."""

    subject: str
    fit: Fit
    what: str
    advice: str = ""


def _canary(seen: Examination) -> Iterator[FitnessFinding]:
    for index, core in enumerate(seen.cores):
        pieces = [piece_s for beat in seen.beats if (piece_s := beat.piece_s[index]) is not None]
        subject = f"speed of core {core}"
        if not pieces:
            yield FitnessFinding(
                subject,
                Fit.UNKNOWN,
                "the canary could not be pinned to it",
                "allow sched_setaffinity (seccomp, cpuset)",
            )
            continue
        usual = median(pieces)
        moves = [abs(piece / usual - 1) for piece in pieces]
        often, far = (sum(move > limit for move in moves) / len(moves) for limit in MAX_CANARY_MOVES)
        fit = Fit.UNFIT if far > MAX_STRAYS else Fit.NOISY if often > MAX_STRAYS or far > 0 else Fit.GOOD
        what = (
            f"fixed work takes {1e3 * usual:.2f} ms; {100 * often:.0f} % of {len(moves)} tries strayed by more than "
            f"{100 * MAX_CANARY_MOVES[0]:.0f} %, the worst by {100 * max(moves):.0f} %"
        )
        yield FitnessFinding(
            subject, fit, what, "" if fit is Fit.GOOD else "stop other work; see the next lines for what it may be"
        )


def _waiting(seen: Examination) -> Iterator[FitnessFinding]:
    for index, core in enumerate(seen.cores):
        waited = [share for beat in seen.beats if (share := beat.waited_share[index]) is not None]
        subject = f"run-queue delay on core {core}"
        if not waited:
            yield FitnessFinding(subject, Fit.UNKNOWN, "the kernel keeps no schedstat")
            continue
        share = fmean(waited)
        fit = _grade(share, MAX_WAITED)
        what = f"fixed work was ready but not running for {100 * share:.1f} % of its time"
        yield FitnessFinding(subject, fit, what, "" if fit is Fit.GOOD else "stop what else runs on this core")


def _foreign(seen: Examination) -> Iterator[FitnessFinding]:
    shares = _shares(seen.seconds, lambda use: use.foreign_cpu_s)
    loose = _shares(seen.seconds, lambda use: use.unattributed_cpu_s)
    if not shares:
        yield _unknown(seen, "other processes", "foreign_cpu_s")
        return
    loose_share = fmean(loose) if loose else 0.0
    share = fmean(shares) + loose_share
    fit = _grade(share, MAX_FOREIGN)
    top = ", ".join(f"{showable(each.name)} ({each.pid}) {100 * each.cpu_share:.0f} %" for each in seen.busiest[:3])
    what = (
        f"{100 * share:.1f} % of the machine's CPU went to others ({100 * loose_share:.1f} % to interrupts and "
        f"processes too short to be seen); most, of one core: {top or 'none'}"
    )
    yield FitnessFinding("other processes", fit, what, "" if fit is Fit.GOOD else "stop them while measuring")


def _steal(seen: Examination) -> Iterator[FitnessFinding]:
    shares = _shares(seen.seconds, lambda use: use.steal_s)
    if not shares:
        yield _unknown(seen, "steal", "steal_s")
        return
    share = fmean(shares)
    fit = _grade(share, MAX_STEAL)
    advice = "" if fit is Fit.GOOD else "measure on a machine with processors of its own, or at another hour"
    yield FitnessFinding("steal", fit, f"the host gave {100 * share:.1f} % of the CPU to others", advice)


def _pressure(seen: Examination) -> Iterator[FitnessFinding]:
    shares = [share for each in seen.seconds if (share := each.use.psi_cpu_some_share) is not None]
    if not shares:
        yield _unknown(seen, "CPU pressure", "psi_cpu_some_share")
        return
    # No limit: it read 21 % in a valid run, so it explains the others and decides nothing.
    yield FitnessFinding(
        "CPU pressure", Fit.GOOD, f"some task waited for a processor {100 * fmean(shares):.0f} % of the time"
    )


def _throttling(seen: Examination) -> Iterator[FitnessFinding]:
    limit = seen.limits.cpu_cores
    if "cpu_cores" in seen.unobservable:
        yield _unknown(seen, "CPU limit", "cpu_cores")
    elif limit is not None:
        periods = sum(each.use.throttled_periods or 0 for each in seen.seconds)
        what = f"a control group allows {limit:g} processors; throttled {periods} times while nothing was measured"
        yield FitnessFinding(
            "CPU limit", Fit.UNFIT if limit < 2 or periods else Fit.NOISY, what, "raise or remove the limit"
        )
    else:
        yield FitnessFinding("CPU limit", Fit.GOOD, "no control group sets one")


def _cores(seen: Examination) -> Iterator[FitnessFinding]:
    if len(seen.cores) < 2:
        what = "target and generator share the only one: each slows the other down"
        yield FitnessFinding("cores", Fit.UNFIT, what, "measure where there are at least two")
    else:
        pinned = all(any(beat.piece_s[index] is not None for beat in seen.beats) for index in range(len(seen.cores)))
        what = f"{len(seen.cores)}; target and generator can {'' if pinned else 'not '}be pinned apart"
        yield FitnessFinding("cores", Fit.GOOD if pinned else Fit.NOISY, what)
    siblings = str(seen.machine.get("siblings", UNKNOWN_FACT))
    if siblings.startswith(UNKNOWN_FACT):
        yield FitnessFinding("sibling threads", Fit.UNKNOWN, siblings)
    elif any(character.isdigit() for character in siblings):
        advice = "switch SMT off, or give target and generator cores that share nothing"
        yield FitnessFinding("sibling threads", Fit.NOISY, f"processors that share a core: {siblings}", advice)
    else:
        yield FitnessFinding("sibling threads", Fit.GOOD, siblings)


def _clock(seen: Examination) -> Iterator[FitnessFinding]:
    good: dict[str, Callable[[str], bool]] = {
        "governor": lambda value: value == "performance",
        "turbo": lambda value: value == "off",
        "clock_source": lambda value: value in FAST_CLOCKS,
    }
    advice = {
        "governor": "cpupower frequency-set --governor performance",
        "turbo": "switch turbo off for steadier, if lower, figures",
        "clock_source": "boot with clocksource=tsc",
    }
    for fact, is_good in good.items():
        value = str(seen.machine.get(fact, UNKNOWN_FACT))
        if value.startswith(UNKNOWN_FACT):
            yield FitnessFinding(fact.replace("_", " "), Fit.UNKNOWN, value)
        else:
            fine = is_good(value)
            yield FitnessFinding(
                fact.replace("_", " "), Fit.GOOD if fine else Fit.NOISY, value, "" if fine else advice[fact]
            )


def _disk(seen: Examination) -> Iterator[FitnessFinding]:
    if not seen.disk.fsync_s:
        yield FitnessFinding(
            "disk", Fit.UNFIT, seen.unobservable.get("fsync_s", "not tried"), "loopbench run SCENARIO --out DIR"
        )
        return
    usual = median(seen.disk.fsync_s)
    speed = seen.disk.write_bytes_per_s
    fast = "unknown speed" if speed is None else f"{speed / 1e6:.0f} MB/s"
    slow = usual > SLOW_FSYNC_S
    what = f"an fsync takes {1e3 * usual:.1f} ms (up to {1e3 * max(seen.disk.fsync_s):.1f} ms), large writes {fast}"
    advice = "write results, and what the app writes, to a faster disk" if slow else ""
    yield FitnessFinding("disk", Fit.NOISY if slow else Fit.GOOD, what, advice)


def _limits(seen: Examination) -> Iterator[FitnessFinding]:
    files, ports = seen.limits.open_files, seen.limits.ports
    few = files is not None and files < FEW_OPEN_FILES
    what = "no limit" if files is None else f"at most {files} a process, the soft limit raised as far as is needed"
    advice = "raise the hard limit: LimitNOFILE=, limits.conf, docker run --ulimit nofile=21024" if few else ""
    yield FitnessFinding("open files", Fit.NOISY if few else Fit.GOOD, what, advice)
    if ports is None:
        yield _unknown(seen, "ports", "ports")
        return
    number = ports[1] - ports[0] + 1
    few = number < FEW_PORTS
    what = f"{number} for outgoing connections: a server that closes them all is limited to {number / 60:.0f} a second"
    advice = "sysctl net.ipv4.ip_local_port_range='1024 65535'" if few else ""
    yield FitnessFinding("ports", Fit.NOISY if few else Fit.GOOD, what, advice)


def _leftovers(seen: Examination) -> Iterator[FitnessFinding]:
    if not seen.leftovers:
        yield FitnessFinding("left over", Fit.GOOD, "no process of an earlier loopbench")
        return
    shown = ", ".join(f"{showable(each.name)} ({each.pid})" for each in seen.leftovers[:5])
    what = f"{len(seen.leftovers)} processes that an earlier loopbench started are still there: {shown}"
    numbers = " ".join(str(each.pid) for each in seen.leftovers[:5])
    yield FitnessFinding("left over", Fit.NOISY, what, f"look at them (ps {numbers}), then kill {numbers}")


RULES: Final[tuple[Callable[[Examination], Iterator[FitnessFinding]], ...]] = (
    _canary,
    _waiting,
    _foreign,
    _steal,
    _pressure,
    _throttling,
    _cores,
    _clock,
    _disk,
    _limits,
    _leftovers,
)


def _grade(value: float, limits: tuple[float, float]) -> Fit:
    noisy, unfit = limits
    return Fit.UNFIT if value > unfit else Fit.NOISY if value > noisy else Fit.GOOD


def _shares(seconds: Sequence[MachineSecond], read: Callable[[MachineUse], float | None]) -> list[float]:
    """One column as parts of the CPU there was, where both are known."""
    pairs = [(read(each.use), each.use.cpu_total_s) for each in seconds]
    return [value / total for value, total in pairs if value is not None and total]


def _unknown(seen: Examination, subject: str, column: str) -> FitnessFinding:
    return FitnessFinding(
        subject, Fit.UNKNOWN, f"{UNKNOWN_FACT}: {seen.unobservable.get(column, 'no reason recorded')}"
    )
