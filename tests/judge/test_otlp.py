"""Figures sent by OTLP: a real receiver gets each one that the OpenMetrics text has."""

import socket
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

pytest.importorskip("opentelemetry.exporter.otlp.proto.http", reason="the extra otel is not installed")

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsPartialSuccess,
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)

from loopbench.errors import ExitCode
from loopbench.judge.session.session_report import judge_session
from loopbench.judge.summary.openmetrics import metrics
from loopbench.measure.lock import one_at_a_time
from tests.first_scenario.calling import call

EXAMPLE = Path(__file__).parents[2] / "results" / "example"
EXPORTER = "opentelemetry.exporter.otlp.proto.http.metric_exporter"


class Receiver(BaseHTTPRequestHandler):
    """Keeps what is posted to it, and answers with one status and body."""

    got: ClassVar[list[tuple[str, bytes]]] = []
    status: ClassVar[int] = 200
    body: ClassVar[bytes] = b""

    def do_POST(self) -> None:
        """Keep the path and the body."""
        self.got.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(self.status)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@pytest.fixture
def receiver() -> Iterator[str]:
    """The base URL of a receiver on a free port."""
    Receiver.got.clear()
    Receiver.status, Receiver.body = 200, b""
    with ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def received() -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Values by metric and labels."""
    ((path, body),) = Receiver.got
    assert path == "/v1/metrics"
    (resource,) = ExportMetricsServiceRequest.FromString(body).resource_metrics
    assert "loopbench" in {each.value.string_value for each in resource.resource.attributes}
    return {
        (metric.name, frozenset((each.key, each.value.string_value) for each in point.attributes)): point.as_double
        for scope in resource.scope_metrics
        for metric in scope.metrics
        for point in metric.gauge.data_points
    }


@pytest.mark.parametrize("ending", ["", "/", "/v1/metrics"])
def test_verdicts_gates_stamps_and_all_other_figures_arrive(
    receiver: str, ending: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done = call(capsys, tmp_path, "export", str(EXAMPLE), "--otlp", receiver + ending)
    known = {
        (family.name, frozenset(labels.items())): value
        for family in metrics(judge_session(EXAMPLE))
        for labels, value in family.samples
    }
    assert (done.code, done.out, done.err) == (ExitCode.OK, f"sent: {len(known)} figures\n", "")
    assert received() == known
    assert {"loopbench_session_info", "loopbench_verdict_ratio"} <= {name for name, _ in known}
    assert list(tmp_path.iterdir()) == []


def test_a_receiver_that_refuses_is_named_without_the_password_of_its_url(
    receiver: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Receiver.status = 400
    url = receiver.replace("://", "://ann:p@a-canary-token@")
    done = call(capsys, tmp_path, "export", str(EXAMPLE), "--otlp", url)
    assert done.code == ExitCode.ENVIRONMENT
    assert "error[otlp]: the figures were not taken" in done.err
    assert "400" in done.err
    assert "a-canary-token" not in done.err


@pytest.mark.parametrize(
    "headers", ["authorization: Bearer a-canary-1", 'key="a-canary-1"', "key=a-canary-1;v=2", "key=a-canary-1%0Asecret"]
)
def test_no_part_of_a_malformed_header_is_printed(
    receiver: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, headers: str
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", headers)
    Receiver.status = 401
    done = call(capsys, tmp_path, "export", str(EXAMPLE), "--otlp", receiver)
    assert (done.code, "a-canary-1" in done.err) == (ExitCode.ENVIRONMENT, False)
    assert "Failed to export" in done.err, "the reason is not the header"


def test_a_redirect_is_not_taken_for_success(receiver: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Receiver.status = 307
    done = call(capsys, tmp_path, "export", str(EXAMPLE), "--otlp", receiver)
    assert (done.code, done.out) == (ExitCode.ENVIRONMENT, "")
    assert "it answered 307, a redirect" in done.err


def test_figures_that_the_receiver_rejects_are_not_called_sent(
    receiver: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rejected = ExportMetricsPartialSuccess(rejected_data_points=3, error_message="no such metric")
    Receiver.body = ExportMetricsServiceResponse(partial_success=rejected).SerializeToString()
    done = call(capsys, tmp_path, "export", str(EXAMPLE), "--otlp", receiver)
    assert (done.code, done.out) == (ExitCode.ENVIRONMENT, "")
    assert "3 of them were rejected: no such metric" in done.err


def test_an_answer_that_does_not_end_ends_with_the_time_for_sending(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("loopbench.commands.exporting.SEND_S", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:  # it takes the connection and never answers
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        done = call(capsys, tmp_path, "export", str(EXAMPLE), "--otlp", url)
    assert done.code == ExitCode.ENVIRONMENT
    assert "the receiver's answer did not end within 0.5 s" in done.err


def test_without_a_receiver_the_connection_is_said_to_be_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The exporter tries again, here at once and once, and then complains of the number of tries."""
    monkeypatch.setattr("opentelemetry.exporter.otlp.common.http._MAX_RETRIES", 2)
    monkeypatch.setattr("random.uniform", lambda *_: 0.0)  # the wait before the second try
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    done = call(capsys, tmp_path, "export", str(EXAMPLE), "--otlp", f"http://127.0.0.1:{port}")
    assert "Connection refused" in done.err
    assert "retrying" not in done.err


def test_nothing_is_sent_while_something_is_measured(
    receiver: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with one_at_a_time():
        done = call(capsys, tmp_path, "export", str(EXAMPLE), "--otlp", receiver)
    assert done.code == ExitCode.ENVIRONMENT
    assert "error[busy]" in done.err
    assert not Receiver.got


@pytest.mark.parametrize(
    "arguments",
    [
        ("--otlp", "collector:4318"),
        ("--otlp", "http://x?key=1"),
        ("--otlp", "http://a b@x"),
        ("--otlp", "http://x", "--force"),
    ],
)
def test_what_cannot_be_sent_is_refused(
    arguments: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(capsys, tmp_path, "export", str(EXAMPLE), *arguments).code == ExitCode.USAGE


def test_without_the_extra_the_command_that_brings_it_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, EXPORTER, None)
    done = call(capsys, tmp_path, "export", str(EXAMPLE), "--otlp", "http://127.0.0.1:9")
    assert done.code == ExitCode.ENVIRONMENT
    assert "pip install 'loopbench[otel]'" in done.err
