"""The limits of memory and CPU time, for what no reader of a foreign file foresees."""

import os
import resource
import subprocess
import sys

import pytest

from loopbench.cli import _only_reads

COMMAND = """
import sys
from loopbench import cli, limits
limits.CPU_S, limits.LEAST_BYTES = 1, 1 << 28
limits.os.sysconf = lambda name: 1
limits.bound_reading()
print(cli._exit_code_of(lambda: {work}))
"""


def _ended(work: str, limits: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", COMMAND.format(work=work)]
    environment = os.environ | {"LOOPBENCH_LIMITS": limits}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


@pytest.mark.parametrize(
    ("work", "message"),
    [
        ("bytearray(1 << 29)", "error[too-large]: it needs more than 0.3 GB of memory"),
        ("all(iter(lambda: 1, 0))", "error[too-slow]: it computes for more than"),
        ("cli.sys.modules['re'].match('(a|aa)+$', 'a' * 100 + 'b')", "error[too-slow]: it computes for more than"),
    ],
    ids=["memory", "a loop", "a regular expression"],
)
def test_a_reader_that_takes_too_much_ends_with_an_error(work: str, message: str) -> None:
    done = _ended(work)
    assert done.stdout == "7\n"
    assert message in done.stderr
    assert "LOOPBENCH_LIMITS=off" in done.stderr
    assert "Traceback" not in done.stderr


def test_who_trusts_the_files_lifts_the_limits() -> None:
    assert _ended("len(bytearray(1 << 29)) >> 29", "off").stdout == "1\n"


def test_without_a_limit_it_is_the_machine_that_has_no_memory_left() -> None:
    done = _ended("(_ for _ in ()).throw(MemoryError)", "off")
    assert done.stdout == "6\n"
    assert "error[memory]: there is no memory left for it" in done.stderr


def test_a_lower_limit_of_the_user_stays() -> None:
    work = f"limits.resource.getrlimit({resource.RLIMIT_DATA})[0] >> 20"
    lowered = ["sh", "-c", 'ulimit -d 200000; exec "$@"', "sh", sys.executable, "-c", COMMAND.format(work=work)]
    done = subprocess.run(
        lowered, capture_output=True, text=True, check=True, env=os.environ | {"LOOPBENCH_LIMITS": ""}
    )
    assert int(done.stdout) == 200_000 * 1024 >> 20


@pytest.mark.parametrize(
    ("line", "bounded"),
    [
        ("report results/x", True),
        ("--color always list scenarios", True),
        ("compare a b", True),
        ("compare s.toml --rev a --rev b", False),
        ("compare s.toml --rev=a --rev=b", False),
        ("run scenarios/wait.toml", False),
        ("--version", False),
    ],
)
def test_the_limits_hold_for_commands_that_start_nothing(line: str, bounded: bool) -> None:
    assert _only_reads(line.split()) is bounded
