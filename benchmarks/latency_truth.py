"""Are our latencies true? Compares them with servers that log their own response times.

    python -m benchmarks.latency_truth [--quick] [--rounds N] [--seconds S] [--seed N]

1. Closed mode, 100 users with 50 to 150 ms think time, a server that answers after 20 ms (90 %), 60 ms (7 %) or 200 ms
   (3 %). It compares our p50, p95 and p99 over every request with the server's own, and the two counts. Our surplus is
   the way there and back through the kernel and both loops, because the server's clock starts when it has read the
   request.
2. Open mode, 200 requests/s, a server that answers after 5 ms and stalls once for 1.5 s. It compares our p99, counted
   from the due times, with the true one, computed from the schedule, the stall and the service time alone.
3. The same stall in closed mode, at the same rate: it shows its p99 and the true one.

The server has core 0, the generator core 1. Three rounds take about a minute; --quick runs one.
"""

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from benchmarks.generator_runs import Ran, origin_s, run, serving, spec, verdict
from loopbench.judge.figures import percent
from loopbench.judge.run.open_loop import due_times_s
from loopbench.locustfiles.schedule import schedule_of

SERVER: Final = Path(__file__).with_name("latency_truth_server.py")
QUANTILES: Final = (0.50, 0.95, 0.99)
MAX_ERROR: Final = 0.02
MAX_STALL_ERROR: Final = 0.10
THINK_S: Final = (0.05, 0.15)
RATE_RPS: Final = 200.0
SERVICE_S: Final = 0.005
STALL_S: Final = 1.5
POOL: Final = 500  # more than are due during the stall, so that no start is late


class Closed(NamedTuple):
    """Percentiles in milliseconds, ours and the server's own, and the number of requests of each."""

    ours_ms: tuple[float, ...]
    true_ms: tuple[float, ...]
    ours: int
    true: int


class Stalled(NamedTuple):
    """p99 in milliseconds."""

    open_ms: float
    true_ms: float
    closed_ms: float
    late_share: float


def main(arguments: Sequence[str] | None = None) -> int:
    """Print everything; return 1 if a claim was not reached."""
    options = parse_options(arguments)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        closed = [known_distribution(folder, options, number) for number in range(options.rounds)]
        stalled = [through_a_stall(folder, options, number) for number in range(options.rounds)]
    return report(closed, stalled)


def parse_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one round")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--seconds", type=float, default=8.0, help="length of each load")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    options.rounds = options.rounds or (1 if options.quick else 3)
    return options


def known_distribution(folder: Path, options: argparse.Namespace, number: int) -> Closed:
    """Load the mixed server with 100 users; every request of both sides counts, including the warm-up."""
    log = folder / "truth.json"
    with serving(command(log, "--service", "mixed", "--seed", str(options.seed + number))) as server:
        asked = spec(server.url, "/", folder / "run", hold_s=options.seconds, think_time_s=THINK_S)
        ran = run(asked, folder / "run")
    true_ms = np.array(json.loads(log.read_text(encoding="utf-8"))["elapsed_s"]) * 1000
    ours_ms = ran.samples.rows["latency_s"][ran.samples.good].astype(np.float64) * 1000
    return Closed(percentiles(ours_ms), percentiles(true_ms), len(ours_ms), len(true_ms))


def through_a_stall(folder: Path, options: argparse.Namespace, number: int) -> Stalled:
    """Measure the same stall in open and closed mode, each on a fresh server."""
    log = folder / "truth.json"
    after_s = str(options.seconds / 2)
    line = command(log, "--service", "fixed", "--stall-after-s", after_s, "--stall-s", str(STALL_S))
    load: dict[str, Any] = {"hold_s": options.seconds, "warmup_s": 0.0, "seed": options.seed + number}
    with serving(line) as server:
        rate = (RATE_RPS, RATE_RPS)
        asked = spec(server.url, "/", folder / "run", users=POOL, mode="open", rate=rate, **load)
        opened = run(asked, folder / "run")
    truth = json.loads(log.read_text(encoding="utf-8"))
    due_s = np.sort(due_times_s(opened.samples)[opened.samples.loaded])
    offsets_s = np.array(list(islice(schedule_of(asked), len(due_s))))
    scheduled_s = origin_s(folder / "run") + due_s[0] + offsets_s - offsets_s[0]
    true_s = true_responses(scheduled_s, truth["stall_s"], statistics.median(truth["elapsed_s"]))
    rows = opened.samples.rows[opened.samples.loaded]
    response_s = rows["late_s"].astype(np.float64) + rows["latency_s"]
    with serving(line) as server:
        think_s = 10 / RATE_RPS - SERVICE_S
        waiting = spec(server.url, "/", folder / "run", users=10, think_time_s=(think_s, think_s), **load)
        closed = run(waiting, folder / "run")
    return Stalled(
        open_ms=p99_ms(response_s),
        true_ms=p99_ms(true_s),
        closed_ms=p99_ms(_loaded_latencies_s(closed)),
        late_share=float(np.mean(rows["late_s"] > 0.005)),
    )


def true_responses(due_s: Any, stall_s: Sequence[float], service_s: float) -> Any:
    """Return each request's true response time: the service time, plus the rest of the stall if it fell into it."""
    began_s, ended_s = stall_s
    response_s = np.full(len(due_s), service_s)
    inside = (due_s >= began_s) & (due_s < ended_s)
    response_s[inside] = ended_s - due_s[inside] + service_s
    pending = (due_s < began_s) & (due_s + service_s > began_s)
    response_s[pending] = ended_s - due_s[pending]
    return response_s


def command(log: Path, *options: str) -> list[str]:
    """Return the server's command line."""
    return [sys.executable, str(SERVER), "--port", "{port}", "--log", str(log), *options]


def percentiles(values_ms: Any) -> tuple[float, ...]:
    """Return the percentiles in milliseconds, by nearest rank."""
    return tuple(float(each) for each in np.quantile(values_ms, QUANTILES, method="inverted_cdf"))


def p99_ms(values_s: Any) -> float:
    """Return the p99 in milliseconds."""
    return percentiles(np.asarray(values_s) * 1000)[-1]


def _loaded_latencies_s(ran: Ran) -> Any:
    return ran.samples.rows["latency_s"][ran.samples.loaded].astype(np.float64)


def report(closed: Sequence[Closed], stalled: Sequence[Stalled]) -> int:
    """Print the tables; return 1 if a claim was not reached."""
    print("Known response times, 100 users, closed mode (ms)\n")
    print(f"{'':6} {'ours':>10} {'true':>10} {'more':>8} {'error':>8}   median of {len(closed)} rounds")
    errors = []
    for place, quantile in enumerate(QUANTILES):
        ours = statistics.median(each.ours_ms[place] for each in closed)
        true = statistics.median(each.true_ms[place] for each in closed)
        errors.append(statistics.median(each.ours_ms[place] / each.true_ms[place] - 1 for each in closed))
        print(f"p{quantile * 100:<5.0f} {ours:10.3f} {true:10.3f} {ours - true:8.3f} {100 * errors[-1]:8.2f} %")
    lost = sum(abs(each.ours - each.true) for each in closed)
    print(f"requests: {sum(each.ours for each in closed):,} recorded, {sum(each.true for each in closed):,} served\n")
    print(f"One stall of {STALL_S} s at {RATE_RPS:.0f} requests/s: p99 (ms)\n")
    for number, each in enumerate(stalled, 1):
        print(
            f"round {number}: open, from due {each.open_ms:8.1f}   true {each.true_ms:8.1f}   "
            f"closed {each.closed_ms:8.1f}   starts over 5 ms late {percent(each.late_share, '.2f')}"
        )
    stall_error = statistics.median(abs(each.open_ms / each.true_ms - 1) for each in stalled)
    is_true = max(abs(error) for error in errors) <= MAX_ERROR and not lost
    sees = stall_error <= MAX_STALL_ERROR
    print(f"\n{verdict(reached=is_true)} p50, p95, p99 within {percent(MAX_ERROR)} of the truth, and no request lost")
    print(
        f"{verdict(reached=sees)} open mode's p99 through the stall within {percent(MAX_STALL_ERROR)} "
        f"({percent(stall_error, '.1f')})"
    )
    print("Closed mode cannot see the stall: users that wait send nothing, so the delayed requests are missing.")
    return 0 if is_true and sees else 1


if __name__ == "__main__":
    sys.exit(main())
