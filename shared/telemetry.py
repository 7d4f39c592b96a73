"""Logs and metrics: one JSON line per request with its correlation id, and Prometheus counters."""

import logging
import sys
import time
from uuid import uuid4

import structlog
from flask import Flask, Response, g, request
from prometheus_client import CONTENT_TYPE_LATEST, Counter, Gauge, Histogram, generate_latest

CORRELATION_HEADER = "X-Correlation-ID"
LONGEST_CORRELATION_ID = 64

REQUESTS = Counter("dure_http_requests_total", "Requests answered", ["service", "method", "route", "status"])
UNPUBLISHED = Gauge("dure_outbox_unpublished", "Events recorded and not published yet", ["service"])
BREAKS = Gauge("dure_inbox_breaks", "Events that could not be taken in", ["service"])
SECONDS = Histogram("dure_http_request_seconds", "Time to answer", ["service", "route"])

log = structlog.get_logger()


def configure_logging(level: str) -> None:
    """JSON lines on stderr: stdout belongs to results."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)


def observe_requests(app: Flask, service: str) -> None:
    """Give every request a correlation id, log it when answered and count it."""

    def begin() -> None:
        given = request.headers.get(CORRELATION_HEADER, "")
        usable = given.isascii() and given.isprintable() and 0 < len(given) <= LONGEST_CORRELATION_ID
        g.correlation_id = given if usable else uuid4().hex
        g.started = time.perf_counter()
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(service=service, correlation_id=g.correlation_id)

    def finish(response: Response) -> Response:
        route = request.url_rule.rule if request.url_rule else "unknown"
        seconds = time.perf_counter() - g.get("started", time.perf_counter())
        REQUESTS.labels(service, request.method, route, str(response.status_code)).inc()
        SECONDS.labels(service, route).observe(seconds)
        response.headers[CORRELATION_HEADER] = g.get("correlation_id", "")
        log.info(
            "request", method=request.method, path=request.path, status=response.status_code, seconds=round(seconds, 4)
        )
        return response

    app.before_request(begin)
    app.after_request(finish)


def metrics_response() -> Response:
    return Response(generate_latest(), content_type=CONTENT_TYPE_LATEST)
