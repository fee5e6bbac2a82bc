"""The target and Locust's web UI side by side, for as long as a person wants them. Nothing is recorded for judging."""

import os
import secrets
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from loopbench.errors import GeneratorError
from loopbench.measure import environment, services, target
from loopbench.measure.generators import LOCUSTFILE
from loopbench.measure.log_tail import log_tail
from loopbench.measure.order import make_order
from loopbench.measure.serve import check_free
from loopbench.measure.stop import InterruptedRunError, StopWish
from loopbench.measure.supervise import Supervised, describe_exit
from loopbench.plan import make_plan
from loopbench.records.load_order import PATH_VARIABLE, UiOrder, write_order
from loopbench.records.session import KIND_RAMP, LOCUST_LOG
from loopbench.scenario import Scenario

UI_LOCUSTFILE = LOCUSTFILE.with_name("ui.py")


def serve_web_ui(scenario: Scenario, port: int, announce: Callable[[str], None]) -> None:
    """Start both, say where, wait for a signal, stop both.

    The target runs with the settings of `[target]`; a variant's own settings need a run of their own.

    Raises:
        TargetError, GeneratorError, EnvironmentRefusedError: one of them does not start.
    """
    check_free(port)
    stop, nonce = StopWish(), secrets.token_hex(8)
    with tempfile.TemporaryDirectory(prefix="loopbench-ui-") as name, stop.listening():
        folder = Path(name)
        try:
            with (
                services.started(scenario.services, folder, stop) as serving,
                target.started(
                    scenario, scenario.target, nonce=nonce, folder=folder, cpus=(), stop=stop, env=serving.env
                ) as running,
            ):
                path = folder / "ui.json"
                _write_order(scenario, nonce, running.url, folder, path)
                with Supervised(
                    _command(scenario, running.url, port),
                    env=environment.for_generator({PATH_VARIABLE: str(path)}),
                    cwd=folder,
                    log=folder / LOCUST_LOG,
                ) as locust:
                    announce(f"{scenario.title}: choose variants and users at http://127.0.0.1:{port}")
                    announce(f"target: {running.url}   end both with Ctrl-C")
                    _wait(locust, running, stop, folder)
        except InterruptedRunError:
            announce("target and web UI stopped")


def _wait(locust: Supervised, running: target.AnyTarget, stop: StopWish, folder: Path) -> None:
    while locust.exit_code is None:
        stop.check()
        running.check_alive()
        time.sleep(0.2)
    raise GeneratorError(
        f"Locust's web UI ended ({describe_exit(locust.exit_code)})",
        slug="web-ui",
        detail=log_tail(folder / LOCUST_LOG),
    )


def _write_order(scenario: Scenario, nonce: str, url: str, folder: Path, path: Path) -> None:
    plan = make_plan(scenario, seed=int.from_bytes(os.urandom(4), "big"))
    orders = {
        scenario.variant(run.variant).name: make_order(
            scenario, run, nonce=nonce, url=url, folder=folder, explain=False
        )
        for run in plan.pictures
        if run.kind == KIND_RAMP
    }
    write_order(UiOrder({variant.name: orders[variant.name] for variant in scenario.variants}), path)


def _command(scenario: Scenario, url: str, port: int) -> list[str]:
    load = scenario.load
    return [
        *(sys.executable, "-P", "-m", "locust", "--locustfile", str(UI_LOCUSTFILE)),
        *("--web-host", "127.0.0.1", "--web-port", str(port), "--class-picker"),
        *("--users", str(load.users), "--spawn-rate", f"{load.spawn_rate:g}", "--host", url),
        *("--stop-timeout", f"{load.drain_s:g}"),
    ]
