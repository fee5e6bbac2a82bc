"""How fast is the generator? LlhttpUser, FastHttpUser, HttpUser and wrk against nginx, interleaved, on pinned cores.

nginx (one worker, core 0) answers 13 bytes; each generator has core 1 and 100 users without think time. Every answer
is parsed, its status and length are checked, and it is recorded as a sample (wrk only parses). In every round each
generator runs once, in an order drawn from the seed; ratios are taken inside rounds.

    python -m benchmarks generator [--quick] [--rounds N] [--seconds S] [--users N] [--requests N] [--seed N]

It prints requests per second and CPU of each, the ratio of an ordinary `@task` of LlhttpUser to each with its 95 %
interval, how evenly the users were served, and how much memory LlhttpUser takes for five million requests (300,000 with
--quick).
"""

import argparse
import json
import math
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from benchmarks.generator_runs import (
    GENERATOR_CORE,
    SERVER_CORE,
    on_core,
    paired_ratio,
    pinned,
    verdict,
    wait_for,
    wrk,
)
from loopbench.judge.figures import percent
from loopbench.measure.target import free_port

OURS: Final = "LlhttpUser, @task"
LOCUST_KINDS: Final = (OURS, "LlhttpUser, send", "FastHttpUser", "HttpUser")
WRK: Final = "wrk"
WANTED: Final = {"FastHttpUser": 7.0, "HttpUser": 28.0, WRK: 0.52}
MAX_GROWTH_MB: Final = 50
MAX_UNFAIR: Final = 0.20
LOCUSTFILE: Final = Path(__file__).with_name("generator_users.py")

NGINX_CONF: Final = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log stderr error;
events {{ worker_connections 4096; }}
http {{
    access_log off; keepalive_requests 1000000000; keepalive_timeout 3600s;
    client_body_temp_path {folder}/1; proxy_temp_path {folder}/2; fastcgi_temp_path {folder}/3;
    uwsgi_temp_path {folder}/4; scgi_temp_path {folder}/5;
    server {{ listen 127.0.0.1:{port}; location / {{ default_type text/plain; return 200 "hello world!\\n"; }} }}
}}
"""

Result = dict[str, Any]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print everything; return 1 if a claim was not reached."""
    options = parse_options(arguments)
    nginx = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if nginx is None:
        print("nginx is missing: apt install nginx-light. Nothing was measured.")
        return 1
    kinds = [*LOCUST_KINDS, WRK]
    if shutil.which("wrk") is None:
        print("wrk is missing (apt install wrk): its column is left out.")
        kinds.remove(WRK)
    if pinned(0) == pinned(1):
        print("This machine has one core, which server and generator share: the figures are not reliable.")
    with tempfile.TemporaryDirectory() as name, running_nginx(nginx, Path(name)) as url:
        rounds = [one_round(kinds, url, options, Path(name), number) for number in range(options.rounds)]
        grown = locust(OURS, url, options, Path(name), requests=options.requests)
    return report(kinds, rounds, grown)


def parse_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="three rounds of two seconds, 300,000 requests for memory")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--requests", type=int)
    parser.add_argument("--users", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    options.rounds = options.rounds or (3 if options.quick else 8)
    options.seconds = options.seconds or (2.0 if options.quick else 5.0)
    options.requests = options.requests or (300_000 if options.quick else 5_000_000)
    return options


def one_round(kinds: list[str], url: str, options: argparse.Namespace, folder: Path, number: int) -> dict[str, Result]:
    """Run every generator once."""
    order = random.Random(options.seed + number).sample(kinds, len(kinds))  # noqa: S311  reproducible on purpose
    results = {}
    for kind in order:
        if kind == WRK:
            rps = wrk(f"{url}/hello", options.seconds, options.users)
            results[kind] = {"requests": rps, "seconds": 1.0, "failures": 0}
        else:
            results[kind] = locust(kind, url, options, folder, seconds=options.seconds)
        print(f"round {number + 1}: {kind:18} {rate(results[kind]):9,.0f} requests/s", flush=True)
    return results


def locust(  # noqa: PLR0913  one argument per setting
    kind: str, url: str, options: argparse.Namespace, folder: Path, *, seconds: float = math.inf, requests: int = 0
) -> Result:
    """Run one Locust process with one kind of user, for so many seconds or so many requests."""
    samples, result = folder / "samples", folder / "result.json"
    samples.unlink(missing_ok=True)
    result.unlink(missing_ok=True)
    environment = {
        "PATH": os.defpath,
        "GENERATOR_KIND": kind,
        "GENERATOR_SAMPLES": str(samples),
        "GENERATOR_RESULT": str(result),
        "GENERATOR_SECONDS": str(seconds),
        "GENERATOR_REQUESTS": str(requests),
    }
    users = str(options.users)
    arguments = ["--headless", "-u", users, "-r", users, "-H", url, "--stop-timeout", "2", "-L", "ERROR"]
    command = [sys.executable, "-P", "-m", "locust", "-f", str(LOCUSTFILE), *arguments, "--only-summary"]
    run = subprocess.run(
        on_core(GENERATOR_CORE, command),
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    if not result.exists():
        raise SystemExit(f"{kind} left no result:\n{run.stdout}\n{run.stderr}")
    found: Result = json.loads(result.read_text(encoding="utf-8"))
    return found


@contextmanager
def running_nginx(nginx: str, folder: Path) -> Iterator[str]:
    """Run nginx until the end of the block; yield its URL."""
    port = free_port()
    configuration = folder / "nginx.conf"
    configuration.write_text(NGINX_CONF.format(folder=folder, port=port), encoding="utf-8")
    command = on_core(SERVER_CORE, [nginx, "-p", str(folder), "-c", str(configuration), "-e", "stderr"])
    with subprocess.Popen(command, stdin=subprocess.DEVNULL) as server:
        try:
            wait_for(port, server)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


def rate(result: Result) -> float:
    """Return the answers per second."""
    return float(result["requests"]) / float(result["seconds"])


def ratio(rounds: Sequence[dict[str, Result]], kind: str) -> tuple[float, float, float]:
    """Return the ratio of ordinary tasks to another generator, paired inside rounds, with its 95 % interval."""
    return paired_ratio([(rate(results[OURS]), rate(results[kind])) for results in rounds])


def report(kinds: list[str], rounds: list[dict[str, Result]], grown: Result) -> int:
    """Print the tables; return 1 if a claim was not reached."""
    print(f"\n{'':18} {'median':>9} {'least':>9} {'most':>9}   CPU us/request   an ordinary @task is ... times as fast")
    slow = []
    for kind in kinds:
        rates = sorted(rate(results[kind]) for results in rounds)
        print(f"{kind:18} {statistics.median(rates):9,.0f} {rates[0]:9,.0f} {rates[-1]:9,.0f}", end="   ")
        print(f"{cpu_us(rounds, kind):>14}", end="   ")
        middle, low, high = ratio(rounds, kind)
        print(f"{middle:6.2f}  [{low:.2f}, {high:.2f}]", end="")
        if kind in WANTED:
            print(f"  required: {WANTED[kind]}", end="")
            slow += [kind] if middle < WANTED[kind] else []
        print()
    unfair = max(1 - results[OURS]["least"] / max(1, results[OURS]["most"]) for results in rounds)
    grown_mb = grown["grown_kb"] / 1024
    failures = sum(results[kind]["failures"] for results in rounds for kind in kinds) + grown["failures"]
    claims = (
        (not slow, f"times as fast as required ({', '.join(slow) or 'all'}{' missed' if slow else ''})"),
        (
            unfair <= MAX_UNFAIR,
            f"least and most served user differ by {percent(unfair, '.1f')} (at most {percent(MAX_UNFAIR)})",
        ),
        (grown_mb <= MAX_GROWTH_MB, f"memory grew by {grown_mb:.1f} MB over {grown['requests']:,} requests"),
        (failures == 0, f"wrong or missing answers: {failures}"),
    )
    print()
    for reached, what in claims:
        print(f"{verdict(reached=reached)} {what}")
    return 0 if all(reached for reached, _ in claims) else 1


def cpu_us(rounds: Sequence[dict[str, Result]], kind: str) -> str:
    """Return the generator's CPU time per request, median of the rounds."""
    if "cpu_s" not in rounds[0][kind]:
        return "-"
    return f"{statistics.median(results[kind]['cpu_s'] / results[kind]['requests'] for results in rounds) * 1e6:.1f}"


if __name__ == "__main__":
    sys.exit(main())
