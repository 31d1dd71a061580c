"""Errors as responses: problem+json (RFC 9457) for the API, a page for people."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field

from contracts.common import (
    CommandWarning,
    Conflict,
    ContractError,
    FieldError,
    IdempotencyMismatch,
    InvalidInput,
    NeedsConfirmation,
    NotFound,
    Stale,
    Unavailable,
)
from flask import Flask, Response, redirect, render_template, request
from flask_wtf.csrf import CSRFError
from servicekit.db import DATABASE_ERRORS
from servicekit.logs import log
from servicekit.rpc import ServiceFault
from werkzeug.exceptions import HTTPException, TooManyRequests

from gateway.http import held_forms
from gateway.http.access import is_api, is_htmx

CONTENT_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 2
NEEDS_CONFIRMATION = "/api/docs#needs-confirmation"
STATUS = {
    NotFound: 404,
    InvalidInput: 422,
    NeedsConfirmation: 422,
    Conflict: 409,
    Stale: 409,
    IdempotencyMismatch: 422,
    Unavailable: 503,
}
TITLES = {
    400: "Bad request",
    401: "Authentication required",
    403: "Access denied",
    404: "Not found",
    405: "Method not allowed",
    409: "Conflict",
    413: "Request too large",
    415: "Unsupported content type",
    422: "Invalid input",
    429: "Too many requests",
    500: "Something went wrong",
    502: "A service failed",
    503: "Service unavailable",
}


@dataclass(frozen=True)
class Problem:
    status: int
    detail: str
    errors: list[FieldError] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    warnings: list[CommandWarning] = field(default_factory=list)

    @property
    def title(self) -> str:
        return "Needs confirmation" if self.warnings else TITLES.get(self.status, "Error")

    @property
    def type(self) -> str:
        return NEEDS_CONFIRMATION if self.warnings else f"/api/docs#problem-{self.status}"

    def as_json(self) -> Response:
        content: dict = {
            "type": self.type,
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
        }
        if self.errors:
            content["errors"] = [{"field": wrong.field, "message": wrong.message} for wrong in self.errors]
        if self.warnings:
            content["warnings"] = [asdict(warning) for warning in self.warnings]
        return Response(json.dumps(content), self.status, self.headers, content_type=CONTENT_TYPE)

    def as_page(self, template: str = "problem.html", form_page: str | None = None) -> Response:
        """An error page; `form_page` is the page that shows the held form again, if there is one."""
        page = render_template(template, problem=self, form_page=form_page)
        return Response(page, self.status, self.headers, content_type="text/html; charset=utf-8")


def problem_of(error: Exception) -> Problem:
    """What the caller is shown. Our own failures are logged in full and described in one sentence."""
    if isinstance(error, ContractError) and type(error) in STATUS:
        status = STATUS[type(error)]
        headers = {"Retry-After": str(RETRY_AFTER_SECONDS)} if status == 503 else {}
        return Problem(status, error.message, error.errors, headers, error.warnings)
    if isinstance(error, HTTPException):
        return _of_http(error)
    if isinstance(error, DATABASE_ERRORS):
        log.error("database trouble", error=str(error))
        detail = "the gateway's database isn't responding; try again"
        return Problem(503, detail, headers={"Retry-After": str(RETRY_AFTER_SECONDS)})
    if isinstance(error, ServiceFault):
        log.error("a service failed", error=str(error))
        return Problem(502, "a service failed to handle this request; see its log for the cause")
    log.error("request failed", exc_info=error)
    return Problem(500, "this failed because of a bug in ISP-OS; see its log for the cause")


def register(app: Flask) -> None:
    @app.errorhandler(Exception)
    def on_error(error: Exception) -> Response:
        problem = problem_of(error)
        if is_api(request):
            return problem.as_json()
        page = _page_with_what_was_typed(problem, error)
        if page is not None and isinstance(error, CSRFError):
            return _to(page)
        return problem.as_page("problem_part.html" if is_htmx() else "problem.html", page)


def _page_with_what_was_typed(problem: Problem, error: Exception) -> str | None:
    """Hold a form that we failed to carry out, or one loaded before another login in this browser.

    The latter has an outdated CSRF token. No other site can send such a form as an operator, because the
    cookie is SameSite=Lax.
    """
    if request.method != "POST" or (problem.status < 500 and not isinstance(error, CSRFError)):
        return None
    try:
        return held_forms.keep_after_failure()
    except DATABASE_ERRORS:
        return None


def _to(page: str) -> Response:
    if is_htmx():
        return Response(headers={"HX-Redirect": page})
    return redirect(page, 303)  # type: ignore[return-value]  # werkzeug's Response, the base of Flask's


def _of_http(error: HTTPException) -> Problem:
    headers = {name: value for name, value in error.get_headers() if name in ("Allow", "WWW-Authenticate")}
    if isinstance(error, TooManyRequests):
        headers["Retry-After"] = str(error.retry_after)
    status = error.code or 500
    details = {
        404: f"there is no page at {request.path}",
        405: f"{request.path} doesn't accept {request.method}",
        413: f"the request is larger than {(request.max_content_length or 0) // 1_000_000} MB",
    }
    return Problem(status, details.get(status) or error.description or TITLES.get(status, ""), [], headers)
