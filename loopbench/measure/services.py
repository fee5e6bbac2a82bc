"""The services of a target: the user's own if a variable names it, else an embedded one for this session.

One of each kind serves a whole session: every run uses the same server, as in production. What has to be fresh in
every run (the upstream's counters) is separated by caller, in the service itself.
"""

import contextlib
import os
import re
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from loopbench.errors import ServiceError
from loopbench.measure import environment
from loopbench.measure.scratch import scratch_folder
from loopbench.measure.service_kinds import KINDS, ServiceKind, check_installed
from loopbench.measure.stop import StopWish
from loopbench.measure.supervise import Supervised, describe_exit, log_tail
from loopbench.records.session import EMBEDDED, IN_PROCESS, OWN, ServiceFact

READY_S = 60.0
STOP_S = 10.0
POLL_S = 0.02
HOST_PATTERN = r"[0-9a-z._:-]+"
UNKNOWN_ADDRESS = "an address that cannot be read"
READY_FILE = "ready"
"""What a launcher writes into its folder: URL and version, a line each (see target_app/services/launching.py)."""


@dataclass(frozen=True)
class RunningServices:
    """The environment of a session's targets, and the facts for its record."""

    env: dict[str, str]
    facts: tuple[ServiceFact, ...]
    processes: tuple[tuple[str, Supervised, Path], ...] = ()  # name, process and log of every embedded one

    def check_alive(self) -> None:
        """Raise ServiceError if an embedded one has ended."""
        for name, process, log in self.processes:
            if process.exit_code is not None:
                raise _ended(name, process.exit_code, log)


@contextmanager
def started(
    names: Iterable[str], folder: Path, stop: StopWish, environ: Mapping[str, str] = os.environ
) -> Iterator[RunningServices]:
    """Start every service of a scenario; the embedded ones end with the block, and their data are deleted.

    Raises:
        EnvironmentRefusedError: a driver or server is missing; the hint is the one command that installs it.
        ServiceError: the user's own is not reached, or an embedded one does not start.
    """
    kinds = {name: KINDS[name] for name in names}
    check_installed(kinds, environ)
    with contextlib.ExitStack() as stack:
        if kinds:
            folder.mkdir(parents=True, exist_ok=True)
        launched = [
            stack.enter_context(_launched(name, kind, folder, environ)) for name, kind in kinds.items() if kind.launcher
        ]
        announced = [each.wait_until_ready(stop) for each in launched]
        yield RunningServices(
            env={each.kind.variable: url for each, (url, _) in zip(launched, announced, strict=True)},
            facts=tuple(_facts(kinds, launched, announced)),
            processes=tuple((each.name, each.process, each.log) for each in launched if not each.own),
        )


@dataclass(frozen=True)
class _Launched:
    """A running launcher: it starts an embedded service and stays, or checks the user's own and ends."""

    name: str
    kind: ServiceKind
    own: str  # URL the user gave; empty if there is none
    process: Supervised
    folder: Path  # its own, and private
    log: Path

    def wait_until_ready(self, stop: StopWish) -> tuple[str, str]:
        """Returns the URL and version that its launcher announces."""
        deadline = time.monotonic() + READY_S
        while time.monotonic() < deadline:
            stop.check()
            code = self.process.exit_code  # before the file: what was written last is there then
            if found := self._announced():
                url, version = found
                return self.own or url, version
            if code is not None:
                raise self._unreachable() if self.own else _ended(self.name, code, self.log)
            time.sleep(POLL_S)
        if self.own:
            raise self._unreachable()
        raise _failed(self.name, f"was not ready {READY_S:g} s after its start", "not-ready", self.log)

    def _announced(self) -> tuple[str, str] | None:
        try:
            url, version, *_ = (self.folder / READY_FILE).read_text(encoding="utf-8").split("\n")
        except FileNotFoundError:
            return None
        return url, version

    def _unreachable(self) -> ServiceError:
        return ServiceError(
            f"the {self.name} service that {self.kind.variable} names does not answer",
            slug="service-unreachable",
            where=address(self.own),
            hints=(f"unset {self.kind.variable}",),
            detail=log_tail(self.log),
        )


@contextmanager
def _launched(name: str, kind: ServiceKind, folder: Path, environ: Mapping[str, str]) -> Iterator[_Launched]:
    """Run a launcher in a private folder that is removed at the end."""
    own, log = environ.get(kind.variable, ""), folder / f"service-{name}.log"
    with scratch_folder() as data:
        process = Supervised(
            [sys.executable, "-P", "-m", kind.launcher, str(data)],
            env=environment.for_generator({kind.variable: own} if own else {}),
            cwd=data,
            log=log,
        )
        with process:
            yield _Launched(name, kind, own, process, data, log)
            process.stop(STOP_S)


def _facts(
    kinds: Mapping[str, ServiceKind], launched: list[_Launched], announced: list[tuple[str, str]]
) -> Iterator[ServiceFact]:
    for name, kind in kinds.items():
        if not kind.launcher:
            yield ServiceFact(name, "in the target's packages", IN_PROCESS, "")
    for each, (url, version) in zip(launched, announced, strict=True):
        yield ServiceFact(each.name, version or "not reported", OWN if each.own else EMBEDDED, address(url))


def address(url: str) -> str:
    """Returns host and port of a URL (or of `host:port`), without user, password, path and query."""
    try:
        parts = urlsplit(url if "://" in url else f"//{url}")
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return UNKNOWN_ADDRESS
    if not re.fullmatch(HOST_PATTERN, host):
        return UNKNOWN_ADDRESS
    return f"{host}:{port}" if port else host


def _failed(name: str, what: str, slug: str, log: Path) -> ServiceError:
    return ServiceError(
        f"the embedded {name} service {what}",
        slug=f"service-{slug}",
        where=str(log),
        hints=(f"name one of your own: export {KINDS[name].variable}=...",),
        detail=log_tail(log),
    )


def _ended(name: str, code: int, log: Path) -> ServiceError:
    return _failed(name, f"ended ({describe_exit(code)})", "ended", log)
