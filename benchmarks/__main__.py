"""Lists the benchmarks of loopbench, or runs one of them.

    python -m benchmarks                       print the table
    python -m benchmarks NAME [arguments...]   run a benchmark; NAME --help prints its options

The exit code is the benchmark's own: 0 if every claim was reached. An unknown name ends with 2.
"""

import argparse
import difflib
import importlib
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A row of the table.

    Attributes:
        name: the argument that selects it.
        modules: modules of this package in the order they run, each followed by the arguments it always gets.
        shows: what it shows, in one sentence.
        minutes: roughly how long it takes with its defaults.
        needs: programs, rights and conditions; empty if there are none.
    """

    name: str
    modules: tuple[str, ...]
    shows: str
    minutes: int
    needs: str = ""


BENCHMARKS: Final = (
    Benchmark(
        "recorder",
        ("recorder", "journey_cost"),
        "Recording a request costs at most 1.5 µs, in a locustfile too. Five million samples load in under 1 s.",
        1,
    ),
    Benchmark(
        "report",
        ("report_size",),
        "`loopbench report` draws an ordinary session in 3 s, and ten million samples in 8 s with 1 GB of memory.",
        2,
    ),
    Benchmark(
        "history",
        ("history",),
        "`loopbench history` reads 1,000 sessions in under 2 s once it has read them before.",
        2,
    ),
    Benchmark(
        "between-runs",
        ("between_runs",),
        "A run takes at most 0.6 s outside its load.",
        2,
    ),
    Benchmark(
        "web-tab",
        ("web_tab",),
        "The live tab of the web UI takes less than 1 % of the load generator's core.",
        3,
    ),
    Benchmark(
        "compare",
        ("regressions",),
        "`loopbench compare` finds a planted regression, and none where the code did not change.",
        30,
        "git, quiet machine",
    ),
    Benchmark(
        "ceilings",
        ("ceilings",),
        "Thread pools and process pools reach the throughput that arithmetic predicts.",
        10,
        "quiet machine, wrk (optional)",
    ),
    Benchmark(
        "generator",
        ("generator",),
        "Ordinary tasks of LlhttpUser reach 7 times the rate of FastHttpUser, 28 times HttpUser's and 0.52 of wrk's.",
        5,
        "nginx, wrk, two cores",
    ),
    Benchmark(
        "truth",
        ("generator_truth", "latency_truth"),
        "Throughput agrees with wrk on the target app, and latencies agree with the server's own log.",
        8,
        "wrk, two cores",
    ),
    Benchmark(
        "probe",
        ("probe_accuracy --repeat 3", *(f"probe_cost --level {level}" for level in ("watch", "explain", "moving"))),
        "The probe names the blocking line, its utilization is correct, and its CPU cost stays below the limits.",
        15,
        "taskset, two cores, quiet machine",
    ),
    Benchmark(
        "twins",
        ("twins",),
        "An endpoint moved by `run_in` is as fast as the same code written in that style, within 5 %, both ways.",
        45,
        "quiet machine, the extra `postgres`",
    ),
    Benchmark(
        "sensors",
        ("sensor_cost", "generator_watch"),
        "The sensors, the canary and the load generator's self-watch stay below their CPU limits.",
        1,
    ),
    Benchmark(
        "stamp",
        ("stamp_controls",),
        "The stamp has no findings on an undisturbed run, and reports a CPU burner and a slow load generator.",
        4,
        "quiet machine",
    ),
    Benchmark(
        "distributed",
        ("distributed",),
        "Two remote workers measure the same curve as one process, and a lost worker makes the run INVALID.",
        5,
        "root, ip, unshare",
    ),
    Benchmark(
        "same-twice",
        ("same_twice",),
        "One endpoint under two names: at most one session in six reports a difference.",
        30,
        "quiet machine",
    ),
    Benchmark(
        "fuzz",
        ("fuzz",),
        "Each of 10,000 fuzzed scenarios is planned or refused in under a second, without a traceback.",
        3,
    ),
    Benchmark(
        "kill-harness",
        ("kill_harness",),
        "After `kill -9` of the harness at 200 random moments no process is left and every finished run is intact.",
        45,
    ),
    Benchmark(
        "simulations",
        ("simulations",),
        "Simulated coverage and error rates of the statistics: the tables of docs/statistics.md.",
        2,
    ),
    Benchmark(
        "screenshots",
        ("screenshots",),
        "Screenshots of a session's page for the docs; the argument is the session's folder.",
        1,
        "Chromium",
    ),
)

README: Final = """\
# Benchmarks

`make generate` writes this file from the table in `benchmarks/__main__.py`.

    make benchmark                                          # print the table
    make benchmark NAME=generator                           # run one
    make benchmark NAME="generator --quick"                 # with arguments
    .venv/bin/python -m benchmarks generator --help         # its options
    .venv/bin/python -m benchmarks.probe_cost --level none  # one module of a benchmark that has several

The arguments after a name go to every module of that benchmark, and each has to know them. The modules run in order,
and the first exit code other than 0 ends the benchmark: 1 means that a claim was not reached. The minutes are rough, on
a 2-core virtual machine.

| name | what it shows | minutes | needs | modules |
|---|---|--:|---|---|
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table, or run the named benchmark with the arguments that follow; 2 for an unknown name."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        usage="%(prog)s [--markdown | NAME [arguments...]]",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", nargs="?", help=argparse.SUPPRESS)
    parser.add_argument("--markdown", action="store_true", help="print benchmarks/README.md")
    chosen = parser.parse_args(given[:1])
    if chosen.markdown:
        print(markdown(), end="")
        return 0
    if chosen.name is None:
        print(table())
        return 0
    benchmark = next((each for each in BENCHMARKS if each.name == chosen.name), None)
    if benchmark is None:
        print(f"There is no benchmark {chosen.name!r}. Did you mean {nearest(chosen.name)!r}?\n", file=sys.stderr)
        print(table(), file=sys.stderr)
        return 2
    return run(benchmark, given[1:])


def run(benchmark: Benchmark, arguments: Sequence[str]) -> int:
    """Run the modules in order; return the first exit code that is not 0."""
    for line in _lines_to_run(benchmark, arguments):
        module, *fixed = line.split()
        name = f" {benchmark.name}" if len(benchmark.modules) == 1 else f".{module}"
        sys.argv[0] = f"python -m benchmarks{name}"  # argparse prints it as the program's name
        start: Callable[[Sequence[str]], int] = importlib.import_module(f"benchmarks.{module}").main
        try:
            code = start([*fixed, *arguments])
        except SystemExit as ended:
            if ended.code:
                raise
            code = 0  # --help: the next module has options of its own
        if code:
            return code
    return 0


def _lines_to_run(benchmark: Benchmark, arguments: Sequence[str]) -> tuple[str, ...]:
    """Return the benchmark's module lines; for --help each module once."""
    if {"-h", "--help"}.isdisjoint(arguments):
        return benchmark.modules
    return tuple(dict.fromkeys(line.partition(" ")[0] for line in benchmark.modules))


def nearest(name: str) -> str:
    """Return the benchmark whose name, or whose module's name, is most similar."""
    names = {line.partition(" ")[0]: each.name for each in BENCHMARKS for line in each.modules}
    names |= {each.name: each.name for each in BENCHMARKS}
    return names[difflib.get_close_matches(name, names, n=1, cutoff=0)[0]]


def table() -> str:
    """Return the table for a terminal: two lines a benchmark."""
    rows = []
    for each in BENCHMARKS:
        needs = f"; needs {each.needs}" if each.needs else ""
        rows.append(f"{each.name:<14}{each.shows}\n{'':<14}about {each.minutes} min{needs}")
    return "\n".join(rows)


def markdown() -> str:
    """Return the text of benchmarks/README.md."""
    rows = (
        f"| {each.name} | {each.shows} | {each.minutes} | {each.needs} | "
        f"{', '.join(f'`{line}`' for line in each.modules)} |\n"
        for each in BENCHMARKS
    )
    return README + "".join(rows)


if __name__ == "__main__":
    sys.exit(main())
