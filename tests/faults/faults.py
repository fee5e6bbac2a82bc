"""The parts of a fault test: a small scenario, a measurement under way to act upon, and what always holds.

Tests act on events (`--events`), never on time. `check_end` checks what holds however a measurement has ended: no
process is left, no traceback of ours, the error is printed last, finished runs are unchanged and the page shows them.
"""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

from loopbench.errors import ExitCode
from loopbench.plan import make_plan
from loopbench.records.codec import to_json
from loopbench.records.own_ceiling import CEILING_FILE, OwnCeiling
from loopbench.records.session import REPORT_FILE, RUNS_FOLDER, file_facts, read_run, run_folders
from loopbench.scenario import load
from loopbench.session import SessionOptions, new_session
from tests.serving import untraced

APPS: Final = Path(__file__).resolve().parent / "apps"
FAULTY: Final = "faulty"
"""The variant with the fault."""

LOOPBENCH: Final = (str(Path(sys.executable).with_name("loopbench")),)
SERVER: Final = "uvicorn"
GENERATOR: Final = "--locustfile"

ENDLESS_S: Final = 600
"""The length of a phase that the test itself ends. It is longer than any test waits."""

PATIENCE_S: Final = 300.0
"""How long to wait for an event. Nothing is measured with it: other work makes a session of 6 s last minutes."""

LEFT_BEHIND_S: Final = 60.0
"""How long to wait until every process of a measurement has ended. Shorter than `ENDLESS_S` and than the sleeps in the
apps, so that a process that ends by itself does not pass for one that was ended."""

NO_LOCK: Final = ("--no-lock",)

FOREIGN: Final = ("  target | ", "    target | ", "  locust | ", "  service | ")
"""How quoted lines begin. All others are ours."""

SCENARIO: Final = """\
title = "A fault"
question = "What is left after it?"
[target]
app = "{app}"
app_dir = "{apps}"
ready_s = {ready_s}
workers = {workers}
[load]
users = {users}
spawn_rate = {spawn_rate}
warmup_s = {warmup_s}
hold_s = {hold_s}
drain_s = {drain_s}
think_time_s = {think_time_s}
generators = {generators}
{more_load}
[repeat]
max_rounds = {rounds}
{more_repeat}
{before}
[[variants]]
name = "faulty"
path = "{path}"
timeout_s = {timeout_s}
{more}
"""
"""Two variants: one that is measured first and finishes, and one with the fault."""

BEFORE: Final = '[[variants]]\nname = "before"\npath = "/fine"\ntimeout_s = 60'
ALONE: Final[Mapping[str, Any]] = {"before": ""}
"""Settings that leave only the variant with the fault."""

PLAIN: Final[Mapping[str, Any]] = {
    "app": "sick:app",
    "apps": APPS,
    "ready_s": 120,
    "workers": 1,
    "users": 3,
    "spawn_rate": 3,
    "warmup_s": 0.3,
    "hold_s": 1,
    "drain_s": 60,
    "think_time_s": 0.02,
    "generators": 1,
    "before": BEFORE,
    "path": "/fine",
    "timeout_s": 60,
    "more_load": "",
    "rounds": 0,
    "more_repeat": "",
    "more": "",
}
"""A healthy session takes as long as its load. The limits are wide: only a fault makes a session wait for them."""


def write_scenario(folder: Path, **settings: Any) -> Path:
    """Write the scenario into a test's own folder, with some settings changed; return its path."""
    assert settings.keys() <= PLAIN.keys()
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "case.toml"
    file.write_text(SCENARIO.format(**{**PLAIN, **settings}))
    return file


def seed_with_first(file: Path, variant: str = "before") -> int:
    """A seed whose plan begins with a variant."""
    scenario = load(file)
    return next(seed for seed in range(999) if make_plan(scenario, seed).runs[0].variant == variant)


def begun_session(file: Path, *finished_runs: Path) -> Path:
    """Begin a session whose first runs are finished already, as after an interruption. Saves measuring them.

    Without a finished run, the first one to be measured is the faulty one.
    """
    scenario = load(file)
    plan = make_plan(scenario, seed_with_first(file, "before" if finished_runs else FAULTY))
    session = new_session(scenario, plan, file.parent / "results", SessionOptions())
    for planned, finished in zip(plan.runs, finished_runs, strict=False):
        shutil.copytree(finished, session / RUNS_FOLDER / planned.folder)
    return session


def record_ceiling(session: Path, generators: int = 1) -> None:
    """Give a session the ceiling of its load generator. Measuring it takes 5 s of CPU, half of a small session.

    A load that asks for little needs none. The `healthy` session and `tests/measure/test_ceiling.py` measure it.
    """
    found = OwnCeiling(
        rps=9_000.0, client="llhttp", generators=generators, users=100, window_s=3.0, generator_cpu_share=1.0
    )
    unfinished = session / f".{CEILING_FILE}"
    unfinished.write_text(to_json(found))
    unfinished.rename(session / CEILING_FILE)


@dataclass(frozen=True)
class Ended:
    """A command that has ended."""

    code: int
    """As in `subprocess`: -n for signal n."""
    stdout: str
    stderr: str
    folder: Path
    before: Mapping[str, str] = field(default_factory=dict)
    """Fingerprint of the finished runs when it began."""
    events: tuple[dict[str, Any], ...] = ()

    @property
    def session(self) -> Path:
        """The only session in the test's folder."""
        (found,) = sessions(self.folder)
        return found

    @property
    def own_words(self) -> list[str]:
        """Lines on stderr that it did not quote from elsewhere."""
        return [line for line in self.stderr.splitlines() if not line.startswith(FOREIGN)]


class Measuring:
    """A `loopbench run` under way in a test's own folder, with an event log. Leaving the `with` block ends it.

    Args:
        folder: everything it starts is recognised by this path, so it must be the test's alone.
        arguments: behind `loopbench run`.
        env: variables on top of ours.
        command: instead of `loopbench`, as a wrapper that plants a fault in it.
        lock: what to do about the lock: by default other measurements are no obstacle.
        streams: `stdin`, `stdout`, `stderr`, `pass_fds` and the like, for `Popen`; output goes to files otherwise.
        traced: measure test coverage of every process too, which slows them down.
    """

    def __init__(
        self,
        folder: Path,
        *arguments: str | Path,
        env: Mapping[str, str] | None = None,
        command: Sequence[str] = LOOPBENCH,
        lock: Sequence[str] = NO_LOCK,
        streams: Mapping[str, Any] | None = None,
        traced: bool = True,
    ) -> None:
        self.folder = folder
        self.before = fingerprint(folder)
        self._events = folder / "events.jsonl"
        options = [*lock, "--events", str(self._events)]
        with (folder / "stdout").open("wb") as stdout, (folder / "stderr").open("wb") as stderr:
            self.process = subprocess.Popen(
                [*command, "run", *map(str, arguments), *options],
                cwd=folder,
                env=(dict(os.environ) if traced else untraced()) | dict(env or {}),
                **{"stdin": subprocess.DEVNULL, "stdout": stdout, "stderr": stderr, **(streams or {})},
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()

    @property
    def events(self) -> tuple[dict[str, Any], ...]:
        """Every event so far."""
        text = self._events.read_text() if self._events.exists() else ""
        return tuple(json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n"))

    def wait_for(self, event: str, **facts: Any) -> dict[str, Any]:
        """Wait for an event with these facts; return it."""
        wanted = {"event": event, **facts}
        found: dict[str, Any] = self.until(
            lambda: next((each for each in self.events if wanted.items() <= each.items()), None), wanted
        )
        return found

    def until(self, look: Callable[[], Any], what: object) -> Any:
        """Wait until `look` returns something; return that."""
        deadline = time.monotonic() + PATIENCE_S
        while not (found := look()):
            assert self.process.poll() is None, f"it ended before {what}: {self._text('stderr')}"
            assert time.monotonic() < deadline, f"{what} never came: {self.events}"
            time.sleep(0.01)
        return found

    def record_ceiling(self) -> None:
        """Give a new session its generator's ceiling (see `record_ceiling`), while the first run is measured."""
        record_ceiling(self.folder / self.wait_for("session_started")["folder"])

    def pids(self, word: str) -> list[int]:
        """Processes of this measurement whose command line has a word, the minders apart; in order of their start."""
        return [pid for pid, line in processes_of(self.folder) if word in line and "minder.py" not in line]

    def signal(self, word: str, number: signal.Signals) -> None:
        """Send a signal to the first process of this measurement whose command line has a word."""
        os.kill(self.pids(word)[0], number)

    def end(self) -> Ended:
        """Wait until it ends."""
        code = self.process.wait(PATIENCE_S)
        return Ended(code, self._text("stdout"), self._text("stderr"), self.folder, self.before, self.events)

    def _text(self, stream: str) -> str:
        return (self.folder / stream).read_bytes().decode("utf-8", "replace")


def loopbench(
    *arguments: str | Path,
    folder: Path,
    env: Mapping[str, str] | None = None,
    command: Sequence[str] = LOOPBENCH,
) -> Ended:
    """Run one command to its end, in a test's own folder."""
    before = fingerprint(folder)
    done = subprocess.run(
        [*command, *map(str, arguments)],
        cwd=folder,
        env=os.environ | dict(env or {}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=PATIENCE_S,
    )
    texts = [each.decode("utf-8", "replace") for each in (done.stdout, done.stderr)]
    return Ended(done.returncode, texts[0], texts[1], folder, before)


def check_end(ended: Ended, code: int, *words: str) -> None:
    """Check what always holds, and the exit code and the words of this fault.

    Args:
        ended: the command.
        code: the exit code it must have; -n for signal n. For 0, also INVALID where other processes disturbed it.
        words: each must stand on stderr.
    """
    output = f"{ended.stderr}\n--- stdout\n{ended.stdout}"
    assert ended.code == code or (code == ExitCode.OK and was_disturbed(ended)), output
    for word in words:
        assert word in ended.stderr, output
    assert left_behind(ended.folder) == []
    assert not [line for line in ended.own_words if "Traceback" in line or 'File "' in line], output
    assert "\x1b" not in ended.stdout + ended.stderr, "a terminal would have been changed"
    check_finished_runs(ended)
    if code > 0:
        check_error_is_last(ended)


def was_disturbed(ended: Ended) -> bool:
    """Whether the session is INVALID, and only by rules on the machine and the generator.

    Other tests compute beside it. That these rules report nothing else is shown in `tests/judge/test_run_stamp.py`.
    """
    if ended.code != ExitCode.CANNOT_TELL:
        return False
    findings = json.loads((ended.session / "summary.json").read_text())["stamp"]["findings"]
    return all(each["id"][0] in "MG" for each in findings if each["level"] == "INVALID")


def check_finished_runs(ended: Ended) -> None:
    """Check that every run that was complete is unchanged, every run that is now is whole, and the page is drawn."""
    after = fingerprint(ended.folder)
    assert {name: after.get(name) for name in ended.before} == dict(ended.before)
    for session in sessions(ended.folder):
        for run in run_folders(session):
            assert read_run(run).files == file_facts(run), f"{run} is damaged"
        if any(run_folders(session)) and ended.code >= 0:
            assert (session / REPORT_FILE).stat().st_size > 0


def check_error_is_last(ended: Ended) -> None:
    """Check that stderr ends with one error in its shape: what happened, what to try or what would be right."""
    lines = ended.stderr.splitlines()
    starts = [number for number, line in enumerate(lines) if line.startswith("error[")]
    assert len(starts) == 1, ended.stderr
    block = lines[starts[0] :]
    assert all(line.startswith("  ") for line in block[1:]), ended.stderr
    assert any(line.startswith(("  try: ", "      allowed: ", "  allowed: ")) for line in block), ended.stderr
    if any(sessions(ended.folder)):
        assert any(line.startswith("  kept: ") for line in block), ended.stderr


def sessions(folder: Path) -> list[Path]:
    """Session folders below a test's own folder."""
    return sorted(path.parent for path in folder.glob("results/*/*/session.json"))


def fingerprint(folder: Path) -> dict[str, str]:
    """Every file of every finished run below a folder, with a hash of its bytes."""
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for session in sessions(folder)
        for run in run_folders(session)
        for file in sorted(run.iterdir())
    }


def left_behind(folder: Path, within_s: float = LEFT_BEHIND_S) -> list[str]:
    """Command lines of what a measurement has left running. Waits while processes are still ending."""
    deadline = time.monotonic() + within_s
    while found := [f"{pid}: {line}" for pid, line in processes_of(folder)]:
        if time.monotonic() > deadline:
            break
        time.sleep(0.02)
    return found


def processes_of(folder: Path) -> list[tuple[int, str]]:
    """Number and command line of each process of a test's folder, in order of their start."""
    return sorted(_processes_of(f"{folder}/"))


def _processes_of(mark: str) -> Iterator[tuple[int, str]]:
    """A run's folder is in the environment of its target and its generator; the harness works in the test's folder."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                line = (entry / "cmdline").read_bytes().decode("utf-8", "replace").replace("\0", " ")
                environ = (entry / "environ").read_bytes().decode("utf-8", "replace")
                place = f"{(entry / 'cwd').readlink()}/"
            except OSError:  # gone, or not ours
                continue
            if any(mark in text for text in (line, environ, place)):
                yield int(entry.name), line
