"""The server of `latency_truth.py`, which logs each of its response times.

    python latency_truth_server.py --port 8000 --log truth.json --service mixed
    python latency_truth_server.py --port 8000 --log truth.json --service fixed --stall-after-s 3.5 --stall-s 1.5

It is a raw asyncio protocol with a timer for every answer. On SIGTERM it writes the log (JSON): `elapsed_s`, the time
from arrival to answer of every request, and `stall_s`, the beginning and end of the stall on the monotonic clock (null
without one).
"""

import argparse
import asyncio
import json
import random
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final, cast

ANSWER: Final = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
MIXED: Final = ((0.90, 0.020), (0.07, 0.060), (0.03, 0.200))
"""(share of the requests, service time in seconds): p50 20 ms, p95 60 ms, p99 200 ms, none of them at a boundary."""
FIXED: Final = ((1.0, 0.005),)


class Truth:
    """The state that all connections share: random draws, log and stall."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.elapsed_s: list[float] = []
        self.stall_s: tuple[float, float] | None = None
        services = MIXED if options.service == "mixed" else FIXED
        self._shares = [share for share, _ in services]
        self._times_s = [time_s for _, time_s in services]
        self._draw = random.Random(options.seed)  # noqa: S311  reproducible on purpose
        self._options = options
        self._stall_is_set = False

    def service_s(self) -> float:
        """Draw the service time of the next answer."""
        (chosen,) = self._draw.choices(self._times_s, self._shares)
        return chosen

    def asked(self) -> None:
        """Schedule the stall at the first request."""
        if self._options.stall_s and not self._stall_is_set:
            self._stall_is_set = True
            asyncio.get_running_loop().call_later(self._options.stall_after_s, self._stall)

    def _stall(self) -> None:
        began_s = time.perf_counter()
        time.sleep(self._options.stall_s)
        self.stall_s = (began_s, time.perf_counter())


class Timed(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self, truth: Truth) -> None:
        self._truth = truth

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.WriteTransport", transport)

    def data_received(self, data: bytes) -> None:
        """Start the timer of the answer."""
        asked_s = time.perf_counter()
        assert data.endswith(b"\r\n\r\n"), "one whole request without a body"
        self._truth.asked()
        asyncio.get_running_loop().call_later(self._truth.service_s(), self._answer, asked_s)

    def _answer(self, asked_s: float) -> None:
        self._transport.write(ANSWER)
        self._truth.elapsed_s.append(time.perf_counter() - asked_s)


async def serve(truth: Truth, port: int) -> None:
    """Serve until a signal."""
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    server = await asyncio.get_running_loop().create_server(lambda: Timed(truth), "127.0.0.1", port, backlog=2048)
    await ended.wait()
    server.close()


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve, then write the log."""
    options = parse_options(arguments)
    truth = Truth(options)
    asyncio.run(serve(truth, options.port))
    log = {"elapsed_s": truth.elapsed_s, "stall_s": truth.stall_s}
    Path(options.log).write_text(json.dumps(log), encoding="utf-8")
    return 0


def parse_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--log", required=True)
    parser.add_argument("--service", choices=("mixed", "fixed"), required=True)
    parser.add_argument("--stall-after-s", type=float, default=0.0, help="counted from the first request")
    parser.add_argument("--stall-s", type=float, default=0.0)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
