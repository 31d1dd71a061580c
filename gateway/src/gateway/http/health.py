"""Liveness, readiness and metrics, for supervisors and Prometheus."""

from __future__ import annotations

from flask import Blueprint, Response, abort, jsonify
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from servicekit.health import ping_all

from gateway.clients.context import Gateway, current
from gateway.clients.services import SERVICES
from gateway.display.version import product_version
from gateway.http.access import Permission, needs

blueprint = Blueprint("health", __name__)
OK = "ok"


@blueprint.get("/healthz")
@needs(Permission.PUBLIC)
def alive() -> Response:
    return jsonify(status=OK, version=product_version())


@blueprint.get("/readyz")
@needs(Permission.PUBLIC)
def ready() -> tuple[Response, int]:
    """200 only if the database and every service respond; `wrong` names the ones that do not."""
    gateway = current()
    parts = {"gateway.database": database_state(gateway)} | ping_all(gateway.transport, SERVICES)
    wrong = {part: state for part, state in parts.items() if state != OK}
    return jsonify(status="not ready" if wrong else OK, parts=parts, wrong=wrong), 503 if wrong else 200


@blueprint.get("/metrics")
@needs(Permission.PUBLIC)
def metrics() -> Response:
    if current().settings.health_port is not None:
        abort(404)  # the health port serves them, and it is not public
    return Response(generate_latest(), content_type=CONTENT_TYPE_LATEST)


def database_state(gateway: Gateway) -> str:
    try:
        gateway.database.check()
    except Exception as error:
        return f"isn't responding: {type(error).__name__}"
    return OK
