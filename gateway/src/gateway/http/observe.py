"""A correlation id, a log line and metrics for every request."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable
from typing import Any

from flask import Flask, request
from prometheus_client import Counter, Histogram
from servicekit.ids import new_id
from servicekit.logs import correlated, log

REQUESTS = Counter("isp_http_requests", "HTTP requests answered", ["route", "method", "status"])
DURATION = Histogram("isp_http_request_duration_seconds", "Time to answer a request", ["route", "method"])
HEADER = "X-Request-ID"
UNMATCHED = "unmatched"
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}

_ROUTE = "gateway.route"
# Parts of an address that let in anyone who knows them: an invitation and a payment page.
_SECRET_PARTS = ("<token>", "<short_id>")
_CLEAN_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")


class Observed:
    """WSGI middleware. Uses the caller's request id if it is harmless, otherwise a new one."""

    def __init__(self, app: Callable) -> None:
        self._app = app

    def __call__(self, environ: dict, start_response: Callable) -> Iterable[bytes]:
        given = environ.get("HTTP_X_REQUEST_ID", "")
        identifier = given if _CLEAN_ID.fullmatch(given) else new_id()
        started, seen = time.monotonic(), {"status": 500}

        def start(status: str, headers: list, exc_info: Any = None) -> Callable:
            seen["status"] = int(status.split(" ", 1)[0])
            return start_response(status, [*headers, (HEADER, identifier)], exc_info)

        with correlated(identifier):
            try:
                return self._app(environ, start)
            finally:
                _observe(environ, seen["status"], time.monotonic() - started)


def register(app: Flask) -> None:
    @app.before_request
    def remember_route() -> None:
        request.environ[_ROUTE] = str(request.url_rule or UNMATCHED)

    app.wsgi_app = Observed(app.wsgi_app)  # type: ignore[method-assign]


def _observe(environ: dict, status: int, seconds: float) -> None:
    route = environ.get(_ROUTE, UNMATCHED)
    # Callers can send any method, and each new label value would be a new time series.
    method = environ["REQUEST_METHOD"] if environ["REQUEST_METHOD"] in METHODS else "OTHER"
    REQUESTS.labels(route, method, str(status)).inc()
    DURATION.labels(route, method).observe(seconds)
    log.info(
        "request",
        route=route,
        method=method,
        path=route if any(part in route for part in _SECRET_PARTS) else environ.get("PATH_INFO", ""),
        status=status,
        milliseconds=round(seconds * 1000, 1),
        address=environ.get("REMOTE_ADDR", ""),
    )
