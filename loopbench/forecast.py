"""What each run of a plan will start and write: command lines, ports, and bytes on the disk."""

from dataclasses import asdict
from typing import Any, Final

from loopbench.measure.generators import ANY_PORT, LOCUSTFILE, TURNS_LOCUSTFILE, first_command
from loopbench.measure.interpreter import installed_uvicorn_version
from loopbench.measure.run import served
from loopbench.measure.target import SERVER_PORTS, command
from loopbench.plan import Plan, is_interleaved, load_s
from loopbench.records.samples import STRUCT
from loopbench.records.session import KIND_TIMELINE, PlannedRun
from loopbench.scenario import Scenario
from loopbench.secrecy import hidden

PORT: Final = "{port}"
FOLDER: Final = "{folder}"  # of the run, or of the first run of a round in turns

REQUEST_BYTES: Final = STRUCT.size + 1  # a request in `samples.bin`, and its part of a block's head
RUN_BYTES: Final = 30_000  # the other files of a run (a test compares these two with the example session)
SECOND_BYTES: Final = 2_500  # what they grow by in a second, for each worker of the server


def plan_values(scenario: Scenario, plan: Plan) -> dict[str, Any]:
    """`loopbench plan --json`, as plain values."""
    runs = [asdict(run) | _commands(scenario, run) | disk_bytes(scenario, run) for run in plan.runs]
    return {
        **asdict(plan),
        "runs": runs,
        "shortest_s": plan.shortest_s,
        "longest_s": plan.longest_s,
        "disk_bytes_per_request": REQUEST_BYTES,
        "ports": _ports(scenario),
    }


def _commands(scenario: Scenario, run: PlannedRun) -> dict[str, Any]:
    """Command lines of target and generator; empty for a target that runs elsewhere, and for a timeline's generator."""
    target = served(scenario, run)
    locustfile = TURNS_LOCUSTFILE if is_interleaved(scenario, run) else LOCUSTFILE
    server = [] if target.url is not None else command(scenario, target, PORT, installed_uvicorn_version)
    load = [] if run.kind == KIND_TIMELINE else first_command(scenario.load, FOLDER, locustfile)
    return {"target_command": [hidden(part) for part in server], "load_command": load}


def disk_bytes(scenario: Scenario, run: PlannedRun) -> dict[str, Any]:
    """Bytes without the requests, and with as many as the load can send; None: the speed of the app decides."""
    other = RUN_BYTES + round(SECOND_BYTES * served(scenario, run).workers * run.expected_s)
    requests = _max_requests(scenario, run)
    at_most = None if requests is None else other + round(REQUEST_BYTES * requests)
    return {"disk_bytes_without_requests": other, "disk_bytes_at_most": at_most}


def _max_requests(scenario: Scenario, run: PlannedRun) -> float | None:
    load = scenario.load
    if run.kind == KIND_TIMELINE:
        return 0.0
    if load.locustfile is not None:
        return None
    if load.rate is not None:
        return (1 + len(scenario.neighbours)) * max(load.rate) * load_s(scenario, run.kind)
    shortest_s, _ = load.think_time_s
    return load.users * (1 + load_s(scenario, run.kind) / shortest_s) if shortest_s else None


def _ports(scenario: Scenario) -> dict[str, list[int] | int | None]:
    """The target's: a free one of this range, drawn when a run starts. The master's: 0 leaves it to the kernel."""
    load, is_local = scenario.load, any(each.served.url is None for each in scenario.variants)
    master = (load.master_port if load.remote_workers else ANY_PORT) if load.has_master else None
    return {"target": [SERVER_PORTS[0], SERVER_PORTS[-1]] if is_local else None, "master": master}
