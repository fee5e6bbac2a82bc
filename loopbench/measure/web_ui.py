"""Serves a target and Locust's web UI until a signal comes. Nothing is recorded for judging."""

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
from loopbench.measure.order import make_order
from loopbench.measure.remote_target import RemoteTarget
from loopbench.measure.serve import check_free
from loopbench.measure.stop import InterruptedRunError, StopWish
from loopbench.measure.supervise import Supervised, describe_exit, log_tail
from loopbench.plan import make_plan
from loopbench.records.load_order import PATH_VARIABLE, LoadOrder, UiOrder, write_order
from loopbench.records.session import KIND_RAMP, LOCUST_LOG
from loopbench.scenario import Scenario, Variant
from loopbench.showable import showable

UI_LOCUSTFILE = LOCUSTFILE.with_name("ui.py")
LOOK_S = 0.2
TOKEN_BYTES = 16


def serve_web_ui(scenario: Scenario, port: int, announce: Callable[[str], None]) -> None:
    """Start both, announce their addresses, wait for a signal, stop both.

    The target has the settings of the first variant; variants with other settings are left out and announced.

    Raises:
        TargetError, GeneratorError, EnvironmentRefusedError: one of them does not start, or ends by itself.
    """
    check_free(port)
    stop, nonce = StopWish(), secrets.token_hex(8)
    variants, left_out = offered(scenario)
    settings = scenario.target_of(variants[0])
    with tempfile.TemporaryDirectory(prefix="loopbench-ui-") as name, stop.listening():
        folder = Path(name)
        try:
            with (
                services.started(scenario.services, folder, stop) as serving,
                target.started(
                    scenario, settings, nonce=nonce, folder=folder, cpus=(), stop=stop, env=serving.env
                ) as running,
            ):
                order = UiOrder(
                    title=scenario.title,
                    orders=_orders(scenario, variants, nonce, running.url, folder),
                    url=running.url,
                    token=secrets.token_urlsafe(TOKEN_BYTES),
                    probe_folder=_probe_folder(running, folder),
                )
                path = folder / "ui.json"  # the folder is this user's alone, and so is the token
                write_order(order, path)
                with Supervised(
                    _command(scenario, running.url, port),
                    env=environment.for_generator({PATH_VARIABLE: str(path)}),
                    cwd=folder,
                    log=folder / LOCUST_LOG,
                ) as locust:
                    _announce(
                        scenario, left_out, running.url, f"http://127.0.0.1:{port}/?token={order.token}", announce
                    )
                    _wait(locust, running, stop, folder)
        except InterruptedRunError:
            announce("target and web UI stopped")


def offered(scenario: Scenario) -> tuple[list[Variant], list[Variant]]:
    """Returns the variants that the first one's target can serve, and the others."""
    settings = scenario.target_of(scenario.variants[0])
    same = [variant for variant in scenario.variants if scenario.target_of(variant) == settings]
    return same, [variant for variant in scenario.variants if variant not in same]


def shown_name(variant: Variant) -> str:
    """Returns a variant's name and path, as the start form shows them."""
    method = "" if variant.method == "GET" else f"{variant.method} "
    return f"{variant.name} ({method}{variant.path})"


def _announce(
    scenario: Scenario, left_out: list[Variant], target_url: str, ui_url: str, announce: Callable[[str], None]
) -> None:
    if left_out:
        names = ", ".join(showable(variant.name) for variant in left_out)
        announce(f"left out, because their target has other settings (loopbench run measures them): {names}")
    announce(f"{showable(scenario.title)}: choose variant and users at {ui_url}")
    announce(f"target: {target_url}   end both with Ctrl-C")


def _wait(locust: Supervised, running: target.AnyTarget, stop: StopWish, folder: Path) -> None:
    while locust.exit_code is None:
        stop.check()
        running.check_alive()
        time.sleep(LOOK_S)
    raise GeneratorError(
        f"Locust's web UI ended ({describe_exit(locust.exit_code)})",
        slug="web-ui",
        detail=log_tail(folder / LOCUST_LOG),
    )


def _probe_folder(running: target.AnyTarget, folder: Path) -> str | None:
    probe_folder = running.probe_dir if isinstance(running, RemoteTarget) else folder
    return str(probe_folder.resolve()) if probe_folder else None


def _orders(scenario: Scenario, variants: list[Variant], nonce: str, url: str, folder: Path) -> dict[str, LoadOrder]:
    """Returns each variant's load as in a ramp run, by the name in the form."""
    plan = make_plan(scenario, seed=int.from_bytes(os.urandom(4), "big"))
    ramps = {scenario.variant(run.variant).name: run for run in plan.pictures if run.kind == KIND_RAMP}
    return {
        shown_name(variant): make_order(
            scenario, ramps[variant.name], nonce=nonce, url=url, folder=folder, explain=False
        )
        for variant in variants
    }


def _command(scenario: Scenario, url: str, port: int) -> list[str]:
    load = scenario.load
    return [
        *(sys.executable, "-P", "-m", "locust", "--locustfile", str(UI_LOCUSTFILE)),
        *("--web-host", "127.0.0.1", "--web-port", str(port)),
        *("--users", str(load.users), "--spawn-rate", f"{load.spawn_rate:g}", "--host", url),
        *("--stop-timeout", f"{load.drain_s:g}"),
    ]
