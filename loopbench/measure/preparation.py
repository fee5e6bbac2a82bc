"""The scenario's own commands: `prepare` before a target starts, `cleanup` after it has ended."""

import contextlib
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from loopbench.errors import LoopbenchError, TargetError
from loopbench.measure.stop import StopWish
from loopbench.measure.supervise import Supervised, describe_exit, in_memory, log_tail

LOOK_S: Final = 0.05
MAX_COMMAND_S: Final = 600.0
MAX_CLEANUP_AFTER_ERROR_S: Final = 30.0


@dataclass(frozen=True)
class Shell:
    """Where the commands of one target run: like the target itself, in its folder and its environment."""

    folder: Path
    cwd: Path
    env: Mapping[str, str]
    stop: StopWish

    @contextmanager
    def around(self, prepare: str | None, cleanup: str | None) -> Iterator[None]:
        """Run `prepare`, and on leaving `cleanup`, also after an error or a signal.

        Raises:
            TargetError: a command fails or takes too long.
            InterruptedRunError: a signal asked for the end while `prepare` was running.
        """
        self._run("prepare", prepare, MAX_COMMAND_S, self.stop)
        try:
            yield
        except BaseException:
            with contextlib.suppress(LoopbenchError):
                self._run("cleanup", cleanup, MAX_CLEANUP_AFTER_ERROR_S)
            raise
        self._run("cleanup", cleanup, MAX_COMMAND_S, self.stop)

    def _run(self, key: str, command: str | None, limit_s: float, stop: StopWish | None = None) -> None:
        if command is None:
            return
        log, deadline = self.folder / f"{key}.log", time.monotonic() + limit_s
        with (
            in_memory(command) as script,  # every user of the machine can read command lines
            Supervised(
                ["/bin/sh", f"/proc/self/fd/{script}"], env=self.env, cwd=self.cwd, log=log, pass_fds=(script,)
            ) as process,
        ):
            while process.exit_code is None and time.monotonic() < deadline:
                if stop:
                    stop.check()
                time.sleep(LOOK_S)
            code = process.exit_code
        if code != 0:
            how = f"did not end within {limit_s:g} s" if code is None else f"failed ({describe_exit(code)})"
            raise TargetError(
                f"the {key} command of [target] {how}",
                slug=f"target-{key}",
                where=str(self.cwd),
                hints=(f"run it in that folder, with the app's environment, or correct {key} in the scenario",),
                detail=log_tail(log),
            )
