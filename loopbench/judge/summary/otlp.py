"""Sends a session's figures to an OpenTelemetry collector, as the metrics of `openmetrics`, by OTLP over HTTP.

The exporter is the one of OpenTelemetry's SDK (the extra `otel`); its variables `OTEL_EXPORTER_OTLP_HEADERS`,
`OTEL_EXPORTER_OTLP_TIMEOUT` and `OTEL_RESOURCE_ATTRIBUTES` hold here too.
"""

import logging
import os
import re
from collections.abc import Iterable
from contextlib import contextmanager
from io import BytesIO
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from loopbench import __version__
from loopbench.errors import EnvironmentRefusedError, UsageError
from loopbench.judge.session.session_report import SessionReport
from loopbench.judge.summary.openmetrics import Family, metrics
from loopbench.secrecy import hidden, remember, without_userinfo
from loopbench.showable import showable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from requests import Response, Session

METRICS_PATH: Final = "/v1/metrics"
SCHEMES: Final = ("http", "https")
LOGGER: Final = "opentelemetry"
EXPORTER: Final = "opentelemetry.exporter"  # what parses headers logs them whole, under another name
HEADER_VARIABLES: Final = ("OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_METRICS_HEADERS")
BETWEEN_HEADERS: Final = re.compile(r"[,;=:\s\"']+|%[0-9A-Fa-f]{2}")
PROTOBUF: Final = "application/x-protobuf"
MAX_ANSWER_BYTES: Final = 64 * 1024
"""Of a receiver's answer; one without an end is read no further."""
MAX_REASON: Final = 300  # characters


def send(report: SessionReport, url: str) -> int:
    """Send every figure that is known to the receiver at a base URL; returns how many.

    Raises:
        UsageError: it is no URL.
        EnvironmentRefusedError: the extra is not installed, or the receiver did not take them.
    """
    endpoint = _endpoint(url)
    remember(_secrets(url))
    families = list(metrics(report))
    with _complaints() as said:
        if not _exported(families, endpoint):
            first = showable(said[0]) if said else "no reason given"  # the later ones say that it gave up
            reason = hidden(without_userinfo(first.partition(", retrying in")[0]))[:MAX_REASON]
            raise EnvironmentRefusedError(
                f"the figures were not taken: {reason}",
                slug="otlp",
                where=hidden(without_userinfo(showable(endpoint))),
                hints=("start a collector with an OTLP/HTTP receiver there",),
            )
    return sum(len(family.samples) for family in families)


def _endpoint(url: str) -> str:
    """Return the address of metrics below a base URL, as `OTEL_EXPORTER_OTLP_ENDPOINT` is read."""
    try:
        parts = urlsplit(url)
        is_address = parts.scheme in SCHEMES and bool(parts.hostname) and not re.search(r"[\s?#]", url)
    except ValueError:
        is_address = False
    if not is_address:
        allowed = "the base URL of an OTLP/HTTP receiver, as in http://127.0.0.1:4318"
        raise UsageError("--otlp has no http:// or https:// URL", slug="otlp-url", allowed=allowed)
    return url.rstrip("/").removesuffix(METRICS_PATH) + METRICS_PATH


def _secrets(url: str) -> "Iterator[str]":
    """Yield what must be in no message: the login of the URL, and every part of the headers."""
    login = urlsplit(url).netloc.rpartition("@")[0]
    yield from (login, *login.split(":", 1))
    for value in map(os.environ.get, HEADER_VARIABLES):
        yield from (value, *BETWEEN_HEADERS.split(value)) if value else ()


def _exported(families: Iterable[Family], endpoint: str) -> bool:
    try:
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter  # noqa: PLC0415  an extra
        from opentelemetry.sdk.metrics import MeterProvider  # noqa: PLC0415
        from opentelemetry.sdk.metrics.export import InMemoryMetricReader, MetricExportResult  # noqa: PLC0415
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    except ImportError:
        hints = ("pip install 'loopbench[otel]'", "--format openmetrics writes the same figures into a file")
        what = "--otlp takes OpenTelemetry's exporter, which is not installed"
        raise EnvironmentRefusedError(what, slug="extra-missing", hints=hints) from None
    reader = InMemoryMetricReader()
    resource = Resource.create({"service.name": "loopbench", "service.version": __version__})
    provider = MeterProvider([reader], resource, shutdown_on_exit=False)
    meter = provider.get_meter("loopbench", __version__)
    for family in families:
        gauge = meter.create_gauge(family.name, description=family.about)
        for labels, value in family.samples:
            gauge.set(value, {name: showable(text) for name, text in labels.items()})
    made, exporter = reader.get_metrics_data(), OTLPMetricExporter(endpoint, session=_session())
    try:
        return made is not None and exporter.export(made) is MetricExportResult.SUCCESS
    finally:
        exporter.shutdown()
        provider.shutdown()


def _session() -> "Session":
    from requests import Session  # noqa: PLC0415

    session = Session()
    session.trust_env = False  # no login of ~/.netrc instead of the headers, and no proxy
    session.hooks["response"].append(_check_answer)
    return session


def _check_answer(answer: "Response", **_: object) -> None:
    """Refuse what the exporter takes for success: a redirect, which it does not follow, and figures that are rejected.

    Raises:
        ValueError: the receiver did not take all figures. The exporter logs it.
    """
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (  # noqa: PLC0415
        ExportMetricsServiceResponse,
    )

    body = answer.raw.read(MAX_ANSWER_BYTES, decode_content=True)
    answer.close()
    answer.raw = BytesIO(body)  # requests reads this one to its end
    if 300 <= answer.status_code < 400:
        raise ValueError(f"it answered {answer.status_code}, a redirect, which is not followed")
    if answer.ok and answer.headers.get("Content-Type", "").partition(";")[0].strip().lower() == PROTOBUF:
        rejected = ExportMetricsServiceResponse.FromString(body).partial_success
        if rejected.rejected_data_points:
            raise ValueError(f"{rejected.rejected_data_points} of them were rejected: {rejected.error_message}")


@contextmanager
def _complaints() -> "Iterator[list[str]]":
    """Collect what the exporter logs, which would otherwise be printed beside our error."""
    said: list[str] = []
    handler, logger = logging.Handler(), logging.getLogger(LOGGER)
    handler.addFilter(logging.Filter(EXPORTER))
    handler.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]
    propagate, logger.propagate = logger.propagate, False
    logger.addHandler(handler)
    try:
        yield said
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagate
