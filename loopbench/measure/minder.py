"""Stands between the harness and one child, so that nothing is left running whatever happens to either.

    python -I -S minder.py LIFELINE_FD CPUS -- COMMAND...

Single-threaded and standard library alone. It waits for the child's end and for the end of the lifeline (a pipe whose
other end only the harness holds: it closes when the harness is gone, even by kill -9). When either comes it kills
every descendant, daemons included (it is their subreaper), and exits with the child's code.
"""

import contextlib
import ctypes
import os
import select
import signal
import subprocess
import sys
from types import FrameType

PR_SET_CHILD_SUBREAPER = 36
REAP_EVERY_MS = 500  # a target may leave thousands of ended orphans a second, and a machine has 32,768 process numbers


def main(arguments: list[str]) -> int:
    """Run the command until it or the harness ends; return what the shell would."""
    lifeline, cpus, _, *command = arguments
    os.set_inheritable(int(lifeline), False)
    become_subreaper()
    if cpus:
        os.sched_setaffinity(0, {int(cpu) for cpu in cpus.split(",")})
    children: list[subprocess.Popen[bytes]] = []

    def forward(number: int, _frame: FrameType | None) -> None:
        for child in children:
            child.send_signal(number)
        for pid in _descendants(os.getpid()):  # a stopped process would obey only when it goes on
            _kill(pid, signal.SIGCONT)

    for number in (signal.SIGTERM, signal.SIGINT):  # before there is a child: a minder must not die and leave one
        signal.signal(number, forward)
    try:
        child = subprocess.Popen(command, close_fds=False)
    except OSError as problem:
        sys.stderr.write(f"{command[0]}: {problem.strerror}\n")
        return 127
    children.append(child)
    _wait_for_either(child.pid, int(lifeline))
    while sum(_kill(pid, signal.SIGKILL) for pid in _descendants(os.getpid())):
        _reap(except_pid=child.pid)
    code = child.poll()
    return 128 + signal.SIGKILL if code is None else code if code >= 0 else 128 - code


def become_subreaper() -> None:
    """Make this process the parent of every descendant whose own parent ends."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _wait_for_either(child: int, lifeline: int) -> None:
    """Return when the child has ended (it is not reaped here) or the lifeline is closed. Collect orphans meanwhile."""
    poller = select.poll()
    poller.register(os.pidfd_open(child), select.POLLIN)
    poller.register(lifeline, select.POLLHUP | select.POLLIN)
    while not poller.poll(REAP_EVERY_MS):
        _reap(except_pid=child)


def _descendants(pid: int) -> list[int]:
    """Everything below a process that has not ended, children before grandchildren."""
    found, parents = [], [pid]
    while parents:  # a chain may be longer than Python recurses
        children = _children(parents.pop())
        parents += children
        found += [child for child in children if not has_ended(child)]
    return found


def _children(pid: int) -> list[int]:
    children: list[int] = []
    with contextlib.suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/children", encoding="ascii") as file:
                children += map(int, file.read().split())
    return children


def has_ended(pid: int) -> bool:
    """Whether no thread of a process is left: its first may end before the others, and it is a zombie from then on."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            fields = file.read().rpartition(")")[2].split()  # from the third field of proc_pid_stat(5)
    except OSError:
        return True
    return fields[0] == "Z" and int(fields[17]) <= 1


def _kill(pid: int, number: int) -> bool:
    """Send a signal; return False for a process of another user (`sudo`), which no further try would end."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass
    except PermissionError:
        return False
    return True


def _reap(except_pid: int) -> None:
    """Collect ended orphans; the child itself is left for its exit code."""
    for pid in _children(os.getpid()):
        if pid != except_pid:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)


if __name__ == "__main__":
    try:
        code = main(sys.argv[1:])
    except BaseException:
        os.kill(os.getpid(), signal.SIGKILL)  # not an exit code of the child: the harness then ends what is left
        raise
    sys.exit(code)
