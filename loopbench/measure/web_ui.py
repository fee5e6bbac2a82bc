"""Serves a target and Locust's web UI until a signal comes. Nothing is recorded for judging."""

import os
import secrets
import sys
import time
from collections.abc import Callable
from pathlib import Path

from loopbench.errors import GeneratorError
from loopbench.measure import environment, services, target
from loopbench.measure.before import prepare, read_values
from loopbench.measure.bundled_server import check_free
from loopbench.measure.generators import LOCUSTFILE
from loopbench.measure.remote_target import RemoteTarget
from loopbench.measure.scratch import scratch_folder
from loopbench.measure.stop import InterruptedRunError, StopWish
from loopbench.measure.supervise import Supervised, describe_exit, in_memory, log_tail
from loopbench.plan import make_plan
from loopbench.records.load_spec import PATH_VARIABLE, LoadSpec, UiSpec, load_spec
from loopbench.records.session import KIND_RAMP, LOCUST_LOG
from loopbench.scenario import Scenario, Variant
from loopbench.scenario.data import Values
from loopbench.scenario.secrets import secret_values
from loopbench.secrecy import remember
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
    remember(secret_values(scenario, os.environ))
    values = read_values(scenario, os.environ)
    stop = StopWish()
    variants, left_out = offered(scenario)
    first = variants[0]
    variables = environment.for_journeys if scenario.load.locustfile else environment.for_generator
    moved = first if first.is_moved else None
    with scratch_folder() as folder, stop.listening():
        try:
            with (
                services.started(scenario.services, folder, stop) as serving,
                target.started(
                    target.Launch(scenario, first.served, folder, (), stop, serving.env, moved=moved)
                ) as running,
            ):
                spec = UiSpec(
                    title=scenario.title,
                    loads=_loads(scenario, variants, running, folder, prepare(running, scenario, values, stop).values),
                    url=running.url,
                    token=secrets.token_urlsafe(TOKEN_BYTES),
                    probe_folder=_probe_folder(running, folder),
                )
                with (
                    in_memory(spec.clear_json()) as spec_file,
                    Supervised(
                        _command(scenario, running.url, port),
                        env=variables({PATH_VARIABLE: f"/proc/self/fd/{spec_file}"}),
                        cwd=folder,
                        log=folder / LOCUST_LOG,
                        pass_fds=(spec_file,),
                    ) as locust,
                ):
                    _announce(scenario, left_out, running.url, f"http://127.0.0.1:{port}/?token={spec.token}", announce)
                    _wait(locust, running, stop, folder)
        except InterruptedRunError:
            announce("target and web UI stopped")


def offered(scenario: Scenario) -> tuple[list[Variant], list[Variant]]:
    """Returns the variants that the first one's target can serve, and the others."""
    first = scenario.variants[0]
    alike = [variant for variant in scenario.variants if variant.served == first.served and not variant.is_moved]
    same = [first] if first.is_moved else alike
    return same, [variant for variant in scenario.variants if variant not in same]


def shown_name(variant: Variant) -> str:
    """Returns a variant's name and path, as the start form shows them. Users of a locustfile have no path."""
    if "path" not in variant.model_fields_set:
        return variant.name
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


def _loads(
    scenario: Scenario, variants: list[Variant], running: target.AnyTarget, folder: Path, values: Values
) -> dict[str, LoadSpec]:
    """Returns each variant's load as in a ramp run, by the name in the form."""
    plan = make_plan(scenario, seed=int.from_bytes(os.urandom(4), "big"))
    ramps = {scenario.variant(run.variant).name: run for run in plan.pictures if run.kind == KIND_RAMP}
    return {
        shown_name(variant): load_spec(
            scenario, ramps[variant.name], nonce=running.nonce, url=running.url, folder=folder, values=values
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
